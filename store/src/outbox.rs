//! Notifications on their way out: held while one dispatcher works on them, delivered at least once.

use crate::connect::Database;
use crate::lease::span;
use crate::sql::{Row, args};
use async_trait::async_trait;
use domain::incident::{Actor, EventKind, IncidentEvent};
use domain::outbox::{Notification, NotificationState};
use domain::ports::OutboxStore;
use domain::{Error, Id, Result, Time};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::time::Duration;

fn read(row: &Row) -> Result<Notification> {
    Ok(Notification {
        id: row.id("id")?,
        channel_id: row.id("channel_id")?,
        incident_id: row.id("incident_id")?,
        topic: row.text("topic")?,
        payload: row.json("payload")?,
        state: row.word("state")?,
        attempts: row.count("attempts")?,
        next_at: row.time("next_at")?,
        last_error: row.text("last_error")?,
        created_at: row.time("created_at")?,
    })
}

fn event(n: &Notification, at: Time, message: String) -> IncidentEvent {
    let data = json!({"notification_id": n.id, "channel_id": n.channel_id, "topic": n.topic, "attempts": n.attempts,
        "state": n.state});
    IncidentEvent::new(n.incident_id, at, EventKind::Notified, Actor::system("notifier"), message).with(data)
}

#[async_trait]
impl OutboxStore for Database {
    async fn due(&self, now: Time, hold: Duration, limit: u32) -> Result<Vec<Notification>> {
        let mut tx = self.begin().await?;
        let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
        let sql = format!(
            "UPDATE notifications SET held_until = $2 WHERE id IN (SELECT id FROM notifications \
             WHERE state = 'pending' AND next_at <= $1 AND held_until <= $1 ORDER BY next_at, id LIMIT $3{skip}) RETURNING *"
        );
        let until = now + span(hold);
        let rows = tx.rows(AssertSqlSafe(sql), args![now, until, limit]).await?;
        tx.commit_between("", "outbox.claimed").await?;
        let mut due = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        due.sort_by_key(|n| (n.next_at, n.id));
        Ok(due)
    }

    async fn delivered(&self, id: Id, at: Time) -> Result<()> {
        fail::fail_point!("outbox.delivered.before");
        let mut tx = self.begin().await?;
        let sql = "UPDATE notifications SET state = 'delivered', attempts = attempts + 1, last_error = '' \
                   WHERE id = $1 AND state = 'pending' RETURNING *";
        if let Some(row) = tx.row(sql, args![id]).await? {
            let n = read(&row)?;
            let message = format!("{} was delivered", n.topic);
            tx.event(event(&n, at, message));
        }
        tx.commit().await
    }

    async fn failed(&self, id: Id, error: &str, next_at: Option<Time>) -> Result<()> {
        let mut tx = self.begin().await?;
        let state = if next_at.is_some() { "pending" } else { "dead" };
        let sql = "UPDATE notifications SET state = $2, attempts = attempts + 1, last_error = $3, \
                   next_at = coalesce($4, next_at), held_until = 0 WHERE id = $1 AND state = 'pending' RETURNING *";
        let row = tx.row(sql, args![id, state, error, next_at]).await?;
        if let Some(n) = row.as_ref().map(read).transpose()?.filter(|n| n.state == NotificationState::Dead) {
            let now = tx.now().await?;
            let message = format!("{} could not be delivered after {} tries: {error}", n.topic, n.attempts);
            tx.event(event(&n, now, message));
        }
        tx.commit().await
    }

    async fn notifications(&self, incident_id: Id) -> Result<Vec<Notification>> {
        let sql = "SELECT * FROM notifications WHERE incident_id = $1 ORDER BY created_at, id";
        let found = self.rows(sql, args![incident_id]).await?.iter().map(read).collect::<Result<Vec<_>>>()?;
        if found.is_empty() && self.row("SELECT id FROM incidents WHERE id = $1", args![incident_id]).await?.is_none() {
            return Err(Error::not_found("incident"));
        }
        Ok(found)
    }
}
