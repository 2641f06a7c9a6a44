//! The runner on a real Docker engine: placed, followed, kept, re-attached after a death, swept.

use crate::contract::Lab as _;
use crate::docker::{DockerLab, IMAGE, manager, settings};
use crate::fakes::{Catalog, resource};
use crate::support::{eventually, spec};
use crate::world::{Bench, bench};
use domain::Id;
use domain::identity::Audit;
use domain::ports::{RunStore as _, StatusStore as _};
use domain::run::{Run, RunPurpose, RunState};
use domain::status::{Health, StatusOf};
use healer::Runtimes;
use healer::runtime::{Handle, Progress};

/// A healer whose only runtime manager is that of the lab.
async fn docked(test: &str) -> Option<(DockerLab, Bench)> {
    let mut lab = DockerLab::with(test, settings()).await?;
    let mut bench = bench(vec![], vec![], vec![]);
    let row = resource("dock", manager(&lab.endpoint, &lab.settings));
    lab.manager = row.id;
    lab.runtime = crate::docker::connect(&lab.endpoint, &lab.settings, row.id).await;
    bench.deps.managers = Catalog::of(vec![row]);
    bench.deps.runtimes = Runtimes::default();
    Some((lab, bench))
}

async fn enqueue(bench: &Bench, body: &str) -> Id {
    let case = (domain::new_id(), "case".into());
    let mut run = Run::new(case, RunPurpose::Manual, String::new(), spec(body), "me".into(), chrono::Utc::now());
    run.spec.image = Some(IMAGE.to_owned());
    bench.world.enqueue(run, Audit::new("me", "run")).await.expect("enqueue").id
}

async fn ended(bench: &Bench, id: Id) -> Run {
    eventually("the run's end", async || Some(bench.world.run(id)).filter(|r| r.state.is_terminal())).await
}

fn lines(bench: &Bench, id: Id) -> Vec<String> {
    let logs = bench.world.tables().logs.get(&id).cloned().unwrap_or_default();
    assert!(logs.iter().zip(1..).all(|(l, n)| l.seq == n), "dense: {logs:?}");
    logs.into_iter().map(|l| l.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_placed_followed_masked_and_its_container_removed() {
    let Some((lab, bench)) = docked("a_run_is_placed_followed_masked_and_its_container_removed").await else { return };
    let healer = bench.start();
    let id = enqueue(&bench, "echo $RUN_KEY; echo secret hunter2-Zq9; echo 7 > $AIOPS_ARTIFACTS/n").await;
    let run = ended(&bench, id).await;
    assert_eq!((run.state, run.exit_code, run.reason.as_str()), (RunState::Succeeded, Some(0), "exit code 0"));
    assert!(run.manager_reason.starts_with("dock carries any tags"), "{}", run.manager_reason);
    assert_eq!(lines(&bench, id), [run.run_key, "secret ********".into()]);
    eventually("nothing is left", async || lab.left(Handle { run_id: id, epoch: 1 }).await.is_empty().then_some(()))
        .await;
    let statuses = bench.deps.status.statuses(StatusOf::RuntimeManager).await.expect("statuses");
    let status = statuses.iter().find(|s| s.id == lab.manager).expect("checked");
    assert_eq!(status.health, Health::Ok);
    assert!(status.details["engine"].as_str().is_some_and(|e| e.starts_with("Docker ")), "{}", status.details);
    assert!(status.details["cpus"].as_u64().is_some_and(|n| n > 0) && status.latency_ms >= 0);
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p19_a_run_whose_healer_died_is_attached_and_ends_once() {
    let Some((_lab, mut bench)) = docked("p19_a_run_whose_healer_died_is_attached_and_ends_once").await else { return };
    let healer = bench.start();
    let id =
        enqueue(&bench, "echo begin; i=0; while [ $i -lt 40 ]; do echo $i; sleep 0.1; i=$((i+1)); done; exit 0").await;
    eventually("its first lines", async || (lines(&bench, id).len() > 3).then_some(())).await;
    healer.kill().await;
    // Another process knows no connection of the first one.
    bench.deps.runtimes = Runtimes::default();
    let healer = bench.start();
    let run = ended(&bench, id).await;
    assert_eq!((run.state, run.reason.as_str(), run.lease_epoch > 1), (RunState::Succeeded, "exit code 0", true));
    let expected: Vec<String> = std::iter::once("begin".to_owned()).chain((0..40).map(|n| n.to_string())).collect();
    assert_eq!(lines(&bench, id), expected, "every line once");
    assert_eq!(bench.world.tables().ends, [id]);
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_cancelled_run_ends_cancelled_and_one_that_failed_tells_why() {
    let test = "p13_a_cancelled_run_ends_cancelled_and_one_that_failed_tells_why";
    let Some((_lab, bench)) = docked(test).await else { return };
    let healer = bench.start();
    let long = enqueue(&bench, "echo begin; sleep 1000").await;
    eventually("it runs", async || (!lines(&bench, long).is_empty()).then_some(())).await;
    bench.world.cancel(long, Audit::new("me", "cancel")).await.expect("cancel");
    let run = ended(&bench, long).await;
    assert_eq!((run.state, run.reason.as_str()), (RunState::Cancelled, "stopped on request"));
    for (body, reason) in [("exit 3", "exit code 3, expected 0"), (" ", "the script is empty")] {
        let run = bench.world.run(enqueue(&bench, body).await).id;
        let run = ended(&bench, run).await;
        assert_eq!((run.state, run.reason.as_str()), (RunState::Failed, reason));
    }
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_behind_is_swept_and_what_lives_of_an_ended_run_is_ended() {
    let test = "what_was_left_behind_is_swept_and_what_lives_of_an_ended_run_is_ended";
    let Some((lab, bench)) = docked(test).await else { return };
    // A run that no store knows, ended; and one that has its end while its container lives.
    let unknown = lab.request("echo over");
    crate::support::run_to_end(lab.runtime(), &unknown).await;
    let living = lab.request("echo begin; sleep 1000");
    lab.runtime().start(&living).await.expect("start");
    let case = (domain::new_id(), "case".into());
    let mut run = Run::new(case, RunPurpose::Manual, String::new(), spec("x"), "me".into(), chrono::Utc::now());
    (run.id, run.state) = (living.handle.run_id, RunState::Lost);
    bench.world.enqueue(run, Audit::new("me", "run")).await.expect("stored");
    let healer = bench.start();
    for handle in [unknown.handle, living.handle] {
        eventually("swept", async || lab.left(handle).await.is_empty().then_some(())).await;
    }
    assert_eq!(lab.again().await.progress(living.handle).await.expect("progress"), Progress::Unknown);
    healer.stop().await;
}

/// Free places are what the manager allows.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_run_at_once_than_the_manager_has_room_for() {
    let Some((lab, mut bench)) = docked("no_more_run_at_once_than_the_manager_has_room_for").await else { return };
    let mut row = resource("dock", manager(&lab.endpoint, &lab.settings));
    (row.id, row.spec.capacity) = (lab.manager, 2);
    bench.deps.managers = Catalog::of(vec![row]);
    let healer = bench.start();
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(enqueue(&bench, "echo begin; sleep 1").await);
    }
    let mut most = 0;
    eventually("all ended", async || {
        most = most.max(lab.runtime.health().await.expect("health").running);
        runs.iter().all(|id| bench.world.run(*id).state.is_terminal()).then_some(())
    })
    .await;
    assert!((1..=2).contains(&most), "{most} at once");
    healer.stop().await;
}
