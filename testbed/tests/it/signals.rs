//! Logs arrive in Elasticsearch, traces at an OTLP receiver, and PostgreSQL serves as well as SQLite.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};

use super::harness::{Testbed, environment, wait};

#[test]
fn logs_arrive_in_elasticsearch_with_their_mapping_and_trace() {
    let Some(base) = environment("elasticsearch", "AIOPS_TEST_ELASTICSEARCH_URL") else { return };
    let Some(testbed) = Testbed::start(&["--rate", "10", "--elasticsearch-url", &base], &[]) else { return };
    let http = reqwest::blocking::Client::new();
    let checkout = testbed.service("checkout")["url"].as_str().unwrap().replace("http://", "");
    let search = |query: Value| -> Value {
        let answer = http.post(format!("{base}/shop-logs/_search")).json(&json!({"query": query, "size": 1})).send();
        answer.and_then(|answer| answer.json()).unwrap_or_default()
    };
    let found = wait("the start of checkout in the index", || {
        Some(search(json!({"match_phrase": {"message": checkout}})))
            .filter(|found| found["hits"]["hits"][0].is_object())
    });
    let index = found["hits"]["hits"][0]["_index"].as_str().unwrap().to_owned();
    let mapping: Value = http.get(format!("{base}/{index}/_mapping")).send().unwrap().json().unwrap();
    let fields = &mapping[&index]["mappings"]["properties"];
    assert_eq!(fields["@timestamp"]["type"], "date");
    assert_eq!(fields["log"]["properties"]["level"]["type"], "keyword");
    let traced = json!({"bool": {"filter": [
        {"term": {"service.name": "checkout"}}, {"exists": {"field": "trace.id"}}, {"range": {"@timestamp": {"gte": "now-1m"}}}]}});
    wait("a record with a trace id", || search(traced.clone())["hits"]["hits"][0].is_object().then_some(()));
}

/// Span by service: trace id, span id, parent's span id.
type Spans = Vec<(String, Vec<u8>, Vec<u8>, Vec<u8>)>;

fn receiver() -> (String, Arc<Mutex<Spans>>) {
    let spans: Arc<Mutex<Spans>> = Arc::default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let store = Arc::clone(&spans);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let take = move |body: axum::body::Bytes| {
            let request = ExportTraceServiceRequest::decode(body.as_ref()).unwrap();
            for resource in request.resource_spans {
                let attributes = resource.resource.unwrap_or_default().attributes;
                let name = attributes.iter().find(|attribute| attribute.key == "service.name");
                let name = format!("{:?}", name.and_then(|name| name.value.clone()));
                let all = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                store.lock().unwrap().extend(all.map(|s| (name.clone(), s.trace_id, s.span_id, s.parent_span_id)));
            }
            async { "" }
        };
        let router = axum::Router::new().route("/v1/traces", axum::routing::post(take));
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    (address, spans)
}

#[test]
fn one_trace_runs_through_all_three_services() {
    let (address, spans) = receiver();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str())];
    let Some(_testbed) = Testbed::start(&["--rate", "10"], &variables) else { return };
    wait("a trace with spans of all services, each below one that is there", || {
        let spans = spans.lock().unwrap();
        let ids: HashSet<&Vec<u8>> = spans.iter().map(|span| &span.2).collect();
        let mut traces: HashMap<&Vec<u8>, HashSet<&str>> = HashMap::new();
        for (service, trace, _, parent) in spans.iter() {
            if parent.is_empty() || ids.contains(parent) {
                traces.entry(trace).or_default().insert(service);
            }
        }
        traces.values().any(|services| services.len() == 3).then_some(())
    });
}

#[test]
fn postgres_serves_as_well_as_sqlite() {
    let Some(url) = environment("postgres", "AIOPS_TEST_POSTGRES_URL") else { return };
    let Some(mut testbed) = Testbed::start(&["--rate", "10", "--database-url", &url], &[]) else { return };
    let truth =
        wait("fifty requests", || Some(testbed.truth()).filter(|truth| truth["slo"]["requests"].as_u64() >= Some(50)));
    assert_eq!(truth["slo"]["success_rate"], 1.0, "{}", truth["slo"]);
    testbed.inject("pool_leak", "checkout", 1.0);
    assert!(testbed.script("restart_service", "checkout").status.success());
    wait("the restart cures on postgres too", || testbed.fault()["cured_at_ms"].as_i64());
    let schema = testbed.text("name").to_owned();
    assert!(testbed.terminate());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::PgPool::connect(&url).await.unwrap();
        let drop = format!("DROP SCHEMA \"{schema}\" CASCADE");
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&pool).await.unwrap();
    });
}
