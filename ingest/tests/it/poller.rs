//! The poller on metric monitors: no row lost or doubled, unknown stays unknown, slow sources alone are slow.

use crate::fakes::{Metrics, Start, complete, constant, monitor};
use crate::secs;
use domain::signal::{Batch, Completeness, MetricAnswer, Payload};
use domain::status::{Health, StatusOf};
use domain::{Error, Id, Kind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: i64 = 1_800_000_000;

fn rows(batch: &Batch) -> Vec<i64> {
    match &batch.payload {
        Payload::Metrics(answer) => {
            answer.series.iter().flat_map(|s| s.points.iter().map(|p| p.at_ms / 1_000)).collect()
        }
        other => panic!("metrics expected, got {other:?}"),
    }
}

fn steady() -> Metrics {
    Metrics(Box::new(|range| complete(vec![constant(range, "pay", 1.0)])))
}

#[tokio::test]
async fn first_sight_reads_history_then_each_row_comes_once() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.metrics = steady();
    let mut rig = start.run();
    let first = rig.next().await;
    let mut all = rows(&first);
    assert_eq!((all.len(), all.last().copied()), (60, Some(NOW - 1)));
    for step in [1, 3, 1, 20] {
        let batch = rig.after(step).await;
        all.extend(rows(&batch));
        assert_eq!(batch.trace.trace_id.len(), 32);
    }
    assert_eq!(all.last().copied(), Some(NOW + 24));
    assert!(all.windows(2).all(|w| w[1] - w[0] == 1), "{all:?}");
    let counted = rig.counters.snapshot();
    assert_eq!((counted.rows + counted.history, counted.history), (all.len() as u64, 60));
    assert_eq!((counted.ticks, counted.missed), (25, 21), "three polls came late");
    rig.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_from_the_checkpoint_and_not_from_what_was_sent() {
    let start = Start { metrics: steady(), ..Start::new(vec![monitor("m", "q", false)], secs(NOW)) };
    let (monitors, store, clock) = (start.monitors.clone(), start.store.clone(), start.clock.clone());
    let mut rig = start.run();
    let first = rig.next().await;
    store.checkpoints.lock().unwrap().insert(monitors[0].id, first.to);
    rig.after(5).await;
    rig.stop().await;
    // The second batch was never committed: it must come again.
    clock.advance(chrono::TimeDelta::seconds(5));
    let again = Start { metrics: steady(), store, clock, ..Start::new(monitors, secs(0)) };
    let mut rig = again.run();
    assert_eq!(rows(&rig.next().await), (NOW..NOW + 10).collect::<Vec<_>>());
    rig.stop().await;
}

#[tokio::test]
async fn p03_warnings_are_partial_for_the_monitor_and_counted_and_asked_again() {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.metrics = Metrics(Box::new(move |range| {
        let series = vec![constant(range, "pay", 2.0)];
        let warn = turn.fetch_add(1, Ordering::Relaxed) == 1;
        let completeness =
            if warn { Completeness::Partial("store eu-2 unreachable".into()) } else { Completeness::Complete };
        Ok(MetricAnswer { series, completeness })
    }));
    let id = start.monitors[0].id;
    let mut rig = start.run();
    rig.next().await;
    let partial = rig.after(1).await;
    assert!(matches!(&partial.payload, Payload::Metrics(a) if a.completeness != Completeness::Complete));
    let status = rig.status(StatusOf::Monitor, id, |s| s.health == Health::Partial).await;
    assert!(status.message.contains("store eu-2 unreachable") && status.ok_at.is_none());
    rig.status(StatusOf::Source, Id::from_u128(7), |s| s.health == Health::Partial).await;
    assert_eq!(rig.counters.snapshot().partial, 1);
    let whole = rig.after(1).await;
    assert_eq!(rows(&whole), [NOW, NOW + 1], "the partial row is read again");
    rig.stop().await;
}

#[tokio::test]
async fn p04_an_empty_answer_is_no_data_and_covers_its_window() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.metrics = Metrics(Box::new(|_| complete(vec![])));
    let id = start.monitors[0].id;
    let mut rig = start.run();
    let first = rig.next().await;
    assert_eq!(rows(&first), [] as [i64; 0]);
    rig.status(StatusOf::Monitor, id, |s| s.health == Health::NoData).await;
    rig.status(StatusOf::Source, Id::from_u128(7), |s| s.health == Health::Ok).await;
    let next = rig.after(1).await;
    assert_eq!(next.from, first.to);
    rig.stop().await;
}

#[tokio::test]
async fn a_failure_is_sent_as_such_and_its_window_is_read_again() {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.metrics = Metrics(Box::new(move |range| match turn.fetch_add(1, Ordering::Relaxed) {
        1 => Err(Error::unavailable("http://p answers with status 502: Bad Gateway")),
        2 => Err(Error::new(Kind::Invalid, "query refused: parse error")),
        _ => complete(vec![constant(range, "pay", 1.0)]),
    }));
    let id = start.monitors[0].id;
    let mut rig = start.run();
    let first = rig.next().await;
    let down = rig.after(1).await;
    assert!(matches!(&down.payload, Payload::Failed(why) if why.contains("502")));
    let status = rig.status(StatusOf::Source, Id::from_u128(7), |s| s.health == Health::SourceError).await;
    assert!(status.message.contains("502"));
    rig.after(1).await;
    // A wrong query is the monitor's fault; the source answered.
    let status = rig.status(StatusOf::Monitor, id, |s| s.message.contains("parse error")).await;
    assert_eq!(status.health, Health::SourceError);
    rig.status(StatusOf::Source, Id::from_u128(7), |s| s.health == Health::Ok).await;
    let again = rig.after(1).await;
    assert_eq!((again.from, rows(&again)), (first.to, vec![NOW, NOW + 1, NOW + 2]));
    assert_eq!(rig.counters.snapshot().failures, 2);
    rig.stop().await;
}

#[tokio::test]
async fn series_above_the_cap_are_left_out_and_counted() {
    let mut capped = monitor("m", "q", false);
    capped.spec.max_series = 3;
    let id = capped.id;
    let mut start = Start::new(vec![capped], secs(NOW));
    start.metrics =
        Metrics(Box::new(|range| complete((0..10).map(|n| constant(range, &format!("s{n}"), 1.0)).collect())));
    let mut rig = start.run();
    let batch = rig.next().await;
    let Payload::Metrics(answer) = &batch.payload else { panic!("metrics expected") };
    assert_eq!((answer.series.len(), &answer.completeness), (3, &Completeness::Complete));
    let status = rig.status(StatusOf::Monitor, id, |s| s.health == Health::Ok).await;
    assert_eq!((status.details["series"].as_u64(), status.details["left_out"].as_u64()), (Some(3), Some(7)));
    rig.stop().await;
}

#[tokio::test]
async fn a_source_that_hangs_holds_up_itself_alone() {
    let slow: Vec<_> = (0..20).map(|n| monitor(&format!("slow {n}"), "hang", false)).collect();
    let mut quick = monitor("quick", "q", false);
    quick.spec.source_id = Id::from_u128(8);
    let id = quick.id;
    let mut start = Start::new(slow, secs(NOW));
    start.monitors.push(quick);
    start.metrics = steady();
    start.config.max_concurrent = 6;
    start.config.per_source = 2;
    let mut rig = start.run();
    assert_eq!(rig.next().await.monitor_id, id);
    assert_eq!(rig.after(1).await.monitor_id, id);
    rig.stop().await;
}

#[tokio::test]
async fn a_poll_that_takes_too_long_fails() {
    let mut start = Start::new(vec![monitor("m", "hang", false)], secs(NOW));
    start.config.poll_timeout = std::time::Duration::from_millis(20);
    let mut rig = start.run();
    assert!(matches!(&rig.next().await.payload, Payload::Failed(why) if why.contains("longer than")));
    rig.stop().await;
}

#[tokio::test]
async fn changes_of_the_catalog_are_taken_up_at_a_wake() {
    let start = Start { metrics: steady(), ..Start::new(vec![], secs(NOW)) };
    let mut rig = start.run();
    let added = monitor("m", "q", false);
    rig.monitors.0.lock().unwrap().push(added.clone());
    domain::ports::Wake::wake(&rig.wake, domain::ports::Topic::Catalog);
    let first = rig.next().await;
    assert_eq!(first.monitor_id, added.id);
    {
        let mut all = rig.monitors.0.lock().unwrap();
        all[0].version += 1;
        all[0].spec.interval_secs = 2;
    }
    domain::ports::Wake::wake(&rig.wake, domain::ports::Topic::Catalog);
    let next = rig.after(10).await;
    assert_eq!((next.from, rows(&next).len()), (first.to, 5), "a changed monitor goes on where it was");
    rig.monitors.0.lock().unwrap()[0].spec.enabled = false;
    domain::ports::Wake::wake(&rig.wake, domain::ports::Topic::Catalog);
    rig.stop().await;
}

#[tokio::test]
async fn p06_windows_cross_a_clock_change_without_a_gap() {
    // 2027-03-28, 02:00 in Berlin does not exist; all arithmetic is in UTC.
    let change = 1_806_195_600;
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(change - 2));
    start.metrics = steady();
    let mut rig = start.run();
    let mut all = rows(&rig.next().await);
    for _ in 0..3 {
        all.extend(rows(&rig.after(2).await));
    }
    assert!(all.contains(&change) && all.windows(2).all(|w| w[1] - w[0] == 1));
    rig.stop().await;
}
