//! Health of runtime managers: checked every 30 s with platform information, and the sweep of run folders left behind.

use crate::config::HealerDeps;
use crate::runtime::Progress;
use domain::Error;
use domain::catalog::RuntimeManager;
use domain::error::Kind;
use domain::ports::Topic;
use domain::status::{Health, Status, StatusOf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longest time that a check may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Checks until `cancel`: at once, then every interval, and when settings change.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut changes = deps.wake.listen(Topic::Catalog);
    while !cancel.is_cancelled() {
        if let Err(e) = check_all(&deps).await {
            deps.failed("check runtime managers", &e);
        }
        sweep(&deps).await;
        tokio::select! {
            () = cancel.cancelled() => {}
            () = changes.wait(deps.config.health_every) => {}
        }
    }
}

async fn check_all(deps: &HealerDeps) -> Result<(), Error> {
    for manager in deps.managers.all().await?.into_iter().filter(|m| m.spec.enabled) {
        deps.status.put_status(check(deps, &manager).await).await?;
    }
    deps.wake.wake(Topic::Status);
    deps.wake.wake(Topic::Runs);
    Ok(())
}

async fn check(deps: &HealerDeps, manager: &RuntimeManager) -> Status {
    let begun = Instant::now();
    let runtime = deps.runtimes.of(manager.spec.kind);
    let answer = match runtime {
        None => Err(format!("this build cannot run on {:?} yet", manager.spec.kind)),
        Some(runtime) => match tokio::time::timeout(LIMIT, runtime.health()).await {
            Ok(answer) => answer.map_err(|e| e.to_string()),
            Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
        },
    };
    let at = deps.clock.now();
    let latency_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (health, message, details) = match answer {
        Ok(info) => (Health::Ok, String::new(), serde_json::to_value(info).unwrap_or_default()),
        Err(why) => (Health::SourceError, why, serde_json::Value::Null),
    };
    let ok_at = (health == Health::Ok).then_some(at);
    Status { of: StatusOf::RuntimeManager, id: manager.id, health, message, checked_at: at, ok_at, latency_ms, details }
}

/// Removes what runtimes keep of runs that have their end (their owner died between writing it and cleaning up).
async fn sweep(deps: &HealerDeps) {
    for runtime in deps.runtimes.all() {
        let Ok(handles) = runtime.all().await else { continue };
        for handle in handles {
            let over = match deps.runs.run(handle.run_id).await {
                Ok(run) => run.state.is_terminal(),
                Err(e) => {
                    e.kind == Kind::NotFound
                        && matches!(runtime.progress(handle).await, Ok(Progress::Ended(_) | Progress::Lost(_)))
                }
            };
            if over && let Err(e) = runtime.cleanup(handle).await {
                tracing::debug!(run = %handle.run_id, error = %e, "a run's files are left for the next sweep");
            }
        }
    }
}
