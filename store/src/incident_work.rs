//! What people do with incidents beyond moving their state: assign, judge, merge, split, count.

use crate::anomalies;
use crate::connect::Database;
use crate::rows::{insert_incident, lock_incident, save_incident};
use crate::sql::{Value, args, placeholders};
use crate::tx::Tx;
use crate::{error, events};
use async_trait::async_trait;
use domain::anomaly::Anomaly;
use domain::error::FieldError;
use domain::identity::Audit;
use domain::incident::{EventKind, Incident, IncidentEvent, IncidentState, Severity};
use domain::incident_work::{IncidentWork, NoiseDay, entities, may_move, part};
use domain::ports::{IncidentWorkStore, Split};
use domain::{Error, Id, Result, Time};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// Incidents that the noise of the last days is counted over at most.
const NOISE: i64 = 5_000;

#[async_trait]
impl IncidentWorkStore for Database {
    async fn work_of(&self, id: Id) -> Result<IncidentWork> {
        if self.row("SELECT id FROM incidents WHERE id = $1", args![id]).await?.is_none() {
            return Err(Error::not_found("incident"));
        }
        let row = self.row("SELECT * FROM incident_work WHERE incident_id = $1", args![id]).await?;
        let sql = "SELECT incident_id FROM incident_work WHERE merged_into = $1 ORDER BY incident_id";
        let merged = self.rows(sql, args![id]).await?.iter().map(|r| r.id("incident_id")).collect::<Result<_>>()?;
        let Some(row) = row else { return Ok(IncidentWork { merged, ..IncidentWork::default() }) };
        Ok(IncidentWork {
            assignee: row.opt_text("assignee")?,
            severity_by: row.opt_text("severity_by")?,
            merged_into: row.opt_id("merged_into")?,
            split_from: row.opt_id("split_from")?,
            merged,
        })
    }

    async fn assign(
        &self,
        id: Id,
        version: i64,
        assignee: Option<String>,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident> {
        let mut tx = self.begin().await?;
        let mut incident = current(&mut tx, id, version).await?;
        if incident.state == IncidentState::Merged {
            return Err(Error::conflict("an incident that is merged is not assigned: assign the one that took it in"));
        }
        put(&mut tx, id, "assignee", assignee).await?;
        finish(tx, &mut incident, event, audit).await?;
        Ok(incident)
    }

    async fn set_severity(
        &self,
        id: Id,
        version: i64,
        severity: Severity,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident> {
        let mut tx = self.begin().await?;
        let mut incident = current(&mut tx, id, version).await?;
        if !incident.state.is_active() {
            return Err(Error::conflict("an incident that is over keeps its severity"));
        }
        incident.severity = severity;
        put(&mut tx, id, "severity_by", Some(audit.actor.clone())).await?;
        finish(tx, &mut incident, event, audit).await?;
        Ok(incident)
    }

    async fn merge(&self, id: Id, version: i64, into: Id, event: IncidentEvent, audit: Audit) -> Result<Incident> {
        if id == into {
            return Err(Error::invalid(vec![FieldError::new("into", "name another incident")]));
        }
        let mut tx = self.begin().await?;
        // In the order of ids, so that two merges never wait for each other in a circle.
        let (first, second) = (id.min(into), id.max(into));
        let (a, b) = (lock_incident(&mut tx, first).await?, lock_incident(&mut tx, second).await?);
        let (mut from, mut to) = if first == id { (a, b) } else { (b, a) };
        if from.version != version {
            return Err(error::stale("the incident", from.version, version));
        }
        for one in [&from, &to] {
            movable(one)?;
        }
        let members: Vec<Id> = anomalies::of_incident(&mut tx, id).await?.iter().map(|a| a.id).collect();
        shift(&mut tx, &members, into).await?;
        tx.run("UPDATE alerts SET incident_id = $1 WHERE incident_id = $2", args![into, id]).await?;
        put(&mut tx, id, "merged_into", Some(into.to_string())).await?;
        let new: Vec<String> = from.entities.iter().filter(|e| !to.entities.contains(e)).cloned().collect();
        to.entities.extend(new);
        to.severity = to.severity.max(from.severity);
        (to.updated_at, from.updated_at) = (event.at, event.at);
        from.state = IncidentState::Merged;
        save_incident(&mut tx, &mut from).await?;
        save_incident(&mut tx, &mut to).await?;
        let taken = IncidentEvent::new(
            into,
            event.at,
            EventKind::Merged,
            event.actor.clone(),
            format!("took in: {}", from.title),
        );
        tx.event(taken.with(json!({ "from": id, "anomalies": members.len() })));
        tx.event(IncidentEvent { incident_id: id, ..event }.with(json!({ "into": into })));
        tx.audit(audit, "incident", id);
        tx.commit().await?;
        Ok(to)
    }

    async fn split(&self, split: Split, event: IncidentEvent, audit: Audit) -> Result<(Incident, Incident)> {
        let mut tx = self.begin().await?;
        let mut stays = current(&mut tx, split.id, split.version).await?;
        movable(&stays)?;
        let members = anomalies::of_incident(&mut tx, split.id).await?;
        let (go, rest): (Vec<Anomaly>, Vec<Anomaly>) =
            members.into_iter().partition(|a| split.anomalies.contains(&a.id));
        let wanted: std::collections::BTreeSet<Id> = split.anomalies.iter().copied().collect();
        if go.len() != wanted.len() || go.is_empty() {
            return Err(Error::invalid(vec![FieldError::new("anomalies", "name anomalies of this incident")]));
        }
        if rest.is_empty() {
            return Err(Error::invalid(vec![FieldError::new("anomalies", "leave at least one anomaly in it")]));
        }
        let fresh =
            part(&stays, &go, split.title, event.at).ok_or_else(|| Error::internal("no member to split off"))?;
        if !insert_incident(&mut tx, &fresh).await? {
            return Err(Error::conflict("an incident with the same identity is active: reload and try again"));
        }
        let ids: Vec<Id> = go.iter().map(|a| a.id).collect();
        shift(&mut tx, &ids, fresh.id).await?;
        let sql = format!("UPDATE alerts SET incident_id = $1 WHERE id IN ({})", placeholders(2, ids.len()));
        let args = std::iter::once(Value::from(fresh.id)).chain(ids.iter().map(|id| Value::from(*id))).collect();
        tx.run(AssertSqlSafe(sql), args).await?;
        put(&mut tx, fresh.id, "split_from", Some(split.id.to_string())).await?;
        stays.entities = entities(&rest);
        let title = format!("split off from: {}", stays.title);
        let opened = IncidentEvent::new(fresh.id, event.at, EventKind::Opened, event.actor.clone(), title);
        tx.event(opened.with(json!({ "from": split.id })));
        let event = event.with(json!({ "into": fresh.id, "anomalies": ids }));
        finish(tx, &mut stays, event, audit).await?;
        Ok((stays, fresh))
    }

    async fn noise(&self, since: Time) -> Result<Vec<NoiseDay>> {
        let mut days: BTreeMap<String, NoiseDay> = BTreeMap::new();
        let sql = "SELECT i.detected_at AS at, a.body AS body FROM incidents i LEFT JOIN anomalies a ON a.id = \
                   (SELECT x.id FROM anomalies x WHERE x.incident_id = i.id ORDER BY x.started_at, x.id LIMIT 1) \
                   WHERE i.detected_at >= $1 ORDER BY i.detected_at LIMIT $2";
        for row in self.rows(sql, args![since, NOISE]).await? {
            let day = on(&mut days, row.time("at")?);
            day.incidents += 1;
            let by = row.opt_json::<Anomaly>("body")?.map_or_else(|| "merged or split".to_owned(), |a| a.monitor_name);
            *day.by.entry(by).or_default() += 1;
        }
        let sql = "SELECT created_at AS at FROM notifications WHERE created_at >= $1 ORDER BY created_at LIMIT 100000";
        for row in self.rows(sql, args![since]).await? {
            on(&mut days, row.time("at")?).notifications += 1;
        }
        Ok(days.into_values().collect())
    }
}

fn on(days: &mut BTreeMap<String, NoiseDay>, at: Time) -> &mut NoiseDay {
    let day = at.format("%Y-%m-%d").to_string();
    days.entry(day.clone()).or_insert_with(|| NoiseDay { day, ..NoiseDay::default() })
}

/// The incident, locked, at the version that the caller read.
async fn current(tx: &mut Tx, id: Id, version: i64) -> Result<Incident> {
    let incident = lock_incident(tx, id).await?;
    if incident.version != version {
        return Err(error::stale("the incident", incident.version, version));
    }
    Ok(incident)
}

fn movable(incident: &Incident) -> Result<()> {
    if may_move(incident.state) {
        return Ok(());
    }
    let state = events::plain(&incident.state)?;
    Err(Error::conflict(format!("{} is {state}: its anomalies cannot be moved now", incident.title)))
}

/// Saves the incident with its event and audit row, and commits.
async fn finish(mut tx: Tx, incident: &mut Incident, event: IncidentEvent, audit: Audit) -> Result<()> {
    incident.updated_at = event.at;
    save_incident(&mut tx, incident).await?;
    tx.event(IncidentEvent { incident_id: incident.id, ..event });
    tx.audit(audit, "incident", incident.id);
    tx.commit().await
}

/// Writes one column of what people decided.
async fn put(tx: &mut Tx, id: Id, column: &'static str, value: Option<String>) -> Result<()> {
    let sql = format!(
        "INSERT INTO incident_work (incident_id, {column}) VALUES ($1, $2) \
         ON CONFLICT (incident_id) DO UPDATE SET {column} = excluded.{column}"
    );
    tx.run(AssertSqlSafe(sql), args![id, value]).await.map(drop)
}

/// Moves anomalies for good: what the analyzer still believes does not move them back.
async fn shift(tx: &mut Tx, anomalies: &[Id], to: Id) -> Result<()> {
    tx.turn("incident moves").await?;
    let row = tx.row("SELECT coalesce(max(seq), 0) AS seq FROM incident_moves", Vec::new()).await?;
    let mut seq = row.map_or(Ok(0), |row| row.int("seq"))?;
    for id in anomalies {
        seq += 1;
        tx.run(
            "INSERT INTO incident_moves (anomaly_id, seq, incident_id) VALUES ($1, $2, $3) \
             ON CONFLICT (anomaly_id) DO UPDATE SET seq = excluded.seq, incident_id = excluded.incident_id",
            args![*id, seq, to],
        )
        .await?;
        tx.run("UPDATE anomalies SET incident_id = $1 WHERE id = $2", args![to, *id]).await?;
    }
    Ok(())
}

/// The incident that `id` became part of at last, through merges; itself when it was not merged.
pub(crate) async fn home_of(tx: &mut Tx, id: Id) -> Result<Id> {
    let mut at = id;
    for _ in 0..16 {
        let sql = "SELECT merged_into FROM incident_work WHERE incident_id = $1 AND merged_into IS NOT NULL";
        match tx.row(sql, args![at]).await? {
            Some(row) => at = row.id("merged_into")?,
            None => break,
        }
    }
    Ok(at)
}

/// Whether a person set the severity.
pub(crate) async fn severity_is_set(tx: &mut Tx, id: Id) -> Result<bool> {
    let sql = "SELECT incident_id FROM incident_work WHERE incident_id = $1 AND severity_by IS NOT NULL";
    Ok(tx.row(sql, args![id]).await?.is_some())
}
