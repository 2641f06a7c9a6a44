//! How far a minute's metrics lie beyond what came before, entity by entity and for the users.

use std::collections::{BTreeMap, VecDeque};

use super::input::{Role, Series, Telemetry, floor, role};
use super::recorded::USER_SIDE;
use super::stat::{RELATIVE, TAIL, Usual, quantile};

/// Fewest and most earlier values that a value is judged by.
const FEWEST: usize = 4;
const MOST: usize = 120;
/// Few values know their range badly: the range is taken this many parts wider, divided by their number.
const DOUBT: f64 = 16.0;
/// A level that is odd for so many values is the new usual one.
const ADOPTED: usize = 12;
/// Requests a second from which latency counts in full: percentiles of a handful of calls are noise.
const BUSY: f64 = 0.5;
/// Multiple of the median minute that is passed over: many series always add up to something.
const NOISE: f64 = 1.2;

/// What a minute's metrics say; 0 is usual.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Departures of the entities beyond the noise of this system.
    pub(crate) entities: f64,
    /// How much longer the users wait.
    pub(crate) waiting: f64,
    /// How many more of the users' requests fail.
    pub(crate) failing: f64,
    /// Time of the minute's first point.
    pub(crate) first_ms: Option<i64>,
}

/// One series' past.
#[derive(Debug, Default)]
struct Track {
    usual: VecDeque<f64>,
    /// Values not yet known to be usual: they lie in an odd minute.
    pending: Vec<f64>,
    before: Option<f64>,
    next: usize,
}

/// One entity's departures in a minute.
#[derive(Debug, Default)]
struct Departed {
    own: f64,
    server: f64,
    client: f64,
    serves: bool,
}

/// Judges minutes in time order.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    tracks: Vec<Track>,
    totals: Vec<f64>,
}

impl Meter {
    /// Reads the points before `end_ms` that were not read yet.
    pub(crate) fn read(&mut self, telemetry: &Telemetry, end_ms: i64) -> Reading {
        self.tracks.resize_with(telemetry.series.len(), Track::default);
        let mut reading = Reading::default();
        let mut departed: BTreeMap<&str, Departed> = BTreeMap::new();
        let busy = self.busy(telemetry);
        for (series, track) in telemetry.series.iter().zip(&mut self.tracks) {
            let Some(judged) = track.judge(series, end_ms) else { continue };
            reading.first_ms = Some(reading.first_ms.map_or(judged.first_ms, |first| first.min(judged.first_ms)));
            if series.entity == USER_SIDE {
                let (failing, waiting) = user_weight(&series.metric);
                reading.failing += failing * judged.departure;
                reading.waiting += waiting * judged.departure;
            } else if let Some(role) = role(&series.metric) {
                departed.entry(&series.entity).or_default().add(role, judged.departure);
            }
        }
        let share = |entity: &str| busy.get(entity).copied().unwrap_or(1.0);
        let mut scores: Vec<(f64, &str)> =
            departed.iter().map(|(entity, found)| (found.score(share(entity)), *entity)).collect();
        scores.sort_by(|a, b| b.0.total_cmp(&a.0));
        // The worst entity in full, the next two by half.
        let total: f64 =
            scores.iter().take(3).enumerate().map(|(k, (score, _))| score * if k == 0 { 1.0 } else { 0.5 }).sum();
        reading.entities = (total - self.noise()).max(0.0);
        self.totals.push(total);
        reading
    }

    /// Tells whether the minute read last was quiet: only then do its values become part of what is usual.
    pub(crate) fn settle(&mut self, quiet: bool) {
        for track in &mut self.tracks {
            let adopted = track.pending.len() >= ADOPTED;
            if quiet && !adopted {
                let odd = track.pending.len().saturating_sub(1);
                track.pending.drain(..odd);
            }
            if quiet || adopted {
                track.usual.extend(track.pending.drain(..));
            }
            while track.usual.len() > MOST {
                track.usual.pop_front();
            }
        }
    }

    fn noise(&self) -> f64 {
        let mut sorted = self.totals.clone();
        sorted.sort_by(f64::total_cmp);
        NOISE * quantile(&sorted, 0.5)
    }

    /// Share by which each entity's latency counts, from its requests so far.
    fn busy(&self, telemetry: &Telemetry) -> BTreeMap<String, f64> {
        let traffic = telemetry.series.iter().zip(&self.tracks);
        let traffic = traffic.filter(|(series, _)| role(&series.metric) == Some(Role::Traffic));
        traffic
            .map(|(series, track)| {
                let mut values: Vec<f64> = track.usual.iter().chain(&track.pending).copied().collect();
                values.sort_by(f64::total_cmp);
                let share = if values.is_empty() { 1.0 } else { (quantile(&values, 0.5) / BUSY).clamp(0.0, 1.0) };
                (series.entity.clone(), share)
            })
            .collect()
    }
}

/// Weights of a metric of the users' own view as (failing, waiting).
fn user_weight(metric: &str) -> (f64, f64) {
    match metric {
        name if name.contains("success") => (1.0, 0.0),
        name if name.contains("p50") => (0.0, 0.6),
        name if name.contains("p90") => (0.0, 0.5),
        _ => (0.0, 0.0),
    }
}

struct Judged {
    departure: f64,
    first_ms: i64,
}

impl Track {
    /// Greatest departure among the new points; `None` without any.
    fn judge(&mut self, series: &Series, end_ms: i64) -> Option<Judged> {
        let user = series.entity == USER_SIDE;
        let success = user && series.metric.contains("success");
        let least = match (user, success) {
            (true, true) => 1.0,
            (true, false) => 0.05,
            _ => floor(&series.metric),
        };
        let prompt = success || role(&series.metric) == Some(Role::Traffic);
        let mut found: Option<Judged> = None;
        for (at_ms, value) in series.points.get(self.next..)?.iter().take_while(|(at_ms, _)| *at_ms < end_ms) {
            self.next += 1;
            if !value.is_finite() {
                continue;
            }
            let value = if success { -value } else { *value };
            // One spike says nothing: what counts is what two points hold. Failures count at once.
            let held = if prompt { value } else { self.before.map_or(value, |before| before.min(value)) };
            self.before = Some(value);
            let own = departure(held, &self.usual, if success { 0.0 } else { RELATIVE }, least);
            self.pending.push(held);
            let judged = found.get_or_insert(Judged { departure: 0.0, first_ms: *at_ms });
            judged.departure = judged.departure.max(own);
        }
        found
    }
}

/// Logarithmic departure of a value above the usual range of the same measure.
fn departure(value: f64, usual: &VecDeque<f64>, relative: f64, least: f64) -> f64 {
    if usual.len() < FEWEST {
        return 0.0;
    }
    let doubt = 1.0 + DOUBT / usual.len() as f64;
    let usual = Usual::of(usual.iter().copied().collect(), TAIL);
    let scale = usual.scale(usual.high - usual.median, relative, least) * doubt;
    ((value - usual.high) / scale).max(0.0).ln_1p()
}

impl Departed {
    fn add(&mut self, role: Role, departure: f64) {
        match role {
            Role::Cpu => self.own += departure,
            Role::Memory => self.own += 0.3 * departure,
            Role::Io => self.own += 0.12 * departure,
            Role::Server { tail } => {
                self.server += if tail { 0.35 } else { 0.5 } * departure;
                self.serves = true;
            }
            Role::Client { tail } => self.client += if tail { 0.28 } else { 0.4 } * departure,
            Role::Traffic => {}
        }
    }

    /// Slow calls of an entity whose own answers are not slow are polls and idle connections.
    fn score(&self, busy: f64) -> f64 {
        let client = if self.serves { self.client.min(self.server) } else { self.client };
        self.own + busy * (self.server + client)
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, Reading};
    use crate::rca::{Series, Telemetry};

    type Shape<'a> = (&'a str, &'a str, &'a dyn Fn(i64) -> f64);

    fn read(series: &[Shape<'_>], minutes: i64) -> Vec<Reading> {
        let series = series.iter().map(|(entity, metric, value)| Series {
            entity: (*entity).to_owned(),
            metric: (*metric).to_owned(),
            points: (0..minutes).map(|minute| (minute * 60_000, value(minute))).collect(),
        });
        let telemetry = Telemetry { series: series.collect(), ..Telemetry::default() };
        let mut meter = Meter::default();
        let minutes = 1..=minutes;
        minutes
            .map(|minute| {
                let reading = meter.read(&telemetry, minute * 60_000);
                meter.settle(reading.entities + reading.waiting + reading.failing < 0.3);
                reading
            })
            .collect()
    }

    #[test]
    fn one_spike_says_nothing_two_odd_points_do_and_failures_count_at_once() {
        let cpu = |minute: i64| if minute == 20 || minute >= 40 { 90.0 } else { 10.0 + (minute % 3) as f64 };
        let success = |minute: i64| if minute == 30 { 60.0 } else { 100.0 };
        let found = read(&[("a", "cpu_pct", &cpu), ("user-facing", "success_pct", &success)], 45);
        assert_eq!((found[20].entities, found[21].entities, found[40].entities), (0.0, 0.0, 0.0));
        assert!(found[41].entities > 2.0, "{found:?}");
        assert!(found[30].failing > 2.0 && found[31].failing == 0.0, "{found:?}");
    }

    #[test]
    fn slow_calls_count_only_where_the_own_answers_are_slow_too() {
        let usual = |minute: i64| 0.1 + 0.01 * (minute % 3) as f64;
        let slow = |minute: i64| if minute >= 40 { 9.0 } else { 0.1 + 0.01 * (minute % 3) as f64 };
        let polls = read(&[("a", "client_p90_s", &slow), ("a", "server_p90_s", &usual)], 45);
        assert!(polls.iter().all(|reading| reading.entities < 0.1), "{polls:?}");
        let waits = read(&[("a", "client_p90_s", &slow), ("a", "server_p90_s", &slow)], 45);
        assert!(waits[42].entities > 1.0, "{waits:?}");
    }

    #[test]
    fn a_level_that_stays_becomes_usual_and_broken_values_are_passed_over() {
        let level = |minute: i64| match minute {
            35 => f64::NAN,
            minute if minute >= 30 => 80.0 + (minute % 3) as f64,
            minute => 10.0 + (minute % 3) as f64,
        };
        let found = read(&[("a", "cpu_pct", &level)], 90);
        assert!(found[32].entities > 1.0 && found[80].entities < 0.3, "{found:?}");
    }
}
