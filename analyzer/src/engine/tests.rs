//! Tests of the engine: episodes, unknown answers, restart.

use super::*;
use domain::catalog::{Direction, MonitorSpec};
use domain::clock::from_millis;
use domain::incident::Severity;
use domain::resource::Draft;
use domain::signal::{LogLevel, LogLine, Point, Series, SignalKind};
use domain::trace::TraceContext;

pub(super) const STEP: i64 = 5_000;
pub(super) const START: i64 = 1_700_000_000_000;

pub(super) fn monitor(detector: DetectorSpec) -> Monitor {
    let spec = MonitorSpec {
        source_id: domain::new_id(),
        query: "up".to_owned(),
        interval_secs: 5,
        signal: SignalKind::Latency,
        entity_labels: vec!["service".to_owned()],
        detector,
        rules: Vec::new(),
        sensitivity: 5,
        direction: Direction::Both,
        severity: Severity::Warning,
        unit: "s".to_owned(),
        max_series: 100,
        enabled: true,
        muted_until: None,
    };
    Draft { name: "latency".to_owned(), tags: vec![], spec }.into_resource(domain::new_id(), from_millis(START))
}

pub(super) fn batch(monitor: &Monitor, row: i64, payload: Payload) -> Batch {
    let to = from_millis(START + row * STEP);
    Batch {
        monitor_id: monitor.id,
        polled_at: to,
        from: to - TimeDelta::milliseconds(STEP),
        to,
        payload,
        trace: TraceContext::random(),
    }
}

pub(super) fn sample(monitor: &Monitor, row: i64, value: f64) -> Batch {
    let labels = [("service".to_owned(), "a".to_owned())].into();
    let series = vec![Series { labels, points: vec![Point { at_ms: START + row * STEP, value }] }];
    batch(monitor, row, Payload::Metrics(MetricAnswer { series, completeness: Completeness::Complete }))
}

/// A quiet wave with a little texture.
pub(super) fn normal(row: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let x = row as f64;
    0.1 + 0.01 * (x / 20.0).sin() + 0.002 * ((row * 7919) % 13) as f64 / 13.0
}

pub(super) fn feed(engine: &mut Engine, monitor: &Monitor, batch: &Batch) -> Scored {
    engine.score(monitor, batch, batch.to)
}

pub(super) fn learned(monitor: &Monitor) -> Engine {
    let mut engine = Engine::default();
    engine.load(monitor, &[], from_millis(START));
    for row in 0..120 {
        let scored = feed(&mut engine, monitor, &sample(monitor, row, normal(row)));
        assert!(scored.changes.is_empty(), "quiet row {row}: {:?}", scored.changes);
    }
    engine
}

#[test]
fn an_episode_opens_once_and_closes_after_calm_rows() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    let mut opened = Vec::new();
    for row in 120..130 {
        opened.extend(feed(&mut engine, &monitor, &sample(&monitor, row, 0.9)).changes);
    }
    assert_eq!(opened.len(), 1, "one episode, one anomaly");
    let anomaly = &opened[0].anomaly;
    assert_eq!((anomaly.entity.as_str(), anomaly.state), ("service=a", AnomalyState::Open));
    assert!(anomaly.upper < 0.9 && anomaly.expected < 0.2 && !anomaly.evidence.en.is_empty());
    let mut closed = Vec::new();
    for row in 130..140 {
        closed.extend(feed(&mut engine, &monitor, &sample(&monitor, row, normal(row))).changes);
    }
    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].anomaly.state, closed[0].anomaly.id), (AnomalyState::Closed, anomaly.id));
}

#[test]
fn unknown_answers_change_nothing() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    let open = feed(&mut engine, &monitor, &sample(&monitor, 120, 0.9));
    assert_eq!(open.changes.len(), 1);
    let partial = Completeness::Partial("1 of 2 stores answered".to_owned());
    for row in 121..140 {
        let payload = if row % 2 == 0 {
            Payload::Failed("connection refused".to_owned())
        } else {
            Payload::Metrics(MetricAnswer { series: vec![], completeness: partial.clone() })
        };
        let scored = feed(&mut engine, &monitor, &batch(&monitor, row, payload));
        assert!(scored.changes.is_empty() && scored.ongoing.is_empty() && scored.checkpoint.is_none());
    }
}

#[test]
fn a_restart_goes_on_where_the_memory_ends() {
    let monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    let scored = feed(&mut engine, &monitor, &sample(&monitor, 120, 0.9));
    let (open, states) = (scored.changes[0].anomaly.clone(), scored.states);
    assert!(!states.is_empty() && scored.checkpoint.is_some(), "an opening is stored at once");
    let mut again = Engine::new(vec![open.clone()]);
    again.load(&monitor, &states, from_millis(START));
    let replay = feed(&mut again, &monitor, &sample(&monitor, 120, 0.9));
    assert!(replay.changes.is_empty(), "a row read twice opens nothing twice");
    let mut closed = Vec::new();
    for row in 121..130 {
        closed.extend(feed(&mut again, &monitor, &sample(&monitor, row, normal(row))).changes);
    }
    assert_eq!(closed.iter().map(|c| c.anomaly.id).collect::<Vec<_>>(), [open.id], "the old episode closes");
}

#[test]
fn a_muted_monitor_opens_no_incident() {
    let mut monitor = monitor(DetectorSpec::Learned);
    let mut engine = learned(&monitor);
    monitor.spec.muted_until = Some(from_millis(START + 1_000 * STEP));
    let found = feed(&mut engine, &monitor, &sample(&monitor, 120, 0.9)).changes;
    assert!(found.iter().all(|c| !c.anomaly.may_be_told()), "{found:?}");
}

#[test]
fn a_series_that_stops_is_absent_and_its_return_closes_it() {
    let monitor = monitor(DetectorSpec::Absence { after_secs: 15 });
    let mut engine = learned(&monitor);
    let empty = || Payload::Metrics(MetricAnswer { series: vec![], completeness: Completeness::Complete });
    let gone: Vec<_> =
        (120..126).flat_map(|row| feed(&mut engine, &monitor, &batch(&monitor, row, empty())).changes).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].anomaly.kind, AnomalyKind::Absence);
    let back: Vec<_> =
        (126..132).flat_map(|row| feed(&mut engine, &monitor, &sample(&monitor, row, 1.0)).changes).collect();
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].anomaly.state, AnomalyState::Closed);
}

#[test]
fn uneventful_batches_forget_no_member() {
    let monitor =
        monitor(DetectorSpec::Threshold { op: domain::catalog::Comparison::Gt, value: 1.0, for_secs: 0, clear: None });
    let mut engine = Engine::default();
    engine.load(&monitor, &[], from_millis(START));
    let mut stored: Vec<Incident> = Vec::new();
    for row in 0..20_i64 {
        let bad = (5..8).contains(&row);
        let batch = sample(&monitor, row, if bad { 2.0 } else { 0.5 });
        let scored = feed(&mut engine, &monitor, &batch);
        // As the loop does: incidents are read only when something opened or closed.
        let known = if scored.changes.is_empty() { &[][..] } else { &stored[..] };
        for write in engine.correlate(scored, known, &batch, batch.to).incidents {
            if let domain::ports::IncidentWrite::Open { incident, .. } = write {
                stored.push(*incident);
            }
        }
    }
    assert_eq!(stored.len(), 1);
    assert!(engine.quiet(&stored, from_millis(START + 10 * STEP)).incidents.is_empty(), "closed a moment ago");
    let writes = engine.quiet(&stored, from_millis(START + 40 * STEP)).incidents;
    assert!(matches!(&writes[..], [domain::ports::IncidentWrite::ResolveNatural { .. }]), "{writes:?}");
}

fn line(row: i64, level: LogLevel, message: &str) -> LogLine {
    LogLine {
        index: "i".to_owned(),
        id: format!("{row}-{message}"),
        at: from_millis(START + row * STEP - 1_000),
        level,
        labels: [("service".to_owned(), "a".to_owned())].into(),
        message: message.to_owned(),
        trace_id: None,
    }
}

#[test]
fn a_new_error_line_is_found_and_is_over_when_it_stops() {
    let monitor = monitor(DetectorSpec::Logs);
    let mut engine = Engine::default();
    engine.load(&monitor, &[], from_millis(START));
    let mut changes = Vec::new();
    for row in 1..100_i64 {
        let mut lines: Vec<_> =
            (0..10).map(|i| line(row, LogLevel::Info, &format!("order {} accepted", row * 10 + i))).collect();
        if (60..70).contains(&row) {
            lines.extend((0..5).map(|i| line(row, LogLevel::Error, &format!("payment {i} refused: gateway timeout"))));
        }
        let payload = Payload::Logs { lines, completeness: Completeness::Complete };
        changes.extend(feed(&mut engine, &monitor, &batch(&monitor, row, payload)).changes);
    }
    let news: Vec<_> = changes.iter().filter(|c| c.anomaly.kind == AnomalyKind::NewTemplate).collect();
    assert_eq!(news.len(), 2, "opened and closed: {changes:?}");
    assert!(news[0].anomaly.evidence.samples.iter().any(|s| s.contains("gateway timeout")));
    assert_eq!(news[1].anomaly.state, AnomalyState::Closed);
}
