//! The benchmark tells an honest product from one that lies, and the catalog is installed once and kept current.
use serde_json::{Value, json};

use super::harness::{Testbed, run, wait};
use super::product::Product;

const SCENARIO: &str = "name: quick\nfault: {name: error_rate, service: checkout, intensity: 0.5}\n\
    learn_secs: 0\nrest_secs: 0\ndeadline_secs: 40\n";

/// Runs the quick scenario while `healer` plays the product; returns the report.
fn report(testbed: &Testbed, product: &Product, healer: impl FnOnce() + Send) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, output) = (folder.path().join("quick.yaml"), folder.path().join("report.json"));
    std::fs::write(&scenario, SCENARIO).unwrap();
    let dir = testbed.dir.path().to_str().unwrap();
    let paths = (scenario.to_str().unwrap(), output.to_str().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(healer);
        let arguments = ["run", "--scenario", paths.0, "--output", paths.1, "--dir", dir, "--aiops-url", &product.url];
        let done = run(&[&arguments[..], &["--username", "u", "--password", "p"]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    });
    serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap()
}

#[test]
fn an_honest_loop_passes_and_a_lie_is_found_out() {
    let Some(testbed) = Testbed::start(&["--rate", "6"], &[]) else { return };
    let product = Product::start();
    product.open("old");
    let honest = report(&testbed, &product, || {
        wait("the fault", || testbed.fault()["active"].as_bool().filter(|active| *active));
        product.open("one");
        assert!(testbed.script("reset_flags", "checkout").status.success());
        wait("the cure", || testbed.fault()["cured_at_ms"].as_i64());
        product.verdict("one", "fixed", "resolved");
    });
    let score = &honest["repetitions"][0]["score"];
    assert_eq!(
        (&score["passed"], &score["verdict"], &score["cause_rank"]),
        (&json!(true), &json!("fixed"), &json!(1)),
        "{score}"
    );
    assert_eq!(score["false_incidents"], 0, "an incident of before the fault does not count: {score}");
    for time in ["effective_ms", "detect_ms", "explain_ms", "act_ms", "heal_ms", "verify_ms"] {
        assert!(score[time].as_i64().is_some_and(|ms| ms >= 0), "{time}: {score}");
    }
    assert_eq!(honest["summary"]["all faults"]["verified"], 1);

    let seen = testbed.truth()["faults"].as_array().unwrap().len();
    let lie = report(&testbed, &product, || {
        wait("the fault", || (testbed.truth()["faults"].as_array().unwrap().len() > seen).then_some(()));
        wait("its effect", || testbed.fault()["active"].as_bool().filter(|active| *active));
        product.open("two");
        assert!(testbed.script("noop_restart_other", "checkout").status.success());
        product.verdict("two", "fixed", "resolved");
    });
    let score = &lie["repetitions"][0]["score"];
    assert_eq!(
        (&score["passed"], &score["truth_agrees"], &score["false_fixed"]),
        (&json!(false), &json!(false), &json!(1)),
        "{score}"
    );
    assert!(testbed.fault()["cleared"] == true, "the benchmark must put the shop in order again");
}

#[test]
fn the_catalog_is_installed_once_and_changed_where_it_differs() {
    let Some(testbed) = Testbed::start(&["--rate", "0"], &[]) else { return };
    let product = Product::start();
    let dir = testbed.dir.path().to_str().unwrap();
    let install = || {
        let done = run(&["catalog", "--aiops-url", &product.url, "--token", "good", "--dir", dir]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(install().lines().all(|line| line.starts_with("created ")));
    let changes = product.store.lock().unwrap().changes;
    assert!(install().lines().all(|line| line.starts_with("kept ")));
    assert_eq!(product.store.lock().unwrap().changes, changes, "a second time must change nothing");
    product.store.lock().unwrap().objects.get_mut("policies").unwrap()[0]["autonomy"] = json!("shadow");
    let said = install();
    assert_eq!(said.lines().filter(|line| line.starts_with("changed policy ")).count(), 1, "{said}");
    let store = product.store.lock().unwrap();
    let policy = &store.objects["policies"][0];
    assert_eq!((&policy["autonomy"], &policy["version"]), (&json!("auto"), &json!(2)));
    let case = policy["steps"][0]["case_id"].as_str().unwrap();
    assert!(store.objects["cases"].iter().any(|stored| stored["id"] == case), "steps must name cases that are there");
    let wrong = run(&["catalog", "--aiops-url", &product.url, "--token", "bad", "--dir", dir]);
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("401"));
}
