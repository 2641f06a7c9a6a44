//! Replays a recording as the product would have seen it: incidents are found, and ranked from what was there by then.

use std::time::Instant;

use super::evidence::Ranking;
use super::input::Telemetry;
use super::metrics::WINDOW_MS;
use super::recorded::{Onset, rank_recorded};
use super::recording::{Known, Recording};
use super::watch::{MINUTE_MS, Opened, Watch};

/// A minute's point says what the minute before it was like: a fault began up to so much before the first odd one, ms.
const LEAD_MS: i64 = 60_000;
/// Warm-up: nothing is ranked before so much of the telemetry is known, ms.
const WARM_MS: i64 = 1_800_000;

/// An incident as the replay ended it.
#[derive(Debug)]
pub(crate) struct Found {
    /// Estimated onset, ms since the epoch.
    pub(crate) start_ms: i64,
    /// End of its last odd minute.
    pub(crate) end_ms: i64,
    /// When it was opened.
    pub(crate) opened_ms: i64,
    /// When it was ranked: five minutes after the onset, but not within the warm-up; at the end of the recording
    /// at the latest.
    pub(crate) ranked_ms: i64,
    /// Time the ranking took, ms.
    pub(crate) took_ms: f64,
    /// Candidates.
    pub(crate) ranking: Ranking,
}

/// Replays minute by minute. Nothing is judged or ranked by what came later.
pub(crate) fn replay(recording: &Recording) -> Vec<Found> {
    let Some((first_ms, last_ms)) = recording.span() else { return Vec::new() };
    let (mut known, mut watch) = (Known::new(recording), Watch::default());
    let mut found: Vec<Found> = Vec::new();
    let warm_ms = first_ms.saturating_add(WARM_MS);
    let mut end_ms = first_ms.div_euclid(MINUTE_MS).saturating_add(1).saturating_mul(MINUTE_MS);
    loop {
        if let Some(kept) = known.advance(end_ms) {
            watch.merge(&kept);
        }
        watch.minute(known.telemetry(), end_ms);
        let last = end_ms > last_ms;
        let incidents = watch.incidents();
        while let Some(incident) = incidents.get(found.len()) {
            let seen = end_ms >= incident.start_ms.saturating_add(WINDOW_MS + LEAD_MS) && end_ms >= warm_ms;
            if !seen && !last {
                break;
            }
            found.push(ranked(known.telemetry(), incidents, found.len(), end_ms));
        }
        if last {
            break;
        }
        end_ms = end_ms.saturating_add(MINUTE_MS);
    }
    for (found, incident) in found.iter_mut().zip(watch.incidents()) {
        found.end_ms = incident.end_ms;
    }
    found
}

fn ranked(telemetry: &Telemetry, incidents: &[Opened], index: usize, ranked_ms: i64) -> Found {
    let Opened { start_ms, end_ms, opened_ms } = incidents[index];
    let spoiled = |at_ms: i64| incidents[..index].iter().any(|other| (other.start_ms..other.end_ms).contains(&at_ms));
    let started = Instant::now();
    let ranking = rank_recorded(telemetry, Onset { at_ms: start_ms, early_ms: LEAD_MS }, &spoiled);
    let took_ms = started.elapsed().as_secs_f64() * 1000.0;
    Found { start_ms, end_ms, opened_ms, ranked_ms, took_ms, ranking }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_MS, replay};
    use crate::logs::Level;
    use crate::rca::recording::{RawLine, Recording};
    use crate::rca::{Edge, Series};

    fn series(entity: &str, metric: &str, value: impl Fn(i64) -> f64) -> Series {
        let points = (0..120).map(|minute| (minute * MINUTE_MS + 20_000, value(minute))).collect();
        Series { entity: entity.to_owned(), metric: metric.to_owned(), points }
    }

    fn line(at_ms: i64, entity: &str, level: Level, message: &str) -> RawLine {
        RawLine { at_ms, entity: entity.to_owned(), level, message: message.to_owned() }
    }

    /// A processor that is used up from minute 60 to 63, and an error that shows from minute 90 to 92.
    fn recording() -> Recording {
        let noise = |minute: i64| (minute * 7 % 5) as f64;
        let busy = move |minute: i64| if (60..64).contains(&minute) { 95.0 } else { 10.0 + noise(minute) };
        let mut lines: Vec<RawLine> =
            (0..120 * 120).map(|half_s| line(half_s * 500, "front", Level::Info, "served a request")).collect();
        let errors = (5400..5580).map(|at_s| line(at_s * 1000 + 5, "cart", Level::Error, "no route to the store"));
        lines.extend(errors);
        lines.sort_by_key(|line| line.at_ms);
        Recording {
            series: vec![
                series("db", "cpu_pct", busy),
                series("front", "cpu_pct", move |minute| 20.0 + noise(minute + 3)),
                series("user-facing", "success_pct", |_| 100.0),
            ],
            lines,
            edges: vec![Edge::new("front", "cart"), Edge::new("cart", "db")],
        }
    }

    fn cut(whole: &Recording, end_ms: i64) -> Recording {
        let mut part = whole.clone();
        part.lines.retain(|line| line.at_ms < end_ms);
        for series in &mut part.series {
            series.points.retain(|(at_ms, _)| *at_ms < end_ms);
        }
        part
    }

    #[test]
    fn each_fault_is_one_incident_with_its_onset_and_cause() {
        let found = replay(&recording());
        let seen: Vec<(i64, &str)> = found
            .iter()
            .map(|found| (found.start_ms.div_euclid(MINUTE_MS), found.ranking.ranked[0].entity.as_str()))
            .collect();
        assert_eq!(seen, [(60, "db"), (90, "cart")]);
        assert!(found.iter().all(|found| !found.ranking.undetermined && found.opened_ms > found.start_ms));
        assert!(replay(&Recording::default()).is_empty());
    }

    #[test]
    fn nothing_later_changes_what_was_opened_or_ranked() {
        let whole = replay(&recording());
        for minute in [61, 62, 63, 66, 91, 93, 96, 110] {
            let end_ms = minute * MINUTE_MS;
            let part = replay(&cut(&recording(), end_ms));
            let opened = whole.iter().filter(|found| found.opened_ms <= end_ms);
            let opened: Vec<(i64, i64)> = opened.map(|found| (found.start_ms, found.opened_ms)).collect();
            let known = part.iter().filter(|found| found.opened_ms <= end_ms);
            assert_eq!(known.map(|found| (found.start_ms, found.opened_ms)).collect::<Vec<_>>(), opened, "{minute}");
            for (now, then) in whole.iter().zip(&part).filter(|(whole, _)| whole.ranked_ms <= end_ms) {
                assert_eq!(now.ranking, then.ranking, "{minute}");
            }
        }
    }
}
