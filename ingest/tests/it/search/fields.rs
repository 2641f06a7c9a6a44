//! Documents as lines: ECS, OpenTelemetry and fields of one's own, and documents that have no time.

use super::server::{BASE, Server, document, query, read};
use domain::catalog::SourceSpec;
use domain::ports::LogSource;
use domain::signal::LogLevel;
use ingest::Elasticsearch;
use serde_json::json;

pub(super) async fn mapping(server: &Server) {
    let date = json!({"@timestamp": {"type": "date"}, "ts": {"type": "date"}});
    let ecs = server.index("ecs", date.clone()).await;
    let otel = server.index("otel", date.clone()).await;
    let own = server.index("own", date).await;
    server
        .add(&ecs, &[json!({"_id": "1", "@timestamp": BASE, "log": {"level": "error"}, "message": "boom 7",
            "service": {"name": "pay"}, "host": {"name": "h1"}, "trace": {"id": "t1"}, "kubernetes": {"namespace": "shop"}})])
        .await;
    server
        .add(
            &otel,
            &[json!({"_id": "1", "@timestamp": BASE, "severity_text": "ERROR", "severity_number": 17,
            "body": {"text": "boom 7"}, "trace_id": "t1", "resource": {"attributes": {"service.name": "pay",
            "host.name": "h1", "k8s.namespace.name": "shop"}}})],
        )
        .await;
    server
        .add(
            &own,
            &[json!({"_id": "1", "ts": BASE, "sev": "E", "txt": "boom 7", "app": {"id": "pay"},
            "hostname": "h1", "req": "t1", "kubernetes": {"namespace_name": "shop"}, "message": "not this"})],
        )
        .await;
    let given = [("timestamp", "ts"), ("level", "sev"), ("message", "txt"), ("service", "app.id"), ("trace_id", "req")];
    let fields = given.map(|(role, field)| (role.to_owned(), field.to_owned())).into();
    let own = Elasticsearch::new(&SourceSpec { fields, ..server.spec(&own) }).unwrap();
    let mut lines = Vec::new();
    for source in [server.source(&ecs), server.source(&otel), own] {
        let mut found = read(&source, &query("", 1_000, 10), async |_, _| ()).await;
        assert_eq!(found.len(), 1);
        found[0].index = String::new();
        lines.append(&mut found);
    }
    assert_eq!(lines[0], lines[1], "ECS and OpenTelemetry");
    assert_eq!(lines[0], lines[2], "fields of one's own");
    assert_eq!((lines[0].level, lines[0].message.as_str()), (LogLevel::Error, "boom 7"));
    let label = |name: &str| lines[0].labels[name].as_str();
    assert_eq!((label("service"), label("host"), label("namespace")), ("pay", "h1", "shop"));
}

pub(super) async fn without_time(server: &Server) {
    let lenient = json!({"@timestamp": {"type": "date", "ignore_malformed": true}, "message": {"type": "text"}});
    let index = server.index("untimed", lenient).await;
    let odd = [json!({"message": "no time"}), json!({"@timestamp": "yesterday", "message": "no date"})];
    server.add(&index, &[&[document(1, BASE), document(2, BASE + 1)], &odd[..]].concat()).await;
    let source = server.source(&index);
    let page = source.page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((page.lines.len(), page.malformed), (2, 2), "the rest is read, and what has no time is counted");
    let again = source.page(&query("", 1_000, 10), None).await.unwrap();
    assert_eq!((again.lines.len(), again.malformed), (2, 0), "counted once");
}
