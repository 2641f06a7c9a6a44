//! 20,000 alerts of one group in one call to a real `aiops serve`, until each has its incident, beside a bare insert loop.
//!
//! `cargo bench --bench alerts`; `AIOPS_BENCH_ALERTS` sets the number.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]
#![expect(dead_code, reason = "the harness of the tests has more than a benchmark needs")]

#[path = "../tests/it/harness.rs"]
mod harness;

use domain::ports::AlertQueue as _;
use harness::{Product, wait_for};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::Database;

const TOKEN: &str = "a-token-of-sixteen-and-more";
const LONG: Duration = Duration::from_secs(300);
/// What the whole of it may take, seconds.
const LIMIT: f64 = 10.0;

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(usual)
}

fn alert(n: usize, status: &str) -> Value {
    let ends = if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-01-31T09:00:00Z" };
    json!({
        "status": status, "fingerprint": format!("{n:016x}"), "startsAt": "2026-01-31T08:00:00.123Z", "endsAt": ends,
        "generatorURL": "http://prometheus.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "labels": { "alertname": "InstanceDown", "severity": "critical", "service": format!("service-{}", n % 400),
            "instance": format!("10.{}.{}.{}:9100", n / 65_536, n / 256 % 256, n % 256), "job": "node", "region": "eu-1" },
        "annotations": { "summary": format!("instance {n} is down"), "runbook": "https://wiki.example/runbooks/down" },
    })
}

fn call(alerts: &[Value], status: &str) -> String {
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"InstanceDown\"}", "truncatedAlerts": 0, "status": status,
        "receiver": "aiops", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://am.example", "alerts": alerts,
    })
    .to_string()
}

/// One call, and the time until it is answered and until everything is placed.
async fn send(address: &str, body: String, db: &Database) -> (Value, f64, f64) {
    let begun = Instant::now();
    let http = reqwest::Client::builder().timeout(LONG).build().expect("a client");
    let answer = http.post(address).header("x-aiops-token", TOKEN).body(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    let receipt: Value = answer.json().await.expect("a receipt");
    let answered = begun.elapsed().as_secs_f64();
    while !db.unplaced(1).await.expect("an answer").is_empty() {
        assert!(begun.elapsed() < LONG, "never placed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (receipt, answered, begun.elapsed().as_secs_f64())
}

fn main() {
    let count = number("AIOPS_BENCH_ALERTS", 20_000);
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let id = product.create("sources", &json!({ "name": "am", "kind": "alertmanager" }));
    product.post(&format!("/sources/{id}/webhook-token"), &json!({ "token": TOKEN }));
    let address = format!("{}/api/v1/webhooks/{id}", product.base());
    let firing: Vec<Value> = (0..count).map(|n| alert(n, "firing")).collect();
    let resolved: Vec<Value> = (0..count).map(|n| alert(n, "resolved")).collect();
    let rows: Vec<String> = firing.iter().map(Value::to_string).collect();
    let (firing, resolved) = (call(&firing, "firing"), call(&resolved, "resolved"));
    let megabytes = firing.len() as f64 / 1e6;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let took = runtime.block_on(async {
        let address_of_bare = format!("sqlite://{}?mode=rwc", dir.path().join("bare.db").display());
        let bare = store::testing::bare_inserts(&address_of_bare, &rows).await.expect("rows").as_secs_f64();
        let db = Database::connect(&format!("sqlite://{}", dir.path().join("data/aiops.db").display())).await.expect("the database");
        let mut took = Vec::new();
        for (what, body) in [("firing", firing.clone()), ("the same again", firing), ("resolved", resolved)] {
            let (receipt, answered, placed) = send(&address, body, &db).await;
            println!(
                "{count} alerts in one group ({megabytes:.1} MB), {what}: answered after {answered:.2} s, all placed after \
                 {placed:.2} s (limit {LIMIT} s); bare loop of {count} inserts {bare:.2} s; ratio {:.1}; receipt {receipt}",
                placed / bare
            );
            took.push(placed);
        }
        db.close().await;
        took
    });
    let incidents = wait_for("the incident", LONG, || product.try_get("/incidents"));
    let number = incidents["items"].as_array().map_or(0, Vec::len);
    println!("incidents: {number}");
    assert_eq!(number, 1, "one group is one incident");
    assert!(took.iter().all(|t| *t <= LIMIT), "slower than {LIMIT} s: {took:?}");
}
