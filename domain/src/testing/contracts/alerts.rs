//! Contracts of [`crate::ports::AlertStore`] and [`crate::ports::AlertQueue`].

use super::{Stores, by_alice, conflict};
use crate::alert::{AlertState, Incoming, Receipt, Told, prepare};
use crate::anomaly::AnomalyState;
use crate::catalog::{Source, SourceKind, SourceSpec};
use crate::incident::{EventKind, IncidentState};
use crate::page::PageRequest;
use crate::ports::{AlertFilter, AnalyzerCommit, IncidentWrite, Intake, Placement};
use crate::testing::{samples, together};
use crate::{Id, Labels, Result, Time, new_id};

/// A sender of alerts, as stored.
async fn sender(s: &Stores) -> Result<Source> {
    let spec = SourceSpec {
        kind: SourceKind::Alertmanager,
        url: String::new(),
        credentials: crate::catalog::Credentials::None,
        ..samples::source()
    };
    s.sources.create(samples::draft("alerts", spec), by_alice("source.create")).await
}

fn told(fingerprint: &str, state: AlertState, start: Option<i64>) -> Told {
    let labels: Labels = [("alertname", "Down"), ("service", fingerprint), ("odd", "a\nb'\"; $(x)")]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    Told {
        fingerprint: fingerprint.to_owned(),
        name: "Down".to_owned(),
        labels,
        annotations: Labels::new(),
        state,
        starts_at: start.map(samples::at),
        ends_at: (state == AlertState::Resolved).then(|| samples::at(start.unwrap_or(0) + 60)),
        link: String::new(),
        unknown: false,
        note: String::new(),
    }
}

fn intake(source: &Source, alerts: Vec<Told>, now: Time) -> Intake {
    let alerts = alerts.into_iter().map(|t| prepare(t, "group", source, now)).collect::<Vec<Incoming>>();
    Intake { source_id: source.id, group: "group".to_owned(), alerts, omitted: 0, now }
}

async fn accept(s: &Stores, source: &Source, alerts: Vec<Told>, now: i64) -> Result<Receipt> {
    let intake = intake(source, alerts, samples::at(now));
    s.alerts.accept(intake, by_alice("alerts.accept")).await
}

async fn stored(s: &Stores) -> Result<Vec<crate::alert::Alert>> {
    Ok(s.alerts.list_alerts(&AlertFilter::default(), &PageRequest::default()).await?.items)
}

use AlertState::{Firing, Resolved};

/// A call told twice is stored once, in whatever order its parts come; nothing fires again after its end.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn alerts_are_known_by_identity(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    let first = accept(s, &source, vec![told("a", Firing, Some(0)), told("b", Firing, Some(0))], 1).await?;
    assert_eq!((first.alerts, first.opened, first.repeated), (2, 2, 0));
    let again = accept(s, &source, vec![told("a", Firing, Some(0))], 2).await?;
    assert_eq!((again.opened, again.repeated), (0, 1));
    let over = accept(s, &source, vec![told("a", Resolved, Some(0))], 61).await?;
    assert_eq!((over.resolved, over.repeated), (1, 0));
    // A day later the same call comes again.
    let replay = accept(s, &source, vec![told("a", Firing, Some(0))], 86_400).await?;
    assert_eq!((replay.opened, replay.late), (0, 1));
    // It fires anew: another start.
    assert_eq!(accept(s, &source, vec![told("a", Firing, Some(90_000))], 90_001).await?.opened, 1);
    let all = stored(s).await?;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|a| a.labels["odd"] == "a\nb'\"; $(x)"), "labels byte for byte");
    assert_eq!(all.iter().filter(|a| a.state == Resolved).count(), 1);
    let groups = s.alerts.alert_groups(Some(source.id)).await?;
    assert_eq!((groups.len(), groups[0].alerts), (1, 1));
    Ok(())
}

/// Resolved before firing: nothing fires, now or later. One that nobody told as firing does nothing.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn resolved_first_opens_nothing(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    let unknown = accept(s, &source, vec![told("a", Resolved, Some(0))], 61).await?;
    assert_eq!((unknown.ignored, unknown.opened), (1, 0));
    let late = accept(s, &source, vec![told("a", Firing, Some(0))], 62).await?;
    assert_eq!((late.late, late.opened), (1, 0));
    assert!(s.alert_queue.unplaced(10).await?.is_empty(), "nothing is handed to correlation");
    // Both in one call, the end first or last: fired and over, to be placed once, and it opens nothing.
    let both = accept(s, &source, vec![told("b", Firing, Some(5)), told("b", Resolved, Some(5))], 70).await?;
    assert_eq!((both.opened, both.resolved), (1, 1));
    let waiting = s.alert_queue.unplaced(10).await?;
    assert_eq!((waiting.len(), waiting[0].state), (1, Resolved));
    Ok(())
}

/// Without a start, the alert of the fingerprint that fires now is meant.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn undated_alerts_have_one_life_at_a_time(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    assert_eq!(accept(s, &source, vec![told("a", Firing, None), told("a", Firing, None)], 1).await?.opened, 1);
    assert_eq!(accept(s, &source, vec![told("a", Firing, None)], 9).await?.repeated, 1);
    assert_eq!(accept(s, &source, vec![told("a", Resolved, None)], 20).await?.resolved, 1);
    assert_eq!(accept(s, &source, vec![told("a", Firing, None)], 30).await?.opened, 1);
    assert_eq!(stored(s).await?.len(), 2);
    Ok(())
}

/// P25: the same call from two senders at once is one alert, round after round.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn p25a_two_senders_at_once_are_one_alert(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    for round in 0..25 {
        let name = format!("round-{round}");
        let send = || {
            let (alerts, call) =
                (s.alerts.clone(), intake(&source, vec![told(&name, Firing, Some(0))], samples::at(1)));
            async move { alerts.accept(call, by_alice("alerts.accept")).await }
        };
        let receipts = together([send(), send()]).await.into_iter().collect::<Result<Vec<_>>>()?;
        assert_eq!(receipts.iter().map(|r| r.opened).sum::<u64>(), 1, "{name}");
        assert_eq!(receipts.iter().map(|r| r.repeated).sum::<u64>(), 1, "{name}");
    }
    assert_eq!(s.alert_queue.unplaced(100).await?.len(), 25);
    Ok(())
}

/// Opens an incident for the alert and places it.
async fn placed(s: &Stores, alert: &crate::alert::Alert, service: &str) -> Result<Id> {
    let incident = samples::incident(service, &format!("service={service}"));
    let mut anomaly = alert.anomaly();
    anomaly.incident_id = Some(incident.id);
    let id = incident.id;
    let events = vec![samples::event(id, EventKind::Opened, "opened")];
    let commit = AnalyzerCommit {
        incidents: vec![IncidentWrite::Open { incident: Box::new(incident), events }],
        anomalies: vec![anomaly],
        ..AnalyzerCommit::default()
    };
    let placement = Placement { alert_id: alert.id, revision: alert.revision, incident_id: Some(id) };
    s.alert_queue.place(commit, vec![placement]).await?;
    Ok(id)
}

/// Placing is one step and done once; what changed meanwhile is handed out again; what fires holds its incident open.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn placing_is_one_step(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    accept(s, &source, vec![told("a", Firing, Some(0)), told("b", Firing, Some(0))], 1).await?;
    let waiting = s.alert_queue.unplaced(10).await?;
    assert_eq!(waiting.len(), 2);
    let id = placed(s, &waiting[0], "checkout").await?;
    let second = Placement { alert_id: waiting[0].id, revision: 1, incident_id: None };
    let other = samples::incident("other", "service=other");
    let events = vec![samples::event(other.id, EventKind::Opened, "opened")];
    let lost = IncidentWrite::Open { incident: Box::new(other.clone()), events };
    let commit = AnalyzerCommit { incidents: vec![lost], ..AnalyzerCommit::default() };
    conflict(s.alert_queue.place(commit, vec![second]).await);
    assert!(s.incidents.incident(other.id).await.is_err(), "nothing of a lost placement is written");
    // The other one ends between reading and placing.
    accept(s, &source, vec![told("b", Resolved, Some(0))], 62).await?;
    let stale = Placement { alert_id: waiting[1].id, revision: waiting[1].revision, incident_id: Some(id) };
    s.alert_queue.place(AnalyzerCommit::default(), vec![stale]).await?;
    let again = s.alert_queue.unplaced(10).await?;
    assert_eq!((again.len(), again[0].state, again[0].incident_id), (1, Resolved, Some(id)));
    let event = samples::event(id, EventKind::Resolved, "quiet");
    let over = IncidentWrite::ResolveNatural { id, at: samples::at(100), event };
    let commit = AnalyzerCommit { incidents: vec![over], ..AnalyzerCommit::default() };
    s.analyzer.commit(commit.clone()).await?;
    assert_eq!(s.incidents.incident(id).await?.state, IncidentState::Open, "an alert of it still fires");
    accept(s, &source, vec![told("a", Resolved, Some(0))], 63).await?;
    s.analyzer.commit(commit).await?;
    assert_eq!(s.incidents.incident(id).await?.state, IncidentState::Resolved);
    assert_eq!(s.incidents.anomalies_of(id).await?[0].state, AnomalyState::Open, "its closing is yet to come");
    Ok(())
}

/// What goes on is handed out again after a while, not at each repetition.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn what_goes_on_is_news_now_and_then(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    accept(s, &source, vec![told("a", Firing, Some(0))], 1).await?;
    let alert = s.alert_queue.unplaced(10).await?.remove(0);
    placed(s, &alert, "checkout").await?;
    accept(s, &source, vec![told("a", Firing, Some(0))], 10).await?;
    assert!(s.alert_queue.unplaced(10).await?.is_empty());
    accept(s, &source, vec![told("a", Firing, Some(0))], 45).await?;
    assert_eq!(s.alert_queue.unplaced(10).await?.len(), 1);
    Ok(())
}

/// A source's token is kept as a hash and can be taken away.
///
/// # Errors
/// As the store's.
///
/// # Panics
/// When the contract is broken.
pub async fn tokens_are_kept_as_hashes(s: &Stores) -> Result<()> {
    let source = sender(s).await?;
    assert_eq!(s.alerts.token_hash(source.id).await?, None);
    for hash in ["one", "two"] {
        let set = s.alerts.set_token_hash(source.id, Some(hash.to_owned()), samples::at(0), by_alice("token.set"));
        set.await?;
        assert_eq!(s.alerts.token_hash(source.id).await?.as_deref(), Some(hash));
    }
    s.alerts.set_token_hash(source.id, None, samples::at(0), by_alice("token.drop")).await?;
    assert_eq!(s.alerts.token_hash(source.id).await?, None);
    assert!(s.alerts.set_token_hash(new_id(), None, samples::at(0), by_alice("token.drop")).await.is_err());
    Ok(())
}
