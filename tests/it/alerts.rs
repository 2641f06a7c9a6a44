//! A real Alertmanager sends to the product: firing, cut, replayed, out of order, resolved.

use crate::harness::{Product, client, wait_for};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const TOKEN: &str = "a-token-of-sixteen-and-more";
/// Alerts of one call, as the sender is told to limit it.
const MAX_ALERTS: usize = 5;

/// An Alertmanager of this test's own.
struct Private(tempfile::TempDir);

impl Private {
    fn services(&self, args: &[&str]) -> bool {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dev/services"))
            .args(args)
            .env("AIOPS_DEV_DIR", self.0.path())
            .output()
            .is_ok_and(|o| o.status.success())
    }

    fn url(&self) -> String {
        let env = std::fs::read_to_string(self.0.path().join("env")).expect("the services' addresses");
        let line = env.lines().find_map(|l| l.strip_prefix("export AIOPS_TEST_ALERTMANAGER_URL="));
        line.expect("the address of the Alertmanager").to_owned()
    }

    /// Sends to `address` from now on, as docs/alerts.md shows it.
    fn send_to(&self, address: &str) {
        let config = format!(
            "route:\n  receiver: aiops\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s\n  repeat_interval: 1h\n\
             receivers:\n  - name: aiops\n    webhook_configs:\n      - url: {address}\n        send_resolved: true\n        \
             max_alerts: {MAX_ALERTS}\n        http_config:\n          authorization:\n            credentials: {TOKEN}\n"
        );
        std::fs::write(self.0.path().join("alertmanager/alertmanager.yml"), config).expect("written");
        let answer = client().post(format!("{}/-/reload", self.url())).send().expect("an answer");
        assert!(answer.status().is_success(), "the configuration is taken: {:?}", answer.text());
    }

    fn alerts(&self, alerts: &[Value]) {
        let answer = client().post(format!("{}/api/v2/alerts", self.url())).json(alerts).send().expect("an answer");
        assert!(answer.status().is_success(), "{:?}", answer.text());
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.services(&["down", "--purge"]);
    }
}

fn now(offset_secs: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::seconds(offset_secs)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn alert(name: &str, instance: &str, end: Option<&str>) -> Value {
    let mut alert = json!({
        "labels": { "alertname": name, "service": "checkout", "instance": instance, "severity": "critical" },
        "annotations": { "summary": format!("{instance} is down") },
        "generatorURL": "http://prometheus.example/graph", "startsAt": "2026-01-31T08:00:00Z",
    });
    if let Some(end) = end {
        alert["endsAt"] = json!(end);
    }
    alert
}

fn sender(product: &Product) -> String {
    let id = product.create("sources", &json!({ "name": "am", "kind": "alertmanager" }));
    product.post(&format!("/sources/{id}/webhook-token"), &json!({ "token": TOKEN }));
    format!("{}/api/v1/webhooks/{id}", product.base())
}

fn items(product: &Product, path: &str) -> Vec<Value> {
    product.try_get(path).and_then(|page| page["items"].as_array().cloned()).unwrap_or_default()
}

/// A call as an Alertmanager makes it.
fn told(status: &str, instance: &str, starts_at: &str, ends_at: &str) -> Value {
    let labels = json!({ "alertname": "Late", "service": "cart", "instance": instance });
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"Late\"}", "truncatedAlerts": 0, "status": status, "receiver": "aiops",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am.example",
        "alerts": [{ "status": status, "labels": labels, "annotations": {}, "startsAt": starts_at, "endsAt": ends_at,
            "generatorURL": "", "fingerprint": format!("fp-{instance}") }],
    })
}

#[test]
fn p25_p28_a_real_alertmanager_fires_is_cut_and_resolves() {
    let private = Private(tempfile::tempdir().expect("a folder"));
    if !private.services(&["up", "alertmanager"]) {
        eprintln!("skipped: alerts needs Alertmanager (deploy/dev/services up alertmanager)");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    private.send_to(&sender(&product));
    let names: Vec<String> = (0..8).map(|n| format!("web-{n}; touch pwned")).collect();
    let of = |end: Option<&str>| names.iter().map(|n| alert("InstanceDown", n, end)).collect::<Vec<_>>();
    private.alerts(&of(None));
    let incident = wait_for("an incident", Duration::from_secs(60), || items(&product, "/incidents").first().cloned());
    assert_eq!(incident["severity"], "critical", "{incident}");
    // P28: the sender cuts the group, and that is told.
    let groups = wait_for("the group", Duration::from_secs(30), || {
        product.try_get("/alert-groups").filter(|g| g[0]["omitted"] == json!(names.len() - MAX_ALERTS))
    });
    assert_eq!((groups.as_array().map(Vec::len), groups[0]["alerts"].clone()), (Some(1), json!(MAX_ALERTS)));
    let firing = items(&product, "/alerts?state=firing");
    assert_eq!(firing.len(), MAX_ALERTS);
    // P23: names stay what they are.
    assert!(firing.iter().all(|a| names.iter().any(|n| a["labels"]["instance"] == **n)), "{firing:?}");
    assert!(firing.iter().all(|a| a["incident_id"] == incident["id"]), "one group is one incident: {firing:?}");
    // P25 b: what is over ends what it opened and starts nothing.
    private.alerts(&of(Some(&now(0))));
    wait_for("resolved alerts", Duration::from_secs(60), || {
        items(&product, "/alerts?state=firing").is_empty().then_some(())
    });
    let id = incident["id"].as_str().expect("an id");
    let over = wait_for("the end of the incident", Duration::from_secs(150), || {
        product.try_get(&format!("/incidents/{id}")).filter(|i| i["state"] == "resolved")
    });
    assert!(over["resolved_at"].is_string());
    assert_eq!((items(&product, "/incidents").len(), items(&product, "/runs").len()), (1, 0));
}

#[test]
fn p25_out_of_order_and_replayed_calls_are_one_life() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let address = sender(&product);
    let send = |body: &Value| -> Value {
        let answer = client().post(&address).header("x-aiops-token", TOKEN).json(body).send().expect("an answer");
        assert!(answer.status().is_success(), "{body}");
        answer.json().expect("a receipt")
    };
    let zero = "0001-01-01T00:00:00Z";
    let (begun, ended) = (now(-60), now(-5));
    let counts =
        |receipt: &Value, words: &[&str]| words.iter().map(|w| receipt[*w].as_u64().unwrap_or(9)).collect::<Vec<_>>();
    // The end overtakes the beginning: nothing opens, then or later.
    assert_eq!(counts(&send(&told("resolved", "a", &begun, &ended)), &["opened", "resolved", "ignored"]), [0, 0, 1]);
    assert_eq!(counts(&send(&told("firing", "a", &begun, zero)), &["opened", "late"]), [0, 1]);
    // A beginning, told three times, is one.
    assert_eq!(counts(&send(&told("firing", "b", &begun, zero)), &["opened", "repeated"]), [1, 0]);
    for _ in 0..2 {
        assert_eq!(counts(&send(&told("firing", "b", &begun, zero)), &["opened", "repeated"]), [0, 1]);
    }
    let incident = wait_for("an incident", Duration::from_secs(60), || items(&product, "/incidents").first().cloned());
    // Its end, told twice, and a replay of its beginning: it stays over.
    assert_eq!(counts(&send(&told("resolved", "b", &begun, &ended)), &["resolved", "repeated"]), [1, 0]);
    assert_eq!(counts(&send(&told("resolved", "b", &begun, &ended)), &["resolved", "repeated"]), [0, 1]);
    assert_eq!(counts(&send(&told("firing", "b", &begun, zero)), &["opened", "late"]), [0, 1]);
    let alerts = items(&product, "/alerts");
    assert!(alerts.len() == 2 && alerts.iter().all(|a| a["state"] == "resolved"), "{alerts:?}");
    // A new beginning of the same alert is a new life of it.
    assert_eq!(counts(&send(&told("firing", "b", &now(-1), zero)), &["opened", "late"]), [1, 0]);
    wait_for("placed", Duration::from_secs(60), || {
        items(&product, "/alerts?state=firing").first().filter(|a| a["incident_id"].is_string()).cloned()
    });
    let incidents = items(&product, "/incidents");
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0]["id"], incident["id"], "the same trouble within its time is the same incident");
    assert_eq!(items(&product, "/runs").len(), 0);
}
