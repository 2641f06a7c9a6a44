//! Follows a started run: ships its log, passes on a cancel, enforces the time limit from outside, observes the end.

use super::finish::{Found, ended, judge};
use super::job::{Job, Stop};
use super::place::Place;
use crate::results::Harvest;
use crate::runtime::{LogOffset, Progress};
use domain::ports::Topic;
use domain::results::RunResults;
use domain::run::{LogRecord, RunEnd, RunState};
use std::time::{Duration, Instant};

/// Bytes of a piece of log below which more is waited for, so that many small writes become one.
const SMALL: u64 = 64 << 10;
/// Added to the time limit and the grace before the run is stopped from outside.
const SLACK: Duration = Duration::from_secs(10);
/// How long a runtime may be silent after the time at which the run must have ended.
const SILENCE: Duration = Duration::from_secs(120);
/// How long the end of a log is asked for again and again.
const REST: Duration = Duration::from_secs(60);

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
        fail::fail_point!("break.end", |_| Ok(ended(RunState::Succeeded, Some(0), "exit code 0")));
        let mut shipped = Shipped { offset: LogOffset::default(), seq: self.run.log_lines };
        let mut stops = Stops { deadline: self.deadline(place), cancelled: false, forced: None };
        let mut pause = Duration::from_millis(10);
        loop {
            self.check()?;
            // The state first: what was printed before the end is then surely in the log that is read next.
            let progress = match self.look(place, stops.deadline).await? {
                Ok(progress) => progress,
                Err(why) => return Ok(ended(RunState::Lost, None, why)),
            };
            let ended_by_now = !matches!(progress, Progress::Running);
            if self.ship(place, &mut shipped, ended_by_now).await? {
                pause = Duration::from_millis(50);
            }
            match progress {
                Progress::Running => {}
                Progress::Ended(end) => {
                    let mut found = self.search(place).await?;
                    found.result = self.keep(place).await?;
                    return Ok(judge(&self.run.spec, &end, &found));
                }
                Progress::Lost(why) => {
                    self.ask("end what is left of a run", || place.runtime.reap(place.handle)).await?;
                    self.keep(place).await?;
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

    /// Where it stands. A runtime that does not answer is asked again until the run cannot live any more; then the reason is given.
    async fn look(&self, place: &Place, deadline: Instant) -> Result<Result<Progress, String>, Stop> {
        loop {
            let error = match place.runtime.progress(place.handle).await {
                Ok(progress) => return Ok(Ok(progress)),
                Err(e) => e,
            };
            self.deps.stats.error();
            tracing::warn!(run = %self.id(), %error, "the runtime does not say where a run stands");
            if Instant::now() > deadline + SILENCE {
                let why = crate::probe::advised(place.runtime.kind(), error.to_string());
                return Ok(Err(format!("its runtime does not answer any more, and its time limit has passed: {why}")));
            }
            self.check()?;
            self.pause(Duration::from_millis(500)).await;
        }
    }

    /// When the run must have ended by itself, on our monotonic clock.
    fn deadline(&self, place: &Place) -> Instant {
        let own = Duration::from_secs(u64::from(self.run.spec.timeout_secs)) + place.runtime.start_allowance();
        let limit = own + self.deps.config.cancel_grace + SLACK;
        let begun = self.run.started_at.unwrap_or_else(|| self.deps.clock.now());
        let passed = (self.deps.clock.now() - begun).to_std().unwrap_or_default();
        Instant::now() + limit.saturating_sub(passed)
    }

    /// Passes on a cancel; stops what outlived its limit; gives up on a runtime that does not stop it.
    async fn stop(&self, place: &Place, stops: &mut Stops) -> Result<Option<RunEnd>, Stop> {
        if self.cancel_asked() && !stops.cancelled {
            fail::fail_point!("break.cancel", |_| Ok(Some(ended(RunState::Cancelled, None, "stopped on request"))));
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
    async fn ship(&self, place: &Place, shipped: &mut Shipped, to_the_end: bool) -> Result<bool, Stop> {
        let mut any = false;
        let until = Instant::now() + REST;
        loop {
            let chunk = match place.runtime.logs(place.handle, shipped.offset).await {
                Ok(chunk) => chunk,
                Err(e) if to_the_end && Instant::now() < until => {
                    tracing::debug!(run = %self.id(), error = %e, "the end of a log cannot be read yet");
                    self.check()?;
                    self.pause(Duration::from_millis(500)).await;
                    continue;
                }
                Err(e) => {
                    tracing::warn!(run = %self.id(), error = %e, "the log of a run cannot be read now");
                    return Ok(any);
                }
            };
            if chunk.next == shipped.offset {
                return Ok(any);
            }
            let masker = self.masker();
            let fresh: Vec<LogRecord> = chunk
                .records
                .into_iter()
                .filter(|r| r.seq > shipped.seq && !(r.seq % 7 == 0 && fail::eval("break.log", |_| ()).is_some()))
                .map(|r| LogRecord { text: masker.mask(&r.text), ..r })
                .collect();
            if !fresh.is_empty() {
                self.write("store log lines", || self.deps.logs.append(self.id(), self.epoch(), &fresh)).await?;
                any = true;
                self.deps.wake.wake(Topic::RunLogs);
            }
            shipped.seq = fresh.last().map_or(shipped.seq, |r| r.seq);
            let more = chunk.next.0.saturating_sub(shipped.offset.0) >= SMALL;
            shipped.offset = chunk.next;
            self.check()?;
            if !(more || to_the_end) {
                return Ok(any);
            }
        }
    }

    /// Keeps artifacts and result of a run that ended; gives the result. What cannot be kept is noted, and ends nothing.
    async fn keep(&self, place: &Place) -> Result<Option<serde_json::Value>, Stop> {
        let masker = self.masker();
        let blobs = std::sync::Arc::clone(&self.deps.blobs);
        let mut harvest = Harvest::new(blobs, std::sync::Arc::clone(&self.deps.clock), masker, place.handle);
        if let Err(e) = place.runtime.collect(place.handle, &mut harvest).await {
            tracing::warn!(run = %self.id(), error = %e, "artifacts of a run cannot be collected");
            harvest.note(format!("artifacts could not be collected: {e}"));
        }
        let (artifacts, results) = harvest.done();
        if !artifacts.is_empty() || results != RunResults::default() {
            let put = || self.deps.results.put_results(self.id(), self.epoch(), &artifacts, &results);
            self.write("store results", put).await?;
        }
        Ok(results.result)
    }

    /// What is expected of the output and is there; nothing is looked for that is not expected.
    async fn search(&self, place: &Place) -> Result<Found, Stop> {
        let wanted = &self.run.spec.expectations;
        let text = wanted.output_contains.as_deref();
        let pattern = wanted.pattern().and_then(Result::ok);
        let mut found = Found { contains: text.map(|_| false), matches: pattern.as_ref().map(|_| false), result: None };
        let mut offset = LogOffset::default();
        let mut window = String::new();
        while found.contains == Some(false) || found.matches == Some(false) {
            let chunk = self.ask("read a run's log", || place.runtime.logs(place.handle, offset)).await?;
            if chunk.next == offset {
                break;
            }
            offset = chunk.next;
            for record in chunk.records.iter().filter(|r| r.stream != domain::run::Stream::System) {
                if pattern.as_ref().is_some_and(|p| p.is_match(&record.text)) {
                    found.matches = Some(true);
                }
                if text.is_some() {
                    window.push_str(&record.text);
                    window.push('\n');
                }
            }
            if let Some(text) = text {
                found.contains = Some(found.contains == Some(true) || window.contains(text));
                // What may still become a find: as much as is wanted, whole characters.
                let from = window.ceil_char_boundary(window.len().saturating_sub(text.len()));
                window.drain(..from);
            }
        }
        Ok(found)
    }
}
