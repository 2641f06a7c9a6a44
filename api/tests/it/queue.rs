//! The queue over HTTP, and its port in memory.

use crate::fake_work::Work;
use crate::harness::App;
use async_trait::async_trait;
use axum::http::StatusCode;
use chrono::DateTime;
use domain::identity::Audit;
use domain::ports::{Claim, QueueStore};
use domain::queue::{Pause, PauseMode, QueueState, Swept};
use domain::run::{Attempt, Run, RunEnd};
use domain::{Error, Id, Result, Time};
use serde_json::json;
use std::time::Duration;

#[async_trait]
impl QueueStore for Work {
    async fn claim_many(&self, _: &str, _: Duration, _: u32, _: u32) -> Result<Vec<Claim>> {
        unreachable!()
    }

    async fn enqueue_all(&self, all: Vec<Run>, _: Audit) -> Result<Vec<Run>> {
        self.runs.lock().unwrap().extend(all.clone());
        Ok(all)
    }

    async fn retry(&self, _: Id, _: i64, _: RunEnd, _: Time, _: Duration) -> Result<()> {
        unreachable!()
    }

    async fn attempts(&self, _: Id) -> Result<Vec<Attempt>> {
        Ok(Vec::new())
    }

    async fn queue(&self) -> Result<QueueState> {
        Ok(QueueState {
            at: DateTime::UNIX_EPOCH,
            pause: self.pause.lock().unwrap().clone(),
            drained: false,
            states: Vec::new(),
            ready: 0,
            held: 0,
            resting: 0,
            oldest: None,
            owners: Vec::new(),
            managers: Vec::new(),
        })
    }

    async fn pauses(&self) -> Result<Vec<(Option<Id>, Pause)>> {
        unreachable!()
    }

    async fn pause(&self, _: Option<Id>, mode: PauseMode, reason: &str, audit: Audit) -> Result<()> {
        let pause = Pause { mode, reason: reason.to_owned(), by: audit.actor, since: DateTime::UNIX_EPOCH };
        *self.pause.lock().unwrap() = Some(pause);
        Ok(())
    }

    async fn resume(&self, _: Option<Id>, _: Audit) -> Result<()> {
        self.pause.lock().unwrap().take().map(drop).ok_or_else(|| Error::conflict("it is not paused"))
    }

    async fn sweep(&self) -> Result<Swept> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_pause_says_who_and_why_and_ends() {
    let app = App::new().await;
    let token = app.token("operator").await;
    let post = |path: &'static str, body| app.send("POST", path, Some(&token), Some(body));
    let mute = post("/api/v1/queue/pause", json!({"mode": "pause", "reason": "  "})).await;
    assert_eq!((mute.status, mute.field().as_str()), (StatusCode::BAD_REQUEST, "reason"));
    let paused = post("/api/v1/queue/pause", json!({"mode": "drain", "reason": "upgrade"})).await;
    assert_eq!(paused.status, StatusCode::OK, "{}", paused.text);
    let pause = &app.send("GET", "/api/v1/queue", Some(&token), None).await.json()["pause"];
    assert_eq!(
        (&pause["by"], &pause["reason"], &pause["mode"]),
        (&json!("operator"), &json!("upgrade"), &json!("drain"))
    );
    assert_eq!(post("/api/v1/queue/resume", json!({})).await.status, StatusCode::OK);
    assert_eq!(post("/api/v1/queue/resume", json!({})).await.status, StatusCode::CONFLICT);
    let viewer = app.token("viewer").await;
    let refused =
        app.send("POST", "/api/v1/queue/pause", Some(&viewer), Some(json!({"mode": "pause", "reason": "x"}))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
