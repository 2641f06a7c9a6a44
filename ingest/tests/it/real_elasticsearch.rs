//! The Elasticsearch source and the poller's late lines against a real server.

use crate::fakes::{Start, monitor};
use crate::{real, spec};
use async_trait::async_trait;
use domain::catalog::{SourceKind, SourceSpec};
use domain::clock::{Clock, SystemClock, from_millis};
use domain::ports::{LogCursor, LogPage, LogQuery, LogSource};
use domain::signal::{Batch, Completeness, LogLevel, Payload};
use domain::{Kind, Result, Time};
use ingest::{Elasticsearch, Prometheus};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An index of a real server.
pub(crate) struct Index {
    http: reqwest::Client,
    url: String,
    name: String,
}

impl Index {
    /// An index of its own with a mapping that both text and dotted fields meet.
    pub(crate) async fn create(url: &str) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let index = Self {
            http: reqwest::Client::new(),
            url: url.to_owned(),
            name: format!("ingest-{}", domain::new_id().simple()),
        };
        let mapping = json!({
            "settings": {"number_of_shards": 3, "number_of_replicas": 0},
            "mappings": {"properties": {"@timestamp": {"type": "date"}, "message": {"type": "text"}, "log.level": {"type": "keyword"}}},
        });
        let made = index.http.put(index.at("")).json(&mapping).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        index
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{}{path}", self.url, self.name)
    }

    pub(crate) async fn add(&self, documents: &[Value]) {
        let mut body = String::new();
        for document in documents {
            body.push_str("{\"create\":{}}\n");
            body.push_str(&document.to_string());
            body.push('\n');
        }
        let request =
            self.http.post(self.at("/_bulk?refresh=true")).header("content-type", "application/x-ndjson").body(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"], json!(false), "{answer}");
    }

    pub(crate) fn source(&self) -> Elasticsearch {
        Elasticsearch::new(&SourceSpec { index: Some(self.name.clone()), ..spec(SourceKind::Elasticsearch, &self.url) })
            .unwrap()
    }

    pub(crate) async fn delete(self) {
        self.http.delete(self.at("")).send().await.unwrap();
    }
}

pub(crate) fn document(n: i64, at: Time) -> Value {
    json!({"@timestamp": at, "message": format!("message {n}"), "log": {"level": "warn"}, "service": {"name": "pay"}, "n": n})
}

async fn messages(source: &Elasticsearch, query: &LogQuery) -> (Vec<String>, u64) {
    let (mut all, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = source.page(query, cursor).await.unwrap();
        assert_eq!((page.completeness, page.malformed), (Completeness::Complete, 0));
        all.extend(page.lines.into_iter().map(|l| l.message));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            return (all, pages);
        }
    }
}

#[tokio::test]
async fn real_pages_hold_every_document_once() {
    let Some(url) = real("real_pages_hold_every_document_once", "AIOPS_TEST_ELASTICSEARCH_URL") else { return };
    let index = Index::create(&url).await;
    let base = 1_700_000_000_000;
    // Bursts of 40 documents in one millisecond, wider than a page of 33.
    let documents: Vec<Value> = (0..5_000).map(|n| document(n, from_millis(base + n / 40))).collect();
    index.add(&documents).await;
    let source = index.source();
    let query = |text: &str, page_size| LogQuery {
        query: text.to_owned(),
        from: from_millis(base - 1),
        to: from_millis(base + 200),
        page_size,
    };
    let (all, pages) = messages(&source, &query("", 33)).await;
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (5_000, 5_000));
    assert!(pages >= 5_000 / 33, "{pages}");
    let (some, _) = messages(&source, &query("n:[100 TO 199]", 33)).await;
    assert_eq!(some.len(), 100);
    let edges = LogQuery { from: from_millis(base), to: from_millis(base + 1), ..query("", 33) };
    assert_eq!(messages(&source, &edges).await.0.len(), 40, "from is exclusive, to is inclusive");
    let counted = source.count("", from_millis(base - 1), from_millis(base + 200)).await.unwrap();
    assert_eq!((counted.lines, counted.completeness), (5_000, Completeness::Complete));
    let page = source.page(&query("", 1), None).await.unwrap();
    assert_eq!((page.lines[0].level, page.lines[0].labels["service"].as_str()), (LogLevel::Warn, "pay"));
    let wrong = source.page(&query("n:[100 TO", 33), None).await.unwrap_err();
    assert_eq!(wrong.kind, Kind::Invalid, "{wrong}");
    index.delete().await;
}

#[tokio::test]
async fn real_point_in_time_that_is_closed_between_pages_is_taken_up_again() {
    let Some(url) =
        real("real_point_in_time_that_is_closed_between_pages_is_taken_up_again", "AIOPS_TEST_ELASTICSEARCH_URL")
    else {
        return;
    };
    let index = Index::create(&url).await;
    let base = 1_700_000_000_000;
    index.add(&(0..300).map(|n| document(n, from_millis(base + n / 7))).collect::<Vec<_>>()).await;
    let source = index.source();
    let query =
        LogQuery { query: String::new(), from: from_millis(base - 1), to: from_millis(base + 200), page_size: 25 };
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.page(&query, cursor).await.unwrap();
        all.extend(page.lines.into_iter().map(|l| l.message));
        cursor = page.next;
        let Some(LogCursor(position)) = &cursor else { break };
        index.http.delete(format!("{url}/_pit")).json(&json!({"id": position["pit"]})).send().await.unwrap();
        if all.len() >= 150 {
            break;
        }
    }
    while let Some(at) = cursor.take() {
        let page = source.page(&query, Some(at)).await.unwrap();
        all.extend(page.lines.into_iter().map(|l| l.message));
        cursor = page.next;
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (300, 300));
    index.delete().await;
}

#[tokio::test]
async fn real_missing_index_and_version_are_told() {
    let Some(url) = real("real_missing_index_and_version_are_told", "AIOPS_TEST_ELASTICSEARCH_URL") else { return };
    let query = LogQuery { query: String::new(), from: from_millis(0), to: from_millis(1), page_size: 10 };
    for index in ["absent-2026.11.25", "absent-*"] {
        let spec = SourceSpec { index: Some(index.to_owned()), ..spec(SourceKind::Elasticsearch, &url) };
        let source = Elasticsearch::new(&spec).unwrap();
        let error = source.page(&query, None).await.unwrap_err();
        assert_eq!((error.kind, error.message.contains(index)), (Kind::NotFound, true), "{error}");
        assert_eq!(source.count("", from_millis(0), from_millis(1)).await.unwrap_err().kind, Kind::NotFound);
        assert!(source.check().await.unwrap().contains("search "), "{}", source.check().await.unwrap());
    }
    let other = Prometheus::new(&spec(SourceKind::Prometheus, &url)).unwrap();
    let error = domain::ports::MetricSource::instant(&other, "up", SystemClock.now()).await.unwrap_err();
    assert!(error.message.contains("check") || error.message.contains("correct"), "{error}");
}

/// The real source as the poller's fake sources hold it.
#[derive(Debug)]
struct Real(Elasticsearch);

#[async_trait]
impl LogSource for Real {
    async fn page(&self, query: &LogQuery, cursor: Option<LogCursor>) -> Result<LogPage> {
        self.0.page(query, cursor).await
    }
    async fn check(&self) -> Result<String> {
        self.0.check().await
    }
}

#[tokio::test]
async fn p10_real_late_documents_come_once() {
    let Some(url) = real("p10_real_late_documents_come_once", "AIOPS_TEST_ELASTICSEARCH_URL") else { return };
    let index = Index::create(&url).await;
    let now = SystemClock.now();
    let ago = |s| now - chrono::TimeDelta::seconds(s);
    index.add(&[document(1, ago(30)), document(2, ago(20))]).await;
    let start = Start {
        real_logs: Some(std::sync::Arc::new(Real(index.source()))),
        ..Start::new(vec![monitor("logs", "", true)], now)
    };
    let mut rig = start.run();
    let texts = |batch: &Batch| match &batch.payload {
        Payload::Logs { lines, .. } => lines.iter().map(|l| l.message.clone()).collect::<Vec<_>>(),
        other => panic!("lines expected, got {other:?}"),
    };
    assert_eq!(texts(&rig.next().await), ["message 1", "message 2"]);
    index.add(&[document(3, ago(25)), document(4, now)]).await;
    assert_eq!(texts(&rig.after(5).await), ["message 3", "message 4"]);
    assert_eq!(texts(&rig.after(5).await), [] as [String; 0]);
    rig.stop().await;
    index.delete().await;
}
