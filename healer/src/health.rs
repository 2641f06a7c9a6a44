//! Health of runtime managers: checked every 30 s with platform information, and the sweep of run folders left behind.

use crate::config::HealerDeps;
use crate::probe::timed;
use crate::runtime::Progress;
use domain::Error;
use domain::catalog::{RuntimeKind, RuntimeManager};
use domain::error::Kind;
use domain::manager_health::HealthCheck;
use domain::ports::Topic;
use domain::status::{Health, Status, StatusOf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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
    let managers = deps.managers.all().await?;
    let enabled: Vec<&RuntimeManager> = managers.iter().filter(|m| m.spec.enabled).collect();
    // One that hangs holds up no other.
    for status in futures::future::join_all(enabled.into_iter().map(|m| check(deps, m))).await {
        deps.history.keep_check(kept(&status)).await?;
        deps.status.put_status(status).await?;
    }
    deps.wake.wake(Topic::Status);
    deps.wake.wake(Topic::Runs);
    Ok(())
}

async fn check(deps: &HealerDeps, manager: &RuntimeManager) -> Status {
    let ask = async { deps.runtimes.of(manager).await?.health().await };
    let (answer, latency_ms) = timed(manager.spec.kind, ask).await;
    if answer.is_err() {
        deps.runtimes.forget(manager.id);
    }
    let at = deps.clock.now();
    let (health, message, details) = match answer {
        Ok(info) => (Health::Ok, String::new(), serde_json::to_value(info).unwrap_or_default()),
        Err(why) => (Health::SourceError, why, serde_json::Value::Null),
    };
    let ok_at = (health == Health::Ok).then_some(at);
    Status { of: StatusOf::RuntimeManager, id: manager.id, health, message, checked_at: at, ok_at, latency_ms, details }
}

/// The check as it is kept.
fn kept(status: &Status) -> HealthCheck {
    let running = status.details["running"].as_u64().and_then(|n| u32::try_from(n).ok());
    let Status { id, checked_at, health, latency_ms, ref message, .. } = *status;
    HealthCheck { manager_id: id, at: checked_at, health, latency_ms, running, message: message.clone() }
}

/// Removes what runtimes keep of runs that have their end (their owner died between writing it and cleaning up).
async fn sweep(deps: &HealerDeps) {
    let Ok(managers) = deps.managers.all().await else { return };
    let mut local = false;
    for manager in managers.iter().filter(|m| deps.runtimes.serves(m.spec.kind)) {
        // All managers of local runs share one runtime.
        if manager.spec.kind == RuntimeKind::Local && std::mem::replace(&mut local, true) {
            continue;
        }
        let Ok(runtime) = deps.runtimes.of(manager).await else { continue };
        let Ok(handles) = runtime.all().await else { continue };
        for handle in handles {
            let over = match deps.runs.run(handle.run_id).await {
                Ok(run) => run.state.is_terminal(),
                Err(e) => {
                    e.kind == Kind::NotFound
                        && matches!(runtime.progress(handle).await, Ok(Progress::Ended(_) | Progress::Lost(_)))
                }
            };
            if !over {
                continue;
            }
            // It ended without its processes (it was given up while nobody could reach them): they end now.
            if matches!(runtime.progress(handle).await, Ok(Progress::Running))
                && let Err(e) = runtime.cancel(handle, deps.config.cancel_grace).await
            {
                tracing::warn!(run = %handle.run_id, error = %e, "what is left of a run that has ended cannot be stopped");
            }
            if let Err(e) = runtime.cleanup(handle).await {
                tracing::debug!(run = %handle.run_id, error = %e, "a run's files are left for the next sweep");
            }
        }
    }
}
