//! `kill -9` at every step of the loop: after the restart the same incident goes on, and the script has run once.

use crate::harness::{Product, needs, wait_for};
use crate::lab::{Lab, incident, targets};
use serde_json::json;
use std::time::Duration;

/// Every step at which the process is killed, in the order of the loop.
const POINTS: [&str; 20] = [
    "analyzer.before_commit",
    "analyzer.after_commit",
    "heal.before_decide",
    "decide.commit.before",
    "decide.commit.after",
    "heal.after_decide",
    "claim.commit.after",
    "runner.claimed",
    "runner.before_start",
    "runner.after_start",
    "started.commit.after",
    "runner.running",
    "runner.before_finish",
    "finish.commit.before",
    "finish.commit.after",
    "runner.after_finish",
    "verify.start.commit.after",
    "verify.before_sample",
    "verdict.commit.before",
    "verdict.commit.after",
];

fn heals_over_a_kill_at(point: &str) {
    let test = "kill";
    let Some(prometheus) = needs(test, "AIOPS_TEST_PROMETHEUS_URL") else { return };
    let Some(targets) = targets(test) else { return };
    let lab = Lab::new("kill", &prometheus, &targets);
    let mut product = Product::start(lab.dir.path(), &[("AIOPS_KILL_AT", point)]);
    let verification =
        json!({ "settle_secs": 1, "samples": 2, "interval_secs": 1, "deadline_secs": 30, "soak_secs": 5 });
    lab.install(&product, &verification);
    lab.break_it();
    wait_for(&format!("{point}: the process dies there"), Duration::from_secs(60), || product.has_died().then_some(()));
    product.restart(lab.dir.path(), &[]);
    let done = wait_for(&format!("{point}: resolved after the restart"), Duration::from_secs(90), || {
        incident(&product).filter(|i| i["state"] == "resolved" || i["state"] == "escalated")
    });
    assert_eq!(done["state"], "resolved", "{point}: {done}");
    assert_eq!(product.get("/incidents")["items"].as_array().map(Vec::len), Some(1), "{point}: one incident");
    assert_eq!(lab.effects(), 1, "{point}: the script took effect once");
    let id = done["id"].as_str().expect("an id");
    let verifications = product.get(&format!("/incidents/{id}/verifications"));
    assert_eq!(verifications[0]["verdict"], "fixed", "{point}: measured, not assumed");
    let runs = product.get(&format!("/incidents/{id}/runs"));
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "{point}: one run");
}

/// Four at a time: each waits far more than it works.
#[test]
fn the_loop_survives_a_kill_at_every_step() {
    let queue = std::sync::Mutex::new(POINTS.iter());
    let broken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(point) = queue.lock().map(|mut q| q.next()).ok().flatten() {
                    if std::panic::catch_unwind(|| heals_over_a_kill_at(point)).is_err() {
                        broken.lock().expect("a list").push(*point);
                    }
                }
            });
        }
    });
    assert_eq!(*broken.lock().expect("a list"), Vec::<&str>::new(), "steps that do not survive");
}
