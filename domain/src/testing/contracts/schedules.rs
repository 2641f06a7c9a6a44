//! Contract of schedules: each planned time is recorded once, with its run or without one.

use super::{Stores, by_alice, conflict};
use crate::error::Result;
use crate::page::PageRequest;
use crate::ports::RunFilter;
use crate::run::{Run, RunPurpose};
use crate::schedule::{Overlap, Schedule, ScheduleSpec, Window, WindowOutcome};
use crate::testing::{samples, together};
use crate::{Id, Time};

async fn schedule(s: &Stores, name: &str) -> Result<Schedule> {
    let script = s.scripts.create(samples::draft(name, samples::script()), by_alice("create")).await?;
    let case = s.cases.create(samples::draft(name, samples::case(script.id)), by_alice("create")).await?;
    let json = serde_json::json!({"case_id": case.id, "cron": "* * * * *"});
    let spec: ScheduleSpec = serde_json::from_value(json).map_err(crate::Error::internal)?;
    s.schedules.create(samples::draft(name, spec), by_alice("create")).await
}

fn window(schedule_id: Id, planned_at: Time, run: Option<&Run>) -> Window {
    let outcome = if run.is_some() { WindowOutcome::Started } else { WindowOutcome::Missed };
    let run_id = run.map(|r| r.id);
    Window { schedule_id, planned_at, outcome, windows: 1, reason: "why".to_owned(), run_id, at: planned_at }
}

fn run(schedule_id: Id, planned_at: Time) -> Run {
    let mut run = samples::run("service=shop");
    (run.purpose, run.schedule_id, run.planned_at) = (RunPurpose::Scheduled, Some(schedule_id), Some(planned_at));
    run
}

async fn runs(s: &Stores, schedule_id: Id) -> Result<usize> {
    let filter = RunFilter { schedule_id: Some(schedule_id), ..RunFilter::default() };
    Ok(s.runs.list_runs(&filter, &PageRequest { limit: 100, cursor: None }).await?.items.len())
}

/// Of ten processes that find the same time due one enqueues its run.
pub async fn a_planned_time_starts_once(s: &Stores) -> Result<()> {
    let id = schedule(s, "nightly").await?.id;
    assert_eq!(s.windows.last_window(id).await?, None);
    let tries = (0..10).map(|_| {
        let run = run(id, samples::at(60));
        s.windows.record_window(window(id, samples::at(60), Some(&run)), Some(run), Overlap::Queue)
    });
    let mut won = 0;
    for done in together(tries).await {
        won += usize::from(done?.is_some());
    }
    assert_eq!((won, runs(s, id).await?), (1, 1));
    assert_eq!(s.windows.last_window(id).await?, Some(samples::at(60)));
    let stored = s.windows.windows(id, 10).await?;
    let run = s.runs.run(stored[0].run_id.expect("its run")).await?;
    assert_eq!((run.purpose, run.planned_at), (RunPurpose::Scheduled, Some(samples::at(60))));
    Ok(())
}

/// A time before the newest recorded one is past for all: whoever comes late records nothing.
pub async fn time_goes_one_way(s: &Stores) -> Result<()> {
    let id = schedule(s, "hourly").await?.id;
    let missed = window(id, samples::at(120), None);
    assert_eq!(s.windows.record_window(missed.clone(), None, Overlap::Skip).await?, Some(missed.clone()));
    for secs in [60, 120] {
        let late = run(id, samples::at(secs));
        let got =
            s.windows.record_window(window(id, samples::at(secs), Some(&late)), Some(late), Overlap::Skip).await?;
        assert_eq!(got, None);
    }
    assert_eq!((s.windows.windows(id, 10).await?, runs(s, id).await?), (vec![missed], 0));
    Ok(())
}

/// While a run is not over the next window is skipped with a reason, or queued when that is wanted.
pub async fn overlap_is_skipped_or_queued(s: &Stores) -> Result<()> {
    let id = schedule(s, "often").await?.id;
    let mut outcomes = Vec::new();
    for (secs, overlap) in [(60, Overlap::Skip), (120, Overlap::Skip), (180, Overlap::Queue)] {
        let run = run(id, samples::at(secs));
        let stored = s.windows.record_window(window(id, samples::at(secs), Some(&run)), Some(run), overlap).await?;
        let stored = stored.expect("recorded");
        assert_eq!(stored.run_id.is_some(), stored.outcome == WindowOutcome::Started);
        outcomes.push(stored.outcome);
    }
    assert_eq!(outcomes, [WindowOutcome::Started, WindowOutcome::Skipped, WindowOutcome::Started]);
    let skipped = &s.windows.windows(id, 10).await?[1];
    assert!(skipped.reason.contains("is not over"), "{}", skipped.reason);
    assert_eq!(runs(s, id).await?, 2);
    Ok(())
}

/// A case that a schedule names stays.
pub async fn a_scheduled_case_stays(s: &Stores) -> Result<()> {
    let schedule = schedule(s, "kept").await?;
    conflict(s.cases.archive(schedule.spec.case_id, 1, by_alice("archive")).await);
    s.schedules.archive(schedule.id, 1, by_alice("archive")).await?;
    s.cases.archive(schedule.spec.case_id, 1, by_alice("archive")).await?;
    Ok(())
}
