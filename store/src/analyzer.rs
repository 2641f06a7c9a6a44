//! What the analyzer reads and writes: one tick is one transaction.

use crate::anomalies;
use crate::connect::Database;
use crate::incident_work::{home_of, severity_is_set};
use crate::notify::{self, Notice};
use crate::rows::{incident, insert_incident, lock_incident, save_incident};
use crate::sql::{Row, args, json};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::feedback::{Opinion, Voice};
use domain::incident::{Actor, Cause, EventKind, Incident, IncidentEvent, IncidentState, Severity};
use domain::ports::{AnalyzerCommit, AnalyzerStore, IncidentWrite, StateRow};
use domain::{Error, Id, Result, Time};
use std::collections::HashMap;

/// Tries to open: an active incident that blocks may be resolved between two statements.
const OPEN_TRIES: usize = 3;

#[async_trait]
impl AnalyzerStore for Database {
    async fn commit(&self, commit: AnalyzerCommit) -> Result<Vec<(Id, Id)>> {
        let mut tx = self.begin().await?;
        let joined = write(&mut tx, commit).await?;
        tx.commit_between("analyze.commit.before", "analyze.commit.after").await?;
        Ok(joined.into_iter().collect())
    }

    async fn states(&self, monitor_id: Id) -> Result<Vec<StateRow>> {
        let sql = "SELECT * FROM series_state WHERE monitor_id = $1 ORDER BY series_key";
        let read = |row: &Row| {
            let (key, as_of, state) = (row.text("series_key")?, row.time("as_of")?, row.json("state")?);
            Ok(StateRow { monitor_id, key, as_of, state })
        };
        self.rows(sql, args![monitor_id]).await?.iter().map(read).collect()
    }

    async fn live_anomalies(&self) -> Result<Vec<domain::anomaly::Anomaly>> {
        let sql = "SELECT * FROM anomalies WHERE state = 'open' OR incident_id IN \
                   (SELECT id FROM incidents WHERE state NOT IN ('resolved', 'merged')) ORDER BY started_at, id";
        self.rows(sql, Vec::new()).await?.iter().map(anomalies::read).collect()
    }

    async fn recent_incidents(&self, since: Time) -> Result<Vec<Incident>> {
        let sql = "SELECT * FROM incidents WHERE state NOT IN ('resolved', 'merged') \
                   OR (state = 'resolved' AND (resolved_at > $1 OR soak_until > $1)) ORDER BY detected_at, id";
        self.rows(sql, args![since]).await?.iter().map(incident).collect()
    }

    async fn checkpoint(&self, monitor_id: Id) -> Result<Option<Time>> {
        let row = self.row("SELECT polled_to FROM checkpoints WHERE monitor_id = $1", args![monitor_id]).await?;
        row.map(|row| row.time("polled_to")).transpose()
    }

    async fn set_checkpoint(&self, monitor_id: Id, to: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run(
            "INSERT INTO checkpoints (monitor_id, polled_to) VALUES ($1, $2) ON CONFLICT (monitor_id) \
             DO UPDATE SET polled_to = excluded.polled_to WHERE excluded.polled_to > checkpoints.polled_to",
            args![monitor_id, to],
        )
        .await?;
        tx.commit().await
    }
}

/// Writes one tick. Incidents that were not what the analyzer believed, by the id that it believed: joined to an active
/// one with the fingerprint, or merged by a person.
pub(crate) async fn write(tx: &mut Tx, commit: AnalyzerCommit) -> Result<HashMap<Id, Id>> {
    let mut joined = HashMap::new();
    // Incidents in the order of their ids, so that two ticks never wait for each other in a circle.
    let mut writes = commit.incidents;
    writes.sort_by_key(|w| (!matches!(w, IncidentWrite::Open { .. }), target(w)));
    for write in writes {
        if let IncidentWrite::Update { id, .. } = &write {
            let home = home_of(tx, *id).await?;
            if home != *id {
                joined.insert(*id, home);
            }
        }
        apply(tx, write, &mut joined).await?;
    }
    let mut found = commit.anomalies;
    for id in found.iter_mut().filter_map(|a| a.incident_id.as_mut()) {
        *id = renamed(&joined, *id);
    }
    anomalies::put(tx, found).await?;
    for (anomaly, points) in &commit.points {
        anomalies::put_points(tx, *anomaly, points).await?;
    }
    put_states(tx, commit.states).await?;
    Ok(joined)
}

fn target(write: &IncidentWrite) -> Id {
    match write {
        IncidentWrite::Open { incident, .. } => incident.id,
        IncidentWrite::Update { id, .. }
        | IncidentWrite::ResolveNatural { id, .. }
        | IncidentWrite::Reopen { id, .. } => *id,
    }
}

fn renamed(joined: &HashMap<Id, Id>, id: Id) -> Id {
    joined.get(&id).copied().unwrap_or(id)
}

async fn apply(tx: &mut Tx, write: IncidentWrite, joined: &mut HashMap<Id, Id>) -> Result<()> {
    match write {
        IncidentWrite::Open { incident, events } => {
            let proposed = incident.id;
            if let Some(existing) = open(tx, *incident, events).await? {
                joined.insert(proposed, existing);
            }
            Ok(())
        }
        IncidentWrite::Update { id, severity, entity, entities, causes, events } => {
            let id = renamed(joined, id);
            update(tx, id, severity, entity, entities, causes, events).await
        }
        IncidentWrite::ResolveNatural { id, at, event } => resolve(tx, renamed(joined, id), at, event).await,
        IncidentWrite::Reopen { id, at, event } => reopen(tx, renamed(joined, id), at, event).await,
    }
}

/// Opens the incident, or joins the active one with its fingerprint and returns that one's id.
async fn open(tx: &mut Tx, incident: Incident, events: Vec<IncidentEvent>) -> Result<Option<Id>> {
    for _ in 0..OPEN_TRIES {
        if insert_incident(tx, &incident).await? {
            let notice = Notice::new(notify::OPENED, &incident, format!("{} was opened", incident.title));
            tx.notify(notice);
            tx.events(events);
            return Ok(None);
        }
        let sql = "SELECT * FROM incidents WHERE fingerprint = $1 AND state NOT IN ('resolved', 'merged')";
        if let Some(row) = tx.lock_row(sql, args![&incident.fingerprint]).await? {
            let existing = crate::rows::incident(&row)?;
            // The same tick again after an unknown commit: nothing to do.
            if existing.id != incident.id {
                join(tx, existing.clone(), &incident).await?;
            }
            return Ok((existing.id != incident.id).then_some(existing.id));
        }
        // The same tick again, and it was resolved meanwhile: nothing to do either.
        if tx.row("SELECT id FROM incidents WHERE id = $1", args![incident.id]).await?.is_some() {
            return Ok(None);
        }
    }
    Err(Error::conflict("the incident could not be opened: others with its fingerprint come and go"))
}

async fn join(tx: &mut Tx, mut into: Incident, from: &Incident) -> Result<()> {
    let new: Vec<_> = from.entities.iter().filter(|e| !into.entities.contains(e)).cloned().collect();
    into.entities.extend(new);
    into.severity = into.severity.max(from.severity);
    into.updated_at = into.updated_at.max(from.updated_at);
    save_incident(tx, &mut into).await?;
    let message = format!("joined by: {}", from.title);
    tx.event(IncidentEvent::new(
        into.id,
        from.detected_at,
        EventKind::AnomalyAdded,
        Actor::system("analyzer"),
        message,
    ));
    Ok(())
}

async fn update(
    tx: &mut Tx,
    id: Id,
    severity: Severity,
    entity: String,
    entities: Vec<String>,
    causes: Vec<Cause>,
    events: Vec<IncidentEvent>,
) -> Result<()> {
    let mut incident = lock_incident(tx, id).await?;
    // What a person judged stays.
    let raised = severity > incident.severity && !severity_is_set(tx, id).await?;
    let severity = if raised { severity } else { incident.severity };
    // It may be acted on since the analyzer read it: what is being repaired keeps its target.
    let acting = matches!(incident.state, IncidentState::Healing | IncidentState::Verifying);
    let entity = if acting { incident.entity.clone() } else { entity };
    let changed = severity != incident.severity
        || entity != incident.entity
        || entities != incident.entities
        || causes != incident.causes;
    if changed || !events.is_empty() {
        let at = match events.iter().map(|e| e.at).max() {
            Some(at) => at,
            None => tx.now().await?,
        };
        incident.updated_at = incident.updated_at.max(at);
        (incident.severity, incident.entity, incident.entities, incident.causes) = (severity, entity, entities, causes);
        save_incident(tx, &mut incident).await?;
        tx.events(events.into_iter().map(|e| IncidentEvent { incident_id: id, ..e }));
    }
    Ok(())
}

async fn resolve(tx: &mut Tx, id: Id, at: Time, event: IncidentEvent) -> Result<()> {
    use IncidentState as S;
    let mut incident = lock_incident(tx, id).await?;
    if matches!(incident.state, S::Healing | S::Verifying) || !incident.state.may_become(S::Resolved) {
        return Ok(());
    }
    // Alerts beyond the members that are kept fire on.
    let firing = "SELECT id FROM alerts WHERE incident_id = $1 AND state = 'firing' LIMIT 1";
    if tx.row(firing, args![id]).await?.is_some() {
        return Ok(());
    }
    let untouched = incident.state == S::Open && incident.attempts == 0;
    (incident.state, incident.resolved_at, incident.updated_at) = (S::Resolved, Some(at), at);
    incident.soak_until = None;
    save_incident(tx, &mut incident).await?;
    tx.notify(Notice::new(notify::RESOLVED, &incident, &event.message));
    tx.event(IncidentEvent { incident_id: id, ..event });
    // What a person took in hand, or what was tried to be healed, did not pass unnoticed.
    if untouched {
        crate::feedback::conclude(tx, id, Opinion::Noise, Voice::ByItself, at).await?;
    }
    Ok(())
}

async fn reopen(tx: &mut Tx, id: Id, at: Time, event: IncidentEvent) -> Result<()> {
    let mut incident = lock_incident(tx, id).await?;
    let sql = "SELECT id FROM incidents WHERE fingerprint = $1 AND state NOT IN ('resolved', 'merged') AND id <> $2";
    let other = tx.row(sql, args![&incident.fingerprint, id]).await?;
    if incident.state != IncidentState::Resolved || other.is_some() {
        return Ok(());
    }
    (incident.state, incident.resolved_at, incident.updated_at) = (IncidentState::Open, None, at);
    incident.soak_until = None;
    incident.reopened += 1;
    save_incident(tx, &mut incident).await?;
    tx.notify(Notice::new(notify::REOPENED, &incident, &event.message));
    tx.event(IncidentEvent { incident_id: id, ..event });
    Ok(())
}

async fn put_states(tx: &mut Tx, mut states: Vec<StateRow>) -> Result<()> {
    // One statement must not touch a row twice, so of equal keys only the last goes in.
    states.reverse();
    states.sort_by(|a, b| (a.monitor_id, &a.key).cmp(&(b.monitor_id, &b.key)));
    states.dedup_by(|a, b| (a.monitor_id, &a.key) == (b.monitor_id, &b.key));
    let rows =
        states.iter().map(|s| Ok(args![s.monitor_id, &s.key, s.as_of, json(&s.state)?])).collect::<Result<Vec<_>>>()?;
    let head = "INSERT INTO series_state (monitor_id, series_key, as_of, state)";
    let tail = "ON CONFLICT (monitor_id, series_key) DO UPDATE SET as_of = excluded.as_of, state = excluded.state";
    tx.insert_many(head, tail, rows).await
}
