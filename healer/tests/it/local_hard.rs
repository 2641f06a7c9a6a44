//! Hostile scripts on the local runtime: trees that hide, output without end, children that keep the pipe.

use crate::support::{alive, end_of, eventually, limits, local, request, run_to_end, supervisor, texts, whole_log};
use domain::run::Stream;
use healer::runtime::Runtime;
use healer::runtime::local::LocalRuntime;
use std::time::{Duration, Instant};

/// A tree that ignores TERM, with a child in a session of its own and one whose parent has gone.
const HIDING: &str = "trap '' TERM
(trap '' TERM; while :; do echo x >> beat; sleep 0.05; done) & echo $!
setsid sh -c 'trap \"\" TERM; echo $$; while :; do echo y >> beat; sleep 0.05; done' &
( setsid sh -c 'trap \"\" TERM; echo $$; while :; do echo z >> beat; sleep 0.05; done' & ) &
echo $$
wait; while :; do sleep 0.05; done";

async fn pids(runtime: &LocalRuntime, request: &healer::runtime::StartRequest) -> Vec<i32> {
    eventually("four process ids", async || {
        let lines = texts(runtime, request.handle).await;
        let found: Vec<i32> = lines.iter().filter_map(|l| l.parse().ok()).collect();
        (found.len() == 4).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_the_whole_tree() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request(HIDING);
    runtime.start(&request).await.expect("start");
    let pids = pids(&runtime, &request).await;
    let begun = Instant::now();
    runtime.cancel(request.handle, Duration::from_millis(300)).await.expect("cancel");
    let end = end_of(&runtime, request.handle).await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "TERM had its time");
    assert!(end.cancelled && end.signal == Some(9) && end.survivors == 0, "{end:?}");
    assert!(!pids.iter().any(|p| alive(*p)), "the end is told after the death: {pids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_ends_the_whole_tree() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let mut request = request(HIDING);
    request.spec.timeout_secs = 1;
    runtime.start(&request).await.expect("start");
    let pids = pids(&runtime, &request).await;
    let end = end_of(&runtime, request.handle).await;
    assert!(end.timed_out && end.survivors == 0, "{end:?}");
    assert!(!pids.iter().any(|p| alive(*p)), "{pids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_keeps_the_pipe_does_not_hold_the_end() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request("sleep 300 & echo $!; exit 3");
    let end = run_to_end(&runtime, &request).await;
    assert_eq!((end.exit_code, end.signal, end.survivors), (Some(3), None, 0));
    let lines = texts(&runtime, request.handle).await;
    assert_eq!(lines.len(), 1);
    assert!(!alive(lines[0].parse().expect("pid")), "it ended with the run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_sent_to_the_supervisor_is_a_cancel() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request("trap 'echo asked; exit 0' TERM; echo $PPID; while :; do sleep 0.05; done");
    runtime.start(&request).await.expect("start");
    let owner: i32 =
        eventually("the supervisor's id", async || texts(&runtime, request.handle).await.first()?.parse().ok()).await;
    let owner = rustix::process::Pid::from_raw(owner).expect("pid");
    rustix::process::kill_process(owner, rustix::process::Signal::TERM).expect("term");
    let end = end_of(&runtime, request.handle).await;
    assert!(end.cancelled, "{end:?}");
    assert_eq!(end.exit_code, Some(0), "it was let to end by itself");
    assert!(texts(&runtime, request.handle).await.contains(&"asked".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_is_capped_visibly() {
    let root = tempfile::tempdir().expect("root");
    let mut small = limits();
    (small.output_bytes, small.tail_bytes) = (100_000, 10_000);
    let runtime = LocalRuntime::new(root.path(), vec![supervisor()], small).expect("runtime");
    let request = request("echo first; yes | head -c 5000000; echo the end; exit 4");
    assert_eq!(run_to_end(&runtime, &request).await.exit_code, Some(4));
    let log = whole_log(&runtime, request.handle).await;
    let kept: usize = log.iter().filter(|r| r.stream != Stream::System).map(|r| r.text.len() + 1).sum();
    assert!(kept <= 110_000, "{kept}");
    assert_eq!(log.first().map(|r| r.text.as_str()), Some("first"));
    assert_eq!(log.last().map(|r| r.text.as_str()), Some("the end"), "head and tail are kept");
    let marks: Vec<&str> = log.iter().filter(|r| r.stream == Stream::System).map(|r| r.text.as_str()).collect();
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert!(marks[1].contains("left out here"), "{marks:?}");
    assert!(log.iter().zip(1..).all(|(r, n)| r.seq == n), "dense in spite of the gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_line_is_cut_and_the_next_is_whole() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let request = request("head -c 20000000 /dev/zero | tr '\\0' a; echo; echo next; grep VmHWM /proc/$PPID/status");
    assert_eq!(run_to_end(&runtime, &request).await.exit_code, Some(0));
    let lines = texts(&runtime, request.handle).await;
    assert!(lines[0].ends_with("[cut: the line has 20000000 bytes]") && lines[0].len() < 66_000, "{}", lines[0].len());
    assert_eq!(lines[1], "next");
    let peak: u64 = lines[2].split_whitespace().nth(1).expect("kB").parse().expect("number");
    assert!(peak < 64 * 1024, "the supervisor's peak memory is {peak} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_reaped() {
    let root = tempfile::tempdir().expect("root");
    let runtime = local(root.path());
    let body = "i=0; while [ $i -lt 50 ]; do ( sleep 0.01 & ) ; i=$((i+1)); done; sleep 0.5
zombies=0; for s in /proc/[0-9]*/stat; do read -r pid name state parent rest < \"$s\" || continue
[ \"$state $parent\" = \"Z $PPID\" ] && zombies=$((zombies+1)); done 2>/dev/null; echo zombies $zombies; exit 9";
    let request = request(body);
    assert_eq!(run_to_end(&runtime, &request).await.exit_code, Some(9), "its own status is not stolen");
    let lines = texts(&runtime, request.handle).await;
    let left: u32 = lines[0].trim_start_matches("zombies ").parse().expect("number");
    assert!(left <= 5, "{lines:?}");
}
