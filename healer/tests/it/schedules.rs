//! Schedules: each planned time once, whoever plans, and what cannot be started is told.

use crate::fakes::{Catalog, resource};
use crate::support::eventually;
use crate::world::bench;
use chrono::{TimeDelta, Utc};
use domain::catalog::{CaseSpec, Language};
use domain::ports::ScheduleStore as _;
use domain::resource::Resource;
use domain::run::RunPurpose;
use domain::schedule::{ScheduleSpec, WindowOutcome};
use domain::testing::MemWindows;
use std::sync::Arc;

fn case(body: &str) -> Resource<CaseSpec> {
    let spec = CaseSpec { body: Some(body.to_owned()), language: Some(Language::Sh), ..CaseSpec::default() };
    resource("nightly", spec)
}

/// Every minute since three minutes ago, with room to start late.
fn schedule(name: &str, case: &Resource<CaseSpec>, change: serde_json::Value) -> Resource<ScheduleSpec> {
    let mut json =
        serde_json::json!({"case_id": case.id, "cron": "* * * * *", "overlap": "queue", "misfire_grace_secs": 3_600});
    json.as_object_mut().expect("object").extend(change.as_object().expect("object").clone());
    let mut schedule = resource(name, serde_json::from_value(json).expect("a schedule"));
    schedule.updated_at = Utc::now() - TimeDelta::seconds(185);
    schedule
}

#[tokio::test(flavor = "multi_thread")]
async fn two_planners_start_each_time_once() {
    let case = case("true");
    let mut bench = bench(vec![], vec![case.clone()], vec![]);
    let windows = Arc::new(MemWindows::default());
    let plan = schedule("every minute", &case, serde_json::json!({"target": "service=shop"}));
    let off = schedule("off", &case, serde_json::json!({"enabled": false}));
    bench.deps.windows = windows.clone();
    bench.deps.schedules = Catalog::of(vec![plan.clone(), off.clone()]);
    let (one, two) = (bench.start(), bench.start());
    eventually("three runs", async || (windows.runs().len() >= 3).then_some(())).await;
    one.stop().await;
    two.stop().await;
    let runs = windows.runs();
    let mut planned: Vec<_> = runs.iter().map(|run| run.planned_at.expect("planned")).collect();
    assert!(planned.windows(2).all(|w| w[1] - w[0] == TimeDelta::minutes(1)), "{planned:?}");
    planned.dedup();
    assert_eq!(planned.len(), runs.len(), "each once");
    for run in &runs {
        assert_eq!((run.purpose, run.requested_by.as_str()), (RunPurpose::Scheduled, "schedule:every minute"));
        assert_eq!((run.schedule_id, run.target.as_str()), (Some(plan.id), "service=shop"));
        assert_eq!(run.spec.env["PLANNED_AT"], run.planned_at.expect("planned").to_rfc3339());
    }
    assert!(windows.windows(off.id, 10).await.expect("windows").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_is_missed_with_a_reason() {
    let mut gone = case("true");
    gone.archived_at = Some(Utc::now());
    let mut bench = bench(vec![], vec![gone.clone()], vec![]);
    let windows = Arc::new(MemWindows::default());
    let plan = schedule("gone", &gone, serde_json::json!({}));
    let late = schedule("late", &gone, serde_json::json!({"misfire_grace_secs": 5, "cron": "*/2 * * * *"}));
    bench.deps.windows = windows.clone();
    bench.deps.schedules = Catalog::of(vec![plan.clone(), late.clone()]);
    let healer = bench.start();
    let of = async |id| windows.windows(id, 10).await.expect("windows");
    eventually("missed times", async || (of(plan.id).await.len() >= 3 && !of(late.id).await.is_empty()).then_some(()))
        .await;
    healer.stop().await;
    for window in of(plan.id).await {
        let why = "it could not be started: case nightly was archived";
        assert_eq!((window.outcome, window.reason.as_str()), (WindowOutcome::Missed, why));
    }
    assert!(of(late.id).await.iter().all(|w| w.outcome == WindowOutcome::Missed), "late, or not startable");
    assert!(windows.runs().is_empty());
}
