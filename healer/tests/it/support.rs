//! What the tests share: requests, waiting on conditions, processes.

use domain::catalog::{Expectations, Language};
use domain::run::{LogRecord, RunSpec};
use healer::runtime::local::{LocalLimits, LocalRuntime};
use healer::runtime::{Handle, LogOffset, ObservedEnd, Progress, Runtime, StartRequest};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `done` gives something.
pub(crate) async fn eventually<T>(what: &str, mut done: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done().await {
            return value;
        }
        assert!(Instant::now() < until, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Says that a test was not run, and what it needs.
pub(crate) fn skipped(test: &str, variable: &str) {
    writeln!(std::io::stderr(), "skipped: {test} needs {variable}").expect("told");
}

pub(crate) fn spec(body: &str) -> RunSpec {
    RunSpec {
        language: Language::Sh,
        body: body.to_owned(),
        body_sha256: healer::sha256_hex(body.as_bytes()),
        image: None,
        env: [].into(),
        timeout_secs: 60,
        expectations: Expectations::default(),
        ..RunSpec::default()
    }
}

pub(crate) fn request(body: &str) -> StartRequest {
    let handle = Handle { run_id: domain::new_id(), epoch: 1 };
    StartRequest { handle, spec: spec(body), first_seq: 1, secrets: [].into() }
}

/// Everything a run printed, read in pieces.
pub(crate) async fn whole_log(runtime: &dyn Runtime, handle: Handle) -> Vec<LogRecord> {
    let (mut all, mut from) = (Vec::new(), LogOffset::default());
    loop {
        let chunk = runtime.logs(handle, from).await.expect("log");
        if chunk.next == from {
            return all;
        }
        from = chunk.next;
        all.extend(chunk.records);
    }
}

pub(crate) async fn texts(runtime: &dyn Runtime, handle: Handle) -> Vec<String> {
    whole_log(runtime, handle).await.into_iter().map(|r| r.text).collect()
}

/// Waits for the end and gives it.
pub(crate) async fn end_of(runtime: &dyn Runtime, handle: Handle) -> ObservedEnd {
    match tokio::time::timeout(PATIENCE, runtime.wait(handle)).await.expect("in time").expect("answer") {
        Progress::Ended(end) => end,
        other => panic!("no end: {other:?}"),
    }
}

/// Starts it and waits for its end.
pub(crate) async fn run_to_end(runtime: &dyn Runtime, request: &StartRequest) -> ObservedEnd {
    runtime.start(request).await.expect("start");
    end_of(runtime, request.handle).await
}

pub(crate) fn supervisor() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_aiops-supervisor"))
}

pub(crate) fn limits() -> LocalLimits {
    LocalLimits { grace_ms: 300, ..LocalLimits::default() }
}

pub(crate) fn local(root: &Path) -> LocalRuntime {
    LocalRuntime::new(root, vec![supervisor()], limits()).expect("runtime")
}

/// Whether the process lives (a zombie does not).
pub(crate) fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Processes one of whose arguments is exactly `argument`.
pub(crate) fn with_argument(argument: &Path) -> Vec<i32> {
    let wanted = argument.as_os_str().as_encoded_bytes();
    let pids =
        std::fs::read_dir("/proc").expect("proc").filter_map(|e| e.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|a| a == wanted)
    })
    .collect()
}

pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
}
