//! Claims runs and follows each to its one end; what happens to a run at each step is in the modules below.

mod finish;
mod follow;
mod job;
mod lease;
mod place;

use crate::config::HealerDeps;
use domain::ports::Topic;
use job::Job;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The claim loop. At shutdown the runs that are followed are left as they are: whoever claims them next re-attaches.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let nonce = &domain::new_id().simple().to_string()[20..];
    let owner = format!("{}/{nonce}", deps.config.instance);
    let mut wakes = deps.wake.listen(Topic::Runs);
    let placing = Arc::new(tokio::sync::Mutex::new(()));
    let mut jobs = JoinSet::new();
    while !cancel.is_cancelled() {
        while jobs.len() < deps.config.max_active && !cancel.is_cancelled() {
            // Taken before the request: the lease may have begun at any time after it.
            let asked_at = Instant::now();
            match deps.runs.claim(&owner, deps.config.lease).await {
                Ok(Some(claim)) => {
                    let job = Job::new(Arc::clone(&deps), claim, asked_at, cancel.clone(), Arc::clone(&placing));
                    jobs.spawn(job.work());
                }
                Ok(None) => break,
                Err(e) => {
                    deps.failed("claim a run", &e);
                    break;
                }
            }
        }
        deps.stats.active(jobs.len());
        tokio::select! {
            () = cancel.cancelled() => {}
            () = wakes.wait(deps.config.tick) => {}
            Some(ended) = jobs.join_next() => note(ended),
        }
        while let Some(ended) = jobs.try_join_next() {
            note(ended);
        }
    }
    while let Some(ended) = jobs.join_next().await {
        note(ended);
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended {
        tracing::error!(error = %e, "following a run died; it is claimed again when its lease has ended");
    }
}
