//! Contracts of [`crate::ports::IncidentWorkStore`].

use super::{Stores, by_alice, conflict, failed};
use crate::anomaly::Anomaly;
use crate::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState, Severity};
use crate::ports::{AnalyzerCommit, IncidentWrite, Split};
use crate::testing::samples;
use crate::{Id, Kind, Result, new_id};

fn remark(id: Id, kind: EventKind) -> IncidentEvent {
    IncidentEvent::new(id, samples::at(500), kind, Actor::User { name: "alice".to_owned() }, "because")
}

/// An open incident with `n` anomalies.
async fn with_members(s: &Stores, service: &str, n: usize) -> Result<(Incident, Vec<Anomaly>)> {
    let incident = s.open(samples::incident(service, &format!("service={service}"))).await?;
    let members: Vec<Anomaly> = (0..n)
        .map(|i| {
            let anomaly = samples::anomaly(new_id(), Some(incident.id));
            Anomaly { entity: format!("service={service}-{i}"), ..anomaly }
        })
        .collect();
    let commit = AnalyzerCommit { anomalies: members.clone(), ..AnalyzerCommit::default() };
    s.analyzer.commit(commit).await?;
    Ok((incident, members))
}

async fn kinds(s: &Stores, id: Id) -> Result<Vec<EventKind>> {
    Ok(s.incidents.events(id, None, 100).await?.into_iter().map(|e| e.kind).collect())
}

/// Assigning and judging by hand lock optimistically, are told and audited; the judged severity stays.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn people_assign_and_judge(s: &Stores) -> Result<()> {
    let (incident, _) = with_members(s, "checkout", 1).await?;
    let (id, before) = (incident.id, s.audit.verify_audit().await?);
    let event = remark(id, EventKind::Assigned);
    let taken = s.work.assign(id, incident.version, Some("bob".to_owned()), event.clone(), by_alice("incident.assign"));
    let taken = taken.await?;
    assert_eq!(taken.version, incident.version + 1);
    conflict(s.work.assign(id, incident.version, None, event, by_alice("incident.assign")).await);
    let event = remark(id, EventKind::SeveritySet);
    let audit = by_alice("incident.severity");
    let judged = s.work.set_severity(id, taken.version, Severity::Info, event, audit).await?;
    assert_eq!(judged.severity, Severity::Info);
    let work = s.work.work_of(id).await?;
    assert_eq!((work.assignee.as_deref(), work.severity_by.as_deref()), (Some("bob"), Some("alice")));
    let louder = IncidentWrite::Update {
        id,
        severity: Severity::Critical,
        entity: incident.entity.clone(),
        entities: vec![incident.entity.clone()],
        causes: Vec::new(),
        events: vec![samples::event(id, EventKind::AnomalyAdded, "more")],
    };
    s.analyzer.commit(AnalyzerCommit { incidents: vec![louder], ..AnalyzerCommit::default() }).await?;
    assert_eq!(s.incidents.incident(id).await?.severity, Severity::Info, "what a person judged stays");
    assert_eq!(s.audit.verify_audit().await?, before + 2);
    assert!(kinds(s, id).await?.ends_with(&[EventKind::Assigned, EventKind::SeveritySet, EventKind::AnomalyAdded]));
    assert_eq!(failed(s.work.work_of(new_id()).await).kind, Kind::NotFound);
    Ok(())
}

/// Merging moves all members for good, and what the analyzer still writes to the merged one reaches the other.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn merging_moves_everything(s: &Stores) -> Result<()> {
    let (from, members) = with_members(s, "cart", 2).await?;
    let (into, _) = with_members(s, "checkout", 1).await?;
    let event = remark(from.id, EventKind::Merged);
    let audit = || by_alice("incident.merge");
    assert_eq!(failed(s.work.merge(from.id, 1, from.id, event.clone(), audit()).await).kind, Kind::Invalid);
    conflict(s.work.merge(from.id, from.version + 9, into.id, event.clone(), audit()).await);
    let after = s.work.merge(from.id, from.version, into.id, event.clone(), audit()).await?;
    assert_eq!(after.id, into.id);
    assert!(after.entities.iter().any(|e| e.contains("cart")), "{:?}", after.entities);
    assert_eq!(s.incidents.incident(from.id).await?.state, IncidentState::Merged);
    assert_eq!(s.incidents.anomalies_of(into.id).await?.len(), 3);
    let stored = s.incidents.incident(from.id).await?;
    conflict(s.work.merge(from.id, stored.version, into.id, event, audit()).await);
    let work = s.work.work_of(from.id).await?;
    assert_eq!(work.merged_into, Some(into.id));
    assert_eq!(s.work.work_of(into.id).await?.merged, [from.id]);
    assert_eq!(s.alert_queue.moved_since(0).await?.len(), 2);
    // The analyzer does not know yet.
    let update = IncidentWrite::Update {
        id: from.id,
        severity: Severity::Warning,
        entity: into.entity.clone(),
        entities: vec![into.entity.clone()],
        causes: Vec::new(),
        events: vec![samples::event(from.id, EventKind::AnomalyAdded, "late")],
    };
    let commit =
        AnalyzerCommit { incidents: vec![update], anomalies: vec![members[0].clone()], ..AnalyzerCommit::default() };
    assert_eq!(s.analyzer.commit(commit).await?, [(from.id, into.id)]);
    assert_eq!(s.incidents.anomalies_of(into.id).await?.len(), 3);
    assert!(kinds(s, into.id).await?.ends_with(&[EventKind::Merged, EventKind::AnomalyAdded]));
    assert_eq!(s.incidents.incident(from.id).await?.state, IncidentState::Merged, "nothing leaves merged");
    Ok(())
}

/// Splitting makes an incident of the named members; some stay; the analyzer does not move them back.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn splitting_takes_some_members(s: &Stores) -> Result<()> {
    let (incident, members) = with_members(s, "checkout", 3).await?;
    let split =
        |anomalies: Vec<Id>, version| Split { id: incident.id, version, anomalies, title: Some("apart".to_owned()) };
    let event = || remark(incident.id, EventKind::Split);
    let audit = || by_alice("incident.split");
    let all = members.iter().map(|m| m.id).collect();
    for wrong in [Vec::new(), vec![new_id()], all] {
        assert_eq!(failed(s.work.split(split(wrong, incident.version), event(), audit()).await).kind, Kind::Invalid);
    }
    conflict(s.work.split(split(vec![members[0].id], 99), event(), audit()).await);
    let (stays, fresh) = s.work.split(split(vec![members[0].id], incident.version), event(), audit()).await?;
    assert_eq!(
        (fresh.title.as_str(), fresh.state, fresh.entity.as_str()),
        ("apart", IncidentState::Open, "service=checkout-0")
    );
    assert_eq!((stays.id, stays.entities.len()), (incident.id, 2));
    let commit = AnalyzerCommit { anomalies: vec![members[0].clone()], ..AnalyzerCommit::default() };
    s.analyzer.commit(commit).await?;
    assert_eq!(s.incidents.anomalies_of(fresh.id).await?.len(), 1, "a moved member stays where it was put");
    assert_eq!(s.work.work_of(fresh.id).await?.split_from, Some(incident.id));
    assert_eq!(kinds(s, fresh.id).await?, [EventKind::Opened]);
    Ok(())
}

/// Noise is counted by day and by what opened the incidents.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn noise_is_counted_by_day(s: &Stores) -> Result<()> {
    with_members(s, "checkout", 1).await?;
    with_members(s, "cart", 1).await?;
    let days = s.work.noise(samples::at(-86_400)).await?;
    assert_eq!(days.iter().map(|d| d.incidents).sum::<u64>(), 2);
    assert_eq!(days.iter().flat_map(|d| d.by.values()).sum::<u64>(), 2);
    assert!(s.work.noise(samples::at(86_400 * 3_650)).await?.is_empty());
    Ok(())
}
