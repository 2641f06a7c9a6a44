//! Claims runs and follows each to its one end; what happens to a run at each step is in the modules below.

mod finish;
mod follow;
mod job;
mod lease;
mod place;
mod secrets;
mod stops;

use crate::config::HealerDeps;
use domain::ports::{Claim, Topic};
use domain::queue::Swept;
use job::Job;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Time between looks after what no process has to survive for.
const SWEEP: Duration = Duration::from_secs(5);
/// Runs of one claim at most.
const BATCH: usize = 32;

/// The claim loop. At shutdown the runs that are followed are left as they are: whoever claims them next re-attaches.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let nonce = &domain::new_id().simple().to_string()[20..];
    let owner = format!("{}/{nonce}", deps.config.instance);
    let mut wakes = deps.wake.listen(Topic::Runs);
    let common = Arc::new(job::Common::default());
    let mut jobs = JoinSet::new();
    let mut swept: Option<Instant> = None;
    while !cancel.is_cancelled() {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            sweep(&deps).await;
            swept = Some(Instant::now());
        }
        while jobs.len() < deps.config.max_active && !cancel.is_cancelled() {
            // Taken before the request: the lease may have begun at any time after it.
            let asked_at = Instant::now();
            let claims = claim(&deps, &owner, jobs.len()).await;
            if claims.is_empty() {
                break;
            }
            for claim in claims {
                let job = Job::new(Arc::clone(&deps), claim, asked_at, cancel.clone(), Arc::clone(&common));
                jobs.spawn(job.work());
            }
        }
        if !jobs.is_empty() {
            common.stops.look(&deps, &owner).await;
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

/// Runs to follow; a failure is noted and gives none.
async fn claim(deps: &HealerDeps, owner: &str, followed: usize) -> Vec<Claim> {
    let claims = async {
        let most = deps.config.max_active.saturating_sub(followed).min(BATCH);
        let fresh = room(deps).await?.min(most);
        let [most, fresh] = [most, fresh].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let asked_at = Instant::now();
        let claims = deps.queue.claim_many(owner, deps.config.lease, most, fresh).await?;
        deps.stats.claimed(asked_at.elapsed());
        domain::Result::Ok(claims)
    };
    claims.await.unwrap_or_else(|e| {
        deps.failed("claim runs", &e);
        Vec::new()
    })
}

/// Free places on the managers, so that what cannot begin stays in the queue, where priority and fairness rule. Without
/// any enabled manager runs are taken all the same: they have to be told that there is none.
async fn room(deps: &HealerDeps) -> domain::Result<usize> {
    let (managers, load) = (deps.managers.all().await?, deps.runs.load().await?);
    let mut enabled = managers.iter().filter(|m| m.spec.enabled).peekable();
    if enabled.peek().is_none() {
        return Ok(BATCH);
    }
    let used = |id| load.iter().find(|(of, _)| *of == id).map_or(0, |(_, n)| *n);
    let free = enabled.map(|m| m.spec.capacity.saturating_sub(used(m.id)) as usize);
    Ok(free.sum())
}

async fn sweep(deps: &HealerDeps) {
    match deps.queue.sweep().await {
        Ok(swept) if swept == Swept::default() => {}
        Ok(swept) => tracing::warn!(taken = swept.taken, lost = swept.lost, freed = swept.freed, "queue swept"),
        Err(e) => deps.failed("sweep the queue", &e),
    }
    match deps.queue.queue().await {
        Ok(state) => deps.stats.queue(&state),
        Err(e) => deps.failed("look at the queue", &e),
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended {
        tracing::error!(error = %e, "following a run died; it is claimed again when its lease has ended");
    }
}
