//! Tests of correlation: joining, opening, reopening and natural recovery.

use super::*;
use domain::anomaly::{AnomalyKind, Evidence, Recovery};
use domain::clock::from_millis;
use std::collections::BTreeMap;

fn at(seconds: i64) -> DateTime<Utc> {
    from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn anomaly(entity: &str, signal: SignalKind, started: i64) -> Anomaly {
    Anomaly {
        id: domain::new_id(),
        monitor_id: domain::new_id(),
        monitor_name: "m".to_owned(),
        series_key: format!("{entity}-{started}"),
        entity: entity.to_owned(),
        labels: BTreeMap::new(),
        signal,
        kind: AnomalyKind::Level,
        state: AnomalyState::Open,
        started_at: at(started),
        last_seen_at: at(started),
        ended_at: None,
        score: 0.9,
        observed: 2.0,
        expected: 1.0,
        lower: 0.5,
        upper: 1.5,
        evidence: Evidence::default(),
        recovery: Recovery::Closed,
        incident_id: None,
    }
}

fn change(anomaly: Anomaly) -> Change {
    Change { anomaly, severity: Severity::Warning }
}

fn place(c: &mut Correlator, changes: &mut [Change], incidents: &[Incident], now: i64) -> Vec<IncidentWrite> {
    c.place(changes, incidents, &TraceContext::random(), at(now))
}

fn opened(writes: &[IncidentWrite]) -> Vec<Incident> {
    writes
        .iter()
        .filter_map(|w| if let IncidentWrite::Open { incident, .. } = w { Some((**incident).clone()) } else { None })
        .collect()
}

#[test]
fn what_begins_together_is_one_incident_and_the_callee_is_blamed() {
    let mut correlator = Correlator::default();
    correlator.set_topology(Topology::new([("service=front".to_owned(), "service=checkout".to_owned())]));
    let mut changes = [
        change(anomaly("service=front", SignalKind::Errors, 0)),
        change(anomaly("service=checkout", SignalKind::Errors, 2)),
    ];
    let writes = place(&mut correlator, &mut changes, &[], 3);
    let incidents = opened(&writes);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].entity, "service=checkout");
    assert!(changes.iter().all(|c| c.anomaly.incident_id == Some(incidents[0].id)));
}

#[test]
fn incidents_do_not_chain_over_time() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let one = opened(&place(&mut correlator, &mut first, &[], 0));
    let mut second = [change(anomaly("service=b", SignalKind::Latency, 120))];
    assert!(opened(&place(&mut correlator, &mut second, &one, 120)).is_empty(), "within the window: joins");
    let mut third = [change(anomaly("service=c", SignalKind::Latency, 240))];
    let two = opened(&place(&mut correlator, &mut third, &one, 240));
    assert_eq!(two.len(), 1, "near to the second, far from the start: its own incident");
}

#[test]
fn unlinked_services_stay_apart_when_the_graph_is_known() {
    let mut correlator = Correlator::default();
    correlator.set_topology(Topology::new([("service=x".to_owned(), "service=y".to_owned())]));
    let mut changes =
        [change(anomaly("service=a", SignalKind::Latency, 0)), change(anomaly("service=b", SignalKind::Latency, 1))];
    assert_eq!(opened(&place(&mut correlator, &mut changes, &[], 1)).len(), 2);
}

#[test]
fn a_relapse_within_the_soak_reopens_and_a_later_one_is_new() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let mut stored = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
    stored.state = IncidentState::Resolved;
    stored.resolved_at = Some(at(100));
    let mut again = [change(anomaly("service=a", SignalKind::Latency, 300))];
    let writes = place(&mut correlator, &mut again, std::slice::from_ref(&stored), 300);
    assert!(writes.iter().any(|w| matches!(w, IncidentWrite::Reopen { id, .. } if *id == stored.id)));
    let mut late = [change(anomaly("service=a", SignalKind::Latency, 100 + DEFAULT_SOAK_SECS + 1))];
    assert_eq!(opened(&place(&mut correlator, &mut late, &[stored], 800)).len(), 1);
}

#[test]
fn the_policy_says_how_long_a_relapse_reopens() {
    for (soak_until, started, reopens) in [(150, 140, true), (150, 151, false), (2_000, 1_900, true)] {
        let mut correlator = Correlator::default();
        let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
        let mut stored = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
        (stored.state, stored.resolved_at) = (IncidentState::Resolved, Some(at(100)));
        stored.soak_until = Some(at(soak_until));
        let mut again = [change(anomaly("service=a", SignalKind::Latency, started))];
        let writes = place(&mut correlator, &mut again, &[stored], started);
        let reopened = writes.iter().any(|w| matches!(w, IncidentWrite::Reopen { .. }));
        assert_eq!((reopened, opened(&writes).is_empty()), (reopens, reopens), "{soak_until} {started}");
    }
}

#[test]
fn a_relapse_does_not_go_to_an_incident_that_cannot_come_back() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Errors, 0))];
    let mut resolved = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
    (resolved.state, resolved.resolved_at) = (IncidentState::Resolved, Some(at(100)));
    let successor = Incident { id: domain::new_id(), state: IncidentState::Escalated, ..resolved.clone() };
    let mut other = [change(anomaly("service=a", SignalKind::Latency, 400))];
    let writes = place(&mut correlator, &mut other, &[resolved, successor], 400);
    assert_eq!(opened(&writes).len(), 1, "{writes:?}");
}

#[test]
fn what_goes_on_after_it_was_resolved_comes_back() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let mut stored = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
    (stored.state, stored.resolved_at) = (IncidentState::Resolved, Some(at(100)));
    let stored = [stored];
    assert!(correlator.relapses(&stored, at(200)).is_empty(), "nothing was seen after the resolution");
    first[0].anomaly.last_seen_at = at(170);
    correlator.follow(&first[0].anomaly);
    let writes = correlator.relapses(&stored, at(200));
    assert!(matches!(&writes[..], [IncidentWrite::Reopen { id, .. }] if *id == stored[0].id), "{writes:?}");
}

#[test]
fn members_that_closed_before_a_restart_count() {
    let mut closed = anomaly("service=a", SignalKind::Latency, 0);
    let mut before = [change(closed.clone())];
    let stored = opened(&place(&mut Correlator::default(), &mut before, &[], 0)).remove(0);
    (closed.state, closed.ended_at, closed.incident_id) = (AnomalyState::Closed, Some(at(60)), Some(stored.id));
    let mut correlator = Correlator::default();
    correlator.adopt(&[closed]);
    assert_eq!(correlator.natural_recoveries(&[stored], at(120)).len(), 1);
}

#[test]
fn only_incidents_nobody_acts_on_resolve_by_themselves() {
    let mut correlator = Correlator::default();
    let mut changes = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let mut stored = opened(&place(&mut correlator, &mut changes, &[], 0)).remove(0);
    assert!(correlator.natural_recoveries(std::slice::from_ref(&stored), at(500)).is_empty(), "still open");
    changes[0].anomaly.state = AnomalyState::Closed;
    changes[0].anomaly.ended_at = Some(at(60));
    place(&mut correlator, &mut changes, std::slice::from_ref(&stored), 60);
    assert!(correlator.natural_recoveries(std::slice::from_ref(&stored), at(70)).is_empty(), "too early");
    assert_eq!(correlator.natural_recoveries(std::slice::from_ref(&stored), at(120)).len(), 1);
    stored.state = IncidentState::Verifying;
    assert!(correlator.natural_recoveries(&[stored], at(120)).is_empty(), "the verification speaks");
}

#[test]
fn what_is_acted_on_keeps_its_target() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let mut stored = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
    stored.state = IncidentState::Healing;
    let mut more: Vec<Change> = (0..5).map(|i| change(anomaly("service=b", SignalKind::Saturation, i))).collect();
    let writes = place(&mut correlator, &mut more, &[stored], 5);
    let IncidentWrite::Update { entity, causes, .. } = &writes[0] else { panic!("an update: {writes:?}") };
    assert_eq!(entity, "service=a");
    assert_eq!(causes[0].entity, "service=b", "the rank may still be read");
}

#[test]
fn an_escalated_incident_takes_up_its_own_trouble_only() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=a", SignalKind::Latency, 0))];
    let mut stored = opened(&place(&mut correlator, &mut first, &[], 0)).remove(0);
    stored.state = IncidentState::Escalated;
    let mut same = [change(anomaly("service=a", SignalKind::Latency, 400))];
    assert!(opened(&place(&mut correlator, &mut same, std::slice::from_ref(&stored), 400)).is_empty());
    let mut other = [change(anomaly("service=a", SignalKind::Errors, 400))];
    assert_eq!(opened(&place(&mut correlator, &mut other, &[stored], 400)).len(), 1);
}

#[test]
fn an_entity_as_a_whole_opens_nothing_by_itself() {
    let mut correlator = Correlator::default();
    let mut whole = anomaly("service=a", SignalKind::Other, 0);
    whole.kind = AnomalyKind::Entity;
    let mut changes = [change(whole)];
    assert!(place(&mut correlator, &mut changes, &[], 0).is_empty());
    assert_eq!(changes[0].anomaly.incident_id, None);
}

#[test]
fn what_begins_elsewhere_during_a_repair_is_another_incident() {
    let mut correlator = Correlator::default();
    let mut first =
        [change(anomaly("service=a", SignalKind::Latency, 0)), change(anomaly("service=b", SignalKind::Latency, 1))];
    let mut stored = opened(&place(&mut correlator, &mut first, &[], 1)).remove(0);
    stored.state = IncidentState::Verifying;
    let target = stored.entity.clone();
    let other = if target == "service=a" { "service=b" } else { "service=a" };
    let mut of_target = [change(anomaly(&target, SignalKind::Saturation, 90))];
    assert!(opened(&place(&mut correlator, &mut of_target, std::slice::from_ref(&stored), 90)).is_empty());
    let mut soon = [change(anomaly(other, SignalKind::Saturation, 20))];
    assert!(opened(&place(&mut correlator, &mut soon, std::slice::from_ref(&stored), 91)).is_empty());
    let mut late = [change(anomaly(other, SignalKind::Saturation, 92))];
    assert_eq!(opened(&place(&mut correlator, &mut late, &[stored], 92)).len(), 1);
}

/// An alert of a group, as a member.
fn alert(entity: &str, started: i64, group: &str) -> Anomaly {
    Anomaly {
        kind: AnomalyKind::Alert,
        series_key: format!("alert|{group}|{entity}"),
        recovery: Recovery::Told,
        ..anomaly(entity, SignalKind::Other, started)
    }
}

#[test]
fn alerts_and_anomalies_meet_in_one_incident() {
    let mut correlator = Correlator::default();
    let mut first = [change(anomaly("service=checkout", SignalKind::Errors, 0))];
    let stored = opened(&place(&mut correlator, &mut first, &[], 0));
    let mut told = [change(alert("service=checkout", 40, "-"))];
    assert!(opened(&place(&mut correlator, &mut told, &stored, 41)).is_empty());
    assert_eq!(told[0].anomaly.incident_id, Some(stored[0].id));
    let mut alone = [change(alert("service=search", 900, "-"))];
    let of_alerts = opened(&place(&mut correlator, &mut alone, &stored, 900));
    assert_eq!(of_alerts.len(), 1, "alerts alone open an incident");
}

#[test]
fn p25c_a_group_of_many_targets_is_one_incident_with_a_bounded_number_of_members() {
    let mut correlator = Correlator::default();
    correlator.set_topology(Topology::new([("service=x".to_owned(), "service=y".to_owned())]));
    let mut storm: Vec<Change> =
        (0..500).map(|i| change(alert(&format!("service=s{}", i % 50), i % 20, "sender:group"))).collect();
    for (i, one) in storm.iter_mut().enumerate() {
        one.anomaly.series_key = format!("alert|sender:group|{i}");
    }
    let writes = place(&mut correlator, &mut storm, &[], 20);
    let incidents = opened(&writes);
    assert_eq!(incidents.len(), 1, "one group, one incident, though its targets are not linked");
    assert!(storm.iter().all(|c| c.anomaly.incident_id == Some(incidents[0].id)));
    let kept = storm.iter().filter(|c| correlator.has(incidents[0].id, c.anomaly.id)).count();
    assert_eq!(kept, MAX_MEMBERS);
    let IncidentWrite::Open { events, .. } = &writes[0] else { panic!("{writes:?}") };
    assert!(events.iter().any(|e| e.data["beyond"] == 300), "what is not shown one by one is counted");
    let mut other = [change(alert("service=far", 5, "sender:other"))];
    assert_eq!(opened(&place(&mut correlator, &mut other, &incidents, 21)).len(), 1, "another group, another incident");
}

#[test]
fn an_incident_does_not_grow_from_neighbour_to_neighbour() {
    let mut correlator = Correlator::default();
    let chain: Vec<(String, String)> =
        (0..12).map(|i| (format!("service=c{i}"), format!("service=c{}", i + 1))).collect();
    correlator.set_topology(Topology::new(chain));
    let mut stored: Vec<Incident> = Vec::new();
    for i in 0..12 {
        let mut next = [change(anomaly(&format!("service=c{i}"), SignalKind::Latency, i))];
        next[0].anomaly.score = 0.99 - i as f64 * 0.01;
        stored.extend(opened(&place(&mut correlator, &mut next, &stored, i)));
    }
    assert!(stored.len() > 1, "the far end of a chain of twelve is another incident");
}

#[test]
fn alerts_that_are_over_end_an_incident_of_alerts_and_say_that_nothing_was_measured() {
    let mut correlator = Correlator::default();
    let mut first = [change(alert("service=a", 0, "-"))];
    let stored = opened(&place(&mut correlator, &mut first, &[], 0));
    let mut over = first[0].anomaly.clone();
    (over.state, over.ended_at) = (AnomalyState::Closed, Some(at(60)));
    place(&mut correlator, &mut [change(over)], &stored, 61);
    assert!(correlator.natural_recoveries(&stored, at(70)).is_empty());
    let writes = correlator.natural_recoveries(&stored, at(95));
    let [IncidentWrite::ResolveNatural { event, .. }] = writes.as_slice() else { panic!("{writes:?}") };
    assert!(event.message.contains("nothing of ours measured it"));
    assert!(domain::testing::sentences::known(&event.message));
}

#[test]
fn a_member_that_a_person_moved_counts_where_it_was_put() {
    let mut correlator = Correlator::default();
    let mut both = [change(anomaly("service=a", SignalKind::Errors, 0))];
    let one = opened(&place(&mut correlator, &mut both, &[], 0)).remove(0);
    let to = domain::new_id();
    let moved = correlator.moved(both[0].anomaly.id, to).expect("it is known");
    assert_eq!(moved.incident_id, Some(to));
    assert!(correlator.has(to, moved.id) && !correlator.has(one.id, moved.id));
    assert!(correlator.moved(domain::new_id(), to).is_none());
}
