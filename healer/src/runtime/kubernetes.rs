//! Runs as jobs of a Kubernetes cluster: one job for each run and epoch, found again by its labels, whoever started it.
//!
//! | object | says |
//! |---|---|
//! | job `aiops-<run>-<epoch>` | one pod at most; suspended until everything is there; annotations: facts, a stop, how far the log was read |
//! | secret of the same name | script, wrapper, values, secrets; goes with the job |
//! | network policy of the same name | no traffic, for a run that may use none; goes with the job |
//! | pod | a small wrapper runs the script: time limit, stop of the whole tree, files handed over by the log |
//!
//! Objects are labelled with manager, run and epoch, and only what this manager started is swept.

mod changes;
mod client;
mod collect;
mod connect;
mod fetch;
mod follow;
mod marks;
mod objects;
mod platform;
mod shape;
mod stamped;
mod start;
mod stop;
mod view;
mod words;

use super::{
    Handle, LogChunk, LogOffset, ManagerContext, PlatformInfo, Progress, Result, Runtime, RuntimeError, StartRequest,
};
use async_trait::async_trait;
use changes::Changes;
use client::Space;
use domain::Id;
use domain::catalog::{KubernetesSettings, RuntimeKind, RuntimeManagerSpec};
use domain::run::RunMode;
use follow::Tail;
use marks::{Facts, Why};
use shape::Mark;
use start::Starter;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use view::View;

/// How long a log is followed for nobody.
const IDLE: Duration = Duration::from_secs(120);

/// Runs scripts in pods of one namespace.
#[derive(Debug)]
pub struct KubernetesRuntime {
    space: Space,
    settings: KubernetesSettings,
    context: ManagerContext,
    node: String,
    changes: Changes,
    tails: Mutex<HashMap<Handle, Arc<Tail>>>,
}

/// Connects to the cluster that the manager names.
///
/// # Errors
/// `Refused` for settings that cannot work, `Unavailable` when the cluster does not answer.
pub async fn connect(spec: &RuntimeManagerSpec, context: ManagerContext) -> Result<Arc<dyn Runtime>> {
    let settings = spec.kubernetes.clone().unwrap_or_default();
    let (client, namespace) = connect::client(spec, &settings).await?;
    let space = Space { client, namespace, manager: context.id };
    let node = platform::name(&space).await?;
    let changes = Changes::watch(&space);
    Ok(Arc::new(KubernetesRuntime { space, settings, context, node, changes, tails: Mutex::default() }))
}

impl KubernetesRuntime {
    fn starter(&self) -> Starter<'_> {
        Starter { space: &self.space, settings: &self.settings, clock: self.context.clock.as_ref() }
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<Handle, Arc<Tail>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at job and pod now.
    async fn look(&self, handle: Handle) -> Result<Progress> {
        self.changes.looking(handle);
        let progress = self.look_now(handle).await;
        let (runs, ended) = match &progress {
            Ok(Progress::Running) => (true, false),
            Ok(Progress::Ended(_) | Progress::Lost(_)) => (false, true),
            _ => (false, false),
        };
        self.changes.saw(handle, runs, ended);
        progress
    }

    async fn look_now(&self, handle: Handle) -> Result<Progress> {
        let Some(job) = self.space.job(handle).await? else { return Ok(Progress::Unknown) };
        let pod = self.space.pod(&job, handle).await?;
        let (since, mut why, hopeless, no_pod) = match view::view(&job, pod.as_ref(), handle) {
            View::Is(progress) => return Ok(progress),
            View::Waiting { since, why, hopeless, no_pod } => (since, why, hopeless, no_pod),
        };
        let waited = since.map_or(0, |at| (self.context.clock.now() - at).num_seconds());
        if hopeless || waited > i64::from(self.settings.start_limit_secs) {
            if no_pod && let Some(warning) = self.space.warning(&job).await {
                why = format!("{why}: {warning}");
            }
            if !hopeless {
                why = format!("it did not begin within {} s: {why}", self.settings.start_limit_secs);
            }
            self.starter().stop(handle, Why::NotStarted, &why, Duration::ZERO).await?;
        }
        Ok(Progress::Running)
    }

    /// The follower of a log that can answer for a position; none for a start that is not known.
    async fn tail(&self, handle: Handle, from: LogOffset) -> Result<Option<Arc<Tail>>> {
        if let Some(tail) = self.tails().get(&handle).filter(|t| t.serves(from)) {
            return Ok(Some(Arc::clone(tail)));
        }
        let Some(job) = self.space.job(handle).await? else { return Ok(None) };
        let Some(facts) = marks::annotation::<Facts>(&job, marks::FACTS) else {
            let what = format!("the job {} has lost what was written to it", marks::name(handle));
            return Err(RuntimeError::Unavailable { what, source: None });
        };
        let mark = marks::annotation::<Mark>(&job, marks::LOG);
        let tail = Arc::new(Tail::follow(self.space.clone(), handle, facts, mark, self.context.clock.now()));
        self.tails().insert(handle, Arc::clone(&tail));
        Ok(Some(tail))
    }

    /// Writes to the job how far its log is stored, for whoever goes on when the beginning is gone.
    async fn keep_mark(&self, handle: Handle, mark: &Mark) {
        let Ok(text) = serde_json::to_string(mark) else { return };
        let Ok(Some(job)) = self.space.job(handle).await else { return };
        let later = marks::annotation::<Mark>(&job, marks::LOG).is_some_and(|m| m.next_seq >= mark.next_seq);
        let patch = serde_json::json!({ "metadata": { "annotations": { marks::LOG: text } } });
        if !later && let Err(e) = self.space.patch_job(&job, patch, true).await {
            tracing::debug!(run = %handle.run_id, error = %e, "how far a log was read is written later");
        }
    }
}

#[async_trait]
impl Runtime for KubernetesRuntime {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Kubernetes
    }

    fn node(&self) -> &str {
        &self.node
    }

    async fn start(&self, request: &StartRequest) -> Result<()> {
        let plan = objects::Plan::new(self.context.id, &self.settings, request)?;
        let once = request.spec.mode == RunMode::AtMostOnce;
        self.starter().start(&plan, request.handle, once).await
    }

    async fn known(&self, run_id: Id) -> Result<Vec<i64>> {
        let jobs = self.space.jobs_of(run_id).await?;
        let mut epochs: Vec<i64> =
            jobs.iter().filter_map(|j| Some(marks::handle(j.metadata.labels.as_ref())?.epoch)).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    async fn progress(&self, handle: Handle) -> Result<Progress> {
        if self.changes.runs(handle) {
            return Ok(Progress::Running);
        }
        self.look(handle).await
    }

    async fn logs(&self, handle: Handle, from: LogOffset) -> Result<LogChunk> {
        let nothing = LogChunk { records: Vec::new(), next: from };
        if from == LogOffset::default() && !self.changes.fresh(handle) {
            // Of a run that has ended the whole log is waited for.
            self.look(handle).await?;
        }
        let Some(tail) = self.tail(handle, from).await? else { return Ok(nothing) };
        let taken = tail.take(from, self.changes.ended(handle)).await?;
        if let Some(mark) = &taken.mark {
            self.keep_mark(handle, mark).await;
        }
        Ok(taken.chunk)
    }

    async fn collect(&self, handle: Handle, into: &mut crate::results::Harvest) -> Result<()> {
        let Some(job) = self.space.job(handle).await? else { return Ok(()) };
        let Some(pod) = self.space.pod(&job, handle).await?.filter(view::began) else { return Ok(()) };
        // The node's copy of the output may be behind the end of the pod; one that was killed has no last word.
        for pause in [500, 1_500, 0].map(Duration::from_millis) {
            let mut parcel = collect::Parcel::new(marks::line_mark(handle));
            let mut cutter = stamped::Stamped::default();
            fetch::whole(&self.space, &pod, |bytes| parcel.feed(&mut cutter, bytes)).await?;
            if parcel.is_whole() || pause.is_zero() {
                return parcel.unpack(into).await;
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn cancel(&self, handle: Handle, grace: Duration) -> Result<()> {
        self.starter().stop(handle, Why::Cancelled, "stopped on request", grace).await
    }

    async fn reap(&self, handle: Handle) -> Result<()> {
        self.starter().stop(handle, Why::TimedOut, "ended, as nobody knows what became of it", Duration::ZERO).await
    }

    async fn cleanup(&self, handle: Handle) -> Result<()> {
        if matches!(self.look(handle).await?, Progress::Running) {
            return Err(RuntimeError::Unavailable {
                what: "the run still lives; stop it first".to_owned(),
                source: None,
            });
        }
        self.space.delete_job(handle).await?;
        self.tails().remove(&handle);
        self.changes.forget(handle);
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Handle>> {
        self.tails().retain(|_, tail| !tail.idle(IDLE));
        self.changes.tidy();
        let jobs = self.space.jobs(&self.space.ours()).await?;
        let mut all: Vec<Handle> = jobs.iter().filter_map(|j| marks::handle(j.metadata.labels.as_ref())).collect();
        all.sort_unstable();
        Ok(all)
    }

    fn start_allowance(&self) -> Duration {
        Duration::from_secs(self.settings.start_limit_secs.saturating_add(self.settings.grace_secs).into())
    }

    async fn health(&self) -> Result<PlatformInfo> {
        platform::info(&self.space, &self.settings).await
    }
}
