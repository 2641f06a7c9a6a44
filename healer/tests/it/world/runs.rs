//! Runs, their queue and the outbox of the store in memory.

use super::World;
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use domain::catalog::RuntimeKind;
use domain::identity::Audit;
use domain::outbox::{Notification, NotificationState};
use domain::page::{Page, PageRequest};
use domain::ports::{Assigned, Claim, OutboxStore, RunFilter, RunStore};
use domain::run::{Run, RunEnd, RunState};
use domain::{Error, Id, Result, Time};
use std::time::Duration;

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).expect("short")
}

impl World {
    /// A write under an epoch: refused when it is old or the run has its end.
    pub(super) fn guarded(&self, id: Id, epoch: i64, write: impl FnOnce(&mut Run)) -> Result<()> {
        let mut tables = self.tables();
        let run = tables.runs.get_mut(&id).ok_or_else(|| Error::not_found("run"))?;
        if run.lease_epoch != epoch || run.state.is_terminal() {
            return Err(Error::conflict("the epoch is old"));
        }
        write(run);
        run.version += 1;
        // In the same step: whoever sees the end finds it counted.
        if run.state.is_terminal() {
            tables.ends.push(id);
        }
        Ok(())
    }
}

#[async_trait]
impl RunStore for World {
    async fn enqueue(&self, run: Run, _: Audit) -> Result<Run> {
        self.tables().runs.insert(run.id, run.clone());
        Ok(run)
    }

    async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claim>> {
        let now = Utc::now();
        let mut tables = self.tables();
        let free = |r: &&mut Run| {
            let expired = matches!(r.state, RunState::Leased | RunState::Running | RunState::Cancelling)
                && r.lease_until < Some(now);
            r.state == RunState::Queued || expired
        };
        let Some(run) = tables.runs.values_mut().find(free) else { return Ok(None) };
        let recovered = run.state != RunState::Queued;
        run.state = RunState::Leased;
        run.lease_epoch += 1;
        run.lease_owner = Some(owner.into());
        run.lease_until = Some(now + delta(lease));
        Ok(Some(Claim { run: run.clone(), recovered }))
    }

    async fn renew(&self, id: Id, epoch: i64, lease: Duration) -> Result<bool> {
        let mut cancel = false;
        self.guarded(id, epoch, |r| {
            r.lease_until = Some(Utc::now() + delta(lease));
            cancel = r.cancel_requested_at.is_some();
        })?;
        Ok(cancel)
    }

    async fn assign(&self, id: Id, epoch: i64, manager_id: Id, runtime: RuntimeKind, reason: &str) -> Result<Assigned> {
        self.die("before assign");
        self.guarded(id, epoch, |r| {
            r.manager_id = Some(manager_id);
            r.runtime = Some(runtime);
            r.manager_reason = reason.to_owned();
        })?;
        self.die("after assign");
        Ok(Assigned::Yes)
    }

    async fn started(&self, id: Id, epoch: i64, at: Time) -> Result<()> {
        self.die("before started");
        self.guarded(id, epoch, |r| {
            r.state = RunState::Running;
            r.started_at = Some(at);
        })?;
        self.die("after started");
        Ok(())
    }

    async fn finish(&self, id: Id, epoch: i64, end: RunEnd, at: Time) -> Result<()> {
        self.die("before finish");
        if self.run(id).state.is_terminal() {
            return Ok(());
        }
        self.guarded(id, epoch, |r| {
            r.state = end.state;
            r.exit_code = end.exit_code;
            r.reason = end.reason;
            r.ended_at = Some(at);
        })?;
        self.die("after finish");
        Ok(())
    }

    async fn release(&self, id: Id, epoch: i64, reason: &str) -> Result<()> {
        self.guarded(id, epoch, |r| {
            r.state = RunState::Queued;
            r.reason = reason.to_owned();
        })
    }

    async fn cancel(&self, id: Id, _: Audit) -> Result<Run> {
        let mut tables = self.tables();
        let run = tables.runs.get_mut(&id).ok_or_else(|| Error::not_found("run"))?;
        run.cancel_requested_at = Some(Utc::now());
        Ok(run.clone())
    }

    async fn run(&self, id: Id) -> Result<Run> {
        self.tables().runs.get(&id).cloned().ok_or_else(|| Error::not_found("run"))
    }

    async fn list_runs(&self, _: &RunFilter, _: &PageRequest) -> Result<Page<Run>> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn load(&self) -> Result<Vec<(Id, u32)>> {
        let tables = self.tables();
        let active = tables.runs.values().filter(|r| matches!(r.state, RunState::Leased | RunState::Running));
        Ok(active.filter_map(|r| r.manager_id).fold(Vec::new(), |mut all: Vec<(Id, u32)>, id| {
            match all.iter_mut().find(|(known, _)| *known == id) {
                Some((_, n)) => *n += 1,
                None => all.push((id, 1)),
            }
            all
        }))
    }
}

#[async_trait]
impl OutboxStore for World {
    async fn due(&self, now: Time, hold: Duration, limit: u32) -> Result<Vec<Notification>> {
        let mut tables = self.tables();
        let due = tables.notifications.iter_mut().filter(|n| n.state == NotificationState::Pending && n.next_at <= now);
        Ok(due
            .take(limit as usize)
            .map(|n| {
                n.next_at = now + delta(hold);
                n.clone()
            })
            .collect())
    }

    async fn delivered(&self, id: Id, _: Time) -> Result<()> {
        self.tables()
            .notifications
            .iter_mut()
            .filter(|n| n.id == id)
            .for_each(|n| n.state = NotificationState::Delivered);
        Ok(())
    }

    async fn failed(&self, id: Id, error: &str, next_at: Option<Time>) -> Result<()> {
        for n in self.tables().notifications.iter_mut().filter(|n| n.id == id) {
            n.attempts += 1;
            n.last_error = error.to_owned();
            match next_at {
                Some(at) => n.next_at = at,
                None => n.state = NotificationState::Dead,
            }
        }
        Ok(())
    }

    async fn notifications(&self, _: Id) -> Result<Vec<Notification>> {
        Ok(self.tables().notifications.clone())
    }
}
