//! Writes notifications into the outbox, in the transaction of what they tell about.

use crate::sql::{args, json};
use crate::tx::Tx;
use domain::catalog::ChannelSpec;
use domain::incident::Incident;
use domain::{Id, Result, new_id};
use serde_json::json;

/// Incident opened.
pub(crate) const OPENED: &str = "incident.opened";
/// Incident measured to be over.
pub(crate) const RESOLVED: &str = "incident.resolved";
/// Incident handed to a person.
pub(crate) const ESCALATED: &str = "incident.escalated";
/// Incident came back.
pub(crate) const REOPENED: &str = "incident.reopened";

/// Something that people are told.
pub(crate) struct Notice {
    pub(crate) topic: &'static str,
    pub(crate) incident: Incident,
    pub(crate) message: String,
    /// Ids of what it refers to, by name, for example `run_id`.
    pub(crate) links: serde_json::Value,
}

impl Notice {
    pub(crate) fn new(topic: &'static str, incident: &Incident, message: impl Into<String>) -> Self {
        Self { topic, incident: incident.clone(), message: message.into(), links: json!({}) }
    }

    /// The same notice with one more link by id.
    pub(crate) fn link(mut self, name: &str, id: impl Into<Option<Id>>) -> Self {
        if let (Some(links), Some(id)) = (self.links.as_object_mut(), id.into()) {
            links.insert(name.to_owned(), json!(id));
        }
        self
    }
}

/// Writes one outbox row per notice and enabled channel whose lowest severity is reached.
pub(crate) async fn append(tx: &mut Tx) -> Result<()> {
    let notices = tx.take_notices();
    if notices.is_empty() {
        return Ok(());
    }
    let now = tx.now().await?;
    let mut channels = Vec::new();
    for row in tx.rows("SELECT id, spec FROM channels WHERE archived_at IS NULL ORDER BY id", Vec::new()).await? {
        channels.push((row.id("id")?, row.json::<ChannelSpec>("spec")?));
    }
    let mut rows = Vec::new();
    for notice in &notices {
        let mut links = notice.links.clone();
        links["incident_id"] = json!(notice.incident.id);
        let payload = json(&json!({
            "version": 1, "topic": notice.topic, "at": notice.incident.updated_at, "message": notice.message,
            "incident": notice.incident, "links": links,
        }))?;
        for (channel, spec) in &channels {
            if spec.enabled && notice.incident.severity >= spec.min_severity {
                rows.push(args![
                    new_id(),
                    *channel,
                    notice.incident.id,
                    notice.topic,
                    &payload,
                    "pending",
                    0_i64,
                    now,
                    0_i64,
                    "",
                    now
                ]);
            }
        }
    }
    let head = "INSERT INTO notifications (id, channel_id, incident_id, topic, payload, state, attempts, next_at, \
                held_until, last_error, created_at)";
    tx.insert_many(head, "", rows).await
}
