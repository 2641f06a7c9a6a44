//! The queue of the store in memory: no pauses, one run a claim.

use super::World;
use async_trait::async_trait;
use domain::identity::Audit;
use domain::ports::{Claim, QueueStore, RunStore as _};
use domain::queue::{Pause, PauseMode, QueueState, Swept};
use domain::run::{Attempt, Run, RunEnd, RunState};
use domain::{Error, Id, Result, Time};
use std::time::Duration;

#[async_trait]
impl QueueStore for World {
    async fn claim_many(&self, owner: &str, lease: Duration, most: u32, _: u32) -> Result<Vec<Claim>> {
        Ok(if most == 0 { Vec::new() } else { self.claim(owner, lease).await?.into_iter().collect() })
    }

    async fn enqueue_all(&self, _: Vec<Run>, _: Audit) -> Result<Vec<Run>> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn retry(&self, id: Id, epoch: i64, end: RunEnd, at: Time, _: Duration) -> Result<()> {
        let mut attempt = None;
        self.guarded(id, epoch, |r| {
            attempt = Some(Attempt {
                attempt: r.attempt,
                epoch,
                state: end.state,
                exit_code: end.exit_code,
                reason: end.reason,
                manager_id: r.manager_id.take(),
                started_at: r.started_at.take(),
                ended_at: at,
            });
            r.state = RunState::Queued;
            (r.attempt, r.attempt_after, r.lease_epoch) = (r.attempt + 1, epoch, epoch + 1);
        })?;
        self.tables().attempts.extend(attempt);
        self.die("after retry");
        Ok(())
    }

    async fn attempts(&self, _: Id) -> Result<Vec<Attempt>> {
        Ok(self.tables().attempts.clone())
    }

    async fn queue(&self) -> Result<QueueState> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn pauses(&self) -> Result<Vec<(Option<Id>, Pause)>> {
        Ok(Vec::new())
    }

    async fn pause(&self, _: Option<Id>, _: PauseMode, _: &str, _: Audit) -> Result<()> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn resume(&self, _: Option<Id>, _: Audit) -> Result<()> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn sweep(&self) -> Result<Swept> {
        Ok(Swept::default())
    }
}
