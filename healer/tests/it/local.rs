//! The local runtime: the contract, and who owns a run when processes die.

use crate::contract::{Lab, contract_suite};
use crate::support::{
    alive, end_of, eventually, kill, limits, local, request, run_to_end, supervisor, texts, whole_log, with_argument,
};
use async_trait::async_trait;
use domain::run::RunMode;
use healer::runtime::local::LocalRuntime;
use healer::runtime::{Handle, Progress, Runtime, StartRequest};
use std::path::PathBuf;
use std::sync::Arc;

fn folder(root: &tempfile::TempDir, request: &StartRequest) -> PathBuf {
    let root = root.path().canonicalize().expect("root");
    root.join(format!("{}.{}", request.handle.run_id, request.handle.epoch))
}

/// A folder for the runs of one test.
struct LocalLab(tempfile::TempDir, LocalRuntime);

#[async_trait]
impl Lab for LocalLab {
    fn runtime(&self) -> &dyn Runtime {
        &self.1
    }
    async fn again(&self) -> Arc<dyn Runtime> {
        Arc::new(local(self.0.path()))
    }
    async fn left(&self, handle: Handle) -> Vec<String> {
        let run = format!("{}.", handle.run_id);
        let entries = std::fs::read_dir(self.0.path()).expect("root").filter_map(Result::ok);
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|n| n.starts_with(&run)).collect()
    }
}

async fn lab(_: &str) -> Option<LocalLab> {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    Some(LocalLab(root, runtime))
}

contract_suite!(lab);

#[tokio::test(flavor = "multi_thread")]
async fn outlives_the_process_that_started_it() {
    let root = tempfile::tempdir().expect("root");
    // A shell stands between us and the supervisor, as the process that started it.
    let script = "echo $$ > \"$1/parent\"; \"$0\" \"$1\" & wait";
    let chain = vec![PathBuf::from("/bin/sh"), "-c".into(), script.into(), supervisor()];
    let runtime = LocalRuntime::new(root.path(), chain, limits()).expect("runtime");
    let request = request("echo begin; while [ ! -e go ]; do sleep 0.05; done; echo end; exit 5");
    runtime.start(&request).await.expect("start");
    let dir = folder(&root, &request);
    let parent: i32 = std::fs::read_to_string(dir.join("parent")).expect("pid").trim().parse().expect("number");
    kill(parent);
    eventually("the parent's death", async || (!alive(parent)).then_some(())).await;
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::Running);
    // Another process, as after a restart, finds it again, follows it, and sees its own end.
    let next = local(root.path());
    assert_eq!(next.node(), runtime.node(), "the same place");
    assert_eq!(next.known(request.handle.run_id).await.expect("known"), [1]);
    std::fs::write(dir.join("work/go"), "").expect("go");
    assert_eq!(end_of(&next, request.handle).await.exit_code, Some(5));
    assert_eq!(texts(&next, request.handle).await, ["begin", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_supervisor_makes_it_lost_and_its_tree_is_ended() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request("setsid sleep 1000 & echo $! ; echo $$; sleep 1000");
    runtime.start(&request).await.expect("start");
    let pids: Vec<i32> = eventually("two process ids", async || {
        let lines = texts(&runtime, request.handle).await;
        (lines.len() == 2).then(|| lines.iter().map(|l| l.parse().expect("pid")).collect())
    })
    .await;
    let owners = with_argument(&folder(&root, &request));
    assert_eq!(owners.len(), 1, "one supervisor");
    kill(owners[0]);
    let progress = runtime.wait(request.handle).await.expect("progress");
    assert!(matches!(progress, Progress::Lost(_)), "{progress:?}");
    runtime.start(&request).await.expect("starting again changes nothing");
    assert!(matches!(runtime.progress(request.handle).await, Ok(Progress::Lost(_))), "it may have run");
    runtime.reap(request.handle).await.expect("reap");
    assert!(!pids.iter().any(|p| alive(*p)), "nothing of it lives: {pids:?}");
    assert_eq!(texts(&runtime, request.handle).await.len(), 2, "what it printed is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_prepared_is_started_in_the_same_folder() {
    let root = tempfile::tempdir().expect("root");
    let request = request("echo ran");
    // The program that would supervise does nothing: as if it had been killed before it began.
    let broken = LocalRuntime::new(root.path(), vec!["/bin/true".into()], limits()).expect("runtime");
    let failed = broken.start(&request).await.expect_err("does not begin");
    assert!(failed.to_string().contains("did not begin"), "{failed}");
    assert_eq!(broken.progress(request.handle).await.expect("progress"), Progress::NotStarted);
    let runtime = local(root.path());
    assert_eq!(run_to_end(&runtime, &request).await.exit_code, Some(0));
    assert_eq!(texts(&runtime, request.handle).await, ["ran"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_before_its_supervisor_begins_never_runs() {
    let root = tempfile::tempdir().expect("root");
    let request = request("echo ran >> ../../ledger");
    let broken = LocalRuntime::new(root.path(), vec!["/bin/true".into()], limits()).expect("runtime");
    broken.start(&request).await.expect_err("does not begin");
    broken.cancel(request.handle, std::time::Duration::ZERO).await.expect("stopped");
    let end = run_to_end(&local(root.path()), &request).await;
    assert!(end.cancelled && end.exit_code.is_none() && end.started_at.is_none(), "{end:?}");
    assert!(!root.path().join("ledger").exists(), "a supervisor that comes late starts nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_epoch_never_runs_what_an_earlier_one_may_have_run() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let first = request("echo ran >> ../../ledger; exit 1");
    run_to_end(&runtime, &first).await;
    let mut second = first.clone();
    second.handle.epoch = 2;
    let refused = run_to_end(&runtime, &second).await;
    let why = refused.start_error.expect("refused");
    assert!(why.contains("at most once"), "{why}");
    assert_eq!(refused.exit_code, None);
    let ledger = || std::fs::read_to_string(root.path().join("ledger")).expect("ledger");
    assert_eq!(ledger(), "ran\n");
    let (mut repeat, mut old) = (first.clone(), first.clone());
    repeat.spec.mode = RunMode::AtLeastOnce;
    repeat.handle.epoch = 4;
    old.spec.mode = RunMode::AtLeastOnce;
    old.handle.epoch = 3;
    assert_eq!(run_to_end(&runtime, &repeat).await.exit_code, Some(1), "this mode may repeat");
    let why = run_to_end(&runtime, &old).await.start_error.expect("refused");
    assert!(why.contains("newer"), "a slow older owner comes too late: {why}");
    assert_eq!(ledger(), "ran\nran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_interpreter_is_named() {
    let root = tempfile::tempdir().expect("root");
    let mut few = limits();
    few.path = "/nowhere".into();
    let runtime = LocalRuntime::new(root.path(), vec![supervisor()], few).expect("runtime");
    let request = request("echo hi");
    let end = run_to_end(&runtime, &request).await;
    let why = end.start_error.expect("not run");
    assert!(why.starts_with("interpreter not found: sh"), "{why}");
    assert_eq!((end.exit_code, end.started_at), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sees_neither_our_files_nor_our_environment() {
    let root = tempfile::tempdir().expect("root");
    // Whoever started us left a file open for our children.
    let script = "exec 9</etc/hostname; exec \"$0\" \"$1\"";
    let chain = vec![PathBuf::from("/bin/sh"), "-c".into(), script.into(), supervisor()];
    let runtime = LocalRuntime::new(root.path(), chain, limits()).expect("runtime");
    let request =
        request("for f in /proc/self/fd/*; do readlink \"$f\"; done; tr '\\0' '\\n' < /proc/$PPID/environ; pwd");
    assert_eq!(run_to_end(&runtime, &request).await.exit_code, Some(0));
    let lines = texts(&runtime, request.handle).await;
    let own = |l: &String| {
        l == "/dev/null" || l.starts_with("pipe:") || l.ends_with("/script") || l.starts_with("/proc/") || l.is_empty()
    };
    let (files, rest): (Vec<_>, Vec<_>) = lines.iter().partition(|l| own(l));
    assert!(files.len() >= 3, "{lines:?}");
    let work = folder(&root, &request).join("work");
    assert_eq!(rest.last().map(|l| l.as_str()), work.to_str(), "its own folder");
    assert!(!lines.iter().any(|l| l == "/etc/hostname"), "the open file is not inherited: {lines:?}");
    // The shell in between adds PWD.
    let bare = |l: &&&String| l.starts_with("PATH=") || l.starts_with("PWD=");
    assert!(rest[..rest.len() - 1].iter().all(|l| bare(&l)), "the supervisor's environment is empty: {rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_keep_their_own_output_and_code() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let requests: Vec<StartRequest> = (0..12).map(|i| request(&format!("echo run {i}; exit {i}"))).collect();
    let starts = requests.iter().map(|r| runtime.start(r));
    futures::future::try_join_all(starts).await.expect("all start");
    for (i, request) in (0..).zip(&requests) {
        assert_eq!(end_of(&runtime, request.handle).await.exit_code, Some(i));
        assert_eq!(texts(&runtime, request.handle).await, [format!("run {i}")]);
    }
    assert_eq!(whole_log(&runtime, requests[0].handle).await[0].seq, 1);
}
