//! The script zoo: hostile and odd scripts on the local runtime, a row each, with the one end that it has to have.
//!
//! After each of them nothing of it lives, its folder can be removed and its lines are numbered without a gap.

mod rows;

use crate::support::{alive, eventually, limits, spec, supervisor, whole_log};
use healer::runtime::local::LocalRuntime;
use healer::runtime::{Handle, ObservedEnd, Progress, Runtime, RuntimeError, StartRequest};
use rows::{Ends, Row, ZOO};
use std::time::{Duration, Instant};

/// Animals that run at once.
const AT_ONCE: usize = 6;

fn request(row: &Row) -> StartRequest {
    let mut spec = spec(row.body);
    spec.language = row.language;
    spec.timeout_secs = row.timeout_secs;
    spec.interpreter = row.interpreter.iter().map(|w| (*w).to_owned()).collect();
    spec.env = row.env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    spec.limits.pids = 128;
    spec.limits.memory_bytes = 256 << 20;
    spec.limits.file_bytes = 8 << 20;
    spec.limits.output_bytes = 256 << 10;
    StartRequest { handle: Handle { run_id: domain::new_id(), epoch: 1 }, spec, first_seq: 1 }
}

/// Living processes that carry the mark of the run.
fn marked(handle: Handle) -> Vec<i32> {
    let mark = format!("AIOPS_RUN={}.{}", handle.run_id, handle.epoch);
    let pids = std::fs::read_dir("/proc").expect("proc").filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        alive(*pid) && environ.split(|b| *b == 0).any(|e| e == mark.as_bytes())
    };
    pids.filter(carries).collect()
}

/// What is wrong with how this one ended; nothing, when it ended as it has to.
fn wrong(row: &Row, end: &ObservedEnd, log: &[String]) -> Option<String> {
    let fits = match row.ends {
        Ends::Exit(code) => end.exit_code == Some(code) && !end.timed_out && end.start_error.is_none(),
        Ends::Signal(signal) => end.signal == Some(signal) && !end.timed_out && !end.cancelled,
        Ends::TimedOut => end.timed_out,
        Ends::Cancelled => end.cancelled,
        Ends::NotRun(why) => end.start_error.as_deref().is_some_and(|e| e.contains(why)),
        Ends::Refused(_) => false,
    };
    if !fits {
        return Some(format!("ended otherwise: {end:?}"));
    }
    if end.survivors > 0 {
        return Some(format!("{} of its processes are left", end.survivors));
    }
    let missing = row.prints.iter().find(|text| !log.iter().any(|line| line.contains(**text)));
    missing.map(|text| format!("{text:?} is not in its log: {log:?}"))
}

/// Runs one; `Err` says what is wrong.
async fn show(runtime: &LocalRuntime, row: &Row) -> Result<(), String> {
    let request = request(row);
    let handle = request.handle;
    match (runtime.start(&request).await, &row.ends) {
        (Err(RuntimeError::Refused(why)), Ends::Refused(text)) if why.contains(text) => return Ok(()),
        (Err(e), _) => return Err(format!("not started: {e}")),
        (Ok(()), _) => {}
    }
    if row.ends == Ends::Cancelled {
        tokio::time::sleep(Duration::from_millis(300)).await;
        runtime.cancel(handle, Duration::from_millis(200)).await.map_err(|e| e.to_string())?;
    }
    let until = Instant::now() + Duration::from_secs(60);
    let end = loop {
        match runtime.progress(handle).await.map_err(|e| e.to_string())? {
            Progress::Ended(end) => break end,
            Progress::Running if Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return Err(format!("no end: {other:?}")),
        }
    };
    let left = marked(handle);
    let log = whole_log(runtime, handle).await;
    let numbers = log.iter().enumerate().all(|(n, line)| line.seq == i64::try_from(n).unwrap_or(0) + 1);
    let lines: Vec<String> = log.into_iter().map(|r| r.text).collect();
    eventually("its supervisor is gone", async || runtime.cleanup(handle).await.ok()).await;
    match wrong(row, &end, &lines) {
        Some(why) => Err(why),
        None if !left.is_empty() => Err(format!("processes live after its end: {left:?}")),
        None if !numbers => Err("its lines are not numbered one by one".to_owned()),
        None => Ok(()),
    }
}

/// Whether the host has what a row needs.
fn possible(row: &Row) -> bool {
    let found =
        |program: &str| std::env::split_paths("/usr/local/bin:/usr/bin:/bin").any(|d| d.join(program).is_file());
    row.needs.iter().all(|program| found(program))
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_every_script_of_the_zoo_has_its_end() {
    let root = tempfile::tempdir().expect("root");
    let runtime = LocalRuntime::new(root.path(), vec![supervisor()], limits()).expect("runtime");
    let turns = tokio::sync::Semaphore::new(AT_ONCE);
    let grouped = !runtime.health().await.expect("health").isolation.starts_with("no control groups");
    let (turns, runtime) = (&turns, &runtime);
    let shows = ZOO.iter().map(|row| async move {
        let _turn = turns.acquire().await.expect("open");
        if !possible(row) || (row.grouped && !grouped) {
            return None;
        }
        show(runtime, row).await.err().map(|why| format!("{}: {why}", row.name))
    });
    let broken: Vec<String> = futures::future::join_all(shows).await.into_iter().flatten().collect();
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), ZOO.len(), broken.join("\n"));
    let left = runtime.all().await.expect("folders");
    assert!(left.is_empty(), "folders are left: {left:?}");
}
