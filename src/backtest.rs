//! Backtests: asks a metric source for history, window by window, and lets the product's own judges judge it.

use async_trait::async_trait;
use domain::backtest::{BacktestLimits, BacktestReport};
use domain::catalog::Monitor;
use domain::clock::Clock;
use domain::feedback::{Feedback, MEMORY_DAYS};
use domain::ports::{Backtest, FeedbackStore, MetricSource, Sources};
use domain::signal::Completeness;
use domain::{Error, Kind, Result, Time};
use ingest::history::{WINDOW_SAMPLES, Walk};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Backtests at once in one process: each may ask a source for as much as it gives.
const AT_ONCE: usize = 2;
/// Longest backtest that is asked for over the API.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) monitor: Monitor,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) limits: BacktestLimits,
    /// When to stop with what there is.
    pub(crate) until: Option<Instant>,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) share: f64,
    pub(crate) rows: u64,
    pub(crate) series: usize,
    pub(crate) events: usize,
}

/// Runs a backtest; `progress` is called after each window.
pub(crate) async fn run(
    source: &dyn MetricSource,
    question: Question,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<BacktestReport> {
    let Question { monitor, feedback, from, to, limits, until } = question;
    let (query, step_secs) = (monitor.spec.query.clone(), monitor.spec.interval_secs.max(1));
    let step = Duration::from_secs(u64::from(step_secs));
    let mut walk = Walk::new(from, to, step, WINDOW_SAMPLES);
    let mut test = analyzer::engine::Backtest::new(monitor, feedback, from, to, limits);
    let mut partial: Option<String> = None;
    while let Some((first, last)) = walk.window() {
        if let Some(why) = stopped(test.rows(), limits.rows, until) {
            partial = Some(format!("{why}; judged up to {}", first.format("%Y-%m-%d %H:%M:%S UTC")));
            break;
        }
        let answer = source.range(&query, first, last, step).await?;
        walk.took(answer.series.len());
        if let Completeness::Partial(why) = &answer.completeness {
            partial.get_or_insert_with(|| why.clone());
        }
        // Judging is work for a thread that nobody waits for.
        let judged = tokio::task::spawn_blocking(move || {
            test.push(&answer, first, last);
            test
        });
        test = judged.await.map_err(Error::internal)?;
        let share = walk.share();
        progress(Progress { share, rows: test.rows(), series: test.series(), events: test.events() });
    }
    let found = test.finish();
    let completeness = if partial.is_some() { "partial" } else { "complete" };
    Ok(BacktestReport {
        from,
        to,
        step_secs,
        completeness: completeness.to_owned(),
        message: partial.unwrap_or_default(),
        rows: found.rows,
        series_total: found.series_total as u64,
        left_out: found.left_out as u64,
        events_total: found.events_total as u64,
        events: found.events,
        series: found.series,
    })
}

fn stopped(rows: u64, most: u64, until: Option<Instant>) -> Option<String> {
    if rows >= most {
        return Some(format!("stopped at {most} rows: narrow the query, shorten the time or widen the step"));
    }
    let late = until.is_some_and(|until| Instant::now() >= until);
    late.then(|| "stopped for time: narrow the query, shorten the time or widen the step".to_owned())
}

/// [`Backtest`] over the stored sources, for the API.
pub(crate) struct Backtests {
    sources: Arc<dyn Sources>,
    feedback: Arc<dyn FeedbackStore>,
    clock: Arc<dyn Clock>,
    seats: Semaphore,
}

impl Backtests {
    pub(crate) fn new(sources: &Arc<dyn Sources>, database: &Arc<store::Database>, clock: &Arc<dyn Clock>) -> Self {
        let (sources, clock) = (Arc::clone(sources), Arc::clone(clock));
        Self { sources, feedback: Arc::clone(database) as _, clock, seats: Semaphore::new(AT_ONCE) }
    }
}

#[async_trait]
impl Backtest for Backtests {
    async fn backtest(&self, monitor: Monitor, from: Time, to: Time, limits: BacktestLimits) -> Result<BacktestReport> {
        let Ok(_seat) = self.seats.try_acquire() else {
            return Err(Error::new(Kind::TooMany, "other backtests are running: try again in a moment"));
        };
        let source = self.sources.metrics(monitor.spec.source_id).await?;
        let since = self.clock.now() - chrono::TimeDelta::days(MEMORY_DAYS);
        let feedback = self.feedback.feedback_of(monitor.id, since).await?;
        let until = Some(Instant::now() + PATIENCE);
        run(&*source, Question { monitor, feedback, from, to, limits, until }, &mut |_| {}).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use domain::resource::Draft;
    use domain::signal::{MetricAnswer, Point, Series};
    use serde_json::json;

    /// A flat series with one peak; counts what it is asked for.
    #[derive(Debug)]
    struct Recorded;

    #[async_trait]
    impl MetricSource for Recorded {
        async fn instant(&self, _: &str, _: Time) -> Result<MetricAnswer> {
            Err(Error::unavailable("ranges only"))
        }
        async fn range(&self, _: &str, from: Time, to: Time, step: Duration) -> Result<MetricAnswer> {
            let step = i64::try_from(step.as_millis()).expect("a step");
            let rows = (to - from).num_milliseconds() / step + 1;
            assert!(rows <= 11_000, "Prometheus refuses {rows} points");
            let value = |at: i64| if (20_000_000..20_300_000).contains(&at) { 90.0 } else { (at / step % 5) as f64 };
            let at = |n: i64| from.timestamp_millis() + n * step;
            let points = (0..rows).map(|n| Point { at_ms: at(n), value: value(at(n)) }).collect();
            let series = vec![Series { labels: [("service".to_owned(), "pay".to_owned())].into(), points }];
            Ok(MetricAnswer { series, completeness: Completeness::Complete })
        }
        async fn check(&self) -> Result<String> {
            Ok("Prometheus".to_owned())
        }
    }

    fn question(rows: u64) -> Question {
        let spec = serde_json::from_value(json!({
            "source_id": domain::Id::nil(), "query": "x", "interval_secs": 15, "signal": "latency",
            "detector": {"kind": "learned"},
        }));
        let spec = spec.expect("a monitor");
        let monitor =
            Draft { name: "m".to_owned(), tags: vec![], spec }.into_resource(domain::Id::nil(), from_millis(0));
        let limits = BacktestLimits { rows, series: 5, points: 300, events: 10 };
        Question {
            monitor,
            feedback: Vec::new(),
            from: from_millis(0),
            to: from_millis(400_000_000),
            limits,
            until: None,
        }
    }

    #[tokio::test]
    async fn history_is_judged_in_windows_and_progress_reaches_the_end() {
        let mut shares = Vec::new();
        let report = run(&Recorded, question(u64::MAX), &mut |p| shares.push(p.share)).await.expect("a report");
        assert_eq!((report.rows, report.events_total, report.completeness.as_str()), (26_667, 1, "complete"));
        assert_eq!(report.events[0].started_at, from_millis(20_010_000));
        assert!(shares.len() > 2 && shares.windows(2).all(|w| w[0] < w[1]), "{shares:?}");
        assert_eq!(shares.last(), Some(&1.0));
    }

    #[tokio::test]
    async fn a_bound_ends_it_early_and_says_where() {
        let report = run(&Recorded, question(10_000), &mut |_| {}).await.expect("a report");
        assert_eq!(report.completeness, "partial");
        assert!(
            report.message.contains("stopped at 10000 rows") && report.message.contains("1970-01-02"),
            "{report:?}"
        );
        let mut late = question(u64::MAX);
        late.until = Some(Instant::now());
        let report = run(&Recorded, late, &mut |_| {}).await.expect("a report");
        assert_eq!((report.rows, report.completeness.as_str()), (0, "partial"));
    }
}
