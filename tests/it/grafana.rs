//! Every query of every Grafana dashboard returns data from a real Prometheus that scrapes the product.

use crate::harness::{Product, needs, wait_for};
use crate::lab::targets;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// All PromQL expressions of the dashboards.
fn expressions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana/dashboards");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("dashboards").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        let board: Value = serde_json::from_str(&text).expect("JSON");
        let targets = board["panels"]
            .as_array()
            .expect("panels")
            .iter()
            .flat_map(|p| p["targets"].as_array().into_iter().flatten());
        found.extend(targets.map(|t| t["expr"].as_str().expect("an expression").to_owned()));
    }
    found
}

#[test]
fn every_dashboard_query_returns_data() {
    let Some(prometheus) = needs("grafana", "AIOPS_TEST_PROMETHEUS_URL") else { return };
    let Some(targets) = targets("grafana") else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let address = product.base().trim_start_matches("http://");
    let file = targets.join(format!("grafana-{}.json", std::process::id()));
    let list = json!([{ "targets": [address], "labels": { "job": "aiops" } }]);
    std::fs::write(&file, list.to_string()).expect("written");
    let all = expressions();
    assert!(all.len() > 20, "the dashboards were read");
    let http = reqwest::blocking::Client::new();
    for expression in &all {
        wait_for(&format!("data for {expression}"), Duration::from_secs(60), || {
            let url = format!("{prometheus}/api/v1/query");
            let answer: Value = http.get(url).query(&[("query", expression)]).send().ok()?.json().ok()?;
            assert_eq!(answer["status"], "success", "{expression}: {answer}");
            answer["data"]["result"].as_array().is_some_and(|r| !r.is_empty()).then_some(())
        });
    }
    std::fs::remove_file(file).ok();
}
