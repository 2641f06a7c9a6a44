//! A thing that breaks and can be healed: one number that a real Prometheus scrapes and a script repairs.

use crate::harness::{Product, wait_for};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number, its scrape target and the ledger of outside effects.
pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
    name: String,
    target: PathBuf,
    prometheus: String,
}

impl Lab {
    /// A lab that `prometheus` scrapes, through a target file in `targets`.
    pub(crate) fn new(name: &str, prometheus: &str, targets: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("level"), "1").expect("written");
        let port = export(dir.path().join("level"));
        let name = format!("{name}-{port}");
        let target = targets.join(format!("{name}.json"));
        let list = json!([{ "targets": [format!("127.0.0.1:{port}")], "labels": { "job": "lab", "service": name } }]);
        let part = targets.join(format!("{name}.part"));
        std::fs::write(&part, list.to_string()).expect("written");
        std::fs::rename(&part, &target).expect("renamed");
        Self { dir, name, target, prometheus: prometheus.to_owned() }
    }

    /// Breaks it.
    pub(crate) fn break_it(&self) {
        std::fs::write(self.dir.path().join("level"), "9").expect("written");
    }

    /// How often the script took effect.
    pub(crate) fn effects(&self) -> usize {
        std::fs::read_to_string(self.dir.path().join("ledger")).map_or(0, |text| text.lines().count())
    }

    /// The script that heals: it enters its effect into the ledger, repairs, and tells the trace that it is part of.
    fn script(&self) -> String {
        let dir = self.dir.path().display();
        let effect = format!("echo \"$RUN_KEY $TARGET\" >> {dir}/ledger\nsleep 1\necho 1 > {dir}/level\n");
        format!("{effect}echo healed $TARGET\necho trace $TRACEPARENT\n")
    }

    /// Source, monitor, script, case and policy in the product.
    pub(crate) fn install(&self, product: &Product, verification: &Value) {
        let source =
            product.create("sources", &json!({ "name": "prom", "kind": "prometheus", "url": self.prometheus }));
        product.create(
            "monitors",
            &json!({
                "name": "level", "source_id": source, "query": format!("lab_level{{service=\"{}\"}}", self.name),
                "interval_secs": 1, "signal": "saturation", "entity_labels": ["service"], "severity": "critical",
                "detector": { "kind": "threshold", "op": "gt", "value": 5.0 },
            }),
        );
        let script = product.create(
            "scripts",
            &json!({ "name": "repair", "language": "bash", "body": self.script(), "timeout_secs": 30 }),
        );
        let case = product.create("cases", &json!({ "name": "repair", "script_id": script }));
        product.create(
            "policies",
            &json!({
                "name": "repair", "autonomy": "auto", "steps": [{ "case_id": case }], "verification": verification,
                "match": { "monitors": ["level"] }, "gates": { "cooldown_secs": 0, "freshness_secs": 30 },
            }),
        );
        wait_for("the first sample", Duration::from_secs(40), || {
            let statuses = product.try_get("/monitors/statuses")?;
            statuses.as_array()?.iter().any(|s| s["health"] == "ok").then_some(())
        });
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        std::fs::remove_file(&self.target).ok();
    }
}

/// Serves the number in `file` as a metric; the port. The thread ends with the test process.
fn export(file: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0_u8; 2048];
            let read = stream.read(&mut request).unwrap_or(0);
            let level = std::fs::read_to_string(&file).unwrap_or_default();
            let body = format!("# TYPE lab_level gauge\nlab_level {}\n", level.trim());
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
            if read > 0 && !level.trim().is_empty() {
                write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok();
            }
        }
    });
    port
}

/// Where the project's own Prometheus reads scrape targets; `None`, said so, when another one is used.
pub(crate) fn targets(test: &str) -> Option<PathBuf> {
    let state = std::env::var_os("AIOPS_DEV_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev"), PathBuf::from);
    let dir = state.join("prometheus/targets");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: {test} needs the Prometheus of deploy/dev/services (AIOPS_TEST_PROMETHEUS_URL is another one)");
    None
}

/// The one incident of the product, once it is there.
pub(crate) fn incident(product: &Product) -> Option<Value> {
    let page = product.try_get("/incidents")?;
    page["items"].as_array()?.first().cloned()
}
