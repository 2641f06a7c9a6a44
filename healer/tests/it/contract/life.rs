//! Start, attach, clean up: one start per epoch, whoever comes later finds it, nothing is left.

use super::Lab;
use crate::support::{end_of, eventually, request, run_to_end, texts, whole_log};
use domain::run::RunMode;
use healer::runtime::{Handle, LogOffset, Progress};

pub(crate) async fn starting_twice_is_one_start(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let request = lab.request("echo ran");
    let (a, b) = tokio::join!(runtime.start(&request), runtime.start(&request));
    a.expect("first");
    b.expect("second");
    end_of(runtime, request.handle).await;
    runtime.start(&request).await.expect("after its end");
    lab.again().await.start(&request).await.expect("by another process");
    assert!(matches!(runtime.progress(request.handle).await, Ok(Progress::Ended(_))));
    assert_eq!(texts(runtime, request.handle).await, ["ran"]);
    assert_eq!(runtime.known(request.handle.run_id).await.expect("known"), [1]);
}

pub(crate) async fn a_run_that_may_run_once_is_not_executed_under_a_second_epoch(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let mut first = lab.request("echo ran; sleep 0.5");
    first.spec.mode = RunMode::AtMostOnce;
    runtime.start(&first).await.expect("start");
    for end_first in [false, true] {
        if end_first {
            end_of(runtime, first.handle).await;
        }
        let mut second = first.clone();
        second.handle.epoch = if end_first { 3 } else { 2 };
        let why = super::why_not(lab, &second).await;
        assert!(why.contains("start"), "{why}");
        assert!(texts(runtime, second.handle).await.iter().all(|l| l != "ran"), "nothing ran under it");
    }
    assert_eq!(texts(runtime, first.handle).await, ["ran"]);
}

pub(crate) async fn what_is_not_known_is_unknown(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let handle = request("x").handle;
    assert_eq!(runtime.progress(handle).await.expect("progress"), Progress::Unknown);
    assert_eq!(runtime.known(handle.run_id).await.expect("known"), Vec::<i64>::new());
    assert_eq!(runtime.logs(handle, LogOffset::default()).await.expect("logs").records, []);
    runtime.cancel(handle, std::time::Duration::ZERO).await.expect("nothing to stop");
    runtime.reap(handle).await.expect("nothing to end");
    runtime.cleanup(handle).await.expect("nothing to remove");
}

pub(crate) async fn whoever_comes_later_attaches_and_sees_the_end(lab: &dyn Lab) {
    let first = lab.runtime();
    let mut request =
        lab.request("echo begin; i=0; while [ $i -lt 30 ]; do echo $i; sleep 0.1; i=$((i+1)); done; exit 5");
    request.first_seq = 4;
    first.start(&request).await.expect("start");
    eventually("its first line", async || (!texts(first, request.handle).await.is_empty()).then_some(())).await;
    let next = lab.again().await;
    assert_eq!(next.node(), first.node(), "the same place");
    assert_eq!(next.kind(), first.kind());
    assert_eq!(next.known(request.handle.run_id).await.expect("known"), [1]);
    assert!(next.all().await.expect("all").contains(&request.handle));
    assert_eq!(next.progress(request.handle).await.expect("progress"), Progress::Running);
    let end = end_of(&*next, request.handle).await;
    assert_eq!((end.exit_code, end.start_error), (Some(5), None));
    let log = whole_log(&*next, request.handle).await;
    let expected: Vec<String> = std::iter::once("begin".to_owned()).chain((0..30).map(|i| i.to_string())).collect();
    assert_eq!(log.iter().map(|r| r.text.clone()).collect::<Vec<_>>(), expected, "from its beginning, nothing twice");
    assert!(log.iter().zip(4..).all(|(r, n)| r.seq == n), "with the numbers that it was started with");
    assert_eq!(log, whole_log(first, request.handle).await, "and for whoever was there before");
}

pub(crate) async fn what_is_cleaned_up_is_forgotten_and_leaves_nothing(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let mut request = lab.request("echo once > \"$AIOPS_ARTIFACTS/file\"");
    request.spec.mode = RunMode::AtLeastOnce;
    request.secrets.insert("TOKEN".into(), "hunter2-Zq9".into());
    run_to_end(runtime, &request).await;
    assert!(runtime.all().await.expect("all").contains(&request.handle));
    assert_ne!(lab.left(request.handle).await, Vec::<String>::new(), "the look for what is left sees it");
    for _ in 0..2 {
        // What owned it may hold it for a moment after it recorded the end.
        eventually("cleanup", async || runtime.cleanup(request.handle).await.ok()).await;
    }
    assert_eq!(runtime.known(request.handle.run_id).await.expect("known"), Vec::<i64>::new());
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::Unknown);
    assert_eq!(texts(runtime, request.handle).await, Vec::<String>::new());
    assert!(!runtime.all().await.expect("all").contains(&request.handle));
    eventually("nothing is left", async || lab.left(request.handle).await.is_empty().then_some(())).await;
    // One that lives is not forgotten.
    let living = lab.request("echo begin; sleep 100");
    runtime.start(&living).await.expect("start");
    eventually("its first line", async || (!texts(runtime, living.handle).await.is_empty()).then_some(())).await;
    assert!(runtime.cleanup(living.handle).await.is_err(), "it still lives");
    assert_eq!(runtime.progress(living.handle).await.expect("progress"), Progress::Running);
    runtime.reap(living.handle).await.expect("reap");
    let other = Handle { epoch: 9, ..living.handle };
    assert_eq!(runtime.progress(other).await.expect("progress"), Progress::Unknown);
    eventually("cleanup", async || runtime.cleanup(living.handle).await.ok()).await;
    eventually("nothing is left", async || lab.left(living.handle).await.is_empty().then_some(())).await;
}

pub(crate) async fn health_describes_the_platform(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let info = runtime.health().await.expect("health");
    assert!(!info.os.is_empty() && !info.arch.is_empty() && info.cpus > 0 && info.memory_bytes > 0, "{info:?}");
    assert!(!info.isolation.is_empty(), "it says how far a stop and limits reach: {info:?}");
    let request = lab.request("echo begin; sleep 100");
    runtime.start(&request).await.expect("start");
    eventually("its first line", async || (!texts(runtime, request.handle).await.is_empty()).then_some(())).await;
    let running = eventually("the run is counted", async || {
        Some(runtime.health().await.expect("health").running).filter(|n| *n > 0)
    })
    .await;
    assert_eq!(running, 1);
    runtime.reap(request.handle).await.expect("reap");
    eventually("and no longer", async || (runtime.health().await.expect("health").running == 0).then_some(())).await;
}
