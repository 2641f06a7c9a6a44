//! Where a run goes: to the place where it may already be, or to a newly chosen runtime manager.

use super::finish::ended;
use super::job::{Job, Stop};
use crate::choose::{Choice, NoChoice, choose};
use crate::runtime::{Handle, Progress, Runtime, RuntimeError, StartRequest};
use domain::ports::{Assigned, Topic};
use domain::run::{RunEnd, RunMode, RunState};
use domain::status::StatusOf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an unplaced run is held before it goes back into the queue.
const HOLD: Duration = Duration::from_secs(30);
/// How long starting is tried.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a run of another node waits for that node beyond its own time limit, seconds.
const NODE_WAIT: i64 = 120;

/// What a runtime still keeps of a run.
pub(super) type Leftover = (Arc<dyn Runtime>, Handle);

/// Where the run is, or will be.
pub(super) struct Place {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) handle: Handle,
    /// Whether it has to be started (again under the same handle).
    start: bool,
}

impl Place {
    /// Everything that the runtime keeps of this run.
    pub(super) async fn leftovers(&self) -> Vec<Leftover> {
        let run_id = self.handle.run_id;
        let epochs = self.runtime.known(run_id).await.unwrap_or_else(|_| vec![self.handle.epoch]);
        epochs.into_iter().map(|epoch| (Arc::clone(&self.runtime), Handle { run_id, epoch })).collect()
    }
}

/// The answer of placing.
pub(super) enum Placed {
    /// Here.
    On(Place),
    /// It ends without having been started by us.
    Ended(RunEnd),
}

/// Marks the node in the stored reason, so that only that node judges what became of the run.
fn on_node(reason: &str, node: &str) -> String {
    format!("{reason} (node {node})")
}

/// The node that a stored reason names.
fn node_of(reason: &str) -> Option<&str> {
    reason.rsplit_once(" (node ")?.1.strip_suffix(')')
}

impl Job {
    pub(super) async fn place(&self) -> Result<Placed, Stop> {
        let Some(id) = self.run.manager_id.filter(|_| self.recovered) else { return self.place_new().await };
        let manager = self.write("read a runtime manager", || self.deps.managers.get(id)).await?;
        let runtime = match self.deps.runtimes.of(&manager).await {
            Ok(runtime) => runtime,
            Err(e) => return self.elsewhere(&e.to_string()).await,
        };
        if node_of(&self.run.manager_reason).is_some_and(|node| node != runtime.node()) {
            return self.elsewhere("it was started on another node").await;
        }
        self.recover(runtime).await
    }

    /// A run that only another process can judge goes back, until it cannot live there any more.
    async fn elsewhere(&self, why: &str) -> Result<Placed, Stop> {
        let begun = self.run.started_at.unwrap_or(self.run.queued_at);
        let limit = i64::from(self.run.spec.timeout_secs) + NODE_WAIT;
        if (self.deps.clock.now() - begun).num_seconds() > limit {
            return Ok(Placed::Ended(ended(RunState::Lost, None, format!("{why}, and its time limit has passed"))));
        }
        self.pause(Duration::from_secs(2)).await;
        // The stored reason is replaced; it must go on naming the node.
        let reason = node_of(&self.run.manager_reason).map_or_else(|| why.to_owned(), |node| on_node(why, node));
        self.write("release a run", || self.deps.runs.release(self.id(), self.epoch(), &reason)).await?;
        Err(Stop::Released)
    }

    /// An earlier owner may have started it: attach where it is known; start only what surely never ran or may be repeated.
    async fn recover(&self, runtime: Arc<dyn Runtime>) -> Result<Placed, Stop> {
        let repeat = self.run.spec.mode == RunMode::AtLeastOnce;
        let here = |epoch, start| {
            Placed::On(Place { runtime: Arc::clone(&runtime), handle: Handle { run_id: self.id(), epoch }, start })
        };
        fail::fail_point!("break.rerun", |_| Ok(here(self.epoch(), true)));
        let mut known = self.ask("look for a run", || runtime.known(self.id())).await?;
        // What earlier attempts left behind is not this attempt.
        known.retain(|epoch| *epoch > self.run.attempt_after);
        let Some(&epoch) = known.last() else {
            let started = self.run.started_at.is_some();
            return Ok(if started && !repeat {
                let why = "it was started, but the runtime knows nothing of it any more";
                Placed::Ended(ended(RunState::Lost, None, why))
            } else {
                here(self.epoch(), true)
            });
        };
        let handle = Handle { run_id: self.id(), epoch };
        Ok(match self.ask("look at a run", || runtime.progress(handle)).await? {
            Progress::Running | Progress::Ended(_) => {
                self.deps.stats.reattached();
                tracing::info!(run = %self.id(), epoch, "re-attached");
                here(epoch, false)
            }
            Progress::NotStarted => here(epoch, true),
            Progress::Unknown => here(self.epoch(), true),
            // What it printed is still shipped; following then finds it lost again and says so.
            Progress::Lost(_) if !repeat => here(epoch, false),
            Progress::Lost(why) => {
                tracing::warn!(run = %self.id(), why, "a run was lost and is repeated, as its mode allows");
                self.ask("end what is left of a run", || runtime.reap(handle)).await?;
                here(self.epoch(), true)
            }
        })
    }

    /// A question to the runtime, repeated until it answers.
    pub(super) async fn ask<T, F>(&self, what: &'static str, question: impl Fn() -> F) -> Result<T, Stop>
    where
        F: Future<Output = crate::runtime::Result<T>>,
    {
        loop {
            match question().await {
                Ok(answer) => return Ok(answer),
                Err(e) => {
                    self.deps.stats.error();
                    tracing::warn!(what, run = %self.id(), error = %e, "the runtime did not answer");
                    self.check()?;
                    self.pause(Duration::from_millis(500)).await;
                }
            }
        }
    }

    async fn place_new(&self) -> Result<Placed, Stop> {
        let until = Instant::now() + HOLD;
        loop {
            self.check()?;
            if self.cancel_asked() {
                return Ok(Placed::Ended(ended(RunState::Cancelled, None, "stopped before it was started")));
            }
            match self.try_place().await? {
                Ok(place) => return Ok(Placed::On(place)),
                Err(none) => {
                    let waited = (self.deps.clock.now() - self.run.queued_at).to_std().unwrap_or_default();
                    if matches!(none, NoChoice::NoSuch(_)) && waited > self.deps.config.placement_limit {
                        return Ok(Placed::Ended(ended(RunState::Failed, None, none.reason())));
                    }
                    if Instant::now() > until {
                        self.write("release a run", || self.deps.runs.release(self.id(), self.epoch(), none.reason()))
                            .await?;
                        return Err(Stop::Released);
                    }
                    self.pause(self.deps.config.tick).await;
                }
            }
        }
    }

    /// Chooses and records the manager; one at a time in this process, so that its own runs never overfill one.
    async fn try_place(&self) -> Result<Result<Place, NoChoice>, Stop> {
        let _one = self.common.placing.lock().await;
        let managers = self.write("read runtime managers", || self.deps.managers.all()).await?;
        let mut known: Vec<_> = managers.into_iter().filter(|m| self.deps.runtimes.serves(m.spec.kind)).collect();
        let pauses = self.write("read pauses", || self.deps.queue.pauses()).await?;
        for manager in &mut known {
            manager.spec.draining |= pauses.iter().any(|(of, _)| *of == Some(manager.id));
        }
        let statuses = self.write("read health", || self.deps.status.statuses(StatusOf::RuntimeManager)).await?;
        let load = self.write("read load", || self.deps.runs.load()).await?;
        let now = self.deps.clock.now();
        let mut silent = Vec::new();
        let (manager, reason, runtime) = loop {
            let Choice { manager, reason } = match choose(&known, &statuses, &load, &self.run.spec.runtime_tags, now) {
                Ok(choice) => choice,
                Err(none) if silent.is_empty() => return Ok(Err(none)),
                Err(_) => return Ok(Err(NoChoice::NotNow(silent.join("; ")))),
            };
            match self.deps.runtimes.of(&manager).await {
                Ok(runtime) => break (manager, reason, runtime),
                // Healthy for another process, not reached from this one: the next best is taken.
                Err(e) => silent.push(format!("{} cannot be used now: {e}", manager.name)),
            }
            known.retain(|m| m.id != manager.id);
        };
        let reason = on_node(&reason, runtime.node());
        let kind = manager.spec.kind;
        let assign = || self.deps.runs.assign(self.id(), self.epoch(), manager.id, kind, &reason);
        if let Assigned::No(why) = self.write("assign a run", assign).await? {
            return Ok(Err(NoChoice::NotNow(format!("{}: {why}", manager.name))));
        }
        let handle = Handle { run_id: self.id(), epoch: self.epoch() };
        Ok(Ok(Place { runtime, handle, start: true }))
    }

    /// Starts it where it has to be; an end when it cannot be started.
    pub(super) async fn start(&self, place: &Place) -> Result<Option<RunEnd>, Stop> {
        if place.start {
            if self.cancel_asked() {
                return Ok(Some(ended(RunState::Cancelled, None, "stopped before it was started")));
            }
            let mut spec = self.run.spec.clone();
            let revealed = self.revealed.get();
            if let Some(why) = revealed.and_then(|r| r.missing.as_ref()) {
                return Ok(Some(ended(RunState::Failed, None, why.clone())));
            }
            let secrets = revealed.map(|r| r.values.clone()).unwrap_or_default();
            spec.env.entry("RUN_KEY".to_owned()).or_insert_with(|| self.run.run_key.clone());
            spec.env.entry("TRACEPARENT".to_owned()).or_insert_with(|| self.run.trace.traceparent());
            if fail::eval("break.rerun", |_| ()).is_some() {
                spec.mode = RunMode::AtLeastOnce;
            }
            let first_seq = self.run.log_lines + 1;
            let request = StartRequest { handle: place.handle, spec, first_seq, secrets };
            fail::fail_point!("runner.before_start");
            if let Some(end) = self.try_start(place, &request).await? {
                return Ok(Some(end));
            }
            fail::fail_point!("runner.after_start");
        }
        let at = self.deps.clock.now();
        self.write("mark a run started", || self.deps.runs.started(self.id(), self.epoch(), at)).await?;
        self.deps.wake.wake(Topic::Runs);
        fail::fail_point!("runner.running");
        Ok(None)
    }

    async fn try_start(&self, place: &Place, request: &StartRequest) -> Result<Option<RunEnd>, Stop> {
        let until = Instant::now() + START_LIMIT;
        loop {
            self.check()?;
            match place.runtime.start(request).await {
                Ok(()) => return Ok(None),
                Err(RuntimeError::Refused(why)) => return Ok(Some(ended(RunState::Failed, None, why))),
                Err(e) if Instant::now() < until => {
                    tracing::warn!(run = %self.id(), error = %e, "a run could not be started yet");
                    self.pause(Duration::from_millis(500)).await;
                }
                Err(e) => {
                    // It may have begun after all; only what surely did not, and will not, is failed.
                    if let Err(e) = place.runtime.cancel(place.handle, Duration::ZERO).await {
                        // On a full disk: then nothing that comes late can begin either.
                        tracing::warn!(run = %self.id(), error = %e, "a start that is given up cannot be marked");
                    }
                    return Ok(match self.ask("look at a run", || place.runtime.progress(place.handle)).await? {
                        Progress::Unknown | Progress::NotStarted => {
                            Some(ended(RunState::Failed, None, format!("it could not be started: {e}")))
                        }
                        _ => None,
                    });
                }
            }
        }
    }
}
