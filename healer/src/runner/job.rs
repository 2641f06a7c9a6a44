//! One claimed run: its lease, its writes under the epoch, and the order of its steps.

use super::lease::Lease;
use super::place::Placed;
use super::secrets::Revealed;
use super::stops::Stops;
use crate::config::HealerDeps;
use domain::Id;
use domain::error::{Error, Kind};
use domain::ports::{Claim, Topic};
use domain::run::{Run, RunEnd, RunPurpose};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Why following a run stops before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The lease is not ours any more: nothing more is written, the run itself is left to its next owner.
    Fenced,
    /// The process stops; the run goes on and is re-attached.
    Shutdown,
    /// It was put back into the queue.
    Released,
    /// A write was refused for a reason that trying again does not change.
    Refused(Error),
}

/// What all jobs of this process share.
#[derive(Debug, Default)]
pub(super) struct Common {
    /// Whose turn it is to choose a manager.
    pub(super) placing: tokio::sync::Mutex<()>,
    pub(super) stops: Stops,
}

/// One claimed run.
pub(super) struct Job {
    pub(super) deps: Arc<HealerDeps>,
    pub(super) run: Run,
    pub(super) recovered: bool,
    pub(super) lease: Lease,
    pub(super) common: Arc<Common>,
    /// Set before anything else is done with the run.
    pub(super) revealed: std::sync::OnceLock<Revealed>,
    cancel: CancellationToken,
}

impl Job {
    pub(super) fn new(
        deps: Arc<HealerDeps>,
        claim: Claim,
        asked_at: Instant,
        cancel: CancellationToken,
        common: Arc<Common>,
    ) -> Self {
        let run = claim.run;
        let lease = Lease::keep(Arc::clone(&deps.runs), run.id, run.lease_epoch, deps.config.lease, asked_at);
        let revealed = std::sync::OnceLock::new();
        Self { deps, run, recovered: claim.recovered, lease, common, revealed, cancel }
    }

    pub(super) fn id(&self) -> Id {
        self.run.id
    }

    pub(super) fn epoch(&self) -> i64 {
        self.run.lease_epoch
    }

    /// Follows the run to its end, or to the reason why somebody else has to.
    pub(super) async fn work(self) {
        let span = tracing::info_span!("healer.run", run = %self.run.id, case = %self.run.case_name, epoch = self.run.lease_epoch);
        let span = self.deps.adopted(span, &self.run.trace);
        async {
            match self.steps().await {
                Ok(()) => {}
                Err(Stop::Fenced) => {
                    self.deps.stats.fenced();
                    tracing::warn!(run = %self.run.id, "the lease of a run was lost; its next owner goes on with it");
                }
                Err(Stop::Shutdown) => {
                    tracing::info!(run = %self.run.id, "a run is left running; it is re-attached later");
                }
                Err(Stop::Released) => {}
                Err(Stop::Refused(e)) => self.deps.failed("follow a run", &e),
            }
        }
        .instrument(span)
        .await;
    }

    async fn steps(&self) -> Result<(), Stop> {
        fail::fail_point!("runner.claimed");
        let revealed = self.reveal().await?;
        self.revealed.get_or_init(|| revealed);
        match self.place().await? {
            Placed::Ended(end) => self.finish(end, &[], true).await,
            Placed::On(place) => {
                if let Some(end) = self.start(&place).await? {
                    return self.finish(end, &[], true).await;
                }
                let end = self.follow(&place).await?;
                self.finish(end, &place.leftovers().await, false).await
            }
        }
    }

    /// Whether this process still may act for the run.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if !self.lease.valid() {
            return Err(Stop::Fenced);
        }
        if self.cancel.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        Ok(())
    }

    /// Whether a person asked to stop it.
    pub(super) fn cancel_asked(&self) -> bool {
        self.run.cancel_requested_at.is_some() || self.common.stops.asked(self.id()) || self.lease.cancel_asked()
    }

    /// Sleeps, but not over a shutdown.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// One write under the epoch, tried again while the database does not answer and the lease holds.
    pub(super) async fn write<T, F>(&self, what: &'static str, write: impl Fn() -> F + Send) -> Result<T, Stop>
    where
        F: Future<Output = domain::Result<T>> + Send,
    {
        loop {
            match write().await {
                Ok(value) => return Ok(value),
                Err(e) if e.kind == Kind::Conflict => return Err(Stop::Fenced),
                Err(e) if matches!(e.kind, Kind::Unavailable | Kind::Timeout | Kind::Internal | Kind::TooMany) => {
                    self.deps.failed(what, &e);
                    self.check()?;
                    self.pause(Duration::from_millis(250)).await;
                }
                Err(e) => return Err(Stop::Refused(e)),
            }
        }
    }

    /// Writes the end of the attempt: the one end of the run, or the next attempt; wakes who waits for it, and removes what
    /// the runtime keeps. `unstarted`: a failure surely came before anything began.
    async fn finish(&self, mut end: RunEnd, leftovers: &[super::place::Leftover], unstarted: bool) -> Result<(), Stop> {
        fail::fail_point!("runner.before_finish");
        let at = self.deps.clock.now();
        end.reason = self.masker().mask(&end.reason);
        let spec = &self.run.spec;
        if let Some(pause) = spec.retry.again(spec.mode, &end, self.run.attempt, unstarted) {
            let (id, epoch) = (self.id(), self.epoch());
            self.write("queue an attempt", || self.deps.queue.retry(id, epoch, end.clone(), at, pause)).await?;
            let attempt = self.run.attempt;
            tracing::info!(run = %id, attempt, state = ?end.state, reason = end.reason, "an attempt ended, another follows");
        } else {
            self.write("finish a run", || self.deps.runs.finish(self.id(), self.epoch(), end.clone(), at)).await?;
            self.deps.stats.ended(end.state);
            tracing::info!(run = %self.id(), state = ?end.state, reason = end.reason, "run ended");
        }
        fail::fail_point!("runner.after_finish");
        self.deps.wake.wake(Topic::Runs);
        self.deps.wake.wake(Topic::RunLogs);
        if self.run.purpose != RunPurpose::Manual {
            self.deps.wake.wake(Topic::Incidents);
        }
        for (runtime, handle) in leftovers {
            if let Err(e) = runtime.cleanup(*handle).await {
                tracing::warn!(run = %self.id(), error = %e, "a run's files are left for the sweep");
            }
        }
        Ok(())
    }
}
