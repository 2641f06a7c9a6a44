//! Reads history in small windows, oldest first, so that a monitor has learned before it judges, and after a gap.
//!
//! Two monitors a source at once; after each window the source is left alone for as long as the window took. Each window
//! is a batch like any other: what is learned is stored with its checkpoint, a restart goes on where it was.

use super::fetch::{self, Brought};
use super::worker::{Poll, Worker, step};
use super::{judge, plan, reads_logs};
use crate::history::{WINDOW_SAMPLES, Walk};
use domain::catalog::{DetectorSpec, Monitor};
use domain::error::Result;
use domain::signal::{Completeness, MetricAnswer, Payload};
use domain::{Error, Kind, Time};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// So few rows are read without asking how many series there are.
const FEW: i64 = 60;
/// Longest pause after a window.
const PAUSE: Duration = Duration::from_secs(5);

impl Worker {
    /// The rows that a metric monitor has not seen. One that learns nothing needs little history.
    pub(super) fn metric_window(&self, monitor: &Monitor, now: Time) -> Option<plan::Window> {
        let mut limits = self.context.config.limits.clone();
        if monitor.spec.detector != DetectorSpec::Learned {
            limits.backfill = limits.backfill.min(plan::RULE_HISTORY);
        }
        plan::metric_window(self.memory.position, now, step(monitor), &limits)
    }

    /// Whether more rows are due than one poll may bring.
    pub(super) fn lacks_history(&self, monitor: &Monitor) -> bool {
        if reads_logs(&monitor.spec) {
            return false;
        }
        let window = self.metric_window(monitor, self.context.clock.now());
        let rows = window.map_or(0, |w| plan::rows(&w, step(monitor)));
        plan::is_history(rows, self.memory.known.len(), WINDOW_SAMPLES, &self.context.config.limits)
    }

    /// Reads what is missing; whether live rows are to be polled at once.
    pub(super) async fn backfill(&mut self, monitor: &Arc<Monitor>) -> bool {
        let context = Arc::clone(&self.context);
        let turns = context.history_turns(monitor.spec.source_id);
        // Rules need little history and must not wait behind those that learn.
        let _turn = if monitor.spec.detector == DetectorSpec::Learned {
            if turns.available_permits() == 0 {
                context.report(monitor, &judge::waits_for_history(), None, Duration::ZERO).await;
            }
            turns.acquire().await.ok()
        } else {
            None
        };
        let Some(due) = self.metric_window(monitor, context.clock.now()) else { return false };
        let began = Instant::now();
        let (whole, series) = match self.bounded(monitor, due).await {
            Ok(bounded) => bounded,
            Err(error) => {
                let poll = self.poll_of(monitor, due);
                return self.failed(poll, &error, began.elapsed()).await;
            }
        };
        let step = step(monitor);
        let mut walk = Walk::new(plan::first_row(&whole, step), whole.to, step, WINDOW_SAMPLES).expecting(series);
        let mut partial = 0;
        while let Some((first, last)) = walk.window() {
            if self.spec.has_changed().unwrap_or(true) {
                return true;
            }
            let began = Instant::now();
            let window = plan::Window { from: first - step, to: last, skipped_secs: whole.skipped_secs };
            if !self.learn(monitor, window, &mut walk, &mut partial).await {
                return false;
            }
            if walk.window().is_some() {
                tokio::time::sleep(began.elapsed().min(PAUSE)).await;
            }
        }
        true
    }

    fn poll_of(&self, monitor: &Arc<Monitor>, window: plan::Window) -> Poll {
        let trace = (self.context.config.trace)();
        Poll { monitor: Arc::clone(monitor), window, now: self.context.clock.now(), trace }
    }

    /// The part of the window that is read, and how many series there are.
    async fn bounded(&self, monitor: &Monitor, due: plan::Window) -> Result<(plan::Window, usize)> {
        let step = step(monitor);
        if plan::rows(&due, step) <= FEW {
            return Ok((due, 1));
        }
        let series = self.within_limits(monitor, self.count(monitor, due.to)).await?;
        let first_sight = self.memory.position.is_none();
        Ok((plan::worth(due, first_sight, series, step, &self.context.config.limits), series))
    }

    async fn count(&self, monitor: &Monitor, at: Time) -> Result<usize> {
        let source = self.context.sources.metrics(monitor.spec.source_id).await?;
        // Lines of their own: the query may end with a comment.
        let query = format!("count(\n{}\n)", monitor.spec.query);
        let answer = match source.instant(&query, at).await {
            // A scalar cannot be counted, and a wrong query is told with its own words.
            Err(error) if error.kind == Kind::Invalid => return Ok(1),
            other => other?,
        };
        let value = answer.series.first().and_then(|s| s.points.last()).map_or(1.0, |p| p.value);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        Ok(value.clamp(1.0, 1e9) as usize)
    }

    /// Runs a request as one poll: among those that may run at once, and within the time of a poll.
    async fn within_limits<T>(&self, monitor: &Monitor, work: impl Future<Output = Result<T>>) -> Result<T> {
        let context = &self.context;
        let permits = context.permits(monitor.spec.source_id);
        let gone = |_| Error::unavailable("the poller has stopped");
        let (_one, _all) = (permits.acquire().await.map_err(gone)?, context.all.acquire().await.map_err(gone)?);
        let limit = context.config.poll_timeout;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let text =
                format!("history took longer than {} s; narrow the query or raise interval_secs", limit.as_secs());
            Err(Error::new(Kind::Timeout, text))
        })
    }

    /// Reads and sends one window; whether to go on.
    async fn learn(
        &mut self,
        monitor: &Arc<Monitor>,
        window: plan::Window,
        walk: &mut Walk,
        partial: &mut u64,
    ) -> bool {
        let context = Arc::clone(&self.context);
        context.stats.polled();
        let began = Instant::now();
        let poll = self.poll_of(monitor, window);
        let brought = self.within_limits(monitor, fetch::metrics(&context, monitor, window)).await;
        let mut answer: MetricAnswer = match brought {
            Ok(Brought::Metrics(answer)) => answer,
            Ok(Brought::Logs(_)) => return false,
            Err(error) => {
                self.failed(poll, &error, began.elapsed()).await;
                return false;
            }
        };
        let took = began.elapsed();
        walk.took(answer.series.len());
        let max = usize::try_from(monitor.spec.max_series).unwrap_or(usize::MAX);
        let left_out = judge::cap(&mut answer.series, max, &mut self.memory.known);
        if answer.completeness != Completeness::Complete {
            *partial += 1;
            context.stats.was_partial();
        }
        // The last window says how the monitor is, as a poll does.
        let judged = if walk.window().is_none() {
            judge::metrics(&answer, left_out, &window, poll.now)
        } else {
            judge::history(walk.share(), *partial, answer.series.len(), &window, poll.now)
        };
        let rows = answer.series.iter().map(|s| s.points.len()).sum();
        if !self.send(&poll, window.to, Payload::Metrics(answer)).await {
            return false;
        }
        context.stats.sent_history(rows);
        self.advance(&poll, window.to, false);
        context.report(monitor, &judged, None, took).await;
        true
    }
}
