//! What is not a whole answer is told apart: conflicting mappings, red clusters, missing indexes, wrong queries.

use super::server::{BASE, Server, document, query, time_and_text};
use domain::Kind;
use domain::clock::from_millis;
use domain::ports::LogSource;
use domain::signal::Completeness;
use serde_json::json;

/// The time field is a date here, text there, and a word in a third index.
pub(super) async fn mapping_conflict(server: &Server) {
    let at = "2023-11-14T22:13:20.000Z";
    let document = |id: &str| json!({"_id": id, "@timestamp": at, "message": id});
    let date = server.index("date", time_and_text()).await;
    server.add(&date, &[document("date")]).await;
    let text = server.index("text", json!({"@timestamp": {"type": "text"}})).await;
    server.add(&text, &[document("text")]).await;
    let page = server.source(&server.name("*")).page(&query("", 1_000, 10), None).await.unwrap();
    let Completeness::Partial(why) = &page.completeness else { panic!("partial expected, got {page:?}") };
    assert!(why.contains("shards did not answer") && why.contains("Text fields"), "{why}");
    assert_eq!(page.lines.len(), 1, "what answered is given");
    server.ok("DELETE", &text, serde_json::Value::Null).await;
    // Words compare with no window and nothing fails: the documents are counted as malformed instead.
    let word = server.index("word", json!({"@timestamp": {"type": "keyword"}})).await;
    server.add(&word, &[document("word 1"), document("word 2")]).await;
    let page = server.source(&server.name("*")).page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((page.completeness, page.lines.len(), page.malformed), (Completeness::Complete, 1, 2));
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
    let empty = source.page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((empty.lines.len(), empty.next, empty.completeness), (0, None, Completeness::Complete));
    // Without a document in the window no server looks at the query at all.
    server.add(&index, &[document(1, BASE)]).await;
    let wrong = source.page(&query("n:[100 TO", 1_000, 10), None).await.unwrap_err();
    assert_eq!(wrong.kind, Kind::Invalid, "{wrong}");
    assert!(wrong.message.contains("correct the query"), "{wrong}");
    let told = source.check().await.unwrap();
    assert!(told.starts_with("Elasticsearch ") || told.starts_with("OpenSearch "), "{told}");
}
