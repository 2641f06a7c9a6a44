//! History of monitors: in small windows, oldest first, told as it goes, from where a restart left it.

use crate::fakes::{Metrics, Start, complete, constant, monitor};
use crate::secs;
use domain::signal::{Batch, Completeness, MetricAnswer, Payload, Point, Series};
use domain::status::{Health, StatusOf};
use domain::{Error, Labels};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: i64 = 1_800_000_000;

fn times(batch: &Batch) -> Vec<i64> {
    match &batch.payload {
        Payload::Metrics(answer) => answer.series.first().map(|s| s.points.iter().map(|p| p.at_ms / 1_000).collect()),
        other => panic!("metrics expected, got {other:?}"),
    }
    .unwrap_or_default()
}

/// `series` constant series; a question for their number gets it.
fn many(series: usize) -> Metrics {
    Metrics(Box::new(move |range| {
        if range.query.starts_with("count(") {
            let points = vec![Point { at_ms: NOW * 1_000, value: series as f64 }];
            return complete(vec![Series { labels: Labels::new(), points }]);
        }
        let rows = (range.to - range.from).num_seconds() + 1;
        assert!(rows <= 11_000 && rows as usize * series <= 200_000, "{rows} rows of {series} series at once");
        complete((0..series).map(|n| constant(range, &format!("s{n:05}"), 1.0)).collect())
    }))
}

#[tokio::test]
async fn p02_history_comes_in_windows_without_a_seam_and_is_told_as_it_goes() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.config.limits.backfill = Duration::from_secs(30_000);
    start.metrics = many(1);
    let id = start.monitors[0].id;
    let mut rig = start.run();
    let mut all = Vec::new();
    let mut windows = 0;
    while all.last() != Some(&(NOW - 1)) {
        let batch = rig.next().await;
        assert!(all.last().is_none_or(|last| batch.from == secs(*last)), "windows follow each other");
        all.extend(times(&batch));
        windows += 1;
    }
    assert_eq!((all.len(), windows), (30_000, 3), "no more requests than 11,000 points a window need");
    assert!(all.windows(2).all(|w| w[1] - w[0] == 1));
    rig.status(StatusOf::Monitor, id, |s| s.health == Health::Ok).await;
    let told: Vec<String> = rig.store.statuses.lock().unwrap().iter().map(|s| s.message.clone()).collect();
    assert!(["36", "73"].iter().all(|n| told.contains(&format!("learning from history: {n} %"))), "{told:?}");
    assert_eq!(times(&rig.after(1).await), [NOW], "then live");
    rig.stop().await;
}

#[tokio::test]
async fn many_series_reach_less_far_back_and_stay_small() {
    let mut wide = monitor("m", "q", false);
    wide.spec.max_series = 20_000;
    let mut start = Start::new(vec![wide], secs(NOW));
    start.config.limits.backfill = Duration::from_secs(86_400);
    start.config.limits.history_samples = 500_000;
    start.metrics = many(5_000);
    let mut rig = start.run();
    let mut all = Vec::new();
    while all.last() != Some(&(NOW - 1)) {
        all.extend(times(&rig.next().await));
    }
    assert_eq!(all.len(), 100, "500,000 samples of 5,000 series");
    rig.stop().await;
}

#[tokio::test]
async fn a_restart_reads_the_gap_alone_and_a_too_long_one_is_cut_and_told() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.config.limits.backfill = Duration::from_secs(5_000);
    start.metrics = many(1);
    let id = start.monitors[0].id;
    start.store.checkpoints.lock().unwrap().insert(id, secs(NOW - 2_001));
    let mut rig = start.run();
    let mut all = Vec::new();
    while all.last() != Some(&(NOW - 1)) {
        all.extend(times(&rig.next().await));
    }
    assert_eq!(all, (NOW - 2_000..NOW).collect::<Vec<_>>());
    rig.clock.advance(chrono::TimeDelta::seconds(9_000));
    let first = times(&rig.next().await)[0];
    assert_eq!(first, NOW + 9_000 - 5_000, "the rest of the gap is left out");
    rig.status(StatusOf::Monitor, id, |s| s.details["gap_skipped_secs"] == 4_000).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_failure_in_the_middle_goes_on_where_it_was() {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.config.limits.backfill = Duration::from_secs(30_000);
    let source = many(1);
    start.metrics = Metrics(Box::new(move |range| match turn.fetch_add(1, Ordering::Relaxed) {
        2 => Err(Error::unavailable("http://p answers with status 502: Bad Gateway")),
        _ => (source.0)(range),
    }));
    let id = start.monitors[0].id;
    let mut rig = start.run();
    let first = rig.next().await;
    assert!(matches!(&rig.next().await.payload, Payload::Failed(why) if why.contains("502")));
    rig.status(StatusOf::Monitor, id, |s| s.health == Health::SourceError).await;
    let again = rig.after(1).await;
    assert_eq!(again.from, first.to);
    rig.stop().await;
}

#[tokio::test]
async fn p03_partial_history_teaches_nothing_and_is_told() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.config.limits.backfill = Duration::from_secs(30_000);
    let source = many(1);
    let turn = Arc::new(AtomicUsize::new(0));
    start.metrics = Metrics(Box::new(move |range| {
        let answer = (source.0)(range)?;
        let completeness = match turn.fetch_add(1, Ordering::Relaxed) {
            1 => Completeness::Partial("store eu-2 unreachable".into()),
            _ => Completeness::Complete,
        };
        Ok(MetricAnswer { completeness, ..answer })
    }));
    let id = start.monitors[0].id;
    let mut rig = start.run();
    let partial = rig.next().await;
    assert!(matches!(&partial.payload, Payload::Metrics(a) if a.completeness != Completeness::Complete));
    let whole = rig.next().await;
    assert_eq!((whole.from, times(&whole).len()), (partial.to, 11_000));
    let told = |s: &domain::status::Status| s.message.contains("73 %; 1 windows were answered in part");
    assert_eq!(times(&rig.next().await).last(), Some(&(NOW - 1)));
    rig.status(StatusOf::Monitor, id, |s| s.health == Health::Ok).await;
    assert!(rig.store.statuses.lock().unwrap().iter().any(told));
    rig.stop().await;
}

#[tokio::test]
async fn another_question_has_another_past() {
    let mut start = Start::new(vec![monitor("m", "q", false)], secs(NOW));
    start.metrics = many(1);
    let mut rig = start.run();
    assert_eq!(times(&rig.next().await).len(), 60);
    {
        let mut all = rig.monitors.0.lock().unwrap();
        (all[0].version, all[0].spec.query) = (2, "other".to_owned());
    }
    domain::ports::Wake::wake(&rig.wake, domain::ports::Topic::Catalog);
    assert_eq!(times(&rig.next().await).len(), 60, "its history, not the rows since");
    rig.stop().await;
}
