//! Contract of incidents: one active per fingerprint, whole ticks, the automaton, the timeline.

use super::{Stores, by_alice, conflict, failed};
use crate::anomaly::{AnomalyFilter, AnomalyState, ChartPoint, Recovery};
use crate::error::{Kind, Result};
use crate::incident::{Actor, EventKind, IncidentEvent, IncidentState, Severity};
use crate::page::PageRequest;
use crate::ports::{AnalyzerCommit, IncidentFilter, IncidentWrite, StateRow};
use crate::testing::{samples, together};
use crate::{Id, new_id};

/// Twenty openers of one fingerprint at once: one incident, one notification, and every anomaly is in it.
pub async fn one_active_incident_per_fingerprint(s: &Stores) -> Result<()> {
    s.channels.create(samples::draft("hook", samples::channel(Severity::Info)), by_alice("create")).await?;
    let ticks = (0..20).map(|i| {
        let incident = samples::incident("checkout/latency", &format!("service=s{i}"));
        let anomalies = vec![samples::anomaly(new_id(), Some(incident.id))];
        let events = vec![samples::event(incident.id, EventKind::Opened, "opened")];
        let incidents = vec![IncidentWrite::Open { incident: Box::new(incident), events }];
        s.analyzer.commit(AnalyzerCommit { incidents, anomalies, ..AnalyzerCommit::default() })
    });
    let joined = together(ticks).await.into_iter().collect::<Result<Vec<_>>>()?.concat();
    assert_eq!(joined.len(), 19);
    let active = s.analyzer.recent_incidents(samples::at(0)).await?;
    assert_eq!(active.len(), 1);
    let id = active[0].id;
    assert!(joined.iter().all(|(proposed, became)| *became == id && *proposed != id));
    assert_eq!(active[0].entities.len(), 20);
    assert_eq!(s.incidents.anomalies_of(id).await?.len(), 20);
    assert_eq!(s.outbox.notifications(id).await?.len(), 1);
    let events = s.incidents.events(id, None, 100).await?;
    assert_eq!(events.iter().filter(|e| e.kind == EventKind::Opened).count(), 1);
    assert_eq!(events.iter().filter(|e| e.kind == EventKind::AnomalyAdded).count(), 19);
    Ok(())
}

/// A tick is stored whole or not at all, repeats are harmless, later copies replace earlier ones.
pub async fn ticks_are_whole(s: &Stores) -> Result<()> {
    let monitor = new_id();
    let incident = samples::incident("f", "service=checkout");
    let mut anomaly = samples::anomaly(monitor, Some(incident.id));
    anomaly.lower = f64::NEG_INFINITY;
    anomaly.observed = f64::NAN;
    anomaly.recovery = Recovery::Band {
        source_id: monitor,
        query: "q".to_owned(),
        labels: anomaly.labels.clone(),
        lower: f64::NEG_INFINITY,
        upper: 1.0,
    };
    let point = |at_ms, value, score| ChartPoint { at_ms, value, lower: None, upper: Some(0.75), score };
    let state = |key: &str, n: i64| StateRow {
        monitor_id: monitor,
        key: key.to_owned(),
        as_of: samples::at(n),
        state: n.into(),
    };
    let tick = AnalyzerCommit {
        states: vec![state("a", 1), state("b", 1), state("a", 2)],
        points: vec![(anomaly.id, vec![point(1, Some(0.5), 0.0), point(2, None, 0.5), point(1, Some(0.25), 0.25)])],
        incidents: vec![IncidentWrite::Open { incident: Box::new(incident.clone()), events: Vec::new() }],
        anomalies: vec![anomaly.clone()],
    };
    assert_eq!(s.analyzer.commit(tick.clone()).await?, []);
    assert_eq!(s.analyzer.commit(tick).await?, [], "the same tick again");
    assert_eq!(s.analyzer.states(monitor).await?, [state("a", 2), state("b", 1)]);
    assert_eq!(s.incidents.chart(anomaly.id).await?, [point(1, Some(0.25), 0.25), point(2, None, 0.5)]);
    let stored = s.analyzer.live_anomalies().await?;
    assert_eq!(stored.len(), 1);
    assert!(stored[0].lower < -1e300 && stored[0].incident_id == Some(incident.id));
    assert!(matches!(stored[0].recovery, Recovery::Band { lower, upper, .. } if lower < -1e300 && upper == 1.0));
    let lost = AnalyzerCommit {
        anomalies: vec![crate::anomaly::Anomaly { state: AnomalyState::Closed, ..anomaly.clone() }],
        incidents: vec![IncidentWrite::ResolveNatural {
            id: new_id(),
            at: samples::at(90),
            event: samples::event(incident.id, EventKind::Resolved, "over"),
        }],
        ..AnalyzerCommit::default()
    };
    assert_eq!(failed(s.analyzer.commit(lost).await).kind, Kind::NotFound);
    assert_eq!(s.analyzer.live_anomalies().await?.len(), 1, "a tick that fails leaves nothing behind");
    Ok(())
}

/// A tick with events that comes again, as after a commit whose answer was lost, is told once; a closed anomaly is still
/// live while its incident is active.
pub async fn a_repeated_tick_is_told_once(s: &Stores) -> Result<()> {
    let incident = s.open(samples::incident("f", "service=checkout")).await?;
    let anomaly = samples::anomaly(new_id(), Some(incident.id));
    let update = IncidentWrite::Update {
        id: incident.id,
        severity: Severity::Warning,
        entity: incident.entity.clone(),
        entities: incident.entities.clone(),
        causes: Vec::new(),
        events: vec![samples::event(incident.id, EventKind::AnomalyClosed, "closed")],
    };
    let closed = AnalyzerCommit {
        anomalies: vec![crate::anomaly::Anomaly { state: AnomalyState::Closed, ..anomaly }],
        incidents: vec![update],
        ..AnalyzerCommit::default()
    };
    s.analyzer.commit(closed.clone()).await?;
    s.analyzer.commit(closed).await?;
    let told = s.incidents.events(incident.id, None, 10).await?;
    assert_eq!(told.iter().filter(|e| e.kind == EventKind::AnomalyClosed).count(), 1, "told once");
    assert_eq!(s.analyzer.live_anomalies().await?.len(), 1, "closed, but its incident is active");
    Ok(())
}

/// The end of what was polled never moves back.
pub async fn checkpoints_only_move_forward(s: &Stores) -> Result<()> {
    let monitor = new_id();
    assert_eq!(s.analyzer.checkpoint(monitor).await?, None);
    for (to, expected) in [(10, 10), (5, 10), (20, 20)] {
        s.analyzer.set_checkpoint(monitor, samples::at(to)).await?;
        assert_eq!(s.analyzer.checkpoint(monitor).await?, Some(samples::at(expected)));
    }
    Ok(())
}

/// The analyzer's changes: severity never falls, `resolved` reopens, a second trouble with the name blocks that.
pub async fn analyzer_changes_follow_the_automaton(s: &Stores) -> Result<()> {
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    let tick = |write| s.analyzer.commit(AnalyzerCommit { incidents: vec![write], ..AnalyzerCommit::default() });
    let update = |severity| IncidentWrite::Update {
        id,
        severity,
        entity: "service=b".to_owned(),
        entities: vec!["service=b".to_owned()],
        causes: Vec::new(),
        events: Vec::new(),
    };
    tick(update(Severity::Critical)).await?;
    tick(update(Severity::Info)).await?;
    let stored = s.incidents.incident(id).await?;
    assert_eq!((stored.severity, stored.entity.as_str(), stored.version), (Severity::Critical, "service=b", 2));
    let resolve = || IncidentWrite::ResolveNatural {
        id,
        at: samples::at(90),
        event: samples::event(id, EventKind::Resolved, "over"),
    };
    let reopen =
        || IncidentWrite::Reopen { id, at: samples::at(95), event: samples::event(id, EventKind::Reopened, "back") };
    tick(reopen()).await?;
    assert_eq!(s.incidents.incident(id).await?.reopened, 0, "it is not resolved");
    tick(resolve()).await?;
    let stored = s.incidents.incident(id).await?;
    assert_eq!((stored.state, stored.resolved_at), (IncidentState::Resolved, Some(samples::at(90))));
    assert_eq!(s.analyzer.recent_incidents(samples::at(89)).await?.len(), 1);
    assert_eq!(s.analyzer.recent_incidents(samples::at(90)).await?.len(), 0);
    tick(reopen()).await?;
    let stored = s.incidents.incident(id).await?;
    assert_eq!((stored.state, stored.reopened, stored.resolved_at), (IncidentState::Open, 1, None));
    tick(resolve()).await?;
    s.open(samples::incident("f", "service=a")).await?;
    tick(reopen()).await?;
    assert_eq!(s.incidents.incident(id).await?.state, IncidentState::Resolved, "another one is active");
    Ok(())
}

/// A person's change moves along the automaton, at the version that was seen; ten at once: one wins.
pub async fn transitions_are_guarded(s: &Stores) -> Result<()> {
    let incident = s.open(samples::incident("f", "service=a")).await?;
    let id = incident.id;
    let event = |kind| IncidentEvent::new(id, samples::at(70), kind, Actor::User { name: "alice".to_owned() }, "mine");
    let acknowledge =
        || s.incidents.transition(id, 1, IncidentState::Acknowledged, event(EventKind::Acknowledged), by_alice("ack"));
    let (won, refused): (Vec<_>, Vec<_>) =
        together((0..10).map(|_| acknowledge())).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    refused.into_iter().for_each(conflict);
    let stored = s.incidents.incident(id).await?;
    assert_eq!((stored.acknowledged_by.as_deref(), stored.version), (Some("alice"), 2));
    conflict(s.incidents.transition(id, 2, IncidentState::Verifying, event(EventKind::Verdict), by_alice("x")).await);
    s.incidents.transition(id, 2, IncidentState::Resolved, event(EventKind::Resolved), by_alice("resolve")).await?;
    assert_eq!(s.audit.verify_audit().await?, 2);
    s.incidents.comment(event(EventKind::Comment), by_alice("comment")).await?;
    let mut lost = event(EventKind::Comment);
    lost.incident_id = new_id();
    assert_eq!(failed(s.incidents.comment(lost, by_alice("comment")).await).kind, Kind::NotFound);
    Ok(())
}

/// A reader that continues after its last event misses none, while twenty writers commit at once.
pub async fn timeline_is_resumable(s: &Stores) -> Result<()> {
    let mut ids = Vec::new();
    for i in 0..4 {
        ids.push(s.open(samples::incident(&format!("f{i}"), "service=a")).await?.id);
    }
    // The ids are made before any of them is stored, and are stored in another order.
    let mut events: Vec<_> = (0..40).map(|i| samples::event(ids[i % 4], EventKind::Comment, &i.to_string())).collect();
    events.reverse();
    let (mut seen, mut after) = (Vec::<Id>::new(), None);
    for batch in events.chunks(20) {
        let writes = batch.iter().map(|e| s.incidents.comment(e.clone(), by_alice("comment")));
        together(writes).await.into_iter().collect::<Result<Vec<_>>>()?;
        loop {
            let got = s.incidents.events_since(after, 7).await?;
            let Some(last) = got.last() else { break };
            after = Some(last.id);
            seen.extend(got.iter().map(|e| e.id));
        }
    }
    assert_eq!(seen.len(), 44);
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 44);
    let one = s.incidents.events(ids[0], None, 1_000).await?;
    assert_eq!(one.len(), 11);
    assert_eq!(s.incidents.events(ids[0], Some(one[4].id), 1_000).await?, one[5..]);
    Ok(())
}

/// Lists filter, page newest first, and sum up.
pub async fn incidents_are_listed(s: &Stores) -> Result<()> {
    for i in 0..9 {
        let mut incident = samples::incident(&format!("f{i}"), &format!("service=s{i}"));
        incident.detected_at = samples::at(60 + i);
        incident.severity = if i < 3 { Severity::Critical } else { Severity::Warning };
        let anomalies = vec![samples::anomaly(new_id(), Some(incident.id))];
        let incidents = vec![IncidentWrite::Open { incident: Box::new(incident), events: Vec::new() }];
        s.analyzer.commit(AnalyzerCommit { incidents, anomalies, ..AnalyzerCommit::default() }).await?;
    }
    let filter = IncidentFilter::default();
    let first = s.incidents.list_incidents(&filter, &PageRequest { limit: 5, cursor: None }).await?;
    let second = s.incidents.list_incidents(&filter, &PageRequest { limit: 5, cursor: first.next_cursor }).await?;
    let order: Vec<_> = first.items.iter().chain(&second.items).map(|i| i.detected_at).collect();
    assert_eq!(order, (0..9).rev().map(|i| samples::at(60 + i)).collect::<Vec<_>>());
    assert_eq!(second.next_cursor, None);
    let count = async |filter: IncidentFilter| -> Result<usize> {
        Ok(s.incidents.list_incidents(&filter, &PageRequest::default()).await?.items.len())
    };
    assert_eq!(count(IncidentFilter { min_severity: Some(Severity::Critical), ..filter.clone() }).await?, 3);
    assert_eq!(count(IncidentFilter { states: vec![IncidentState::Resolved], ..filter.clone() }).await?, 0);
    assert_eq!(
        count(IncidentFilter { states: vec![IncidentState::Open], search: Some("SERVICE=S4".to_owned()), ..filter })
            .await?,
        1
    );
    let some = PageRequest { limit: 4, cursor: None };
    assert_eq!(s.incidents.list_anomalies(&AnomalyFilter::default(), &some).await?.items.len(), 4);
    let summary = s.incidents.summary(samples::at(0)).await?;
    assert_eq!(summary["incidents"]["open"], 9);
    assert_eq!((&summary["detect_ms_p50"], &summary["resolve_ms_p50"]), (&64_000.into(), &serde_json::Value::Null));
    Ok(())
}
