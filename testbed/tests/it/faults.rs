//! Every fault is felt where users and Prometheus feel it, and its cure script really ends it.
use serde_json::json;

use super::harness::{Testbed, script_path, wait};

/// Runs the cure and waits until the truth measures that the fault is gone.
fn cure(testbed: &Testbed, script: &str, service: &str) {
    let output = testbed.script(script, service);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.trim().is_empty(), "{script} must say what it does");
    let fault =
        wait(&format!("{script} cures"), || Some(testbed.fault()).filter(|fault| fault["cured_at_ms"].is_i64()));
    assert_eq!((&fault["active"], &fault["cleared"]), (&json!(false), &json!(false)), "{fault}");
}

fn order() -> Option<serde_json::Value> {
    Some(json!({"product": 1, "quantity": 1, "price": 2.5}))
}

#[test]
fn what_a_release_or_its_flags_break_is_felt_and_cured() {
    let Some(testbed) = Testbed::start(&["--rate", "12"], &[]) else { return };
    testbed.inject("error_rate", "checkout", 0.5);
    let failed =
        || testbed.metric("checkout", "http_server_request_duration_seconds_count", &["\"500\"", "/api/orders"]);
    wait("orders fail with 500", || (failed() > 0.0).then_some(()));
    cure(&testbed, "reset_flags", "checkout");

    testbed.inject("latency", "checkout", 0.4);
    let slow = || {
        let name = "http_server_request_duration_seconds_bucket";
        let labels = ["POST", "\"200\""];
        let all = testbed.metric("checkout", name, &[labels[0], labels[1], "le=\"+Inf\""]);
        all - testbed.metric("checkout", name, &[labels[0], labels[1], "le=\"0.1\""])
    };
    let before = slow();
    wait("orders take longer than 100 ms", || (slow() > before + 3.0).then_some(()));
    cure(&testbed, "reset_flags", "checkout");
    let restored = testbed.script("restore_flags", "checkout");
    assert!(restored.status.success());
    wait("the undo brings the slow flag back", || {
        (testbed.service("checkout")["state"]["settings"]["slow_dependency_ms"] == 320).then_some(())
    });
    assert!(testbed.script("reset_flags", "checkout").status.success());
    assert!(testbed.script("reset_flags", "checkout").status.success(), "a reset is safe to repeat");
    assert!(testbed.script("restore_flags", "checkout").status.success());
    wait("the undo of a reset that changed nothing changes nothing", || {
        (testbed.service("checkout")["state"]["settings"]["slow_dependency_ms"] == 0).then_some(())
    });

    testbed.inject("cache_stampede", "catalog", 1.0);
    let hits = testbed.metric("catalog", "cache_hits_total", &[]);
    let misses = testbed.metric("catalog", "cache_misses_total", &[]);
    wait("every read goes to the database", || {
        (testbed.metric("catalog", "cache_misses_total", &[]) > misses + 20.0).then_some(())
    });
    assert_eq!(testbed.metric("catalog", "cache_hits_total", &[]), hits, "the cache must really be out of use");
    cure(&testbed, "reset_flags", "catalog");

    testbed.inject("bad_release", "checkout", 0.6);
    assert_eq!(testbed.metric("checkout", "build_info", &["version=\"1.5.0\""]), 1.0);
    cure(&testbed, "rollback_release", "checkout");
    assert_eq!(testbed.metric("checkout", "build_info", &["version=\"1.4.0\""]), 1.0);
    assert!(testbed.script("rollback_release", "checkout").status.success(), "a rollback is safe to repeat");
    assert!(testbed.script("rollforward_release", "checkout").status.success());
    assert_eq!(testbed.service("checkout")["deployment"]["current"], "1.4.0", "the last rollback changed nothing");
}

#[test]
fn what_a_process_holds_is_felt_and_gone_with_the_process() {
    let Some(testbed) = Testbed::start(&["--rate", "12"], &[]) else { return };
    let memory = || testbed.metric("checkout", "process_resident_memory_bytes", &[]);
    let before = memory();
    testbed.inject("memory_leak", "checkout", 1.0);
    wait("memory grows by 48 MiB", || (memory() > before + 48.0 * 1024.0 * 1024.0).then_some(()));
    let pid = testbed.service("checkout")["pid"].clone();
    cure(&testbed, "restart_service", "checkout");
    assert_ne!(testbed.service("checkout")["pid"], pid, "a restart is a new process");
    assert!(memory() < before + 32.0 * 1024.0 * 1024.0);

    testbed.inject("pool_leak", "checkout", 1.0);
    let timeouts = || testbed.metric("checkout", "db_client_connections_timeouts_total", &[]);
    wait("requests find no connection", || (timeouts() > 0.0).then_some(()));
    assert_eq!(testbed.metric("checkout", "db_client_connections_usage", &["\"used\""]), 8.0);
    assert_eq!(testbed.ask("checkout", "POST", "/api/orders", order()), 503);
    cure(&testbed, "restart_service", "checkout");
    assert_eq!(testbed.ask("checkout", "POST", "/api/orders", order()), 200);

    testbed.inject("cpu_burn", "checkout", 0.8);
    wait("the kernel counts the burnt time", || {
        (testbed.service("checkout")["cpu_share"].as_f64().unwrap() > 0.25).then_some(())
    });
    cure(&testbed, "restart_service", "checkout");

    testbed.inject("log_error_burst", "checkout", 1.0);
    wait("errors are logged", || {
        (testbed.metric("checkout", "log_records_total", &["\"error\""]) > 20.0).then_some(())
    });
    let log = std::fs::read_to_string(testbed.dir.path().join("services/checkout/logs/app.log")).unwrap();
    assert!(log.contains("Connection refused"), "the job must fail for real");
    cure(&testbed, "restart_service", "checkout");
}

#[test]
fn what_lies_outside_of_the_process_is_felt_and_cured() {
    let Some(testbed) = Testbed::start(&["--rate", "12"], &[]) else { return };
    testbed.inject("disk_fill", "checkout", 1.0);
    wait("orders fail for want of space", || {
        (testbed.ask("checkout", "POST", "/api/orders", order()) == 507).then_some(())
    });
    assert!(testbed.metric("checkout", "data_volume_used_bytes", &[]) > 60.0 * 1024.0 * 1024.0);
    let restarted = testbed.script("restart_service", "checkout");
    assert!(restarted.status.success());
    assert_eq!(testbed.ask("checkout", "POST", "/api/orders", order()), 507, "a restart must not help here");
    cure(&testbed, "clean_spool", "checkout");
    assert_eq!(testbed.ask("checkout", "POST", "/api/orders", order()), 200);

    testbed.inject("dependency_down", "catalog", 1.0);
    assert_eq!(testbed.ask("catalog", "POST", "/api/stock/1/reserve", None), 503);
    assert_eq!(testbed.ask("catalog", "GET", "/api/products/1", None), 200, "products come from the database now");
    wait("the gauge says so", || (testbed.metric("catalog", "redis_up", &[]) == 0.0).then_some(()));
    cure(&testbed, "restart_redis", "catalog");
    wait("stock is back", || (testbed.ask("catalog", "POST", "/api/stock/1/reserve", None) == 200).then_some(()));
}

#[test]
fn a_wrong_cure_ends_well_and_cures_nothing() {
    let Some(testbed) = Testbed::start(&["--rate", "4"], &[]) else { return };
    testbed.inject("error_rate", "checkout", 0.5);
    let output = testbed.script("noop_restart_other", "checkout");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = testbed.truth()["now_ms"].as_i64().unwrap();
    wait("ten more looks of the truth", || {
        (testbed.truth()["now_ms"].as_i64().unwrap() > asked + 10_000).then_some(())
    });
    let fault = testbed.fault();
    assert!(fault["active"] == true && fault["cured_at_ms"].is_null(), "{fault}");
    let truth = testbed.truth();
    let action = truth["actions"].as_array().unwrap().last().unwrap();
    assert_eq!((&action["action"], &action["target"]), (&json!("restart"), &json!("storefront")));
}

#[test]
fn scripts_fail_loudly_without_their_environment_or_with_a_wrong_token() {
    let Some(testbed) = Testbed::start(&["--rate", "0"], &[]) else { return };
    for entry in std::fs::read_dir(script_path("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let mut bare = std::process::Command::new("sh");
        let bare = bare.arg(&path).env_remove("TESTBED_CONTROL_URL").env_remove("TESTBED_TOKEN").output().unwrap();
        assert!(!bare.status.success(), "{}", path.display());
        assert!(String::from_utf8_lossy(&bare.stderr).contains("TESTBED_CONTROL_URL"), "{}", path.display());
        let mut wrong = std::process::Command::new("sh");
        let wrong = wrong.arg(&path).env("TESTBED_CONTROL_URL", testbed.text("control_url"));
        let wrong = wrong.env("TESTBED_TOKEN", "wrong").env("TARGET_SERVICE", "checkout").output().unwrap();
        assert!(!wrong.status.success(), "{} must fail with a wrong token", path.display());
    }
    assert!(!testbed.script("restart_service", "no-such-service").status.success());
}
