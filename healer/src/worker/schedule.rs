//! Queues the runs of schedules when their planned times have come. Every process plans; the row of the planned time decides
//! which one was first, so no time is planned twice and none is left out when a process dies.

use super::resolve;
use crate::config::HealerDeps;
use crate::plan::{LooseRun, loose_run};
use domain::ports::Topic;
use domain::run::{Run, RunPurpose};
use domain::schedule::{Due, Schedule, Window, WindowOutcome, due};
use domain::schedule_times::Times;
use domain::trace::TraceContext;
use domain::{Id, Result, Time};
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Planned times that are known to be recorded, by schedule.
type Recorded = HashMap<Id, Time>;

/// The planning loop.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut wakes = deps.wake.listen(Topic::Catalog);
    let mut recorded = Recorded::new();
    while !cancel.is_cancelled() {
        if let Err(e) = plan(&deps, &mut recorded).await {
            deps.failed("plan schedules", &e);
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = wakes.wait(deps.config.tick) => {}
        }
    }
}

/// One round over all schedules; one that cannot be planned now does not hold up the others.
pub(crate) async fn plan(deps: &HealerDeps, recorded: &mut HashMap<Id, Time>) -> Result<()> {
    let schedules = deps.schedules.all().await?;
    recorded.retain(|id, _| schedules.iter().any(|s| s.id == *id));
    let mut failed = None;
    for schedule in schedules.iter().filter(|s| s.spec.enabled) {
        if let Err(e) = plan_one(deps, schedule, recorded).await {
            failed = Some(e);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn plan_one(deps: &HealerDeps, schedule: &Schedule, recorded: &mut Recorded) -> Result<()> {
    let Ok(times) = Times::parse(&schedule.spec.cron, &schedule.spec.time_zone) else { return Ok(()) };
    let last = match recorded.get(&schedule.id) {
        Some(last) => Some(*last),
        None => deps.windows.last_window(schedule.id).await?,
    };
    // A plan that was changed has no past: nothing from before the change is missed.
    let since = last.map_or(schedule.updated_at, |last| last.max(schedule.updated_at));
    recorded.insert(schedule.id, since);
    for due in due(schedule.id, &schedule.spec, &times, since, deps.clock.now()) {
        let planned_at = due.planned_at();
        let (window, run) = window(deps, schedule, due).await?;
        match deps.windows.record_window(window, run, schedule.spec.overlap).await? {
            Some(window) => told(schedule, &window),
            // Another process was there: what it recorded is read anew the next time.
            None => {
                recorded.remove(&schedule.id);
                return Ok(());
            }
        }
        recorded.insert(schedule.id, planned_at);
        deps.wake.wake(Topic::Runs);
    }
    Ok(())
}

fn told(schedule: &Schedule, window: &Window) {
    let (name, planned) = (&schedule.name, window.planned_at.to_rfc3339());
    if window.outcome == WindowOutcome::Started {
        tracing::info!(schedule = name, planned, run = ?window.run_id, "a scheduled run was queued");
    } else {
        tracing::warn!(schedule = name, planned, outcome = ?window.outcome, reason = window.reason, "a planned time brought no run");
    }
}

/// The row of a planned time, and its run when one is to be queued.
async fn window(deps: &HealerDeps, schedule: &Schedule, due: Due) -> Result<(Window, Option<Run>)> {
    let at = deps.clock.now();
    let row = |outcome, planned_at, windows, reason| Window {
        schedule_id: schedule.id,
        planned_at,
        outcome,
        windows,
        reason,
        run_id: None,
        at,
    };
    let planned_at = match due {
        Due::Missed(planned_at, windows, why) => {
            return Ok((row(WindowOutcome::Missed, planned_at, windows, why), None));
        }
        Due::Start(planned_at) => planned_at,
    };
    match build(deps, schedule, planned_at, at).await? {
        Ok(run) => {
            let started = row(WindowOutcome::Started, planned_at, 1, String::new());
            Ok((Window { run_id: Some(run.id), ..started }, Some(run)))
        }
        Err(why) => {
            let why = format!("it could not be started: {why}");
            Ok((row(WindowOutcome::Missed, planned_at, 1, why), None))
        }
    }
}

async fn build(deps: &HealerDeps, schedule: &Schedule, planned_at: Time, now: Time) -> Result<Result<Run, String>> {
    let case = match resolve::case(deps, schedule.spec.case_id).await? {
        Ok(case) => case,
        Err(why) => return Ok(Err(why)),
    };
    let run = loose_run(LooseRun {
        case: &case,
        values: &schedule.spec.values,
        target: schedule.spec.target.clone(),
        purpose: RunPurpose::Scheduled,
        requested_by: format!("schedule:{}", schedule.name),
        now,
        trace: TraceContext::random(),
    });
    Ok(match run {
        Ok(mut run) => {
            (run.schedule_id, run.planned_at) = (Some(schedule.id), Some(planned_at));
            run.spec.env.insert("PLANNED_AT".to_owned(), planned_at.to_rfc3339());
            Ok(run)
        }
        Err(wrong) => Err(crate::plan::line(&wrong)),
    })
}
