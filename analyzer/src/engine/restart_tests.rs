//! Restarts, take-overs and gaps: what was learned goes on, and none of them is an event by itself.

use super::tests::{START, STEP, batch, feed, learned, monitor, normal};
use super::*;
use domain::anomaly::Anomaly;
use domain::clock::from_millis;
use domain::signal::{Point, Series};
use proptest::prelude::*;

/// What a replica leaves behind: memories as stored, the checkpoint, and open anomalies.
#[derive(Debug, Default, Clone)]
struct Kept {
    states: HashMap<String, StateRow>,
    checkpoint: i64,
    open: HashMap<Id, Anomaly>,
}

impl Kept {
    fn take(&mut self, scored: &Scored) {
        self.states.extend(scored.states.iter().map(|row| (row.key.clone(), row.clone())));
        if let Some(to) = scored.checkpoint {
            self.checkpoint = (to.timestamp_millis() - START) / STEP;
        }
        for change in &scored.changes {
            let anomaly = &change.anomaly;
            match anomaly.state {
                AnomalyState::Open => self.open.insert(anomaly.id, anomaly.clone()),
                AnomalyState::Closed => self.open.remove(&anomaly.id),
            };
        }
    }

    fn rows(&self) -> Vec<StateRow> {
        self.states.values().cloned().collect()
    }

    /// A fresh process on what was kept, as of `row`.
    fn start(&self, monitor: &Monitor, row: i64) -> Engine {
        let mut engine = Engine::new(self.open.values().cloned().collect());
        engine.load(monitor, &self.rows(), from_millis(START + row * STEP));
        engine
    }
}

/// Rows `from..to` of three services in one batch.
fn rows(monitor: &Monitor, from: i64, to: i64, value: impl Fn(i64) -> f64) -> Batch {
    let series = ["a", "b", "c"].map(|name| {
        let point = |row: i64| Point { at_ms: START + row * STEP, value: value(row) };
        Series { labels: [("service".to_owned(), name.to_owned())].into(), points: (from..to).map(point).collect() }
    });
    let answer = MetricAnswer { series: series.to_vec(), completeness: Completeness::Complete };
    let mut batch = batch(monitor, to - 1, Payload::Metrics(answer));
    batch.from = from_millis(START + (from - 1) * STEP);
    batch
}

fn told(scored: &Scored) -> Vec<(Id, AnomalyState)> {
    scored.changes.iter().map(|c| (c.anomaly.id, c.anomaly.state)).collect()
}

/// The series, with trouble in the middle.
fn value(row: i64) -> f64 {
    if (400..420).contains(&row) { 0.9 } else { normal(row) }
}

/// All that one uninterrupted process tells of rows `0..600`.
fn uninterrupted(monitor: &Monitor) -> Vec<(Id, AnomalyState)> {
    let mut engine = Kept::default().start(monitor, 0);
    let all = (0..600).flat_map(|row| told(&feed(&mut engine, monitor, &rows(monitor, row, row + 1, value))));
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whenever the process is killed, the next one reads again from the checkpoint and tells the same, each thing once.
    #[test]
    fn a_kill_at_any_row_changes_nothing_that_is_told(mut kills in proptest::collection::vec(1i64..600, 1..6)) {
        let monitor = monitor(DetectorSpec::Learned);
        kills.sort_unstable();
        let mut kept = Kept::default();
        let mut engine = kept.start(&monitor, 0);
        let mut found: Vec<(Id, AnomalyState)> = Vec::new();
        let mut row = 0;
        while row < 600 {
            if kills.first() == Some(&row) {
                kills.retain(|k| *k != row);
                engine = kept.start(&monitor, row);
                // What the last checkpoint does not cover is read again, in one window.
                let again = if kept.states.is_empty() { 0 } else { kept.checkpoint + 1 };
                if again < row {
                    let scored = feed(&mut engine, &monitor, &rows(&monitor, again, row, value));
                    kept.take(&scored);
                    found.extend(told(&scored));
                }
            }
            let scored = feed(&mut engine, &monitor, &rows(&monitor, row, row + 1, value));
            kept.take(&scored);
            found.extend(told(&scored));
            row += 1;
        }
        let known: HashSet<(Id, AnomalyState)> = uninterrupted(&monitor).into_iter().collect();
        let seen: HashSet<(Id, AnomalyState)> = found.iter().copied().collect();
        prop_assert_eq!(seen.len(), found.len(), "told twice");
        prop_assert_eq!(seen, known);
    }

    /// The same rows, some of them not a number, in any chunks: the same is told and the same is remembered.
    #[test]
    fn the_same_rows_in_any_chunks_tell_and_remember_the_same(chunks in proptest::collection::vec(1i64..30, 40..80)) {
        let monitor = monitor(DetectorSpec::Learned);
        let odd = |row: i64| if row % 37 == 5 { f64::NAN } else { value(row) };
        let run = |mut sizes: Box<dyn Iterator<Item = i64>>| {
            let mut engine = Kept::default().start(&monitor, 0);
            let (mut row, mut all) = (0, Vec::new());
            while row < 600 {
                let end = (row + sizes.next().unwrap_or(1)).min(600);
                all.extend(told(&feed(&mut engine, &monitor, &rows(&monitor, row, end, odd))));
                row = end;
            }
            all.sort_unstable_by_key(|(id, state)| (*id, *state == AnomalyState::Closed));
            let state = engine.monitors.get_mut(&monitor.id).expect("it was loaded");
            let memories: Vec<_> = state.memories(&monitor, &key::asked(&monitor));
            (all, memories.into_iter().map(|m| (m.key, m.as_of, pack::unpack(&m.state))).collect::<Vec<_>>())
        };
        let one_by_one = run(Box::new(std::iter::repeat(1)));
        prop_assert!(one_by_one.0.len() >= 6, "the trouble is told: {:?}", one_by_one.0);
        prop_assert_eq!(run(Box::new(chunks.into_iter())), one_by_one);
    }

    /// A pause of up to an hour, with a process that dies in it, is no event.
    #[test]
    fn a_gap_with_a_restart_is_no_event(gap in 2i64..720, restart in any::<bool>()) {
        let monitor = monitor(DetectorSpec::Learned);
        let mut kept = Kept::default();
        let mut engine = kept.start(&monitor, 0);
        for row in 0..300 {
            kept.take(&feed(&mut engine, &monitor, &rows(&monitor, row, row + 1, normal)));
        }
        if restart {
            engine = kept.start(&monitor, 300 + gap);
        }
        for row in 0..200 {
            let at = 300 + gap + row;
            // The same shape goes on after the pause: what is measured is the pause itself.
            let mut next = rows(&monitor, at, at + 1, |r| normal(r - gap));
            next.from = if row == 0 { from_millis(START + 299 * STEP) } else { next.from };
            let scored = feed(&mut engine, &monitor, &next);
            prop_assert!(scored.changes.is_empty(), "row {row} after {gap}: {:?}", scored.changes);
        }
    }
}

#[test]
fn a_take_over_goes_on_from_what_the_other_replica_stored() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut kept = Kept::default();
    // Replica one learns, then loses the monitor to two, which sees the trouble begin, then gets it back.
    let mut one = kept.start(&monitor, 0);
    for row in 0..300 {
        kept.take(&feed(&mut one, &monitor, &rows(&monitor, row, row + 1, value)));
    }
    let mut two = kept.start(&monitor, 300);
    let opened: Vec<_> = (kept.checkpoint + 1..410)
        .flat_map(|row| {
            let scored = feed(&mut two, &monitor, &rows(&monitor, row, row + 1, value));
            kept.take(&scored);
            told(&scored)
        })
        .collect();
    assert_eq!(opened.len(), 3, "one anomaly a service: {opened:?}");
    let next = rows(&monitor, 410, 411, value);
    assert!(one.missed(&monitor, &next), "rows were seen elsewhere");
    one.forget(monitor.id);
    one.adopt(monitor.id, kept.open.values().cloned().collect());
    one.load(&monitor, &kept.rows(), next.to);
    let closed: Vec<_> = (kept.checkpoint + 1..460)
        .flat_map(|row| told(&feed(&mut one, &monitor, &rows(&monitor, row, row + 1, value))))
        .collect();
    let ids = |all: &[(Id, AnomalyState)]| all.iter().map(|(id, _)| *id).collect::<HashSet<_>>();
    assert!(closed.iter().all(|(_, state)| *state == AnomalyState::Closed), "{closed:?}");
    assert_eq!(ids(&closed), ids(&opened), "the episodes that the other opened are closed here");
}

/// What is stored is of one version, ages by the time that passed, and is what another replica goes on from.
#[test]
fn snapshots_are_versioned_aged_by_elapsed_time_and_moved_to_another_replica() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut kept = Kept::default();
    let mut here = kept.start(&monitor, 0);
    for row in 0..300 {
        kept.take(&feed(&mut here, &monitor, &rows(&monitor, row, row + 1, normal)));
    }
    let load = |stored: &[StateRow], later: TimeDelta| {
        let mut there = Engine::default();
        there.load(&monitor, stored, from_millis(START + 300 * STEP) + later);
        there
    };
    let seen = |engine: &Engine| -> Vec<u32> { engine.monitors[&monitor.id].series.values().map(|s| s.seen).collect() };
    let stored = kept.rows();
    let (moved, week) = (load(&stored, TimeDelta::zero()), load(&stored, TimeDelta::days(7)));
    assert_eq!(seen(&moved).len(), 3);
    for (now, then) in seen(&moved).into_iter().zip(seen(&week)) {
        assert!(now > 290 && then.abs_diff(now / 2) <= 1, "half of {now} counts after a week, not {then}");
    }
    assert!(seen(&load(&stored, TimeDelta::days(40))).is_empty(), "what is too old is learned anew");
    for version in [1, 3] {
        let other = |row: &StateRow| {
            let mut state = pack::unpack(&row.state).expect("a memory");
            state["v"] = version.into();
            StateRow { state: pack::pack(state), ..row.clone() }
        };
        let others: Vec<StateRow> = stored.iter().map(other).collect();
        assert!(seen(&load(&others, TimeDelta::zero())).is_empty(), "version {version} is not read");
    }
    let (mut there, mut found) = (moved, [Vec::new(), Vec::new()]);
    for row in kept.checkpoint + 1..330 {
        let value = |r: i64| if r >= 310 { 0.9 } else { normal(r) };
        let next = rows(&monitor, row, row + 1, value);
        found[1].extend(told(&feed(&mut there, &monitor, &next)));
        if row >= 300 {
            found[0].extend(told(&feed(&mut here, &monitor, &next)));
        }
    }
    assert_eq!((found[0].len(), &found[0]), (3, &found[1]), "the other replica tells what this one would have told");
}

#[test]
fn windows_that_taught_nothing_are_no_take_over() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    let partial = |row| {
        let completeness = Completeness::Partial("1 of 2 stores answered".to_owned());
        batch(&monitor, row, Payload::Metrics(MetricAnswer { series: vec![], completeness }))
    };
    for row in 120..140 {
        feed(&mut engine, &monitor, &partial(row));
    }
    // The poller gave the partial rows up after a while and goes on here.
    assert!(!engine.missed(&monitor, &rows(&monitor, 140, 141, normal)), "what is in memory is kept");
    assert!(engine.missed(&monitor, &rows(&monitor, 150, 151, normal)));
}

#[test]
fn history_of_a_day_teaches_and_opens_nothing() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = Kept::default().start(&monitor, 0);
    let now = from_millis(START + 17_280 * STEP);
    for window in 0..8 {
        let (from, to) = (window * 2_160, (window + 1) * 2_160);
        // Trouble of old in the history.
        let past = |row: i64| if (5_000..5_050).contains(&row) { 0.9 } else { normal(row) };
        let scored = engine.score(&monitor, &rows(&monitor, from, to, past), now);
        assert!(scored.changes.is_empty(), "history is no news: {:?}", scored.changes);
        assert_eq!(scored.learning, Some(false));
    }
    let live = feed(&mut engine, &monitor, &rows(&monitor, 17_280, 17_281, |_| 5.0));
    assert_eq!(live.changes.len(), 3, "it judges at once");
}
