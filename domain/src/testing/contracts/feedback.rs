//! Opinions on anomalies and the upkeep of the analyzer's tables.

use super::{Stores, by_alice, failed};
use crate::anomaly::{Anomaly, AnomalyFilter, AnomalyState, Said};
use crate::error::{Kind, Result};
use crate::feedback::{Feedback, Opinion, Voice};
use crate::incident::{EventKind, IncidentState};
use crate::new_id;
use crate::page::PageRequest;
use crate::ports::{AnalyzerCommit, IncidentWrite, Parked, StateRow};
use crate::testing::samples::{self, at};

/// One voice has one opinion on an anomaly; a reset forgets those of one monitor alone.
///
/// # Errors
/// As the store's.
pub async fn opinions_are_kept_and_reset(s: &Stores) -> Result<()> {
    let (one, two) = (samples::anomaly(new_id(), None), samples::anomaly(new_id(), None));
    let both = vec![one.clone(), two.clone()];
    s.analyzer.commit(AnalyzerCommit { anomalies: both, ..AnalyzerCommit::default() }).await?;
    assert_eq!(failed(s.feedback.anomaly(new_id()).await).kind, Kind::NotFound);
    assert_eq!(s.feedback.anomaly(one.id).await?.id, one.id);
    for (opinion, secs) in [(Opinion::Useful, 1), (Opinion::Noise, 2)] {
        let said = Feedback::of(&one, opinion, Voice::Person, "ann", at(secs));
        s.feedback.say(said, by_alice("anomaly.feedback")).await?;
    }
    let of_bob = Feedback::of(&one, Opinion::Useful, Voice::Person, "bob", at(3));
    s.feedback.say(of_bob.clone(), by_alice("anomaly.feedback")).await?;
    s.feedback
        .say(Feedback::of(&two, Opinion::Noise, Voice::Person, "ann", at(4)), by_alice("anomaly.feedback"))
        .await?;
    let said = s.feedback.feedback_on(one.id).await?;
    let told: Vec<_> = said.iter().map(|f| (f.by.as_str(), f.opinion, f.at)).collect();
    assert_eq!(told, [("bob", Opinion::Useful, at(3)), ("ann", Opinion::Noise, at(2))]);
    assert_eq!(said[0].fingerprint, of_bob.fingerprint);
    assert_eq!(s.feedback.feedback_of(one.monitor_id, at(2)).await?.len(), 1, "only what is newer");
    assert_eq!(s.feedback.all_feedback(at(0)).await?.len(), 3);
    assert_eq!(s.feedback.forget_feedback(one.monitor_id, by_alice("monitor.feedback_reset")).await?, 2);
    assert_eq!(s.feedback.all_feedback(at(0)).await?.len(), 1);
    s.audit.verify_audit().await.map(drop)
}

/// Anomalies are found by monitor, entity, state, time, a part of their names, and what was said of them.
///
/// # Errors
/// As the store's.
pub async fn anomalies_are_filtered(s: &Stores) -> Result<()> {
    let source = s.sources.create(samples::draft("prom", samples::source()), by_alice("source.create")).await?;
    let spec = samples::monitor(source.id);
    let monitor = s.monitors.create(samples::draft("latency p95 (50 %)", spec), by_alice("monitor.create")).await?;
    let anomaly = |n: i64, entity: &str, state| Anomaly {
        started_at: at(n),
        entity: entity.to_owned(),
        state,
        ..samples::anomaly(if n < 2 { monitor.id } else { new_id() }, None)
    };
    let all = vec![
        anomaly(0, "service=cart", AnomalyState::Open),
        anomaly(1, "service=checkout", AnomalyState::Closed),
        anomaly(2, "service=checkout", AnomalyState::Open),
    ];
    s.analyzer.commit(AnalyzerCommit { anomalies: all.clone(), ..AnalyzerCommit::default() }).await?;
    let said = Feedback::of(&all[2], Opinion::Noise, Voice::Person, "ann", at(9));
    s.feedback.say(said, by_alice("anomaly.feedback")).await?;
    let any = AnomalyFilter::default;
    let checkout = || Some("service=checkout".to_owned());
    let table: [(AnomalyFilter, &[usize]); 11] = [
        (any(), &[2, 1, 0]),
        (AnomalyFilter { monitor_id: Some(monitor.id), ..any() }, &[1, 0]),
        (AnomalyFilter { entity: checkout(), ..any() }, &[2, 1]),
        (AnomalyFilter { entity: checkout(), state: Some(AnomalyState::Closed), ..any() }, &[1]),
        (AnomalyFilter { state: Some(AnomalyState::Open), ..any() }, &[2, 0]),
        (AnomalyFilter { from: Some(at(1)), to: Some(at(2)), ..any() }, &[1]),
        (AnomalyFilter { said: Some(Said::Noise), ..any() }, &[2]),
        (AnomalyFilter { said: Some(Said::Useful), ..any() }, &[]),
        (AnomalyFilter { said: Some(Said::Nothing), ..any() }, &[1, 0]),
        (AnomalyFilter { search: Some("CART".to_owned()), ..any() }, &[0]),
        (AnomalyFilter { search: Some("(50 %".to_owned()), ..any() }, &[1, 0]),
    ];
    for (filter, expected) in table {
        let page = PageRequest { limit: 1, cursor: None };
        let mut found = s.incidents.list_anomalies(&filter, &page).await?;
        let mut ids: Vec<_> = found.items.iter().map(|a| a.id).collect();
        while let Some(cursor) = found.next_cursor {
            found = s.incidents.list_anomalies(&filter, &PageRequest { limit: 1, cursor: Some(cursor) }).await?;
            ids.extend(found.items.iter().map(|a| a.id));
        }
        assert_eq!(ids, expected.iter().map(|n| all[*n].id).collect::<Vec<_>>(), "{filter:?}");
    }
    Ok(())
}

/// An incident that nobody touched and that got well by itself says so of its anomalies.
///
/// # Errors
/// As the store's.
pub async fn what_ends_by_itself_is_remembered(s: &Stores) -> Result<()> {
    let incident = s.open(samples::incident("a", "service=a")).await?;
    let anomaly = samples::anomaly(new_id(), Some(incident.id));
    s.analyzer.commit(AnalyzerCommit { anomalies: vec![anomaly.clone()], ..AnalyzerCommit::default() }).await?;
    let event = samples::event(incident.id, EventKind::Resolved, "over");
    let write = IncidentWrite::ResolveNatural { id: incident.id, at: at(60), event };
    s.analyzer.commit(AnalyzerCommit { incidents: vec![write], ..AnalyzerCommit::default() }).await?;
    assert_eq!(s.incidents.incident(incident.id).await?.state, IncidentState::Resolved);
    let said = s.feedback.feedback_on(anomaly.id).await?;
    assert_eq!(said.iter().map(|f| (f.opinion, f.voice)).collect::<Vec<_>>(), [(Opinion::Noise, Voice::ByItself)]);
    Ok(())
}

/// Memories go by age or by monitor, parked batches are remembered.
///
/// # Errors
/// As the store's.
pub async fn memories_are_swept_and_parked_batches_told(s: &Stores) -> Result<()> {
    let (one, two) = (new_id(), new_id());
    let row = |monitor_id, key: &str, secs| StateRow {
        monitor_id,
        key: key.to_owned(),
        as_of: at(secs),
        state: serde_json::json!({"v": 1}),
    };
    let states = vec![row(one, "old", 1), row(one, "new", 100), row(two, "new", 100)];
    s.analyzer.commit(AnalyzerCommit { states, ..AnalyzerCommit::default() }).await?;
    assert_eq!(s.memory.drop_states(at(50)).await?, 1);
    assert_eq!(s.memory.drop_states_of(two).await?, 1);
    assert_eq!(s.analyzer.states(one).await?.len(), 1);
    let parked = Parked { monitor_id: one, at: at(9), from: at(1), to: at(2), reason: "refused".to_owned() };
    s.memory.park(parked.clone()).await?;
    assert_eq!(s.memory.parked(at(8)).await?, [parked]);
    assert!(s.memory.parked(at(9)).await?.is_empty());
    Ok(())
}
