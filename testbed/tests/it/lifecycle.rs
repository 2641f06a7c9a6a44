//! Starting and ending: nothing outlives the supervisor, the dead come back, strangers are kept out.
use serde_json::json;

use super::harness::{Testbed, alive, run, wait};

#[test]
fn a_stopped_testbed_leaves_nothing_running_and_no_target() {
    let targets = tempfile::tempdir().unwrap();
    let folder = targets.path().to_str().unwrap();
    let Some(mut testbed) = Testbed::start(&["--rate", "4", "--prometheus-targets-dir", folder], &[]) else { return };
    let file = targets.path().join("shop.json");
    let groups: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let services: Vec<_> = groups.as_array().unwrap().iter().map(|group| &group["labels"]["service"]).collect();
    assert_eq!(services, ["catalog", "checkout", "storefront"]);
    let children = testbed.children();
    assert_eq!(children.len(), 4, "three services and redis");
    assert!(testbed.terminate());
    assert!(children.iter().all(|pid| !alive(*pid)), "a process was left over");
    assert!(!file.exists() && !testbed.dir.path().join("testbed.json").exists());
}

#[test]
fn a_killed_supervisor_takes_everything_with_it() {
    let Some(mut testbed) = Testbed::start(&["--rate", "4"], &[]) else { return };
    let children = testbed.children();
    assert_eq!(children.len(), 4, "three services and redis");
    testbed.child.kill().unwrap();
    testbed.child.wait().unwrap();
    wait("every process is gone", || children.iter().all(|pid| !alive(*pid)).then_some(()));
}

#[test]
fn a_service_that_dies_comes_back_and_users_are_served_again() {
    let Some(testbed) = Testbed::start(&["--rate", "8"], &[]) else { return };
    let pid = wait("the first look", || testbed.service("catalog")["pid"].as_u64());
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    let new = wait("a new process", || testbed.service("catalog")["pid"].as_u64().filter(|new| *new != pid));
    assert_ne!(new, pid);
    wait("it answers", || (testbed.ask("storefront", "GET", "/products/3", None) == 200).then_some(()));
}

#[test]
fn a_calm_shop_serves_everybody_and_measures_it() {
    let Some(testbed) = Testbed::start(&["--rate", "20"], &[]) else { return };
    let truth = wait("a hundred requests", || {
        Some(testbed.truth()).filter(|truth| truth["slo"]["requests"].as_u64() >= Some(100))
    });
    assert_eq!(truth["slo"]["success_rate"], 1.0, "{}", truth["slo"]);
    assert_eq!(truth["slo"]["success_by_page"].as_object().unwrap().len(), 4, "every page is asked for");
    assert_eq!(truth["faults"], json!([]));
    assert!(testbed.metric("catalog", "cache_hits_total", &[]) > 0.0);
    assert!(testbed.metric("checkout", "shop_orders_total", &["placed"]) > 0.0);
}

#[test]
fn strangers_and_wrong_orders_are_refused_with_a_reason() {
    let Some(testbed) = Testbed::start(&["--rate", "0"], &[]) else { return };
    let dir = testbed.dir.path().to_str().unwrap().to_owned();
    let refused = |arguments: &[&str], reason: &str| {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{arguments:?}: {said}");
    };
    let url = testbed.text("control_url");
    refused(&["truth", "--control-url", url, "--control-token", "wrong"], "token");
    refused(&["inject", "disk_fill", "--service", "catalog", "--dir", &dir], "does not apply");
    refused(&["inject", "latency", "--service", "warehouse", "--dir", &dir], "no service is named");
    refused(&["up", "--dir", &dir], "runs there already");
    refused(&["truth", "--dir", "/no/such/folder"], "/no/such/folder/testbed.json");
    let admin = format!("{}/admin/state", testbed.service("checkout")["url"].as_str().unwrap());
    assert_eq!(reqwest::blocking::get(admin).unwrap().status(), 401);
    assert!(run(&["inject", "latency", "--dir", &dir]).status.success());
    refused(&["inject", "latency", "--dir", &dir], "already");
    assert!(run(&["clear", "latency", "--dir", &dir]).status.success());
    let fault = testbed.fault();
    assert_eq!(
        (&fault["cleared"], &fault["cured_at_ms"]),
        (&json!(true), &json!(null)),
        "a cleared fault is not cured"
    );
}
