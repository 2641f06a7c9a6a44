//! Tests of placing alerts: what opens, what closes, what does nothing.

use super::Engine;
use domain::alert::{Alert, AlertState};
use domain::clock::from_millis;
use domain::incident::{Incident, IncidentState, Severity};
use domain::ports::{AnalyzerCommit, IncidentWrite};
use domain::signal::SignalKind;
use domain::{Labels, new_id};

fn at(secs: i64) -> domain::Time {
    from_millis(1_700_000_000_000 + secs * 1_000)
}

fn alert(n: usize) -> Alert {
    Alert {
        id: new_id(),
        source_id: domain::Id::nil(),
        source_name: "am".to_owned(),
        fingerprint: n.to_string(),
        name: "Down".to_owned(),
        entity: format!("service=s{n}"),
        signal: SignalKind::Availability,
        severity: Severity::Critical,
        labels: Labels::from([("odd".to_owned(), "$(touch pwned)\n".to_owned())]),
        annotations: Labels::new(),
        link: String::new(),
        group: "g".to_owned(),
        state: AlertState::Firing,
        starts_at: at(0),
        ends_at: None,
        first_seen_at: at(1),
        last_seen_at: at(1),
        deliveries: 1,
        unknown: false,
        note: String::new(),
        incident_id: None,
        revision: 1,
    }
}

fn stored(commit: &AnalyzerCommit) -> Vec<Incident> {
    let open = |w: &IncidentWrite| match w {
        IncidentWrite::Open { incident, .. } => Some((**incident).clone()),
        _ => None,
    };
    commit.incidents.iter().filter_map(open).collect()
}

#[test]
fn p23_labels_of_an_alert_stay_data_in_its_incident() {
    let mut engine = Engine::default();
    let (commit, placed) = engine.place_alerts(&[alert(1)], &[], at(2));
    let incidents = stored(&commit);
    assert_eq!((incidents.len(), incidents[0].severity), (1, Severity::Critical));
    assert_eq!(placed[0].incident_id, Some(incidents[0].id));
    assert_eq!(commit.anomalies[0].labels["odd"], "$(touch pwned)\n", "byte for byte");
    assert!(!incidents[0].title.contains("touch"), "no label value becomes part of a title");
}

#[test]
fn p25b_resolved_opens_nothing_and_ends_what_it_opened() {
    let mut engine = Engine::default();
    let over = Alert { state: AlertState::Resolved, ends_at: Some(at(9)), ..alert(1) };
    let (commit, placed) = engine.place_alerts(std::slice::from_ref(&over), &[], at(10));
    assert!(commit.incidents.is_empty() && commit.anomalies.is_empty());
    assert_eq!(placed[0].incident_id, None, "placed, and it opened nothing");
    let fires = alert(2);
    let (commit, placed) = engine.place_alerts(std::slice::from_ref(&fires), &[], at(11));
    let incidents = stored(&commit);
    let ended = Alert {
        state: AlertState::Resolved,
        ends_at: Some(at(60)),
        incident_id: placed[0].incident_id,
        revision: 2,
        ..fires
    };
    let (commit, _) = engine.place_alerts(&[ended], &incidents, at(61));
    assert!(commit.anomalies[0].ended_at.is_some());
    assert!(stored(&commit).is_empty());
    let quiet = engine.quiet(&incidents, at(95));
    assert!(matches!(quiet.incidents.as_slice(), [IncidentWrite::ResolveNatural { .. }]));
    let healing = [Incident { state: IncidentState::Verifying, ..incidents[0].clone() }];
    assert!(
        engine.quiet(&healing, at(95)).incidents.is_empty(),
        "what is being measured is not called over by a sender"
    );
}

#[test]
fn a_storm_of_twenty_thousand_is_one_incident_and_all_are_placed() {
    let mut engine = Engine::default();
    let storm: Vec<Alert> = (0..20_000).map(alert).collect();
    let (mut incidents, mut placed, mut members) = (Vec::new(), 0, 0);
    for part in storm.chunks(5_000) {
        let (commit, places) = engine.place_alerts(part, &incidents, at(2));
        incidents.extend(stored(&commit));
        assert!(places.iter().all(|p| p.incident_id == Some(incidents[0].id)));
        placed += places.len();
        members += commit.anomalies.len();
    }
    assert_eq!((incidents.len(), placed, members), (1, 20_000, crate::correlate::MAX_MEMBERS));
}
