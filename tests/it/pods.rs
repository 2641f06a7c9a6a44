//! Cases in real pods: `kill -9` of `aiops` at every step of a run, and the run goes on with one effect.

use crate::harness::{Product, needs, wait_for};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Steps of a run at which the process is killed.
const POINTS: [&str; 7] = [
    "runner.before_start",
    "kubernetes.job_made",
    "kubernetes.before_release",
    "runner.after_start",
    "runner.running",
    "runner.before_finish",
    "finish.commit.after",
];

/// Counts the requests that scripts make: the effects outside of everything that can be killed.
fn ledger(address: IpAddr) -> Option<(u16, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind((address, 0)).ok()?;
    let (port, count) = (listener.local_addr().ok()?.port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0_u8; 2048];
            if stream.read(&mut request).unwrap_or(0) > 0 {
                counted.fetch_add(1, Ordering::SeqCst);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").ok();
            }
        }
    });
    Some((port, count))
}

/// The address of the cluster, when it is one of this host: then pods reach this process there.
fn own_address(kubeconfig: &str) -> Option<IpAddr> {
    let text = std::fs::read_to_string(kubeconfig).ok()?;
    let server = text.split("https://").nth(1)?;
    let host = server.split([':', '/', '"']).next()?.parse().ok()?;
    TcpListener::bind((host, 0)).ok().map(|_| host)
}

/// A manager of the cluster, and a case that takes effect once, prints for a while, and leaves a result; the case.
fn install(product: &Product, kubeconfig: &str, url: &str) -> String {
    product.create(
        "runtime-managers",
        &json!({ "name": "cluster", "tags": ["pods"], "kind": "kubernetes", "endpoint": kubeconfig, "capacity": 4,
            "kubernetes": { "default_image": "localhost/aiops-test:1", "pull": "never", "grace_secs": 1 } }),
    );
    let body = format!(
        "wget -q -O - {url}; echo begin\ni=0; while [ $i -lt 40 ]; do echo line $i; sleep 0.1; i=$((i+1)); done\n\
         echo '{{\"lines\": 40}}' > \"$AIOPS_RESULT\"; echo kept > \"$AIOPS_ARTIFACTS/note.txt\"\n"
    );
    let script = product.create(
        "scripts",
        &json!({ "name": "effect", "language": "sh", "body": body, "timeout_secs": 60, "limits": { "network": true } }),
    );
    product.create("cases", &json!({ "name": "effect", "script_id": script, "runtime_tags": ["pods"] }))
}

fn ended(product: &Product, run: &str) -> Value {
    wait_for("the end of the run", Duration::from_secs(120), || {
        let run = product.try_get(&format!("/runs/{run}"))?;
        let state = run["state"].as_str()?;
        (!["queued", "leased", "running", "cancelling"].contains(&state)).then_some(run)
    })
}

fn attached_after_a_kill_at(point: &str, kubeconfig: &str, address: IpAddr) {
    let dir = tempfile::tempdir().expect("a folder");
    let (port, effects) = ledger(address).expect("a ledger");
    let mut product = Product::start(dir.path(), &[("AIOPS_KILL_AT", point)]);
    let case = install(&product, kubeconfig, &format!("http://{address}:{port}/"));
    let run = product.create(&format!("cases/{case}/runs"), &json!({}));
    wait_for(&format!("{point}: the process dies there"), Duration::from_secs(90), || product.has_died().then_some(()));
    product.restart(dir.path(), &[]);
    let end = ended(&product, &run);
    let log = std::fs::read_to_string(dir.path().join("aiops.log")).unwrap_or_default();
    let tail = &log[log.len().saturating_sub(4_000)..];
    assert_eq!(end["state"], "succeeded", "{point}: {} {tail}", end["reason"]);
    assert_eq!(effects.load(Ordering::SeqCst), 1, "{point}: the script took effect once");
    let lines = product.get(&format!("/runs/{run}/logs?limit=1000"));
    let texts: Vec<&str> = lines.as_array().expect("lines").iter().filter_map(|l| l["text"].as_str()).collect();
    let mut expected = vec!["okbegin".to_owned()];
    expected.extend((0..40).map(|i| format!("line {i}")));
    assert_eq!(texts, expected, "{point}: no line is lost or doubled");
    let results = product.get(&format!("/runs/{run}/results"));
    assert_eq!(results["result"], json!({ "lines": 40 }), "{point}");
    let status = product.get("/runtime-managers/statuses");
    let engine = |s: &Value| s["details"]["engine"].as_str().is_some_and(|e| e.starts_with("Kubernetes v"));
    assert!(status.as_array().expect("statuses").iter().any(engine), "{status}");
}

#[test]
fn a_run_in_a_pod_survives_a_kill_at_every_step() {
    let test = "a_run_in_a_pod_survives_a_kill_at_every_step";
    let Some(kubeconfig) = needs(test, "AIOPS_TEST_KUBECONFIG") else { return };
    let kubeconfig = Path::new(&kubeconfig).canonicalize().expect("a kubeconfig").display().to_string();
    let Some(address) = own_address(&kubeconfig) else {
        eprintln!("skipped: {test} needs a cluster whose pods reach this host (services up kubernetes)");
        return;
    };
    let (queue, broken) = (Mutex::new(POINTS.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(point) = queue.lock().map(|mut q| q.next()).ok().flatten() {
                    let tried = || attached_after_a_kill_at(point, &kubeconfig, address);
                    if std::panic::catch_unwind(tried).is_err() {
                        broken.lock().expect("a list").push(*point);
                    }
                }
            });
        }
    });
    assert_eq!(*broken.lock().expect("a list"), Vec::<&str>::new(), "steps that do not survive");
}
