//! The poller on log monitors: late lines once, restarts without doubles, missing indices, bounds.

use crate::fakes::{Logs, Start, line, monitor};
use crate::secs;
use domain::signal::{Batch, Completeness, Payload};
use domain::status::{Health, StatusOf};
use domain::{Id, Time};
use std::sync::Arc;

const NOW: i64 = 1_800_000_000;

fn ids(batch: &Batch) -> Vec<String> {
    match &batch.payload {
        Payload::Logs { lines, .. } => lines.iter().map(|l| l.id.clone()).collect(),
        other => panic!("lines expected, got {other:?}"),
    }
}

fn with(lines: impl IntoIterator<Item = (&'static str, i64)>) -> Arc<Logs> {
    let logs = Logs::default();
    logs.lines.lock().unwrap().extend(lines.into_iter().map(|(id, at)| line(id, secs(at))));
    Arc::new(logs)
}

fn start(logs: &Arc<Logs>) -> Start {
    Start { logs: Arc::clone(logs), ..Start::new(vec![monitor("logs", "", true)], secs(NOW)) }
}

#[tokio::test]
async fn p10_a_late_line_within_the_overlap_comes_once() {
    let logs = with([("a", NOW - 30), ("b", NOW - 3)]);
    let mut rig = start(&logs).run();
    assert_eq!(ids(&rig.next().await), ["a", "b"]);
    logs.lines.lock().unwrap().push(line("late", secs(NOW - 20)));
    logs.lines.lock().unwrap().push(line("new", secs(NOW)));
    assert_eq!(ids(&rig.after(5).await), ["late", "new"]);
    for _ in 0..3 {
        assert_eq!(ids(&rig.after(5).await), [] as [String; 0]);
    }
    assert_eq!(rig.counters.snapshot().lines, 4);
    rig.stop().await;
}

#[tokio::test]
async fn p10_a_missing_index_is_no_data_and_not_an_error_of_the_source() {
    let logs = with([]);
    *logs.missing.lock().unwrap() = true;
    let rig = start(&logs);
    let id = rig.monitors[0].id;
    let mut rig = rig.run();
    let first = rig.next().await;
    assert!(
        matches!(&first.payload, Payload::Logs { lines, completeness: Completeness::Complete } if lines.is_empty())
    );
    let status = rig.status(StatusOf::Monitor, id, |s| s.health == Health::NoData).await;
    assert!(status.message.contains("no index matches"));
    rig.status(StatusOf::Source, Id::from_u128(7), |s| s.health == Health::Ok).await;
    *logs.missing.lock().unwrap() = false;
    logs.lines.lock().unwrap().push(line("a", secs(NOW)));
    assert_eq!(ids(&rig.after(5).await), ["a"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_restart_reads_from_the_checkpoint_without_doubles() {
    let logs = with([("a", NOW - 30), ("b", NOW - 3)]);
    let first = start(&logs);
    let (monitors, store, clock) = (first.monitors.clone(), first.store.clone(), first.clock.clone());
    let mut rig = first.run();
    let committed: Time = rig.next().await.to;
    store.checkpoints.lock().unwrap().insert(monitors[0].id, committed);
    logs.lines.lock().unwrap().push(line("c", secs(NOW + 1)));
    assert_eq!(ids(&rig.after(5).await), ["c"]);
    rig.stop().await;
    // "c" was not committed and comes again; "a" and "b" were and do not.
    let mut rig = Start { monitors, store, clock, logs: Arc::clone(&logs), ..Start::new(vec![], secs(0)) }.run();
    assert_eq!(ids(&rig.next().await), ["c"]);
    logs.lines.lock().unwrap().push(line("late", secs(NOW - 10)));
    assert_eq!(ids(&rig.after(5).await), ["late"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_flood_is_read_in_bounded_batches_without_loss() {
    let logs = Logs::default();
    let ids_in: Vec<String> = (0..5_000).map(|n| format!("{n:05}")).collect();
    let at = |n: usize| domain::clock::from_millis((NOW - 600) * 1_000 + (n as i64 / 7) * 100);
    logs.lines.lock().unwrap().extend(ids_in.iter().enumerate().map(|(n, id)| line(id, at(n))));
    let mut first = start(&Arc::new(logs));
    first.config.log_page = 100;
    first.config.log_lines = 300;
    let mut rig = first.run();
    let (mut got, mut batches) = (Vec::new(), 0);
    while got.len() < ids_in.len() {
        let batch = rig.next().await;
        let part = ids(&batch);
        assert!(part.len() <= 300);
        got.extend(part);
        batches += 1;
    }
    assert_eq!(got, ids_in);
    assert!(batches >= 17, "{batches}");
    rig.stop().await;
}

#[tokio::test]
async fn more_lines_in_one_millisecond_than_a_poll_may_read_is_partial_and_ends() {
    let logs = Logs::default();
    logs.lines.lock().unwrap().extend((0..1_000).map(|n| line(&n.to_string(), secs(NOW - 10))));
    logs.lines.lock().unwrap().push(line("after", secs(NOW - 5)));
    let mut first = start(&Arc::new(logs));
    first.config.log_page = 50;
    first.config.log_lines = 100;
    let mut rig = first.run();
    let mut partial = false;
    loop {
        let batch = rig.next().await;
        partial |= matches!(&batch.payload, Payload::Logs { completeness: Completeness::Partial(_), .. });
        if ids(&batch).contains(&"after".to_owned()) {
            break;
        }
    }
    assert!(partial);
    rig.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_is_a_state_and_loses_nothing() {
    let logs = with([("a", NOW - 10)]);
    let start = start(&logs);
    let id = start.monitors[0].id;
    let mut rig = start.run();
    assert_eq!(ids(&rig.next().await), ["a"]);
    rig.clock.advance(chrono::TimeDelta::seconds(-3_600));
    let status = rig.status(StatusOf::Monitor, id, |s| s.message.contains("set back")).await;
    assert_eq!(status.health, Health::NoData);
    logs.lines.lock().unwrap().push(line("b", secs(NOW + 1)));
    assert_eq!(ids(&rig.after(3_606).await), ["b"]);
    rig.stop().await;
}
