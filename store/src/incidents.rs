//! Incidents as people see and change them.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::notify::{self, Notice};
use crate::rows::{incident, lock_incident, rank, save_incident};
use crate::sql::{args, contains, placeholders, word};
use crate::{anomalies, error, events, summary};
use async_trait::async_trait;
use domain::anomaly::{Anomaly, AnomalyFilter, ChartPoint};
use domain::identity::Audit;
use domain::incident::{Actor, Incident, IncidentEvent, IncidentState};
use domain::page::{Page, PageRequest};
use domain::ports::{IncidentFilter, IncidentStore};
use domain::{Error, Id, Result, Time};

#[async_trait]
impl IncidentStore for Database {
    async fn list_incidents(&self, filter: &IncidentFilter, page: &PageRequest) -> Result<Page<Incident>> {
        let after = cursor::decode(List::Incidents, page)?;
        let mut sql = String::from("SELECT * FROM incidents WHERE (detected_at, id) < ($1, $2)");
        let mut args = args![after.at, after.id];
        if !filter.states.is_empty() {
            sql.push_str(&format!(" AND state IN ({})", placeholders(args.len() + 1, filter.states.len())));
            for state in &filter.states {
                args.push(word(state)?.into());
            }
        }
        if let Some(severity) = filter.min_severity {
            args.push(rank(severity).into());
            sql.push_str(&format!(" AND severity_rank >= ${}", args.len()));
        }
        if let Some(search) = filter.search.as_deref().filter(|s| !s.is_empty()) {
            args.push(contains(search).into());
            let n = args.len();
            sql.push_str(&format!(" AND (lower(title) LIKE ${n} ESCAPE '\\' OR lower(entity) LIKE ${n} ESCAPE '\\')"));
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY detected_at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Incidents, page, &rows, incident, |i| Key { at: i.detected_at.timestamp_millis(), id: i.id })
    }

    async fn incident(&self, id: Id) -> Result<Incident> {
        let row = self.row("SELECT * FROM incidents WHERE id = $1", args![id]).await?;
        incident(&row.ok_or_else(|| Error::not_found("incident"))?)
    }

    async fn events(&self, id: Id, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>> {
        events::list(self, Some(id), after, limit).await
    }

    async fn events_since(&self, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>> {
        events::list(self, None, after, limit).await
    }

    async fn anomalies_of(&self, id: Id) -> Result<Vec<Anomaly>> {
        let sql = "SELECT * FROM anomalies WHERE incident_id = $1 ORDER BY started_at, id";
        self.rows(sql, args![id]).await?.iter().map(anomalies::read).collect()
    }

    async fn list_anomalies(&self, filter: &AnomalyFilter, page: &PageRequest) -> Result<Page<Anomaly>> {
        anomalies::list(self, filter, page).await
    }

    async fn chart(&self, anomaly_id: Id) -> Result<Vec<ChartPoint>> {
        let sql = "SELECT * FROM chart_points WHERE anomaly_id = $1 ORDER BY at_ms";
        self.rows(sql, args![anomaly_id]).await?.iter().map(anomalies::read_point).collect()
    }

    async fn transition(
        &self,
        id: Id,
        version: i64,
        to: IncidentState,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident> {
        let mut tx = self.begin().await?;
        let mut incident = lock_incident(&mut tx, id).await?;
        if incident.version != version {
            return Err(error::stale("the incident", incident.version, version));
        }
        if !incident.state.may_become(to) {
            let (from, to) = (events::plain(&incident.state)?, events::plain(&to)?);
            return Err(Error::conflict(format!("an incident that is {from} cannot become {to}")));
        }
        let from = incident.state;
        (incident.state, incident.updated_at) = (to, event.at);
        incident.resolved_at = (to == IncidentState::Resolved).then_some(event.at);
        incident.soak_until = None;
        if let (IncidentState::Acknowledged, Actor::User { name }) = (to, &event.actor) {
            incident.acknowledged_by = Some(name.clone());
        }
        if from == IncidentState::Resolved {
            incident.reopened += 1;
        }
        save_incident(&mut tx, &mut incident).await?;
        let topic = match to {
            IncidentState::Resolved => Some(notify::RESOLVED),
            IncidentState::Escalated => Some(notify::ESCALATED),
            IncidentState::Open if from == IncidentState::Resolved => Some(notify::REOPENED),
            _ => None,
        };
        if let Some(topic) = topic {
            tx.notify(Notice::new(topic, &incident, &event.message));
        }
        tx.event(IncidentEvent { incident_id: id, ..event });
        tx.audit(audit, "incident", id);
        tx.commit().await?;
        Ok(incident)
    }

    async fn comment(&self, event: IncidentEvent, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = event.incident_id;
        if tx.row("SELECT id FROM incidents WHERE id = $1", args![id]).await?.is_none() {
            return Err(Error::not_found("incident"));
        }
        tx.event(event);
        tx.audit(audit, "incident", id);
        tx.commit().await
    }

    async fn summary(&self, since: Time) -> Result<serde_json::Value> {
        summary::read(self, since).await
    }
}
