//! Contract of the queue: order, fair shares, held targets, room on managers, pauses, attempts, planned times.

use super::{Stores, by_alice, conflict, failed};
use crate::catalog::{RuntimeKind, RuntimeManagerSpec};
use crate::error::{Kind, Result};
use crate::page::PageRequest;
use crate::ports::{Assigned, RunFilter};
use crate::queue::PauseMode;
use crate::run::{Run, RunEnd, RunPurpose, RunState};
use crate::testing::{samples, together};
use crate::{Id, new_id};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(60);

fn end(state: RunState) -> RunEnd {
    RunEnd { state, exit_code: Some(1), reason: "as tested".to_owned() }
}

fn of(owner: &str) -> Run {
    Run { owner: owner.to_owned(), ..samples::run("service=a") }
}

fn alone_on(target: &str) -> Run {
    Run { exclusive: true, ..samples::run(target) }
}

async fn queue(s: &Stores, run: Run) -> Result<Id> {
    Ok(s.runs.enqueue(run, by_alice("run.start")).await?.id)
}

async fn claimed(s: &Stores) -> Result<Option<Run>> {
    Ok(s.runs.claim("w", LEASE).await?.map(|claim| claim.run))
}

async fn ended(s: &Stores, run: &Run) -> Result<()> {
    s.runs.finish(run.id, run.lease_epoch, end(RunState::Failed), samples::at(90)).await
}

/// Higher priority first, whoever waits longer.
pub async fn priorities_come_first(s: &Stores) -> Result<()> {
    let mut wanted = Vec::new();
    for priority in [-100, 0, 50, 100, 0] {
        wanted.push((-priority, queue(s, Run { priority, ..of("ann") }).await?));
    }
    wanted.sort_by_key(|(priority, id)| (*priority, *id));
    let claims = s.queue.claim_many("w", LEASE, 10, 10).await?;
    let mut got = vec![claims[0].run.id];
    got.extend(claims[1..].iter().map(|c| c.run.id));
    assert_eq!(got, wanted.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let wrong = Run { priority: 101, ..of("ann") };
    assert_eq!(failed(s.runs.enqueue(wrong, by_alice("run.start")).await).kind, Kind::Invalid);
    Ok(())
}

/// An owner with many and older runs does not starve the others: nobody gets more than twice its fair share, whether
/// runs end at once or are held, and whether claims come one by one or many at once.
pub async fn owners_share(s: &Stores) -> Result<()> {
    for (owner, runs) in [("greedy", 90), ("ann", 30), ("bob", 30)] {
        for _ in 0..runs {
            queue(s, of(owner)).await?;
        }
    }
    let mut served: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..30 {
        let run = claimed(s).await?.expect("one waits");
        *served.entry(run.owner.clone()).or_default() += 1;
        ended(s, &run).await?;
    }
    assert!(served.values().all(|n| *n == 10), "one by one, ended at once: {served:?}");
    let held = s.queue.claim_many("w", LEASE, 30, 30).await?;
    let mut shares: BTreeMap<&str, u32> = BTreeMap::new();
    held.iter().for_each(|c| *shares.entry(c.run.owner.as_str()).or_default() += 1);
    assert!(shares.len() == 3 && shares.values().all(|n| *n == 10), "many at once, held: {shares:?}");
    let more = s.queue.claim_many("w", LEASE, 200, 200).await?;
    assert_eq!(more.len(), 90, "nothing is left behind");
    assert!(claimed(s).await?.is_none());
    Ok(())
}

/// Of the runs that need one target for themselves one is active at a time, whoever races; the next follows in order.
pub async fn a_target_is_held_by_one_run(s: &Stores) -> Result<()> {
    let mut waiting = Vec::new();
    for result in together((0..6).map(|_| s.runs.enqueue(alone_on("service=db"), by_alice("run.start")))).await {
        waiting.push(result?.id);
    }
    waiting.sort_unstable();
    let other = queue(s, alone_on("service=web")).await?;
    let shared = queue(s, samples::run("service=db")).await?;
    let claims = together((0..12).map(|_| s.runs.claim("w", LEASE))).await;
    let mut got: Vec<Run> =
        claims.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().map(|c| c.run).collect();
    while let Some(run) = claimed(s).await? {
        got.push(run);
    }
    let free: Vec<Id> = got.iter().map(|r| r.id).collect();
    assert!(got.len() == 3 && free.contains(&other) && free.contains(&shared), "{free:?}");
    let mut holder = got.into_iter().find(|r| waiting.contains(&r.id)).expect("one holds the target");
    assert_eq!(s.queue.queue().await?.held, 5);
    let urgent = queue(s, Run { priority: 90, ..alone_on("service=db") }).await?;
    assert!(claimed(s).await?.is_none(), "a holder that works is not disturbed");
    let mut order = Vec::new();
    for _ in 0..6 {
        ended(s, &holder).await?;
        holder = claimed(s).await?.expect("the next one of the target");
        order.push(holder.id);
        assert!(claimed(s).await?.is_none(), "one at a time");
    }
    assert_eq!(order[0], urgent, "by priority, then age");
    assert!(order[1..].is_sorted());
    Ok(())
}

/// A waiting holder gives way to what is more urgent, and a cancelled one to the next.
pub async fn a_held_target_passes_on(s: &Stores) -> Result<()> {
    let first = queue(s, alone_on("service=db")).await?;
    let second = queue(s, alone_on("service=db")).await?;
    let urgent = queue(s, Run { priority: 50, ..alone_on("service=db") }).await?;
    let run = claimed(s).await?.expect("one waits");
    assert_eq!(run.id, urgent);
    s.runs.cancel(first, by_alice("run.cancel")).await?;
    assert!(claimed(s).await?.is_none(), "a parked one that goes frees nothing");
    s.queue.retry(run.id, run.lease_epoch, end(RunState::Failed), samples::at(80), LEASE).await?;
    assert!(claimed(s).await?.is_none(), "between two attempts the target stays held");
    s.runs.cancel(urgent, by_alice("run.cancel")).await?;
    assert_eq!(claimed(s).await?.map(|r| r.id), Some(second));
    Ok(())
}

/// A manager never gets more runs than its capacity, however many assign at once; nor any while it is paused.
pub async fn managers_are_never_overfilled(s: &Stores) -> Result<()> {
    let spec = RuntimeManagerSpec { capacity: 3, ..RuntimeManagerSpec::default() };
    let manager = s.managers.create(samples::draft("m", spec), by_alice("manager.create")).await?.id;
    for _ in 0..10 {
        queue(s, of("ann")).await?;
    }
    let claims = s.queue.claim_many("w", LEASE, 10, 10).await?;
    let assign = |run: &Run| s.runs.assign(run.id, run.lease_epoch, manager, RuntimeKind::Local, "chosen");
    let answers = together(claims.iter().map(|c| assign(&c.run))).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(answers.iter().filter(|a| **a == Assigned::Yes).count(), 3);
    assert!(answers.contains(&Assigned::No("it is full (3 of 3)".to_owned())));
    let there = claims.iter().zip(&answers).find(|(_, a)| **a == Assigned::Yes).expect("one is there").0;
    assert_eq!(assign(&there.run).await?, Assigned::Yes, "the same run again is no further run");
    let out = claims.iter().zip(&answers).find(|(_, a)| **a != Assigned::Yes).expect("one is not").0;
    ended(s, &there.run).await?;
    s.queue.pause(Some(manager), PauseMode::Drain, "new kernel", by_alice("queue.pause")).await?;
    assert_eq!(assign(&out.run).await?, Assigned::No("it is paused by alice: new kernel".to_owned()));
    s.queue.resume(Some(manager), by_alice("queue.resume")).await?;
    assert_eq!(assign(&out.run).await?, Assigned::Yes);
    assert_eq!(
        failed(s.queue.pause(Some(new_id()), PauseMode::Pause, "x", by_alice("queue.pause")).await).kind,
        Kind::NotFound
    );
    Ok(())
}

/// A paused queue gives nothing new; what an owner lost is still taken over; who and why are kept.
pub async fn a_paused_queue_gives_nothing_new(s: &Stores) -> Result<()> {
    let running = queue(s, of("ann")).await?;
    s.runs.claim("w", Duration::ZERO).await?.expect("one waits");
    let waiting = queue(s, of("ann")).await?;
    s.queue.pause(None, PauseMode::Drain, "upgrade of the database", by_alice("queue.pause")).await?;
    let taken = s.runs.claim("w", LEASE).await?.expect("a lost lease is taken over");
    assert_eq!((taken.run.id, taken.recovered), (running, true));
    assert!(claimed(s).await?.is_none());
    let state = s.queue.queue().await?;
    let pause = state.pause.expect("paused");
    assert_eq!((pause.by.as_str(), pause.reason.as_str()), ("alice", "upgrade of the database"));
    assert!(!state.drained, "one still runs");
    ended(s, &taken.run).await?;
    let state = s.queue.queue().await?;
    assert!(state.drained && state.ready == 1 && state.oldest == Some(samples::at(60)), "{state:?}");
    s.queue.resume(None, by_alice("queue.resume")).await?;
    conflict(s.queue.resume(None, by_alice("queue.resume")).await);
    assert_eq!(claimed(s).await?.map(|r| r.id), Some(waiting));
    let rows = s.audit.list_audit(&PageRequest::default()).await?.items;
    assert!(rows.iter().any(|row| row.action == "queue.pause (upgrade of the database)" && row.actor == "alice"));
    assert!(rows.iter().any(|row| row.action == "queue.resume"));
    Ok(())
}

/// An attempt that ended is kept, the next one waits for its pause, has the same key and an epoch of its own.
pub async fn attempts_follow_each_other(s: &Stores) -> Result<()> {
    let id = queue(s, of("ann")).await?;
    let first = claimed(s).await?.expect("one waits");
    s.runs.started(id, first.lease_epoch, samples::at(70)).await?;
    let invalid = s.queue.retry(id, first.lease_epoch, end(RunState::Succeeded), samples::at(75), LEASE).await;
    assert_eq!(failed(invalid).kind, Kind::Invalid);
    s.queue.retry(id, first.lease_epoch, end(RunState::Lost), samples::at(80), Duration::ZERO).await?;
    conflict(s.queue.retry(id, first.lease_epoch, end(RunState::Lost), samples::at(80), Duration::ZERO).await);
    conflict(s.runs.finish(id, first.lease_epoch, end(RunState::Succeeded), samples::at(81)).await);
    let second = s.runs.claim("w2", LEASE).await?.expect("the next attempt");
    assert!(!second.recovered, "nobody has started this attempt");
    let run = second.run;
    assert_eq!((run.attempt, run.started_at, run.manager_id), (2, None, None));
    assert!(
        run.run_key == first.run_key && run.attempt_after == first.lease_epoch && run.lease_epoch > run.attempt_after
    );
    let attempts = s.queue.attempts(id).await?;
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].attempt, attempts[0].state, attempts[0].started_at),
        (1, RunState::Lost, Some(samples::at(70)))
    );
    s.queue.retry(id, run.lease_epoch, end(RunState::Failed), samples::at(90), LEASE).await?;
    assert!(claimed(s).await?.is_none(), "it rests");
    assert_eq!(s.queue.queue().await?.resting, 1);
    assert_eq!(s.runs.cancel(id, by_alice("run.cancel")).await?.state, RunState::Cancelled, "nothing of it runs");
    assert_eq!(s.queue.attempts(id).await?.len(), 2);
    Ok(())
}

/// A stop that was asked for ends the run where another attempt would have followed.
pub async fn a_cancelled_run_is_not_repeated(s: &Stores) -> Result<()> {
    let id = queue(s, of("ann")).await?;
    let run = claimed(s).await?.expect("one waits");
    s.runs.started(id, run.lease_epoch, samples::at(70)).await?;
    s.runs.cancel(id, by_alice("run.cancel")).await?;
    s.queue.retry(id, run.lease_epoch, end(RunState::Failed), samples::at(80), Duration::ZERO).await?;
    assert_eq!(s.runs.run(id).await?.state, RunState::Cancelled);
    Ok(())
}

/// Each planned time of a schedule has one run, however many processes start it.
pub async fn a_planned_time_has_one_run(s: &Stores) -> Result<()> {
    let schedule = new_id();
    let planned = |secs| Run {
        purpose: RunPurpose::Scheduled,
        schedule_id: Some(schedule),
        planned_at: Some(samples::at(secs)),
        ..samples::run("service=a")
    };
    let tries = together((0..6).map(|_| s.runs.enqueue(planned(300), by_alice("run.schedule")))).await;
    let (won, lost): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 5));
    lost.into_iter().for_each(conflict);
    queue(s, planned(600)).await?;
    queue(s, samples::run("service=a")).await?;
    let filter = |purpose| RunFilter { purposes: vec![purpose], ..RunFilter::default() };
    let scheduled = s.runs.list_runs(&filter(RunPurpose::Scheduled), &PageRequest::default()).await?.items;
    assert_eq!(
        scheduled.iter().map(|r| r.planned_at).collect::<Vec<_>>(),
        [Some(samples::at(600)), Some(samples::at(300))]
    );
    assert!(scheduled.iter().all(|r| r.purpose == RunPurpose::Scheduled && r.schedule_id == Some(schedule)));
    assert_eq!(s.runs.list_runs(&filter(RunPurpose::Manual), &PageRequest::default()).await?.items.len(), 1);
    let unplanned = Run { planned_at: None, ..planned(900) };
    assert_eq!(failed(s.runs.enqueue(unplanned, by_alice("run.schedule")).await).kind, Kind::Invalid);
    Ok(())
}

/// The runs of one request are all there or none; lists find them by what they have in common.
pub async fn a_batch_is_whole(s: &Stores) -> Result<()> {
    let batch = Some(new_id());
    let runs: Vec<Run> =
        (0..5).map(|n| Run { batch_id: batch, ..samples::run(&format!("service=Shop-{n}")) }).collect();
    let mut twice = runs.clone();
    twice.push(runs[0].clone());
    conflict(s.queue.enqueue_all(twice, by_alice("run.batch")).await);
    assert!(claimed(s).await?.is_none(), "none of them");
    let stored = s.queue.enqueue_all(runs.clone(), by_alice("run.batch")).await?;
    assert_eq!(stored, runs);
    queue(s, samples::run("service=shop-9")).await?;
    let count = |filter: RunFilter| async move {
        s.runs.list_runs(&filter, &PageRequest::default()).await.map(|page| page.items.len())
    };
    assert_eq!(count(RunFilter { batch_id: batch, ..RunFilter::default() }).await?, 5);
    assert_eq!(count(RunFilter { target: Some("service=Shop-3".to_owned()), ..RunFilter::default() }).await?, 1);
    assert_eq!(count(RunFilter { search: Some("sHOP-".to_owned()), ..RunFilter::default() }).await?, 6);
    assert_eq!(count(RunFilter { search: Some("%".to_owned()), ..RunFilter::default() }).await?, 0);
    let at = Some(stored[0].queued_at);
    assert_eq!(count(RunFilter { since: at, ..RunFilter::default() }).await?, 6);
    assert_eq!(count(RunFilter { until: at, ..RunFilter::default() }).await?, 0);
    let later = Some(samples::at(86_400 * 36_500));
    assert_eq!(count(RunFilter { since: at, until: later, ..RunFilter::default() }).await?, 6);
    let asked = |who: &str| RunFilter { requested_by: Some(who.to_owned()), ..RunFilter::default() };
    let who = stored[0].requested_by.clone();
    assert_eq!((count(asked(&who)).await?, count(asked(&who[1..])).await?), (6, 0), "the whole name");
    assert_eq!(count(RunFilter { manager_id: Some(new_id()), ..RunFilter::default() }).await?, 0);
    assert_eq!(failed(s.queue.enqueue_all(Vec::new(), by_alice("run.batch")).await).kind, Kind::Invalid);
    Ok(())
}

/// A stop that was asked for is known to the owner of the run at once, and to no other.
pub async fn stops_are_told_to_their_owner(s: &Stores) -> Result<()> {
    let (id, _other) = (queue(s, of("ann")).await?, queue(s, of("ann")).await?);
    let run = claimed(s).await?.expect("one waits");
    let owner = run.lease_owner.clone().expect("an owner");
    assert_eq!((run.id, s.queue.stops(&owner).await?), (id, Vec::new()));
    s.runs.cancel(id, by_alice("run.cancel")).await?;
    assert_eq!(s.queue.stops(&owner).await?, [id]);
    assert_eq!(s.queue.stops("somebody else").await?, Vec::<crate::Id>::new());
    s.runs.finish(id, run.lease_epoch, end(RunState::Cancelled), samples::at(90)).await?;
    assert_eq!(s.queue.stops(&owner).await?, Vec::<crate::Id>::new());
    Ok(())
}

/// A run that rests is offered when its pause is over.
pub async fn a_rest_ends(s: &Stores) -> Result<()> {
    let id = queue(s, of("ann")).await?;
    let run = claimed(s).await?.expect("one waits");
    s.queue.retry(id, run.lease_epoch, end(RunState::Failed), samples::at(80), Duration::from_millis(300)).await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if claimed(s).await?.is_some_and(|r| r.id == id) {
            return Ok(());
        }
    }
    panic!("the resting run was not offered again");
}
