//! Watches telemetry minute by minute and opens incidents, each from its minute and what came before alone.

use super::input::Telemetry;
use super::meter::Meter;
use super::trouble::Trouble;

/// Length of a step, ms.
pub(crate) const MINUTE_MS: i64 = 60_000;
/// Score from which a minute is odd.
const ODD: f64 = 0.6;
/// Score up to which a minute tells what is usual.
const QUIET: f64 = 0.5 * ODD;
/// Weight of the users' own view.
const USERS: f64 = 2.0;
/// Surprise of an error template that comes by chance.
const CHANCE: f64 = 1.5;
/// Share of an incident's worst minute under which it fades: what is left is its after-effect.
const FADED: f64 = 0.25;
/// Longest incident, ms; one that then gets worse again by half of its worst minute is another.
const SPAN_MS: i64 = 300_000;
const WORSE: f64 = 0.5;

/// One incident.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    /// Estimated onset, ms since the epoch: the first odd point, found by looking back when it was opened.
    pub(crate) start_ms: i64,
    /// End of its last odd minute.
    pub(crate) end_ms: i64,
    /// When it was opened.
    pub(crate) opened_ms: i64,
}

/// A minute's verdict.
struct Verdict {
    score: f64,
    first_ms: i64,
    /// Found by what two points hold: the first odd point is a minute older.
    held: bool,
}

/// Judges minutes in time order.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    meter: Meter,
    trouble: Trouble,
    incidents: Vec<Opened>,
    open: bool,
    /// Worst minute and best minute since of the open incident.
    worst: f64,
    best: f64,
    /// Score an ended incident left behind.
    rest: f64,
}

impl Watch {
    /// Incidents so far, in time order.
    pub(crate) fn incidents(&self) -> &[Opened] {
        &self.incidents
    }

    /// Follows kinds of log lines that turned out to be one.
    pub(crate) fn merge(&mut self, kept: &[u32]) {
        self.trouble.merge(kept);
    }

    /// Judges the minute that ends at `end_ms`; the telemetry ends there too.
    pub(crate) fn minute(&mut self, telemetry: &Telemetry, end_ms: i64) {
        let verdict = self.verdict(telemetry, end_ms);
        let quiet = verdict.score <= QUIET;
        self.decide(&verdict, end_ms);
        self.meter.settle(quiet);
    }

    fn verdict(&mut self, telemetry: &Telemetry, end_ms: i64) -> Verdict {
        let reading = self.meter.read(telemetry, end_ms);
        let surprise = self.trouble.read(telemetry, end_ms);
        let lines = (surprise - CHANCE).max(0.0);
        let users = USERS * (reading.waiting + reading.failing);
        let score = reading.entities + users + lines;
        let first_ms = reading.first_ms.unwrap_or(end_ms.saturating_sub(MINUTE_MS));
        Verdict { score, first_ms, held: score > 2.0 * (USERS * reading.failing + lines) }
    }

    fn decide(&mut self, verdict: &Verdict, end_ms: i64) {
        let score = verdict.score;
        let last = self.incidents.last_mut();
        let Some(open) = last.filter(|_| self.open) else {
            if score - self.rest > ODD {
                self.start(verdict, end_ms);
            } else {
                self.rest = self.rest.min(score);
            }
            return;
        };
        self.worst = self.worst.max(score);
        let worse = score - self.best > ODD.max(WORSE * self.worst);
        self.best = self.best.min(score);
        if score <= ODD.max(FADED * self.worst) {
            self.open = false;
            self.rest = score;
        } else if worse && end_ms.saturating_sub(open.start_ms) > SPAN_MS {
            self.start(verdict, end_ms);
        } else {
            open.end_ms = end_ms;
        }
    }

    fn start(&mut self, verdict: &Verdict, end_ms: i64) {
        let began = verdict.first_ms.saturating_sub(if verdict.held { MINUTE_MS } else { 0 });
        let start_ms = began.max(self.incidents.last().map_or(began, |last| last.end_ms));
        self.incidents.push(Opened { start_ms, end_ms, opened_ms: end_ms });
        (self.open, self.worst, self.best) = (true, verdict.score, verdict.score);
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_MS, Verdict, Watch};

    /// Incidents of a run of scores, as (start, end) in minutes.
    fn incidents(scores: &[f64], held: bool) -> Vec<(i64, i64)> {
        let mut watch = Watch::default();
        for (minute, score) in scores.iter().enumerate() {
            let first_ms = minute as i64 * MINUTE_MS;
            watch.decide(&Verdict { score: *score, first_ms, held }, first_ms + MINUTE_MS);
        }
        let minutes = watch.incidents().iter();
        minutes.map(|incident| (incident.start_ms / MINUTE_MS, incident.end_ms / MINUTE_MS)).collect()
    }

    #[test]
    fn a_fault_is_one_incident_that_begins_with_its_first_odd_point() {
        assert_eq!(incidents(&[0.0, 0.1, 0.0, 3.0, 3.1, 2.9, 0.0, 0.0], false), [(3, 6)]);
        assert_eq!(incidents(&[0.0, 0.1, 0.0, 3.0, 3.1, 2.9, 0.0, 0.0], true), [(2, 6)]);
        assert_eq!(incidents(&[0.0, 0.5, 0.6, 0.4], false), []);
    }

    #[test]
    fn an_after_effect_opens_nothing_and_a_fault_on_top_of_it_does() {
        assert_eq!(incidents(&[0.0, 8.0, 8.0, 1.9, 1.8, 1.7, 1.7, 1.6, 0.0], false), [(1, 3)]);
        assert_eq!(incidents(&[0.0, 8.0, 8.0, 1.9, 1.8, 1.7, 4.0, 4.0, 0.0], false), [(1, 3), (6, 8)]);
    }

    #[test]
    fn a_long_incident_that_gets_worse_again_is_two() {
        let scores = [0.0, 6.0, 6.0, 2.0, 2.0, 2.0, 2.0, 7.0, 7.0, 0.0];
        assert_eq!(incidents(&scores, false), [(1, 7), (7, 9)]);
        assert_eq!(incidents(&[0.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 0.0], false), [(1, 8)]);
    }
}
