//! Follows a started run: ships its log, passes on a cancel, enforces the time limit from outside, observes the end.

use super::finish::{ended, judge};
use super::job::{Job, Stop};
use super::place::Place;
use crate::runtime::{LogOffset, Progress};
use domain::ports::Topic;
use domain::run::{LogRecord, RunEnd, RunState};
use std::time::{Duration, Instant};

/// Lines of one write.
const BATCH: usize = 500;
/// Added to the time limit and the grace before the run is stopped from outside.
const SLACK: Duration = Duration::from_secs(10);

/// How far the log was shipped.
struct Shipped {
    offset: LogOffset,
    seq: i64,
}

/// Stops that were sent from here.
struct Stops {
    deadline: Instant,
    cancelled: bool,
    forced: Option<Instant>,
}

impl Job {
    /// Follows until the end was observed, or cannot be.
    pub(super) async fn follow(&self, place: &Place) -> Result<RunEnd, Stop> {
        let mut shipped = Shipped { offset: LogOffset::default(), seq: self.run.log_lines };
        let mut stops = Stops { deadline: self.deadline(), cancelled: false, forced: None };
        let mut pause = Duration::from_millis(10);
        loop {
            self.check()?;
            // The state first: what was printed before the end is then surely in the log that is read next.
            let progress = self.ask("look at a run", || place.runtime.progress(place.handle)).await?;
            if self.ship(place, &mut shipped).await? {
                pause = Duration::from_millis(20);
            }
            match progress {
                Progress::Running => {}
                Progress::Ended(end) => {
                    let found = self.search(place).await?;
                    return Ok(judge(&self.run.spec, &end, found));
                }
                Progress::Lost(why) => {
                    self.ask("end what is left of a run", || place.runtime.reap(place.handle)).await?;
                    return Ok(ended(RunState::Lost, None, why));
                }
                Progress::Unknown | Progress::NotStarted => {
                    return Ok(ended(RunState::Lost, None, "the runtime knows nothing of it any more"));
                }
            }
            if let Some(end) = self.stop(place, &mut stops).await? {
                return Ok(end);
            }
            self.pause(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(200));
        }
    }

    /// When the run must have ended by itself, on our monotonic clock.
    fn deadline(&self) -> Instant {
        let limit = Duration::from_secs(u64::from(self.run.spec.timeout_secs)) + self.deps.config.cancel_grace + SLACK;
        let begun = self.run.started_at.unwrap_or_else(|| self.deps.clock.now());
        let passed = (self.deps.clock.now() - begun).to_std().unwrap_or_default();
        Instant::now() + limit.saturating_sub(passed)
    }

    /// Passes on a cancel; stops what outlived its limit; gives up on a runtime that does not stop it.
    async fn stop(&self, place: &Place, stops: &mut Stops) -> Result<Option<RunEnd>, Stop> {
        if self.cancel_asked() && !stops.cancelled {
            self.ask("stop a run", || place.runtime.cancel(place.handle, self.deps.config.cancel_grace)).await?;
            stops.cancelled = true;
            stops.deadline = stops.deadline.min(Instant::now() + self.deps.config.cancel_grace + SLACK);
        }
        if Instant::now() < stops.deadline {
            return Ok(None);
        }
        match stops.forced {
            None => {
                self.ask("stop a run", || place.runtime.cancel(place.handle, Duration::ZERO)).await?;
                stops.forced = Some(Instant::now());
                Ok(None)
            }
            Some(at) if at.elapsed() < SLACK => Ok(None),
            Some(_) => {
                self.ask("end what is left of a run", || place.runtime.reap(place.handle)).await?;
                let state = if stops.cancelled { RunState::Cancelled } else { RunState::TimedOut };
                Ok(Some(ended(
                    state,
                    None,
                    "its supervisor did not stop it in time; its processes were ended from outside",
                )))
            }
        }
    }

    /// Stores lines that are not stored yet, masked; whether there were any.
    async fn ship(&self, place: &Place, shipped: &mut Shipped) -> Result<bool, Stop> {
        let mut any = false;
        loop {
            let chunk = match place.runtime.logs(place.handle, shipped.offset).await {
                Ok(chunk) => chunk,
                Err(e) => {
                    tracing::warn!(run = %self.id(), error = %e, "the log of a run cannot be read now");
                    return Ok(any);
                }
            };
            if chunk.next == shipped.offset {
                return Ok(any);
            }
            let fresh: Vec<LogRecord> = chunk
                .records
                .into_iter()
                .filter(|r| r.seq > shipped.seq)
                .map(|r| LogRecord { text: self.deps.config.masker.mask(&r.text), ..r })
                .collect();
            for lines in fresh.chunks(BATCH) {
                self.write("store log lines", || self.deps.runs.append_logs(self.id(), self.epoch(), lines)).await?;
                any = true;
            }
            shipped.seq = fresh.last().map_or(shipped.seq, |r| r.seq);
            shipped.offset = chunk.next;
            if any {
                self.deps.wake.wake(Topic::RunLogs);
            }
            self.check()?;
        }
    }

    /// Whether the output contains the expected text; absent when none is expected.
    async fn search(&self, place: &Place) -> Result<Option<bool>, Stop> {
        let Some(wanted) = self.run.spec.expectations.output_contains.as_deref() else { return Ok(None) };
        let mut offset = LogOffset::default();
        let mut window = String::new();
        loop {
            let chunk = self.ask("read a run's log", || place.runtime.logs(place.handle, offset)).await?;
            if chunk.next == offset {
                return Ok(Some(window.contains(wanted)));
            }
            offset = chunk.next;
            for record in chunk.records.iter().filter(|r| r.stream != domain::run::Stream::System) {
                window.push_str(&record.text);
                window.push('\n');
            }
            if window.contains(wanted) {
                return Ok(Some(true));
            }
            // What may still become a find: as much as is wanted, whole characters.
            let from = window.ceil_char_boundary(window.len().saturating_sub(wanted.len()));
            window.drain(..from);
        }
    }
}
