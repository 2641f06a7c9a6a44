//! The runner on real local runs: one start and one end whatever dies.

use crate::support::{alive, eventually, kill, spec, with_argument};
use crate::world::{Bench, bench};
use domain::Id;
use domain::identity::Audit;
use domain::ports::RunStore as _;
use domain::run::{Run, RunMode, RunPurpose, RunState};

/// A manual run of this body.
fn run(body: &str) -> Run {
    let case = (domain::new_id(), "case".into());
    Run::new(case, RunPurpose::Manual, String::new(), spec(body), "me".into(), chrono::Utc::now())
}

async fn enqueue(bench: &Bench, run: Run) -> Id {
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

fn ledger(bench: &Bench) -> usize {
    std::fs::read_to_string(bench.path().join("ledger")).unwrap_or_default().lines().count()
}

/// A body that notes its effect outside, waits for `go`, and ends with 0.
fn noting(bench: &Bench) -> String {
    let dir = bench.path().display();
    format!("echo effect >> {dir}/ledger; echo begin; while [ ! -e {dir}/go ]; do sleep 0.02; done; echo end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_placed_followed_masked_and_ended_once() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let id = enqueue(&bench, run("echo $RUN_KEY; echo $TRACEPARENT; echo secret hunter2-Zq9")).await;
    let run = ended(&bench, id).await;
    assert_eq!((run.state, run.exit_code, run.reason.as_str()), (RunState::Succeeded, Some(0), "exit code 0"));
    assert!(run.started_at.is_some() && run.started_at <= run.ended_at);
    assert!(
        run.manager_reason.starts_with("here carries any tags, is healthy, 0 of 4 in use (node "),
        "{}",
        run.manager_reason
    );
    let expected = [run.run_key, run.trace.traceparent(), "secret ********".into()];
    assert_eq!(lines(&bench, id), expected);
    assert_eq!(bench.world.tables().ends, [id]);
    let kept = || {
        std::fs::read_dir(bench.path().join("runs"))
            .expect("runs")
            .flatten()
            .any(|e| e.file_name().to_string_lossy().contains(&id.to_string()))
    };
    eventually("the folder is gone", async || (!kept()).then_some(())).await;
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_later_is_masked_in_runs_under_way_and_in_later_ones() {
    let mut bench = bench(vec![], vec![], vec![]);
    let told = std::sync::Arc::new(crate::world::Told::default());
    bench.deps.known_secrets = told.clone();
    let go = bench.path().join("go");
    let body = "printf 'old hunter2-Zq9, new late-Passw0rd\\n'; while [ ! -e \"$GO\" ]; do sleep 0.02; done
        printf 'old hunter2-Zq9, new late-Passw0rd\\n'; echo late-Passw0rd > \"$AIOPS_ARTIFACTS/note.txt\"";
    let mut long = run(body);
    long.spec.env.insert("GO".to_owned(), go.display().to_string());
    let id = enqueue(&bench, long.clone()).await;
    let healer = bench.start();
    eventually("its first line", async || (!lines(&bench, id).is_empty()).then_some(())).await;
    assert_eq!(lines(&bench, id), ["old ********, new late-Passw0rd"], "nobody knew");
    told.0.lock().expect("told").push("late-Passw0rd".to_owned());
    let before = bench.deps.config.masks.generation();
    bench.deps.wake.wake(domain::ports::Topic::Catalog);
    eventually("it is learned", async || (bench.deps.config.masks.generation() > before).then_some(())).await;
    std::fs::write(&go, "").expect("go");
    assert_eq!(ended(&bench, id).await.state, RunState::Succeeded);
    assert_eq!(lines(&bench, id)[1..], ["old ********, new ********"]);
    let artifacts = bench.deps.results.artifacts(id).await.expect("artifacts");
    let note = bench.deps.blobs.get(&artifacts[0].key).await.expect("kept");
    assert_eq!(String::from_utf8_lossy(&note), "********\n");
    let later = enqueue(&bench, domain::run::Run { id: domain::new_id(), ..long }).await;
    ended(&bench, later).await;
    assert!(lines(&bench, later).iter().all(|line| line == "old ********, new ********"));
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_the_script_and_nothing_that_is_kept() {
    let bench = bench(vec![], vec![], vec![]);
    let secrets = &bench.deps.secrets;
    secrets.put_secret("db-password", "", "s3cret-Value\nline two", Audit::new("me", "put")).await.expect("put");
    let body = "printf 'got %s\\n' \"$DB_PASSWORD\"; stat -c '%a' \"$AIOPS_SECRETS/DB_PASSWORD\" \"$AIOPS_SECRETS\"
        [ \"$DB_PASSWORD\" = \"$(cat \"$AIOPS_SECRETS/DB_PASSWORD\")\" ] && echo same
        echo \"the password is $DB_PASSWORD\" > \"$AIOPS_ARTIFACTS/note.txt\"
        echo '{\"token\": \"s3cret-Value\"}' > \"$AIOPS_RESULT\"
        while [ ! -e \"$GO\" ]; do sleep 0.02; done; grep -c s3cret ../spec.json; true";
    let mut wanted = run(body);
    wanted.spec.secrets = [("DB_PASSWORD".to_owned(), "db-password".to_owned())].into();
    wanted.spec.env.insert("GO".to_owned(), bench.path().join("go").display().to_string());
    let id = enqueue(&bench, wanted).await;
    let healer = bench.start();
    eventually("half of its log", async || (lines(&bench, id).len() >= 4).then_some(())).await;
    // Who follows it later masks as well.
    healer.stop().await;
    let healer = bench.start();
    std::fs::write(bench.path().join("go"), "").expect("go");
    let done = ended(&bench, id).await;
    assert_eq!((done.state, done.reason.as_str()), (RunState::Succeeded, "exit code 0"));
    assert_eq!(lines(&bench, id), ["got ********", "********", "600", "700", "same", "0"]);
    let results = bench.deps.results.results(id).await.expect("results");
    assert_eq!(results.result, Some(serde_json::json!({"token": "********"})));
    let artifacts = bench.deps.results.artifacts(id).await.expect("artifacts");
    let note = bench.deps.blobs.get(&artifacts[0].key).await.expect("kept");
    assert_eq!(String::from_utf8_lossy(&note), "the password is ********\n");
    let spec = bench.world.run(id).spec;
    assert!(!spec.env.values().any(|value| value.contains("s3cret")), "the run knows the name alone");
    assert_eq!(spec.secrets["DB_PASSWORD"], "db-password");
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_a_named_end() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let mut wanted = run("echo never");
    wanted.spec.secrets = [("TOKEN".to_owned(), "none".to_owned())].into();
    let id = enqueue(&bench, wanted).await;
    let done = ended(&bench, id).await;
    let reason = "TOKEN: secret none not found; store it, or change the case or script that names it";
    assert_eq!((done.state, done.reason.as_str()), (RunState::Failed, reason));
    assert!(lines(&bench, id).is_empty());
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations_tags_and_refusals_have_named_ends() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let mut wanting = run("echo no; exit 0");
    wanting.spec.expectations.output_contains = Some("yes".into());
    let mut tagged = run("echo hi");
    tagged.spec.runtime_tags = vec!["gpu".into()];
    let table = [
        (wanting, "the output does not contain \"yes\""),
        (tagged, "no enabled runtime manager carries tags gpu"),
        (run(" "), "the script is empty"),
        (run("exit 3"), "exit code 3, expected 0"),
    ];
    for (run, reason) in table {
        let id = enqueue(&bench, run).await;
        let run = ended(&bench, id).await;
        assert_eq!(run.state, RunState::Failed);
        assert!(run.reason.starts_with(reason), "{}", run.reason);
    }
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_means_dead_and_cancelled_before_the_start_never_starts() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let id = enqueue(&bench, run("echo $$; trap '' TERM; while :; do sleep 0.05; done")).await;
    let pid: i32 = eventually("its process id", async || lines(&bench, id).first()?.parse().ok()).await;
    bench.world.cancel(id, Audit::new("me", "cancel")).await.expect("cancel");
    assert_eq!(ended(&bench, id).await.state, RunState::Cancelled);
    assert!(!alive(pid));
    let mut early = run(&noting(&bench));
    early.cancel_requested_at = Some(chrono::Utc::now());
    let id = enqueue(&bench, early).await;
    assert_eq!(ended(&bench, id).await.state, RunState::Cancelled);
    assert_eq!(ledger(&bench), 0);
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_owner_dies_it_runs_once_and_ends_once() {
    let points = [
        "before assign",
        "after assign",
        "before started",
        "after started",
        "after append",
        "before finish",
        "after finish",
    ];
    for point in points {
        let bench = bench(vec![], vec![], vec![]);
        bench.world.tables().die_at = Some(point);
        let healer = bench.start();
        let id = enqueue(&bench, run(&noting(&bench))).await;
        std::fs::write(bench.path().join("go"), "").expect("go");
        let run = ended(&bench, id).await;
        assert_eq!((run.state, run.exit_code), (RunState::Succeeded, Some(0)), "{point}: {}", run.reason);
        assert_eq!(bench.world.tables().die_at, None, "{point} was reached");
        assert_eq!(run.lease_epoch, if point == "after finish" { 1 } else { 2 }, "{point}");
        assert_eq!(ledger(&bench), 1, "{point}");
        assert_eq!(lines(&bench, id), ["begin", "end"], "{point}");
        assert_eq!(bench.world.tables().ends, [id], "{point}");
        healer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_re_attaches_after_a_kill_and_after_a_shutdown() {
    let bench = bench(vec![], vec![], vec![]);
    let first = bench.start();
    let id = enqueue(&bench, run(&noting(&bench))).await;
    eventually("it runs", async || (lines(&bench, id) == ["begin"]).then_some(())).await;
    first.kill().await;
    let second = bench.start();
    eventually("it is claimed again", async || (bench.world.run(id).lease_epoch == 2).then_some(())).await;
    second.stop().await;
    assert!(!bench.world.run(id).state.is_terminal(), "a shutdown leaves it running");
    let third = bench.start();
    eventually("it is claimed again", async || (bench.world.run(id).lease_epoch == 3).then_some(())).await;
    std::fs::write(bench.path().join("go"), "").expect("go");
    let run = ended(&bench, id).await;
    assert_eq!((run.state, ledger(&bench)), (RunState::Succeeded, 1), "{}", run.reason);
    assert_eq!(lines(&bench, id), ["begin", "end"]);
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_lease_writes_nothing_more() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let id = enqueue(&bench, run(&noting(&bench))).await;
    eventually("it runs", async || (lines(&bench, id) == ["begin"]).then_some(())).await;
    // Somebody else claims it, as after a long pause of this process.
    {
        let mut tables = bench.world.tables();
        let run = tables.runs.get_mut(&id).expect("run");
        run.lease_epoch += 1;
        run.lease_until = Some(chrono::Utc::now() + chrono::TimeDelta::hours(1));
    }
    std::fs::write(bench.path().join("go"), "").expect("go");
    let fenced = || bench.deps.stats.rows().iter().any(|r| r.0 == "runs_fenced" && r.2 == 1);
    eventually("the old owner notices", async || fenced().then_some(())).await;
    let run = bench.world.run(id);
    assert_eq!((run.state, run.exit_code), (RunState::Running, None), "its end is left to the new owner");
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_saw_is_lost_unless_it_may_repeat() {
    for (mode, state, effects) in
        [(RunMode::AtMostOnce, RunState::Lost, 1), (RunMode::AtLeastOnce, RunState::Succeeded, 2)]
    {
        let bench = bench(vec![], vec![], vec![]);
        let first = bench.start();
        let mut given = run(&noting(&bench));
        given.spec.mode = mode;
        let id = enqueue(&bench, given).await;
        eventually("it runs", async || (lines(&bench, id) == ["begin"]).then_some(())).await;
        first.kill().await;
        let dir = bench.path().canonicalize().expect("root").join("runs").join(format!("{id}.1"));
        let owners = with_argument(&dir);
        assert_eq!(owners.len(), 1);
        kill(owners[0]);
        std::fs::write(bench.path().join("go"), "").expect("go");
        let second = bench.start();
        let run = ended(&bench, id).await;
        assert_eq!((run.state, ledger(&bench)), (state, effects), "{mode:?}: {}", run.reason);
        assert_eq!(lines(&bench, id)[0], "begin", "what was printed before is kept");
        second.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_capacity_at_once() {
    let bench = bench(vec![], vec![], vec![]);
    let healer = bench.start();
    let dir = bench.path().display().to_string();
    let body = format!("touch {dir}/now.$$; ls {dir} | grep -c now. ; sleep 0.2; rm {dir}/now.$$");
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(enqueue(&bench, run(&body)).await);
    }
    for id in ids {
        assert_eq!(ended(&bench, id).await.state, RunState::Succeeded);
        let together: u32 = lines(&bench, id)[0].parse().expect("number");
        assert!(together <= 4, "{together} at once");
    }
    healer.stop().await;
}

/// A repeatable script that fails twice: three attempts under one key, each with its end; its runs of one attempt do not
/// answer for the next, also where the process dies between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_share_a_key_and_nothing_else() {
    let bench = bench(vec![], vec![], vec![]);
    let ledger_file = bench.path().join("ledger");
    let file = ledger_file.display();
    let mut run = run(&format!("echo $RUN_KEY >> {file}; [ $(wc -l < {file}) -ge 3 ] || exit 9; echo done"));
    run.spec.mode = RunMode::AtLeastOnce;
    run.spec.retry = domain::retry::Retry { max_attempts: 4, backoff_secs: 0, ..domain::retry::Retry::default() };
    let key = run.run_key.clone();
    let id = enqueue(&bench, run).await;
    bench.world.tables().die_at = Some("after retry");
    let healer = bench.start();
    let end = ended(&bench, id).await;
    healer.stop().await;
    assert_eq!((end.state, end.attempt), (RunState::Succeeded, 3), "{}", end.reason);
    let keys = std::fs::read_to_string(&ledger_file).expect("a ledger");
    assert_eq!(keys.lines().collect::<Vec<_>>(), [key.as_str(); 3]);
    let attempts = bench.world.tables().attempts.clone();
    let ends: Vec<_> = attempts.iter().map(|a| (a.attempt, a.state, a.exit_code)).collect();
    assert_eq!(ends, [(1, RunState::Failed, Some(9)), (2, RunState::Failed, Some(9))]);
    assert!(attempts[0].epoch < attempts[1].epoch && attempts[1].epoch < end.lease_epoch);
    assert_eq!(lines(&bench, id).last().map(String::as_str), Some("done"));
}

/// What must not run twice is not repeated, but for the exit codes that its author declared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_declared_ends_of_a_change_are_repeated() {
    let bench = bench(vec![], vec![], vec![]);
    let file = bench.path().join("ledger").display().to_string();
    let retry = domain::retry::Retry { max_attempts: 3, backoff_secs: 0, exit_codes: vec![75], ..Default::default() };
    let mut run = run(&format!("echo x >> {file}; [ $(wc -l < {file}) -ge 2 ] && exit 1; exit 75"));
    run.spec.retry = retry;
    let id = enqueue(&bench, run).await;
    let healer = bench.start();
    let end = ended(&bench, id).await;
    healer.stop().await;
    assert_eq!((end.state, end.exit_code, end.attempt, ledger(&bench)), (RunState::Failed, Some(1), 2, 2));
}
