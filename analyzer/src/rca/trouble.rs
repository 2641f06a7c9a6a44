//! How surprising a minute's error and warning lines are beside the minutes before.

use std::collections::{BTreeMap, VecDeque};

use super::input::{LogKind, Telemetry};
use super::watch::MINUTE_MS;

/// Fewest lines of a minute whose log is judged: a minute without lines is unknown, not silent.
const LINES: usize = 100;
/// Fewest and most earlier minutes that a minute is judged by.
const FEWEST: usize = 3;
const MOST: usize = 120;
/// Minutes judged together.
const WIDTHS: [usize; 2] = [1, 2];
/// Share of the quieter minutes that make up what is usual: earlier faults lie among the others.
const QUIETER: f64 = 0.75;
/// Count expected of what was never seen.
const UNSEEN: f64 = 0.3;
/// A template that several entities log at once comes from a shared library and travels up with the error.
const SHARED: f64 = 0.4;

/// Lines of trouble by kind in one minute.
#[derive(Debug)]
struct Counted {
    end_ms: i64,
    total: f64,
    kinds: BTreeMap<u32, u32>,
}

/// Judges minutes in time order.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    minutes: VecDeque<Counted>,
}

impl Trouble {
    /// Surprise of the minute that ends at `end_ms`.
    pub(crate) fn read(&mut self, telemetry: &Telemetry, end_ms: i64) -> f64 {
        let place = |at_ms: i64| telemetry.log_lines.partition_point(|(at, _)| *at < at_ms);
        let now = &telemetry.log_lines[place(end_ms.saturating_sub(MINUTE_MS))..place(end_ms)];
        if now.len() < LINES {
            return 0.0;
        }
        let mut kinds: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, kind) in now {
            if telemetry.log_kinds.get(*kind as usize).is_some_and(|kind| kind.level.is_trouble()) {
                *kinds.entry(*kind).or_default() += 1;
            }
        }
        self.minutes.push_back(Counted { end_ms, total: now.len() as f64, kinds });
        while self.minutes.len() > MOST {
            self.minutes.pop_front();
        }
        let judged = WIDTHS.iter().filter_map(|width| self.judge(telemetry, *width, end_ms));
        judged.fold(0.0, f64::max)
    }

    /// Follows kinds that turned out to be one: `kept` names for each the one that stays.
    pub(crate) fn merge(&mut self, kept: &[u32]) {
        for minute in &mut self.minutes {
            let mut kinds: BTreeMap<u32, u32> = BTreeMap::new();
            for (kind, count) in &minute.kinds {
                *kinds.entry(kept.get(*kind as usize).copied().unwrap_or(*kind)).or_default() += count;
            }
            minute.kinds = kinds;
        }
    }

    fn judge(&self, telemetry: &Telemetry, width: usize, end_ms: i64) -> Option<f64> {
        let before = self.minutes.len().checked_sub(width).filter(|before| *before >= FEWEST)?;
        let recent = end_ms.saturating_sub(width as i64 * MINUTE_MS);
        let (mut total, mut kinds) = (0.0, BTreeMap::<u32, u32>::new());
        for minute in self.minutes.iter().skip(before).filter(|minute| minute.end_ms > recent) {
            total += minute.total;
            for (kind, count) in &minute.kinds {
                *kinds.entry(*kind).or_default() += count;
            }
        }
        let found = kinds.iter().filter_map(|(kind, count)| {
            let rates = self.minutes.iter().take(before);
            let rates =
                rates.map(|minute| f64::from(minute.kinds.get(kind).copied().unwrap_or(0)) / minute.total * total);
            Some((surprise(f64::from(*count), rates.collect())?, telemetry.log_kinds.get(*kind as usize)?))
        });
        let found: Vec<(f64, &LogKind)> = found.collect();
        let weighed = found.iter().map(|(score, described)| {
            let same = |other: &LogKind| other.level == described.level && other.template == described.template;
            let sharers = found.iter().filter(|(also, other)| *also > 0.25 * score && same(other)).count();
            let level = if described.level.is_error() { 1.0 } else { 0.4 };
            level * score / (sharers.max(1) as f64).powf(SHARED)
        });
        weighed.max_by(f64::total_cmp)
    }
}

/// Logarithmic deviance of a Poisson count above the rates of the quieter minutes, over their dispersion.
fn surprise(seen: f64, mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.truncate(((rates.len() as f64 * QUIETER).ceil() as usize).max(1));
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    let dispersion = (variance / mean.max(0.5)).max(1.0);
    let expected = mean + UNSEEN;
    let deviance = 2.0 * (seen * (seen / expected).ln() - (seen - expected)) / dispersion;
    (seen > expected && deviance > 0.0).then(|| deviance.ln_1p())
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_MS, Trouble};
    use crate::logs::Level;
    use crate::rca::{LogKind, Telemetry};

    fn telemetry(errors: impl Fn(i64) -> i64) -> Telemetry {
        let kind = |template: &str, level| LogKind { entity: "a".into(), template: template.into(), level };
        let mut telemetry = Telemetry {
            log_kinds: vec![kind("served", Level::Info), kind("failed", Level::Error)],
            ..Telemetry::default()
        };
        for minute in 0..20 {
            telemetry.log_lines.extend((0..200).map(|k| (minute * MINUTE_MS + k, 0)));
            telemetry.log_lines.extend((0..errors(minute)).map(|k| (minute * MINUTE_MS + 1000 + k, 1)));
        }
        telemetry
    }

    fn surprises(telemetry: &Telemetry) -> Vec<f64> {
        let mut trouble = Trouble::default();
        (1..=20).map(|minute| trouble.read(telemetry, minute * MINUTE_MS)).collect()
    }

    #[test]
    fn a_new_error_surprises_and_a_usual_one_does_not() {
        let found = surprises(&telemetry(|minute| if minute == 15 { 12 } else { 0 }));
        assert!(found[15] > 3.0 && found[..15].iter().all(|surprise| *surprise == 0.0), "{found:?}");
        let found = surprises(&telemetry(|minute| 10 + minute % 4));
        assert!(found.iter().all(|surprise| *surprise < 1.5), "{found:?}");
    }

    #[test]
    fn minutes_without_lines_are_unknown_and_merged_kinds_are_counted_as_one() {
        let mut few = telemetry(|_| 5);
        few.log_lines.retain(|(at_ms, kind)| *kind == 1 || *at_ms % MINUTE_MS < 20);
        assert!(surprises(&few).iter().all(|surprise| *surprise == 0.0));
        let mut trouble = Trouble::default();
        let before = telemetry(|_| 9);
        for minute in 1..20 {
            trouble.read(&before, minute * MINUTE_MS);
        }
        let mut after = before.clone();
        after.log_kinds.push(after.log_kinds[1].clone());
        after.log_lines.iter_mut().for_each(|(_, kind)| *kind = if *kind == 1 { 2 } else { *kind });
        trouble.merge(&[0, 2, 2]);
        assert!(trouble.read(&after, 20 * MINUTE_MS) < 1.0);
    }
}
