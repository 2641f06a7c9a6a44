//! A real search server: indexes of a test's own, documents, and points in time that are taken away.

use domain::catalog::{SourceKind, SourceSpec};
use domain::clock::from_millis;
use domain::ports::{LogCursor, LogQuery, LogSource};
use domain::signal::{Completeness, LogLine};
use ingest::Elasticsearch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Time of a test's first document, epoch milliseconds.
pub(super) const BASE: i64 = 1_700_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Elasticsearch7,
    Elasticsearch8,
    Elasticsearch9,
    OpenSearch2,
}

impl Flavour {
    const fn variable(self) -> &'static str {
        match self {
            Self::Elasticsearch7 => "AIOPS_TEST_ELASTICSEARCH7_URL",
            Self::Elasticsearch8 => "AIOPS_TEST_ELASTICSEARCH_URL",
            Self::Elasticsearch9 => "AIOPS_TEST_ELASTICSEARCH9_URL",
            Self::OpenSearch2 => "AIOPS_TEST_OPENSEARCH_URL",
        }
    }
}

pub(super) struct Server {
    pub(super) flavour: Flavour,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
    /// What the names of this test's indexes begin with.
    pub(super) prefix: String,
    made: Mutex<Vec<String>>,
}

impl Server {
    pub(super) fn given(test: &str, flavour: Flavour) -> Option<Self> {
        let url = crate::real(test, flavour.variable())?;
        rustls::crypto::ring::default_provider().install_default().ok();
        let prefix = format!("contract-{}", domain::new_id().simple());
        Some(Self { flavour, url, http: reqwest::Client::new(), prefix, made: Mutex::default() })
    }

    /// A name of this test.
    pub(super) fn name(&self, end: &str) -> String {
        format!("{}-{end}", self.prefix)
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}/{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub(super) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// An index with these mappings, in two parts.
    pub(super) async fn index(&self, end: &str, properties: Value) -> String {
        let name = self.name(end);
        let body = json!({
            "settings": {"number_of_shards": 2, "number_of_replicas": 0},
            "mappings": {"properties": properties},
        });
        self.ok("PUT", &name, body).await;
        self.made.lock().unwrap().push(name.clone());
        name
    }

    /// Has a name, an alias for instance, deleted at the end.
    pub(super) fn keep_clean(&self, name: &str) {
        self.made.lock().unwrap().push(name.to_owned());
    }

    /// Stores documents; those with a `_id` under it. All are searchable when this returns.
    pub(super) async fn add(&self, index: &str, documents: &[Value]) {
        for part in documents.chunks(5_000) {
            let mut body = String::new();
            for document in part {
                let mut document = document.clone();
                let id = document.as_object_mut().unwrap().remove("_id");
                let meta = id.map_or_else(|| json!({"create": {}}), |id| json!({"create": {"_id": id}}));
                body.push_str(&format!("{meta}\n{document}\n"));
            }
            let url = format!("{}/{index}/_bulk", self.url);
            let request = self.http.post(url).header("content-type", "application/x-ndjson").body(body);
            let answer: Value = request.send().await.unwrap().json().await.unwrap();
            assert_eq!(answer["errors"], json!(false), "{}", answer.to_string().chars().take(600).collect::<String>());
        }
        self.ok("POST", &format!("{index}/_refresh"), Value::Null).await;
    }

    pub(super) fn spec(&self, index: &str) -> SourceSpec {
        let timeout_secs = 30;
        SourceSpec { index: Some(index.to_owned()), timeout_secs, ..crate::spec(SourceKind::Elasticsearch, &self.url) }
    }

    pub(super) fn source(&self, index: &str) -> Elasticsearch {
        Elasticsearch::new(&self.spec(index)).unwrap()
    }

    /// Takes the point in time of a cursor away, as its expiry does.
    pub(super) async fn expire(&self, cursor: &LogCursor) {
        let Some(id) = cursor.0["pit"].as_str() else { return };
        if self.flavour == Flavour::OpenSearch2 {
            self.ok("DELETE", "_search/point_in_time", json!({"pit_id": [id]})).await;
        } else {
            self.ok("DELETE", "_pit", json!({"id": id})).await;
        }
    }

    pub(super) async fn clean(&self) {
        let names = std::mem::take(&mut *self.made.lock().unwrap());
        for name in names {
            self.send("DELETE", &name, Value::Null).await;
        }
    }
}

pub(super) fn time_and_text() -> Value {
    json!({"@timestamp": {"type": "date"}, "message": {"type": "text"}})
}

pub(super) fn document(n: i64, at_ms: i64) -> Value {
    json!({"_id": format!("{n:06}"), "@timestamp": at_ms, "message": format!("message {n}"), "n": n})
}

/// All documents of `(BASE - 1, BASE + millis]`.
pub(super) fn query(text: &str, millis: i64, page_size: u32) -> LogQuery {
    LogQuery { query: text.to_owned(), from: from_millis(BASE - 1), to: from_millis(BASE + millis), page_size }
}

/// Reads to the end; `between` is called with the number of pages so far and the cursor.
pub(super) async fn read(
    source: &Elasticsearch,
    query: &LogQuery,
    mut between: impl AsyncFnMut(usize, &LogCursor),
) -> Vec<LogLine> {
    let (mut all, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = source.page(query, cursor).await.unwrap();
        assert_eq!(page.completeness, Completeness::Complete);
        all.extend(page.lines);
        pages += 1;
        match page.next {
            Some(next) => {
                between(pages, &next).await;
                cursor = Some(next);
            }
            None => return all,
        }
    }
}

pub(super) fn keys(lines: &[LogLine]) -> BTreeSet<(String, String)> {
    lines.iter().map(|l| (l.index.clone(), l.id.clone())).collect()
}
