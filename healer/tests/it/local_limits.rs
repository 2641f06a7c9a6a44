//! Limits of local runs: each ends with a named reason, and that run alone.

use crate::support::{limits, local, request, run_to_end, texts, whole_log};
use domain::run::Stream;
use healer::runtime::Runtime;
use healer::runtime::local::{LocalLimits, LocalRuntime};
use std::io::Write as _;

/// Whether this host lets us use control groups; what is not enforced here is told and skipped.
async fn grouped(runtime: &dyn Runtime, test: &str) -> bool {
    let isolation = runtime.health().await.expect("health").isolation;
    let grouped = isolation.starts_with("control groups");
    if !grouped {
        writeln!(std::io::stderr(), "skipped: {test} needs control groups: {isolation}").expect("told");
    }
    grouped
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_memory_is_named() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    if !grouped(&runtime, "too_much_memory_is_named").await {
        return;
    }
    let mut greedy = request("echo begin; x=$(head -c 200000000 /dev/zero | tr '\\0' a); echo ${#x}");
    greedy.spec.limits.memory_bytes = 32 << 20;
    let end = run_to_end(&runtime, &greedy).await;
    assert_ne!(end.exit_code, Some(0), "{end:?}");
    let cause = end.cause.expect("a cause");
    assert!(cause.starts_with("out of memory") && cause.contains("32 MiB"), "{cause}");
    assert_eq!(texts(&runtime, greedy.handle).await[0], "begin", "what was printed is kept");
    let modest = request("echo fine");
    let end = run_to_end(&runtime, &modest).await;
    assert_eq!((end.exit_code, end.cause), (Some(0), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn p18_a_fork_bomb_hits_the_runs_own_limit() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    if !grouped(&runtime, "p18_a_fork_bomb_hits_the_runs_own_limit").await {
        return;
    }
    let mut bomb =
        request("b() { b | b & }; b; sleep 0.5; i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done; exit 3");
    bomb.spec.limits.pids = 64;
    bomb.spec.timeout_secs = 5;
    runtime.start(&bomb).await.expect("start");
    let other = request("echo fine");
    assert_eq!(run_to_end(&runtime, &other).await.exit_code, Some(0), "another run meanwhile");
    let end = crate::support::end_of(&runtime, bomb.handle).await;
    assert_eq!(end.survivors, 0);
    assert_eq!(end.cause.as_deref(), Some("the limit of 64 processes was reached"), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_limit_ends_the_script_by_a_named_signal() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let mut big = request("exec head -c 100000 /dev/zero > file");
    big.spec.limits.file_bytes = 10_000;
    assert_eq!(run_to_end(&runtime, &big).await.signal, Some(25), "XFSZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn p15_output_stays_within_the_runs_limit_with_a_visible_cut() {
    let root = tempfile::tempdir().expect("root");
    let own = LocalLimits { tail_bytes: 10_000, ..limits() };
    let runtime = LocalRuntime::new(root.path(), vec![crate::support::supervisor()], own).expect("runtime");
    let mut loud = request("seq 1 200000; exit 4");
    loud.spec.limits.output_bytes = 100_000;
    assert_eq!(run_to_end(&runtime, &loud).await.exit_code, Some(4));
    let log = whole_log(&runtime, loud.handle).await;
    let kept: usize = log.iter().filter(|l| l.stream == Stream::Stdout).map(|l| l.text.len() + 1).sum();
    assert!(kept <= 100_000, "{kept}");
    assert_eq!(log[0].text, "1");
    assert_eq!(log.last().map(|l| l.text.as_str()), Some("200000"));
    let cuts: Vec<_> = log.iter().filter(|l| l.stream == Stream::System).map(|l| l.text.as_str()).collect();
    assert!(cuts.len() == 2 && cuts[1].contains("left out here"), "{cuts:?}");
}

/// Peak resident memory of the processes that have `argument`, KiB.
fn peak_kib(argument: &std::path::Path) -> u64 {
    let peak = |pid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        text.lines().find_map(|l| l.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok())
    };
    crate::support::with_argument(argument).into_iter().filter_map(peak).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_line_of_200_mb_and_much_output_need_little_memory() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request(
        "head -c 200000000 /dev/zero | tr '\\0' a; echo; echo next; head -c 200000000 /dev/zero | tr '\\0' '\\n'; echo last; sleep 1",
    );
    let root = root.path().canonicalize().expect("root");
    let dir = root.join(format!("{}.1", request.handle.run_id));
    runtime.start(&request).await.expect("start");
    let mut peak = 0;
    while !matches!(runtime.progress(request.handle).await, Ok(healer::runtime::Progress::Ended(_))) {
        peak = peak.max(peak_kib(&dir));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let end = crate::support::end_of(&runtime, request.handle).await;
    assert_eq!((end.exit_code, end.timed_out), (Some(0), false), "{end:?}");
    assert!(peak > 0 && peak < 96 << 10, "peak of the supervisor: {peak} KiB");
    let log = whole_log(&runtime, request.handle).await;
    assert!(log[0].text.ends_with("200000000 bytes]"), "{}", &log[0].text[log[0].text.len() - 60..]);
    assert_eq!(log[1].text, "next");
    assert_eq!(log.last().map(|l| l.text.as_str()), Some("last"));
}
