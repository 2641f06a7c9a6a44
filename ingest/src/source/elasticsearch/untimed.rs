//! Documents without a usable timestamp: no window ever finds them, so they are counted beside the pages.

use super::client::Client;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often they are counted.
const EVERY: Duration = Duration::from_secs(60);

/// How many were counted last, and when.
#[derive(Debug, Default)]
pub(super) struct Untimed {
    known: AtomicU64,
    counted: Mutex<Option<Instant>>,
}

impl Untimed {
    /// How many have come since they were counted last; none while it is not due, or where it cannot be counted.
    pub(super) async fn grown(&self, client: &Client, time_field: &str) -> u64 {
        if !self.due() {
            return 0;
        }
        let query = json!({ "query": { "bool": { "must_not": [{ "exists": { "field": time_field } }] } } });
        match client.count(query).await {
            Ok((count, _)) => count.saturating_sub(self.known.swap(count, Ordering::Relaxed)),
            Err(error) => {
                tracing::debug!(source = %client.at(), %error, "documents without a timestamp were not counted");
                0
            }
        }
    }

    fn due(&self) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = counted.is_none_or(|before| now.duration_since(before) >= EVERY);
        if due {
            *counted = Some(now);
        }
        due
    }
}
