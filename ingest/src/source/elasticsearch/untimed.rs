//! Documents without a usable timestamp: no window ever finds them, so they are counted beside the pages.

use super::client::Client;
use domain::Result;
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
        match counted(client, time_field).await {
            Ok(count) => count.saturating_sub(self.known.swap(count, Ordering::Relaxed)),
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

/// Documents that lack the field, and those of indexes in which it is a word that no window can be compared with.
async fn counted(client: &Client, time_field: &str) -> Result<u64> {
    let lack = json!({ "query": { "bool": { "must_not": [{ "exists": { "field": time_field } }] } } });
    let (mut count, _) = client.count(lack).await?;
    let words = client.indexes_with_words(time_field).await?;
    for some in words.chunks(50) {
        let names: Vec<&str> = some.iter().map(String::as_str).collect();
        let have = json!({ "query": { "exists": { "field": time_field } } });
        count += client.count_in(&names, have).await?.0;
    }
    Ok(count)
}
