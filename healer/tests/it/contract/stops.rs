//! Stops: the time limit, a cancel, and that nothing of a stopped run lives on.

use super::Lab;
use crate::support::{end_of, eventually, run_to_end, texts};
use healer::runtime::Progress;
use std::time::{Duration, Instant};

pub(crate) async fn the_time_limit_holds(lab: &dyn Lab) {
    let mut request = lab.request("trap '' TERM; echo begin; while :; do sleep 1; done");
    request.spec.timeout_secs = 1;
    let begun = Instant::now();
    let end = run_to_end(lab.runtime(), &request).await;
    assert!(end.timed_out && !end.cancelled && end.exit_code.is_none(), "{end:?}");
    assert_eq!(end.survivors, 0);
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time");
    assert!(texts(lab.runtime(), request.handle).await.contains(&"begin".to_owned()), "what was printed is kept");
}

pub(crate) async fn p13_stop_means_everything_stops(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let request = lab.request("trap '' TERM; (while :; do echo beat; sleep 0.1; done) & wait; wait");
    runtime.start(&request).await.expect("start");
    eventually("a beat", async || texts(runtime, request.handle).await.contains(&"beat".to_owned()).then_some(()))
        .await;
    runtime.cancel(request.handle, Duration::from_millis(300)).await.expect("cancel");
    let end = end_of(runtime, request.handle).await;
    assert!(end.cancelled && end.survivors == 0, "{end:?}");
    let beats = texts(runtime, request.handle).await.len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(texts(runtime, request.handle).await.len(), beats, "it ended when its end was told");
}

pub(crate) async fn cancel_is_idempotent_and_final(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let request = lab.request("echo begin; sleep 1000");
    runtime.start(&request).await.expect("start");
    for _ in 0..2 {
        runtime.cancel(request.handle, Duration::from_millis(500)).await.expect("cancel");
    }
    let end = end_of(runtime, request.handle).await;
    assert!(end.cancelled && !end.timed_out && end.exit_code.is_none(), "{end:?}");
    runtime.cancel(request.handle, Duration::ZERO).await.expect("cancel after the end");
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::Ended(end.clone()));
    let later = lab.again().await;
    let Progress::Ended(seen) = later.progress(request.handle).await.expect("progress") else { panic!("no end") };
    assert!(seen.cancelled && !seen.timed_out, "whoever comes later knows that it was stopped: {seen:?}");
}
