//! Writes the state of a monitor and of its source, and wakes those who watch when it changed.

use super::Context;
use super::judge::{self, Judgement};
use domain::catalog::Monitor;
use domain::ports::Topic;
use domain::status::{Health, Status, StatusOf};
use domain::{Error, Id, Time};
use serde_json::{Value, json};
use std::sync::PoisonError;
use std::time::Duration;

/// A source's state is written when it changes, and else so often.
const SOURCE_EVERY_MS: i64 = 10_000;

/// What was last written about a component.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Last {
    health: Health,
    message: String,
    at: Time,
}

impl Context {
    /// Writes both states after a poll that ended with `judged`, because of `error` if there was one.
    pub(super) async fn report(&self, monitor: &Monitor, judged: &Judgement, error: Option<&Error>, took: Duration) {
        let learning = judged.health == Health::Ok && (self.config.learning)(monitor.id);
        let shown = if learning {
            Judgement {
                health: Health::Learning,
                message: "still learning what is normal".to_owned(),
                details: judged.details.clone(),
            }
        } else {
            judged.clone()
        };
        let changed = self.put(StatusOf::Monitor, monitor.id, &shown, took, 0).await;
        let source_changed = match judge::source(error, judged.health) {
            Some(health) => {
                let message = if health == Health::Ok { String::new() } else { judged.message.clone() };
                let of_source = Judgement { health, message, details: json!({ "asked_by": monitor.name }) };
                self.put(StatusOf::Source, monitor.spec.source_id, &of_source, took, SOURCE_EVERY_MS).await
            }
            None => false,
        };
        if changed || source_changed {
            self.wake.wake(Topic::Status);
        }
    }

    /// Writes one state unless the same was written less than `every_ms` ago; whether it differs from the last.
    async fn put(&self, of: StatusOf, id: Id, judged: &Judgement, took: Duration, every_ms: i64) -> bool {
        let at = self.clock.now();
        let last = Last { health: judged.health, message: judged.message.clone(), at };
        let changed = {
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            let before = reported.get(&id);
            let changed = before.is_none_or(|b| b.health != last.health || b.message != last.message);
            if !changed && before.is_some_and(|b| (at - b.at).num_milliseconds() < every_ms) {
                return false;
            }
            reported.insert(id, last);
            changed
        };
        let status = Status {
            of,
            id,
            health: judged.health,
            message: judged.message.clone(),
            checked_at: at,
            // A monitor that learns has complete data all the same.
            ok_at: matches!(judged.health, Health::Ok | Health::Learning).then_some(at),
            latency_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            details: match &judged.details {
                Value::Null => json!({}),
                details => details.clone(),
            },
        };
        if let Err(error) = self.status.put_status(status).await {
            tracing::warn!(error = %error, "state could not be written");
        }
        changed
    }
}
