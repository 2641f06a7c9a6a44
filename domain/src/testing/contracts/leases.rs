//! Contract of claims and leases: one owner, fenced by epoch, one terminal state.

use super::{Stores, by_alice, conflict};
use crate::catalog::RuntimeKind;
use crate::error::Result;
use crate::ports::Claim;
use crate::run::{RunEnd, RunState};
use crate::testing::{samples, together};
use crate::{Id, new_id};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(20);
/// A lease that has run out when it is written.
const NONE: Duration = Duration::ZERO;

fn end(state: RunState) -> RunEnd {
    RunEnd { state, exit_code: Some(0), reason: format!("{state:?}") }
}

async fn queue(s: &Stores) -> Result<Id> {
    Ok(s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?.id)
}

async fn claimed(s: &Stores, lease: Duration) -> Result<Claim> {
    Ok(s.runs.claim("w", lease).await?.expect("one is ready"))
}

/// Fifty claimers at thirty runs: each run has one owner, at epoch 1, and the rest go away empty.
pub async fn claims_are_unique(s: &Stores) -> Result<()> {
    let mut ids = BTreeSet::new();
    for _ in 0..30 {
        ids.insert(queue(s).await?);
    }
    let claims = together((0..50).map(|_| s.runs.claim("w", LEASE))).await.into_iter().collect::<Result<Vec<_>>>()?;
    // A claimer may pass a row that another holds at that moment; what is left is claimed in turn.
    let mut got: Vec<Claim> = claims.into_iter().flatten().collect();
    while let Some(more) = s.runs.claim("w", LEASE).await? {
        got.push(more);
    }
    assert_eq!(got.len(), 30);
    assert_eq!(got.iter().map(|c| c.run.id).collect::<BTreeSet<_>>(), ids);
    assert!(got.iter().all(|c| !c.recovered && c.run.lease_epoch == 1 && c.run.state == RunState::Leased));
    assert!(got.iter().all(|c| c.run.lease_owner.as_deref() == Some("w") && c.run.lease_until.is_some()));
    Ok(())
}

/// Oldest first.
pub async fn claims_are_fair(s: &Stores) -> Result<()> {
    let (first, second) = (queue(s).await?, queue(s).await?);
    assert_eq!((claimed(s, LEASE).await?.run.id, claimed(s, LEASE).await?.run.id), (first, second));
    Ok(())
}

/// A lease that ran out is claimed again at the next epoch, as recovered, and the old owner is refused everywhere.
pub async fn old_epochs_are_refused(s: &Stores) -> Result<()> {
    let id = queue(s).await?;
    let old = claimed(s, NONE).await?.run.lease_epoch;
    s.runs.started(id, old, samples::at(70)).await?;
    let new = claimed(s, LEASE).await?;
    assert_eq!((new.run.id, new.run.lease_epoch, new.recovered), (id, old + 1, true));
    assert_eq!(new.run.started_at, Some(samples::at(70)));
    conflict(s.runs.renew(id, old, LEASE).await);
    conflict(s.runs.assign(id, old, new_id(), RuntimeKind::Local, "late").await);
    conflict(s.runs.started(id, old, samples::at(72)).await);
    conflict(s.runs.release(id, old, "late").await);
    conflict(s.runs.finish(id, old, end(RunState::Succeeded), samples::at(72)).await);
    let stored = s.runs.run(id).await?;
    assert_eq!((stored.state, stored.log_lines, stored.manager_id, stored.ended_at), (RunState::Leased, 0, None, None));
    s.runs.finish(id, old + 1, end(RunState::Succeeded), samples::at(73)).await?;
    assert_eq!(s.runs.claim("w", LEASE).await?, None, "an ended run is never claimed");
    conflict(s.runs.renew(id, old + 1, LEASE).await);
    Ok(())
}

/// A renewed lease is not taken; recovery is remembered over a release.
pub async fn release_remembers_a_start(s: &Stores) -> Result<()> {
    let id = queue(s).await?;
    let first = claimed(s, NONE).await?;
    s.runs.renew(id, 1, LEASE).await?;
    assert_eq!(s.runs.claim("w2", LEASE).await?, None);
    s.runs.release(id, first.run.lease_epoch, "no manager is free").await?;
    let stored = s.runs.run(id).await?;
    assert_eq!(
        (stored.state, stored.lease_owner, stored.manager_reason.as_str()),
        (RunState::Queued, None, "no manager is free")
    );
    let again = patiently(s, NONE).await?;
    assert_eq!((again.run.lease_epoch, again.recovered), (2, false), "put back before it started");
    let taken = claimed(s, LEASE).await?;
    assert!(taken.recovered, "the second owner may have started it");
    s.runs.release(id, taken.run.lease_epoch, "no manager is free").await?;
    let last = patiently(s, LEASE).await?;
    assert!(last.recovered, "a release does not undo what may have been started");
    s.runs.started(id, last.run.lease_epoch, samples::at(70)).await?;
    conflict(s.runs.release(id, last.run.lease_epoch, "too late").await);
    Ok(())
}

/// Asks until a released run is offered again.
async fn patiently(s: &Stores, lease: Duration) -> Result<Claim> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if let Some(claim) = s.runs.claim("w", lease).await? {
            return Ok(claim);
        }
    }
    panic!("the released run was not offered again");
}

/// Ten ends at once: one is written, all callers are content, and it stays.
pub async fn the_terminal_state_is_written_once(s: &Stores) -> Result<()> {
    let id = queue(s).await?;
    claimed(s, LEASE).await?;
    let ends = [RunState::Succeeded, RunState::Failed, RunState::TimedOut, RunState::Cancelled, RunState::Lost];
    let tries =
        ends.iter().cycle().take(10).zip(70..).map(|(&state, t)| s.runs.finish(id, 1, end(state), samples::at(t)));
    together(tries).await.into_iter().collect::<Result<Vec<_>>>()?;
    let stored = s.runs.run(id).await?;
    assert!(stored.state.is_terminal());
    assert_eq!(stored.reason, format!("{:?}", stored.state), "state and reason are of one end");
    s.runs.finish(id, 1, end(RunState::Lost), samples::at(99)).await?;
    assert_eq!(s.runs.run(id).await?, stored);
    assert_eq!(
        s.runs.finish(id, 1, end(RunState::Running), samples::at(99)).await.map_err(|e| e.kind),
        Err(crate::Kind::Invalid)
    );
    Ok(())
}
