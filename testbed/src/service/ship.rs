//! Ships log records in bulk to Elasticsearch: once a second, bounded, retried, never in the way of serving.
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Name before the date in an index, and the alias over all of them.
pub(crate) const INDEX: &str = "shop-logs";
/// Records that may wait; more are dropped and counted by the logger.
pub(crate) const BUFFER: usize = 20_000;
/// Records in one bulk request.
const BATCH: usize = 1_000;
/// Time between two bulk requests.
const FLUSH: Duration = Duration::from_secs(1);
/// Longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(15);
/// Time left for the last batch when the service stops.
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// Sends what arrives on `records` until `stop`; the last batch is sent on the way out.
pub(crate) async fn run(base: url::Url, mut records: mpsc::Receiver<Value>, stop: CancellationToken) {
    let Ok(http) = reqwest::Client::builder().timeout(Duration::from_secs(10)).build() else { return };
    let shipper = Shipper { http, base };
    let mut batch: Vec<Doc> = Vec::new();
    let mut backoff = FLUSH;
    let mut ready = false;
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff) => {}
        }
        fill(&mut batch, &mut records);
        let sent = async {
            if !ready {
                shipper.put_template().await?;
                ready = true;
            }
            shipper.send(&mut batch).await
        };
        backoff = match tokio::time::timeout(if stop.is_cancelled() { LAST_FLUSH } else { FLUSH * 12 }, sent).await {
            Ok(Ok(())) => FLUSH,
            Ok(Err(_)) | Err(_) => (backoff * 2).min(MAX_BACKOFF),
        };
    }
}

/// A record with the id that makes a second try of the same batch harmless.
#[derive(Debug)]
struct Doc {
    id: String,
    index: String,
    source: Value,
}

fn fill(batch: &mut Vec<Doc>, records: &mut mpsc::Receiver<Value>) {
    while batch.len() < BATCH {
        let Ok(source) = records.try_recv() else { return };
        let day = source["@timestamp"].as_str().and_then(|time| time.get(..10)).unwrap_or("undated").replace('-', ".");
        batch.push(Doc { id: uuid::Uuid::now_v7().to_string(), index: format!("{INDEX}-{day}"), source });
    }
}

#[derive(Debug)]
struct Shipper {
    http: reqwest::Client,
    base: url::Url,
}

impl Shipper {
    async fn put_template(&self) -> anyhow::Result<()> {
        let url = self.base.join(&format!("_index_template/{INDEX}"))?;
        let answer = self.http.put(url).json(&template()).send().await.context("reach elasticsearch")?;
        if !answer.status().is_success() {
            bail!("elasticsearch refused the index template: {}", answer.status());
        }
        Ok(())
    }

    /// Sends the batch and keeps in it only what should be tried again.
    async fn send(&self, batch: &mut Vec<Doc>) -> anyhow::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let url = self.base.join("_bulk")?;
        let request = self.http.post(url).header("content-type", "application/x-ndjson").body(bulk_body(batch));
        let answer = request.send().await.context("reach elasticsearch")?.error_for_status()?;
        let answer: Value = answer.json().await?;
        let keep = retryable(&answer);
        let mut index = 0;
        batch.retain(|_| {
            index += 1;
            keep.contains(&(index - 1))
        });
        if batch.is_empty() { Ok(()) } else { bail!("elasticsearch is busy") }
    }
}

fn bulk_body(batch: &[Doc]) -> String {
    let mut body = String::new();
    for doc in batch {
        body.push_str(&json!({"create": {"_index": doc.index, "_id": doc.id}}).to_string());
        body.push('\n');
        body.push_str(&doc.source.to_string());
        body.push('\n');
    }
    body
}

/// Positions that were turned away for lack of room (429) or trouble in the server (5xx). A record that is there
/// already (409) or can never be stored (400) is done with.
fn retryable(answer: &Value) -> Vec<usize> {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let busy = |item: &Value| item["create"]["status"].as_u64().is_some_and(|status| status == 429 || status >= 500);
    items.iter().enumerate().filter(|(_, item)| busy(item)).map(|(index, _)| index).collect()
}

/// The explicit mapping: ids and names as `keyword`, the message as `text` with a keyword of bounded length.
fn template() -> Value {
    let keyword = json!({"type": "keyword"});
    json!({
        "index_patterns": [format!("{INDEX}-*")],
        "priority": 200,
        "template": {
            "aliases": {INDEX: {}},
            "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"},
            "mappings": {
                "dynamic_templates": [{"strings": {"match_mapping_type": "string", "mapping": keyword}}],
                "properties": {
                    "@timestamp": {"type": "date"},
                    "message": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 1024}}},
                    "log": {"properties": {"level": keyword}},
                    "service": {"properties": {
                        "name": keyword, "version": keyword, "node": {"properties": {"name": keyword}}}},
                    "trace": {"properties": {"id": keyword}},
                    "span": {"properties": {"id": keyword}},
                    "error": {"properties": {"message": {"type": "text"}, "type": keyword}},
                    "http": {"properties": {"route": keyword, "status": {"type": "integer"}}},
                    "duration_ms": {"type": "double"}
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_create_lines_with_ids_by_day() {
        let (send, mut receive) = mpsc::channel(4);
        send.try_send(json!({"@timestamp": "2026-11-25T01:02:03.000Z", "message": "a\nb"})).unwrap();
        let mut batch = Vec::new();
        fill(&mut batch, &mut receive);
        let body = bulk_body(&batch);
        assert_eq!(batch[0].index, "shop-logs-2026.11.25");
        assert_eq!(body.lines().count(), 2, "a line break in a message must stay escaped: {body}");
        assert!(body.ends_with('\n'));
    }

    #[test]
    fn only_what_may_succeed_later_is_tried_again() {
        let answer = json!({"errors": true, "items": [
            {"create": {"status": 201}}, {"create": {"status": 409}}, {"create": {"status": 429}},
            {"create": {"status": 400}}, {"create": {"status": 503}}]});
        assert_eq!(retryable(&answer), vec![2, 4]);
    }
}
