//! Tests of opinions, mutes, rules and upkeep in the engine.

use super::tests::{START, STEP, feed, learned, monitor, normal, sample};
use super::*;
use domain::anomaly::AnomalyKind;
use domain::catalog::Comparison;
use domain::clock::from_millis;
use domain::feedback::{Opinion, Voice};

fn opened(scored: Scored) -> Vec<Anomaly> {
    scored.changes.into_iter().map(|c| c.anomaly).filter(|a| a.state == AnomalyState::Open).collect()
}

/// A series that jumps about within a fifth of its level, long known.
fn restless(monitor: &Monitor) -> Engine {
    let mut engine = Engine::default();
    engine.load(monitor, &[], from_millis(START));
    for row in 0..400_i64 {
        let scored = feed(&mut engine, monitor, &sample(monitor, row, restless_value(row)));
        assert!(scored.changes.is_empty(), "quiet row {row}");
    }
    engine
}

fn restless_value(row: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let share = ((row * 7_919) % 101) as f64 / 101.0;
    0.1 + 0.02 * share
}

#[test]
fn noise_makes_the_same_event_too_weak_to_be_told_and_a_reset_brings_it_back() {
    let monitor = monitor(DetectorSpec::Learned);
    let at_value = |engine: &mut Engine, value| opened(feed(engine, &monitor, &sample(&monitor, 400, value)));
    // The mildest event that is told at the sensitivity that is set.
    let mild = (0..60)
        .map(|n| 0.12 + 0.001 * f64::from(n))
        .find(|value| !at_value(&mut restless(&monitor), *value).is_empty())
        .expect("some event is told");
    let found = |engine: &mut Engine| at_value(engine, mild);
    let first = found(&mut restless(&monitor));
    assert!(!first[0].evidence.view.is_empty() && first[0].evidence.way == "up");
    let at = from_millis(START + 119 * STEP);
    let said: Vec<Feedback> = (0..3_u128)
        .map(|n| Feedback {
            anomaly_id: Id::from_u128(n),
            ..Feedback::of(&first[0], Opinion::Noise, Voice::Person, "ann", at)
        })
        .collect();
    let mut engine = restless(&monitor);
    engine.set_feedback(said);
    assert!(found(&mut engine).is_empty(), "three people said that it is noise");
    let mut engine = restless(&monitor);
    engine.set_feedback(Vec::new());
    assert_eq!(found(&mut engine).len(), 1);
}

#[test]
fn gross_trouble_is_told_whatever_was_said() {
    let monitor = monitor(DetectorSpec::Learned);
    let first = opened(feed(&mut learned(&monitor), &monitor, &sample(&monitor, 120, 9.0)));
    let at = from_millis(START + 119 * STEP);
    let said = (0..50_u128).map(|n| Feedback {
        anomaly_id: Id::from_u128(n),
        ..Feedback::of(&first[0], Opinion::Noise, Voice::Person, "ann", at)
    });
    let mut engine = learned(&monitor);
    engine.set_feedback(said.collect());
    assert_eq!(opened(feed(&mut engine, &monitor, &sample(&monitor, 120, 9.0))).len(), 1);
}

#[test]
fn what_is_muted_is_stored_and_told_when_it_goes_on_after_the_mute() {
    let mut monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    monitor.spec.muted_until = Some(from_millis(START + 125 * STEP));
    let batch = sample(&monitor, 120, 0.9);
    let commit = {
        let scored = feed(&mut engine, &monitor, &batch);
        engine.correlate(scored, &[], &batch, batch.to)
    };
    assert!(commit.incidents.is_empty(), "no incident");
    assert_eq!(commit.anomalies.len(), 1, "and yet recorded");
    let untold = &commit.anomalies[0].evidence.untold;
    assert!(untold.starts_with("muted until") && domain::testing::sentences::known(untold), "{untold}");
    let mut told = 0;
    for row in 121..130 {
        let batch = sample(&monitor, row, 0.9);
        let scored = feed(&mut engine, &monitor, &batch);
        told += engine.correlate(scored, &[], &batch, batch.to).incidents.len();
    }
    assert_eq!(told, 1, "it outlasts the mute: one incident");
}

#[test]
fn a_rule_beside_the_learned_detector_has_its_own_episode_with_hysteresis() {
    let mut monitor = monitor(DetectorSpec::Learned);
    let rule = Rule::Threshold { op: Comparison::Gt, value: 0.105, for_secs: 0, clear: Some(0.098), severity: None };
    monitor.spec.rules = vec![rule];
    let mut engine = Engine::default();
    engine.load(&monitor, &[], from_millis(START));
    let mut seen: Vec<Anomaly> = Vec::new();
    for (row, value) in [(0, 0.1), (1, 0.11), (2, 0.1), (3, 0.1), (4, 0.1), (5, 0.1), (6, 0.09), (7, 0.09), (8, 0.09)] {
        let scored = feed(&mut engine, &monitor, &sample(&monitor, row, value));
        seen.extend(scored.changes.into_iter().map(|c| c.anomaly));
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!((seen[0].kind, seen[0].state), (AnomalyKind::Threshold, AnomalyState::Open));
    assert_eq!(seen[1].ended_at, Some(from_millis(START + 8 * STEP)), "0.1 is below the limit and not yet clear");
    assert!(seen[0].series_key.contains("#gt 0.105"));
}

#[test]
fn an_absence_rule_beside_a_learned_detector_opens_when_the_series_stops() {
    let mut monitor = monitor(DetectorSpec::Learned);
    monitor.spec.rules = vec![Rule::Absence { after_secs: 15, severity: None }];
    let mut engine = learned(&monitor);
    let empty = || Payload::Metrics(MetricAnswer { series: vec![], completeness: Completeness::Complete });
    let gone: Vec<Anomaly> = (120..126)
        .flat_map(|row| opened(feed(&mut engine, &monitor, &super::tests::batch(&monitor, row, empty()))))
        .collect();
    assert_eq!(gone.iter().map(|a| a.kind).collect::<Vec<_>>(), [AnomalyKind::Absence]);
    let back: Vec<_> = (126..132)
        .flat_map(|row| feed(&mut engine, &monitor, &sample(&monitor, row, normal(row))).changes)
        .map(|c| c.anomaly.state)
        .collect();
    assert_eq!(back, [AnomalyState::Closed]);
}

#[test]
fn anomalies_of_a_monitor_that_is_gone_or_asks_something_else_are_closed_with_the_reason() {
    let monitor = monitor(DetectorSpec::Learned);
    let open = |engine: &mut Engine| opened(feed(engine, &monitor, &sample(&monitor, 120, 0.9))).remove(0);
    let now = from_millis(START + 121 * STEP);
    let mut engine = learned(&monitor);
    let id = open(&mut engine).id;
    let closed = engine.retire(&HashMap::new(), now);
    assert_eq!(closed.iter().map(|a| (a.id, a.state)).collect::<Vec<_>>(), [(id, AnomalyState::Closed)]);
    assert!(closed[0].evidence.closed_because.contains("archived"));
    assert!(domain::testing::sentences::known(&closed[0].evidence.closed_because));
    let mut engine = learned(&monitor);
    let before = open(&mut engine);
    let mut other = monitor.clone();
    other.spec.query = "other".to_owned();
    other.version += 1;
    let closed = engine.load(&other, &[], now);
    assert_eq!(closed.len(), 1);
    assert!(closed[0].evidence.closed_because.contains("another question"));
    assert!(domain::testing::sentences::known(&closed[0].evidence.closed_because));
    // The same when the query was changed while nobody watched.
    let mut engine = Engine::new(vec![before]);
    assert_eq!(engine.load(&other, &[], now).len(), 1);
    let commit = engine.closing(closed, &[], now);
    assert!(commit.incidents.is_empty() && commit.anomalies.len() == 1);
}

#[test]
fn a_changed_sensitivity_keeps_what_was_learned_and_what_is_open() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    let id = opened(feed(&mut engine, &monitor, &sample(&monitor, 120, 0.9)))[0].id;
    let mut keener = monitor.clone();
    (keener.spec.sensitivity, keener.version) = (7, 2);
    assert!(engine.load(&keener, &[], from_millis(START + 121 * STEP)).is_empty());
    let closed: Vec<Id> = (121..130)
        .flat_map(|row| feed(&mut engine, &keener, &sample(&keener, row, normal(row))).changes)
        .map(|c| c.anomaly.id)
        .collect();
    assert_eq!(closed, [id]);
}

#[test]
fn a_monitor_that_moves_to_another_replica_goes_on_from_what_is_stored() {
    let monitor = monitor(DetectorSpec::Learned);
    let (mut here, mut there) = (learned(&monitor), Engine::default());
    let stored = here.monitors.get_mut(&monitor.id).unwrap().memories(&monitor, &key::asked(&monitor));
    there.load(&monitor, &stored, from_millis(START + 120 * STEP));
    for row in 120..140 {
        let value = if row > 130 { 0.9 } else { normal(row) };
        let ids = |s: Scored| opened(s).into_iter().map(|a| (a.id, a.observed)).collect::<Vec<_>>();
        let batch = sample(&monitor, row, value);
        assert_eq!(ids(feed(&mut here, &monitor, &batch)), ids(feed(&mut there, &monitor, &batch)), "row {row}");
    }
    assert!(!here.missed(&monitor, &sample(&monitor, 140, 0.1)) && here.missed(&monitor, &sample(&monitor, 150, 0.1)));
    let mut late = Engine::default();
    late.load(&monitor, &stored, from_millis(START) + TimeDelta::days(31));
    assert!(late.monitors[&monitor.id].series.is_empty(), "what is a month old is learned anew");
}
