//! Prometheus stops for a minute in the middle of the loop: nothing is closed, nothing cured, until data returns.

use crate::harness::{Product, wait_for};
use crate::lab::{Lab, incident};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A Prometheus of this test's own.
struct Private(tempfile::TempDir);

impl Private {
    fn services(&self, args: &[&str]) -> bool {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dev/services"))
            .args(args)
            .env("AIOPS_DEV_DIR", self.0.path())
            .output()
            .is_ok_and(|o| o.status.success())
    }

    fn url(&self) -> Option<String> {
        let env = std::fs::read_to_string(self.0.path().join("env")).ok()?;
        env.lines().find_map(|l| l.strip_prefix("export AIOPS_TEST_PROMETHEUS_URL=")).map(str::to_owned)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.services(&["down", "--purge"]);
    }
}

#[test]
fn an_outage_of_prometheus_cures_nothing() {
    let private = Private(tempfile::tempdir().expect("a folder"));
    if !private.services(&["up", "prometheus"]) {
        eprintln!("skipped: outage needs Prometheus (deploy/dev/services up prometheus)");
        return;
    }
    let url = private.url().expect("an address");
    let lab = Lab::new("outage", &url, &private.0.path().join("prometheus/targets"));
    let product = Product::start(lab.dir.path(), &[]);
    // The time of the outage does not count, up to the double of the deadline.
    // The settle time leaves room to stop Prometheus between the run and the first sample.
    let verification =
        json!({ "settle_secs": 4, "samples": 3, "interval_secs": 2, "deadline_secs": 90, "soak_secs": 5 });
    lab.install(&product, &verification);
    lab.break_it();
    let id = wait_for("verifying", Duration::from_secs(60), || {
        incident(&product).filter(|i| i["state"] == "verifying").and_then(|i| i["id"].as_str().map(str::to_owned))
    });
    assert!(private.services(&["down", "prometheus"]), "stopped");
    let down = Instant::now();
    while down.elapsed() < Duration::from_secs(60) {
        let now = product.get(&format!("/incidents/{id}"));
        assert_eq!(now["state"], "verifying", "nothing is concluded without data: {now}");
        assert!(
            product
                .get(&format!("/incidents/{id}/anomalies"))
                .as_array()
                .expect("a list")
                .iter()
                .all(|a| a["state"] == "open"),
            "no anomaly closes without data"
        );
        std::thread::sleep(Duration::from_secs(2));
    }
    let sources = product.get("/sources/statuses");
    assert_eq!(sources[0]["health"], "source_error", "the outage is shown: {sources}");
    let verdict = &product.get(&format!("/incidents/{id}/verifications"))[0]["verdict"];
    assert!(verdict.is_null() || *verdict == "inconclusive", "never a cure without data: {verdict}");
    assert!(private.services(&["up", "prometheus"]), "started again");
    let done = wait_for("resolved once data is back", Duration::from_secs(180), || {
        Some(product.get(&format!("/incidents/{id}"))).filter(|i| i["state"] == "resolved" || i["state"] == "escalated")
    });
    assert_eq!(done["state"], "resolved", "{done}");
    assert_eq!(product.get(&format!("/incidents/{id}/verifications"))[0]["verdict"], "fixed");
    assert_eq!(lab.effects(), 1);
}
