//! Elasticsearch and OpenSearch answers as they go wrong, from a scripted server.

use crate::{secs, spec};
use domain::Kind;
use domain::catalog::{SourceKind, SourceSpec};
use domain::ports::{LogPage, LogQuery, LogSource};
use domain::signal::Completeness;
use ingest::Elasticsearch;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A server with documents (time in ms, id, message) that pages them as the real ones do.
struct Fake {
    documents: Vec<(i64, String, Value)>,
    opensearch: bool,
    /// Searches (counted from 1) at which the point in time is gone.
    expires_at: Vec<usize>,
    /// Whether points in time can be opened.
    points: bool,
    searches: AtomicUsize,
    opened: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl Fake {
    fn with(count: usize) -> Self {
        let documents =
            (0..count).map(|n| (1_000 + n as i64 / 3, format!("{n:06}"), json!(format!("message {n}")))).collect();
        Self {
            documents,
            opensearch: false,
            expires_at: vec![],
            points: true,
            searches: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            log: Mutex::default(),
        }
    }

    fn search(&self, body: &Value) -> ResponseTemplate {
        let number = self.searches.fetch_add(1, Ordering::SeqCst) + 1;
        if body.get("pit").is_some() && self.expires_at.contains(&number) {
            let error =
                json!({"type": "search_context_missing_exception", "reason": "No search context found for id [5]"});
            return ResponseTemplate::new(404).set_body_json(json!({"error": {"root_cause": [error]}, "status": 404}));
        }
        let range = &body["query"]["bool"]["filter"][0]["range"]["@timestamp"];
        let least = range["gte"].as_i64().unwrap_or_else(|| range["gt"].as_i64().unwrap() + 1);
        let most = range["lte"].as_i64().unwrap();
        // The tie-breaker differs from one point in time to the next, as real ones may.
        let turned = self.opened.load(Ordering::SeqCst).is_multiple_of(2);
        let tie = |n: usize| if turned { self.documents.len() - n } else { n } as i64;
        let mut all: Vec<(i64, i64, usize)> =
            (0..self.documents.len()).map(|n| (self.documents[n].0, tie(n), n)).collect();
        all.retain(|(at, _, _)| *at >= least && *at <= most);
        let without = body["query"]["bool"]["must_not"][0]["ids"]["values"].as_array().unwrap();
        all.retain(|(_, _, n)| !without.contains(&json!(self.documents[*n].1)));
        all.sort_unstable();
        if let Some(after) = body["search_after"].as_array() {
            let after = (after[0].as_i64().unwrap(), after[1].as_i64().unwrap());
            all.retain(|(at, tie, _)| (*at, *tie) > after);
        }
        all.truncate(usize::try_from(body["size"].as_u64().unwrap()).unwrap());
        let bare = body["_source"] == json!(false);
        let hits: Vec<Value> = all
            .iter()
            .map(|(at, tie, n)| {
                let (_, id, message) = &self.documents[*n];
                let mut hit = json!({"_index": "logs-1", "_id": id, "sort": [at, tie]});
                if !bare {
                    hit["_source"] = json!({"@timestamp": at, "message": message});
                }
                hit
            })
            .collect();
        let shards = json!({"total": 2, "successful": 2, "failed": 0});
        ResponseTemplate::new(200).set_body_json(json!({"timed_out": false, "_shards": shards, "hits": {"hits": hits}}))
    }
}

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (method, path) = (request.method.as_str(), request.url.path());
        self.log.lock().unwrap().push(format!("{method} {path}"));
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let open = if self.opensearch { "/logs-*/_search/point_in_time" } else { "/logs-*/_pit" };
        match (method, path.replace("%2A", "*").as_str()) {
            ("GET", "/") => {
                let mut version = json!({"number": "2.19.6"});
                if self.opensearch {
                    version["distribution"] = json!("opensearch");
                }
                ResponseTemplate::new(200).set_body_json(json!({"version": version}))
            }
            ("POST", path) if path == open && self.points => {
                let id = format!("pit-{}", self.opened.fetch_add(1, Ordering::SeqCst) + 1);
                ResponseTemplate::new(200).set_body_json(if self.opensearch {
                    json!({"pit_id": id})
                } else {
                    json!({"id": id})
                })
            }
            ("POST", "/_search" | "/logs-*/_search") => self.search(&body),
            ("DELETE", _) => ResponseTemplate::new(200).set_body_json(json!({"succeeded": true})),
            _ => ResponseTemplate::new(405).set_body_json(json!({"error": "method not allowed"})),
        }
    }
}

struct Shared(Arc<Fake>);

impl Respond for Shared {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.respond(request)
    }
}

async fn serve(fake: Fake) -> (MockServer, Elasticsearch, Arc<Fake>) {
    let server = MockServer::start().await;
    let fake = Arc::new(fake);
    Mock::given(any()).respond_with(Shared(Arc::clone(&fake))).mount(&server).await;
    let source = Elasticsearch::new(&spec(SourceKind::Elasticsearch, &server.uri())).unwrap();
    (server, source, fake)
}

fn query(page_size: u32) -> LogQuery {
    LogQuery { query: String::new(), from: secs(0), to: secs(100), page_size }
}

async fn all(source: &Elasticsearch, query: &LogQuery) -> (Vec<String>, u64) {
    let (mut ids, mut malformed, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = source.page(query, cursor).await.unwrap();
        ids.extend(page.lines.into_iter().map(|l| l.id));
        malformed += page.malformed;
        cursor = page.next;
        if cursor.is_none() {
            return (ids, malformed);
        }
    }
}

fn whole(fake: &Fake) -> Vec<String> {
    fake.documents.iter().map(|(_, id, _)| id.clone()).collect()
}

fn assert_same(mut got: Vec<String>, fake: &Fake) {
    got.sort();
    assert_eq!(got, whole(fake));
}

#[tokio::test]
async fn p09_a_lost_point_in_time_neither_doubles_nor_loses() {
    let (_server, source, fake) = serve(Fake { expires_at: vec![3, 6, 7], ..Fake::with(50_000) }).await;
    let (ids, malformed) = all(&source, &query(10_000)).await;
    assert_eq!(malformed, 0);
    assert_same(ids, &fake);
    assert!(fake.opened.load(Ordering::SeqCst) >= 4);
    assert!(fake.log.lock().unwrap().last().unwrap().starts_with("DELETE"), "the last point in time is closed");
}

#[tokio::test]
async fn opensearch_and_servers_without_points_in_time_give_the_same_documents() {
    for (opensearch, points) in [(true, true), (false, false), (true, false)] {
        let (_server, source, fake) = serve(Fake { opensearch, points, ..Fake::with(1_000) }).await;
        assert_same(all(&source, &query(7)).await.0, &fake);
        let used = fake.log.lock().unwrap().iter().any(|l| l.starts_with("DELETE"));
        assert_eq!(used, points);
    }
}

#[tokio::test]
async fn p07_a_document_above_the_limit_is_left_out_and_the_rest_is_read() {
    for points in [true, false] {
        let mut fake = Fake { points, ..Fake::with(30) };
        fake.documents[10].2 = json!("a".repeat(200_000));
        fake.documents[29].2 = json!("b".repeat(200_000));
        let (_server, source, fake) = serve(fake).await;
        let (mut ids, malformed) = all(&source.with_cap(50_000), &query(20)).await;
        ids.sort();
        let mut expected = whole(&fake);
        expected.remove(29);
        expected.remove(10);
        assert_eq!((ids, malformed), (expected, 2));
    }
}

#[tokio::test]
async fn p07_a_long_message_is_cut_with_its_length() {
    let mut fake = Fake::with(2);
    fake.documents[0].2 = json!("a".repeat(300_000));
    let (_server, source, _fake) = serve(fake).await;
    let page = source.page(&query(10), None).await.unwrap();
    let cut = page.lines.iter().find(|l| l.id == "000000").unwrap();
    assert!(cut.message.len() < 70_000 && cut.message.contains("300000 bytes"));
    assert_eq!(page.lines.iter().find(|l| l.id == "000001").unwrap().message, "message 1");
}

/// The page of a server that answers every search with `body`.
async fn page_of(status: u16, body: Value) -> domain::Result<LogPage> {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(move |request: &Request| match (request.method.as_str(), request.url.path()) {
            ("GET", "/") => ResponseTemplate::new(200).set_body_json(json!({"version": {"number": "8.19.0"}})),
            ("POST", "/_search") => ResponseTemplate::new(status).set_body_json(body.clone()),
            ("POST", _) => ResponseTemplate::new(200).set_body_json(json!({"id": "pit"})),
            _ => ResponseTemplate::new(200).set_body_json(json!({})),
        })
        .mount(&server)
        .await;
    Elasticsearch::new(&spec(SourceKind::Elasticsearch, &server.uri())).unwrap().page(&query(1_000), None).await
}

fn found(shards: Value, timed_out: bool, hits: Value) -> Value {
    json!({"timed_out": timed_out, "_shards": shards, "hits": {"total": {"value": 10_000, "relation": "gte"}, "hits": hits}})
}

#[tokio::test]
async fn p09_missing_shards_and_late_searches_are_partial() {
    for (shards, timed_out, word) in [
        (json!({"total": 12, "successful": 9, "skipped": 0, "failed": 0}), false, "3 of 12"),
        (
            json!({"total": 12, "successful": 10, "failed": 2, "failures": [{"reason": {"type": "x", "reason": "text is not keyword"}}]}),
            false,
            "keyword",
        ),
        (json!({"total": 12, "successful": 12, "failed": 0}), true, "timed out"),
    ] {
        let page = page_of(200, found(shards, timed_out, json!([]))).await.unwrap();
        assert!(matches!(&page.completeness, Completeness::Partial(why) if why.contains(word)), "{page:?}");
    }
}

#[tokio::test]
async fn p10_documents_without_a_usable_time_are_counted_and_the_rest_is_read() {
    let hits = json!([
        {"_index": "l", "_id": "1", "_source": {"@timestamp": "1970-01-01T00:00:01Z", "message": "a"}, "sort": [1000, 1]},
        {"_index": "l", "_id": "2", "_source": {"message": "b"}, "sort": [null, 2]},
        {"_index": "l", "_id": "3", "_source": {"@timestamp": "yesterday", "message": "c"}, "sort": [null, 3]},
    ]);
    let page = page_of(200, found(json!({"total": 1, "successful": 1}), false, hits)).await.unwrap();
    assert_eq!((page.lines.len(), page.malformed, page.completeness), (1, 2, Completeness::Complete));
}

#[tokio::test]
async fn errors_are_typed_and_name_what_to_do() {
    let because = |kind: &str, reason: &str| json!({"error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason}});
    for (status, body, kind, word) in [
        (404, because("index_not_found_exception", "no such index [logs]"), Kind::NotFound, "no index matches logs-*"),
        (400, because("query_shard_exception", "Failed to parse query [a:(]"), Kind::Invalid, "Failed to parse query"),
        (429, because("es_rejected_execution_exception", "rejected"), Kind::TooMany, "slow down"),
        (401, because("security_exception", "missing credentials"), Kind::Unauthenticated, "credentials"),
        (403, because("security_exception", "unauthorized"), Kind::Forbidden, "right to read"),
        (503, because("search_phase_execution_exception", "all shards failed"), Kind::Unavailable, "all shards failed"),
        (502, json!("<html>Bad Gateway</html>"), Kind::Unavailable, "502"),
    ] {
        let error = page_of(status, body).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(word) && !error.message.contains('\n'), "{error}");
    }
    let none = page_of(200, found(json!({"total": 0, "successful": 0}), false, json!([]))).await.unwrap_err();
    assert_eq!(none.kind, Kind::NotFound, "a pattern that matches nothing");
}

#[tokio::test]
async fn what_is_no_elasticsearch_is_named() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>Grafana</html>"))
        .mount(&server)
        .await;
    let other = Elasticsearch::new(&spec(SourceKind::Elasticsearch, &server.uri())).unwrap();
    let error = other.check().await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.contains("neither Elasticsearch nor OpenSearch")),
        (Kind::Unavailable, true),
        "{error}"
    );
    let dead = Elasticsearch::new(&spec(SourceKind::Elasticsearch, "http://127.0.0.1:1")).unwrap();
    assert_eq!(dead.page(&query(10), None).await.unwrap_err().kind, Kind::Unavailable);
    let (server, _, _fake) = serve(Fake::with(1)).await;
    let slow = MockServer::start().await;
    let delay = std::time::Duration::from_secs(20);
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_delay(delay)).mount(&slow).await;
    let hurried = SourceSpec { timeout_secs: 1, ..spec(SourceKind::Elasticsearch, &slow.uri()) };
    assert_eq!(Elasticsearch::new(&hurried).unwrap().page(&query(10), None).await.unwrap_err().kind, Kind::Timeout);
    drop(server);
}

#[tokio::test]
async fn a_red_cluster_is_told() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(|request: &Request| match request.url.path() {
            "/" => ResponseTemplate::new(200).set_body_json(json!({"version": {"number": "8.19.21"}})),
            _ => ResponseTemplate::new(200).set_body_json(json!({"status": "red", "unassigned_shards": 3})),
        })
        .mount(&server)
        .await;
    let told = Elasticsearch::new(&spec(SourceKind::Elasticsearch, &server.uri())).unwrap().check().await.unwrap();
    assert!(told.starts_with("Elasticsearch 8.19.21, cluster red: 3 shards"), "{told}");
}
