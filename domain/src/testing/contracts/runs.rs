//! Contract of runs as people see them: enqueue, list, cancel.

use super::{Stores, by_alice, conflict, failed};
use crate::catalog::RuntimeKind;
use crate::error::{Kind, Result};
use crate::new_id;
use crate::page::PageRequest;
use crate::ports::RunFilter;
use crate::run::{RunPurpose, RunState};
use crate::testing::samples;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(20);

/// A manual run comes back as it went in, audited; a heal cannot be enqueued by hand.
pub async fn manual_runs_are_accepted(s: &Stores) -> Result<()> {
    let run = samples::run("service=a");
    assert_eq!(s.runs.enqueue(run.clone(), by_alice("run.start")).await?, run);
    assert_eq!(s.audit.verify_audit().await?, 1);
    conflict(s.runs.enqueue(run.clone(), by_alice("run.start")).await);
    let heal = crate::run::Run { purpose: RunPurpose::Heal, ..samples::run("service=a") };
    assert_eq!(failed(s.runs.enqueue(heal, by_alice("run.start")).await).kind, Kind::Invalid);
    assert_eq!(failed(s.runs.run(new_id()).await).kind, Kind::NotFound);
    Ok(())
}

/// Lists filter and page; several runs of one millisecond stay apart.
pub async fn runs_are_listed(s: &Stores) -> Result<()> {
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?.id);
    }
    ids.reverse();
    let first = s.runs.list_runs(&RunFilter::default(), &PageRequest { limit: 4, cursor: None }).await?;
    let second = s.runs.list_runs(&RunFilter::default(), &PageRequest { limit: 4, cursor: first.next_cursor }).await?;
    let seen: Vec<_> = first.items.iter().chain(&second.items).map(|r| r.id).collect();
    assert_eq!(seen, ids);
    let filter = RunFilter {
        states: vec![RunState::Running, RunState::Queued],
        case_id: Some(second.items[0].case_id),
        ..RunFilter::default()
    };
    assert_eq!(s.runs.list_runs(&filter, &PageRequest::default()).await?.items, second.items[..1]);
    let filter = RunFilter { states: vec![RunState::Lost], ..RunFilter::default() };
    assert_eq!(s.runs.list_runs(&filter, &PageRequest::default()).await?.items, []);
    let script = s.scripts.create(samples::draft("s", samples::script()), by_alice("script.create")).await?;
    let mut draft = samples::draft("c", samples::case(script.id));
    draft.tags = vec!["night".to_owned()];
    let case = s.cases.create(draft, by_alice("case.create")).await?;
    let run = crate::run::Run { case_id: case.id, ..samples::run("service=a") };
    let run = s.runs.enqueue(run, by_alice("run.start")).await?;
    let tagged = |tag: &str| RunFilter { tag: Some(tag.to_owned()), ..RunFilter::default() };
    assert_eq!(s.runs.list_runs(&tagged("night"), &PageRequest::default()).await?.items, [run]);
    assert_eq!(s.runs.list_runs(&tagged("nigh"), &PageRequest::default()).await?.items, [], "the whole tag");
    Ok(())
}

/// A queued run is cancelled at once; a started one is asked to stop, and its owner hears of it.
pub async fn cancel_stops_or_asks(s: &Stores) -> Result<()> {
    let queued = s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?;
    let cancelled = s.runs.cancel(queued.id, by_alice("run.cancel")).await?;
    assert_eq!(cancelled.state, RunState::Cancelled);
    assert!(cancelled.ended_at.is_some() && cancelled.cancel_requested_at.is_some());
    assert_eq!(s.runs.claim("w", LEASE).await?, None);
    conflict(s.runs.cancel(queued.id, by_alice("run.cancel")).await);
    let id = s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?.id;
    let claim = s.runs.claim("w", LEASE).await?.expect("one is queued");
    s.runs.started(id, claim.run.lease_epoch, samples::at(70)).await?;
    assert!(!s.runs.renew(id, claim.run.lease_epoch, LEASE).await?);
    assert_eq!(s.runs.cancel(id, by_alice("run.cancel")).await?.state, RunState::Cancelling);
    assert!(s.runs.renew(id, claim.run.lease_epoch, Duration::ZERO).await?);
    let taken = s.runs.claim("w2", LEASE).await?.expect("its lease ran out");
    assert_eq!((taken.run.state, taken.recovered), (RunState::Cancelling, true), "the wish outlives the owner");
    Ok(())
}

/// Active runs are counted by manager until they end.
pub async fn load_counts_active_runs(s: &Stores) -> Result<()> {
    let manager = new_id();
    for _ in 0..2 {
        s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?;
    }
    let mut claims = Vec::new();
    while let Some(claim) = s.runs.claim("w", LEASE).await? {
        s.runs.assign(claim.run.id, claim.run.lease_epoch, manager, RuntimeKind::Local, "the only one").await?;
        claims.push(claim.run);
    }
    assert_eq!(s.runs.load().await?, [(manager, 2)]);
    let stored = s.runs.run(claims[0].id).await?;
    assert_eq!(
        (stored.manager_id, stored.runtime, stored.manager_reason.as_str()),
        (Some(manager), Some(RuntimeKind::Local), "the only one")
    );
    let end = crate::run::RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: String::new() };
    s.runs.finish(claims[0].id, 1, end, samples::at(80)).await?;
    assert_eq!(s.runs.load().await?, [(manager, 1)]);
    Ok(())
}
