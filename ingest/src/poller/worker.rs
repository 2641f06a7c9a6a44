//! The task of one monitor: waits until it is due, polls, sends, and remembers how far it came.

use super::fetch::{self, Brought};
use super::seen::Seen;
use super::{Context, judge, plan, reads_logs};
use domain::catalog::Monitor;
use domain::error::Result;
use domain::signal::{Batch, Completeness, MetricAnswer, Payload};
use domain::trace::TraceContext;
use domain::{Error, Kind, Time};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Memory of one monitor's task.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// End of what was sent; restored from the checkpoint.
    pub(super) position: Option<Time>,
    /// Lines up to here were sent before a restart and are not sent again.
    pub(super) sent_before: Option<Time>,
    pub(super) restored: bool,
    pub(super) catching_up: bool,
    /// Whether rows were polled as they came; from then on late ones are missed ticks.
    pub(super) live: bool,
    pub(super) known: HashSet<u64>,
    pub(super) seen: Seen,
    asked: Option<(domain::Id, String)>,
    /// Polls in a row that the source refused as too many.
    refused: u32,
}

pub(super) struct Worker {
    pub(super) context: Arc<Context>,
    pub(super) spec: watch::Receiver<Arc<Monitor>>,
    stop: CancellationToken,
    pub(super) memory: Memory,
}

/// One poll that is due.
pub(super) struct Poll {
    pub(super) monitor: Arc<Monitor>,
    pub(super) window: plan::Window,
    pub(super) now: Time,
    pub(super) trace: TraceContext,
}

impl Worker {
    pub(super) fn new(context: Arc<Context>, spec: watch::Receiver<Arc<Monitor>>, stop: CancellationToken) -> Self {
        Self { context, spec, stop, memory: Memory::default() }
    }

    pub(super) async fn run(mut self) {
        let mut wait = Duration::ZERO;
        loop {
            let stop = self.stop.clone();
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.spec.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(wait) => {}
            }
            let monitor = self.spec.borrow_and_update().clone();
            let more = tokio::select! {
                () = stop.cancelled() => return,
                more = self.turn(&monitor) => more,
            };
            wait = if more { Duration::ZERO } else { self.until_due(&monitor) };
        }
    }

    fn until_due(&self, monitor: &Monitor) -> Duration {
        let interval = i64::from(monitor.spec.interval_secs) * 1_000;
        let limits = &self.context.config.limits;
        let lag = if reads_logs(&monitor.spec) { Duration::ZERO } else { limits.metric_lag };
        let offset = plan::offset_ms(monitor.id, interval, lag);
        let wait = plan::wait_ms(self.context.clock.now().timestamp_millis(), interval, offset);
        Duration::from_millis(plan::backed_off_ms(wait, interval, self.memory.refused).unsigned_abs())
    }

    /// One poll, if a window is due; whether there is more to read at once.
    async fn turn(&mut self, monitor: &Arc<Monitor>) -> bool {
        let source = monitor.spec.source_id;
        let context = Arc::clone(&self.context);
        if !self.restore(monitor).await {
            return false;
        }
        if self.lacks_history(monitor) {
            return self.backfill(monitor).await;
        }
        let permits = context.permits(source);
        let (Ok(_one), Ok(_all)) = (permits.acquire().await, context.all.acquire().await) else { return false };
        let now = context.clock.now();
        let due = if reads_logs(&monitor.spec) {
            plan::log_window(self.memory.position, now, self.memory.catching_up, &context.config.limits)
        } else {
            self.metric_window(monitor, now)
        };
        let Some(window) = due else {
            if let Some(secs) = plan::ahead_secs(self.memory.position, now) {
                context.report(monitor, &judge::clock_set_back(secs), None, Duration::ZERO).await;
            }
            return false;
        };
        let span = tracing::info_span!("ingest.poll", monitor = %monitor.name, source = %source);
        async {
            let trace = (context.config.trace)();
            self.poll(Poll { monitor: Arc::clone(monitor), window, now, trace }).await
        }
        .instrument(span)
        .await
    }

    /// Reads the checkpoint once; a changed query forgets which series and lines were known.
    async fn restore(&mut self, monitor: &Monitor) -> bool {
        if !self.memory.restored {
            match self.context.checkpoint.checkpoint(monitor.id).await {
                Ok(position) => {
                    self.memory.position = position;
                    self.memory.sent_before = position;
                    self.memory.restored = true;
                }
                Err(error) => {
                    tracing::warn!(monitor = %monitor.name, error = %error, "checkpoint cannot be read; the poll waits");
                    return false;
                }
            }
        }
        let asked = (monitor.spec.source_id, monitor.spec.query.clone());
        if self.memory.asked.as_ref().is_some_and(|before| *before != asked) {
            self.memory.known = HashSet::new();
            self.memory.seen = Seen::default();
            self.memory.sent_before = self.memory.position;
            if !reads_logs(&monitor.spec) {
                // Another question has another past.
                (self.memory.position, self.memory.live) = (None, false);
            }
        }
        self.memory.asked = Some(asked);
        true
    }

    async fn poll(&mut self, poll: Poll) -> bool {
        let context = Arc::clone(&self.context);
        context.stats.polled();
        let started = Instant::now();
        let limit = context.config.poll_timeout;
        let logs = reads_logs(&poll.monitor.spec);
        let work = async {
            if logs {
                fetch::logs(&context, &poll.monitor, poll.window, &self.memory).await
            } else {
                fetch::metrics(&context, &poll.monitor, poll.window).await
            }
        };
        let brought = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let text =
                format!("the poll took longer than {} s; narrow the query or raise interval_secs", limit.as_secs());
            Err(Error::new(Kind::Timeout, text))
        });
        let took = started.elapsed();
        let refused = brought.as_ref().is_err_and(|error| error.kind == Kind::TooMany);
        self.memory.refused = if refused { self.memory.refused.saturating_add(1) } else { 0 };
        match brought {
            Ok(Brought::Metrics(answer)) => self.metrics(poll, answer, took).await,
            Ok(Brought::Logs(lines)) => self.logs(poll, lines, took).await,
            Err(error) if logs && error.kind == Kind::NotFound => self.no_index(poll, &error, took).await,
            Err(error) => self.failed(poll, &error, took).await,
        }
    }

    async fn metrics(&mut self, poll: Poll, mut answer: MetricAnswer, took: Duration) -> bool {
        let max = usize::try_from(poll.monitor.spec.max_series).unwrap_or(usize::MAX);
        let left_out = judge::cap(&mut answer.series, max, &mut self.memory.known);
        let judged = judge::metrics(&answer, left_out, &poll.window, poll.now);
        let rows = answer.series.iter().map(|s| s.points.len()).sum();
        let partial = matches!(answer.completeness, Completeness::Partial(_));
        if self.send(&poll, poll.window.to, Payload::Metrics(answer)).await {
            self.context.stats.sent_rows(rows);
            self.advance(&poll, poll.window.to, partial);
            let late = plan::rows(&poll.window, step(&poll.monitor)) - 1;
            self.context.stats.ticked(if self.memory.live { late } else { 0 });
            self.memory.live = true;
        }
        self.context.report(&poll.monitor, &judged, None, took).await;
        false
    }

    async fn logs(&mut self, poll: Poll, brought: fetch::Lines, took: Duration) -> bool {
        let fetch::Lines { lines, keys, completeness, malformed, end, more } = brought;
        let mut judged = judge::logs(lines.len(), malformed, &completeness, &poll.window, poll.now);
        judged.details["catching_up"] = more.into();
        let (count, partial) = (lines.len(), matches!(completeness, Completeness::Partial(_)));
        let sent = self.send(&poll, end, Payload::Logs { lines, completeness }).await;
        if sent {
            self.context.stats.sent_lines(count, malformed);
            self.memory.seen.extend(keys);
            self.memory.catching_up = more;
            self.memory.sent_before = None;
            self.advance(&poll, end, partial && !more);
            let limits = &self.context.config.limits;
            let position = self.memory.position.unwrap_or(end);
            let oldest = position - chrono::TimeDelta::from_std(limits.log_overlap).unwrap_or_default();
            self.memory.seen.prune(oldest.timestamp_millis(), self.context.config.log_seen);
        }
        self.context.report(&poll.monitor, &judged, None, took).await;
        sent && more
    }

    /// The index is not there: no line is the truth, and the source is well.
    async fn no_index(&mut self, poll: Poll, error: &Error, took: Duration) -> bool {
        let judged = judge::no_index(error, &poll.window, poll.now);
        let none = Payload::Logs { lines: Vec::new(), completeness: Completeness::Complete };
        if self.send(&poll, poll.window.to, none).await {
            self.advance(&poll, poll.window.to, false);
        }
        self.context.report(&poll.monitor, &judged, Some(error), took).await;
        false
    }

    pub(super) async fn failed(&mut self, poll: Poll, error: &Error, took: Duration) -> bool {
        self.context.stats.failed();
        tracing::warn!(monitor = %poll.monitor.name, error = %error, "poll failed");
        self.send(&poll, poll.window.to, Payload::Failed(error.message.clone())).await;
        self.context.report(&poll.monitor, &judge::failed(error), Some(error), took).await;
        false
    }

    pub(super) fn advance(&mut self, poll: &Poll, end: Time, partial: bool) {
        if partial {
            self.context.stats.was_partial();
        }
        let reached = if partial { plan::held(&poll.window, &self.context.config.limits) } else { end };
        self.memory.position = Some(self.memory.position.map_or(reached, |p| p.max(reached)));
        self.context.stats.lag((poll.now - end).num_milliseconds());
    }

    pub(super) async fn send(&self, poll: &Poll, to: Time, payload: Payload) -> bool {
        let batch = Batch {
            monitor_id: poll.monitor.id,
            polled_at: poll.now,
            from: poll.window.from,
            to,
            payload,
            trace: poll.trace.clone(),
        };
        let sent: Result<()> = self.context.bus.send(batch).await;
        if let Err(error) = &sent {
            tracing::error!(error = %error, "batch could not be handed on; it is read again at the next poll");
        }
        sent.is_ok()
    }
}

/// Step of a metric monitor's rows.
pub(super) fn step(monitor: &Monitor) -> Duration {
    Duration::from_secs(u64::from(monitor.spec.interval_secs.max(1)))
}
