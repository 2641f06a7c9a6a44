//! What is not a whole answer is told apart: conflicting mappings, red clusters, missing indexes, wrong queries.

use super::server::{BASE, Server, document, query, time_and_text};
use domain::Kind;
use domain::clock::from_millis;
use domain::ports::LogSource;
use domain::signal::Completeness;
use serde_json::json;

pub(super) async fn mapping_conflict(server: &Server) {
    let with = |kind: &str| json!({"@timestamp": {"type": "date"}, "ok": {"type": kind}});
    let (one, two) = (server.index("flag", with("boolean")).await, server.index("word", with("keyword")).await);
    server.add(&one, &[json!({"_id": "1", "@timestamp": BASE, "message": "flag", "ok": true})]).await;
    server.add(&two, &[json!({"_id": "2", "@timestamp": BASE, "message": "word", "ok": "maybe"})]).await;
    let source = server.source(&server.name("*"));
    let page = source.page(&query("ok:maybe", 1_000, 10), None).await.unwrap();
    let Completeness::Partial(why) = &page.completeness else { panic!("partial expected, got {page:?}") };
    assert!(why.contains("shards did not answer") && why.contains("boolean"), "{why}");
    assert_eq!(page.lines.len(), 1, "what answered is given");
    let whole = source.page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((whole.completeness, whole.lines.len()), (Completeness::Complete, 2));
    // The time field itself as a word: its documents cannot be put in order, and that is said.
    let bad = server.index("odd", json!({"@timestamp": {"type": "keyword"}})).await;
    server.add(&bad, &[json!({"_id": "3", "@timestamp": "soon", "message": "odd"})]).await;
    match source.page(&query("", 1_000, 10), None).await {
        Ok(page) => assert!(matches!(page.completeness, Completeness::Partial(_)), "{page:?}"),
        Err(error) => assert!(matches!(error.kind, Kind::Invalid | Kind::Unavailable), "{error}"),
    }
}

pub(super) async fn red(server: &Server) {
    let good = server.index("good", time_and_text()).await;
    server.add(&good, &[document(1, BASE)]).await;
    let bad = server.name("nowhere");
    let settings = json!({"number_of_replicas": 0, "index.routing.allocation.require._name": "no-such-node"});
    let body = json!({"settings": settings, "mappings": {"properties": time_and_text()}});
    server.ok("PUT", &format!("{bad}?wait_for_active_shards=0&timeout=1s"), body).await;
    server.keep_clean(&bad);
    let source = server.source(&server.name("*"));
    match source.page(&query("", 1_000, 10), None).await {
        Ok(page) => assert!(matches!(page.completeness, Completeness::Partial(_)), "{page:?}"),
        Err(error) => {
            assert_eq!(error.kind, Kind::Unavailable, "{error}");
            assert!(error.message.contains("cannot search now"), "{error}");
        }
    }
    let told = source.check().await.unwrap();
    assert!(told.contains("cluster red"), "{told}");
    let healthy = server.source(&good).page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((healthy.completeness, healthy.lines.len()), (Completeness::Complete, 1), "the rest goes on");
}

pub(super) async fn errors(server: &Server) {
    for end in ["absent-2026.11.25", "absent-*"] {
        let source = server.source(&server.name(end));
        let error = source.page(&query("", 1_000, 10), None).await.unwrap_err();
        assert_eq!((error.kind, error.message.contains(&server.name(end))), (Kind::NotFound, true), "{error}");
        assert_eq!(source.count("", from_millis(0), from_millis(1)).await.unwrap_err().kind, Kind::NotFound);
    }
    let index = server.index("there", time_and_text()).await;
    let source = server.source(&index);
    let wrong = source.page(&query("n:[100 TO", 1_000, 10), None).await.unwrap_err();
    assert_eq!(wrong.kind, Kind::Invalid, "{wrong}");
    assert!(wrong.message.contains("correct the query"), "{wrong}");
    let empty = source.page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((empty.lines.len(), empty.next, empty.completeness), (0, None, Completeness::Complete));
    let told = source.check().await.unwrap();
    assert!(told.starts_with("Elasticsearch ") || told.starts_with("OpenSearch "), "{told}");
}
