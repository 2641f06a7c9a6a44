//! Cases as containers of a real Docker engine: `kill -9` of `aiops` at every step of a run, and the run goes on with one effect.

use crate::harness::{Product, needs, wait_for};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// Steps of a run at which the process is killed.
const POINTS: [&str; 7] = [
    "runner.before_start",
    "docker.made",
    "docker.before_start",
    "runner.after_start",
    "runner.running",
    "runner.before_finish",
    "finish.commit.after",
];

fn docker(engine: &str, args: &[&str]) -> String {
    let output = Command::new("docker").args(["-H", engine]).args(args).output().expect("the docker client");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// How often a container of the run was started, as the engine saw it.
fn starts(engine: &str, run: &str, since: u64) -> usize {
    let label = format!("label=aiops.run={run}");
    let since = since.to_string();
    let until = now().to_string();
    let args = ["events", "--since", &since, "--until", &until, "--filter", "event=start", "--filter", &label];
    docker(engine, &args).lines().count()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() + 1
}

/// A manager of the engine, and a case that prints for a while and leaves a result; the case.
fn install(product: &Product, engine: &str) -> String {
    product.create(
        "runtime-managers",
        &json!({ "name": "dock", "tags": ["containers"], "kind": "docker", "endpoint": engine, "capacity": 4,
            "docker": { "default_image": "aiops-busybox:1", "pull": "never" } }),
    );
    let body = "echo begin\ni=0; while [ $i -lt 40 ]; do echo line $i; sleep 0.1; i=$((i+1)); done\n\
         echo '{\"lines\": 40}' > \"$AIOPS_RESULT\"; echo kept > \"$AIOPS_ARTIFACTS/note.txt\"\n";
    let script =
        product.create("scripts", &json!({ "name": "effect", "language": "sh", "body": body, "timeout_secs": 60 }));
    product.create("cases", &json!({ "name": "effect", "script_id": script, "runtime_tags": ["containers"] }))
}

fn ended(product: &Product, run: &str) -> Value {
    wait_for("the end of the run", Duration::from_secs(120), || {
        let run = product.try_get(&format!("/runs/{run}"))?;
        let state = run["state"].as_str()?;
        (!["queued", "leased", "running", "cancelling"].contains(&state)).then_some(run)
    })
}

fn attached_after_a_kill_at(point: &str, engine: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let since = now() - 2;
    let mut product = Product::start(dir.path(), &[("AIOPS_KILL_AT", point)]);
    let case = install(&product, engine);
    let run = product.create(&format!("cases/{case}/runs"), &json!({}));
    wait_for(&format!("{point}: the process dies there"), Duration::from_secs(90), || product.has_died().then_some(()));
    product.restart(dir.path(), &[]);
    let end = ended(&product, &run);
    assert_eq!((end["state"].as_str(), end["exit_code"].as_i64()), (Some("succeeded"), Some(0)), "{point}: {end}");
    assert_eq!(starts(engine, &run, since), 1, "{point}: executed once");
    let lines = product.get(&format!("/runs/{run}/logs?limit=1000"));
    let texts: Vec<&str> = lines.as_array().expect("lines").iter().filter_map(|l| l["text"].as_str()).collect();
    let mut expected = vec!["begin".to_owned()];
    expected.extend((0..40).map(|i| format!("line {i}")));
    assert_eq!(texts, expected, "{point}: no line is lost or doubled");
    assert_eq!(product.get(&format!("/runs/{run}/results"))["result"], json!({ "lines": 40 }), "{point}");
    let label = format!("label=aiops.run={run}");
    wait_for(&format!("{point}: its container is removed"), Duration::from_secs(60), || {
        let kept = docker(engine, &["ps", "--all", "--quiet", "--filter", &label]);
        let volumes = docker(engine, &["volume", "ls", "--quiet", "--filter", &label]);
        (kept.trim().is_empty() && volumes.trim().is_empty()).then_some(())
    });
}

#[test]
fn p19_a_container_survives_a_kill_of_the_product_at_every_step() {
    let test = "p19_a_container_survives_a_kill_of_the_product_at_every_step";
    let Some(engine) = needs(test, "AIOPS_TEST_DOCKER_HOST") else { return };
    let (queue, broken) = (Mutex::new(POINTS.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(point) = queue.lock().map(|mut q| q.next()).ok().flatten() {
                    if std::panic::catch_unwind(|| attached_after_a_kill_at(point, &engine)).is_err() {
                        broken.lock().expect("a list").push(*point);
                    }
                }
            });
        }
    });
    assert_eq!(*broken.lock().expect("a list"), Vec::<&str>::new(), "steps that do not survive");
}
