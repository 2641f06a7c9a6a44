//! Runs as containers of a Docker engine: one for each start, found again by its labels, followed until its end is observed.
//!
//! The container's name is made of run and epoch, so the engine refuses a second one. Only a container that its maker made just now
//! is started, by its own id: one that is found unstarted is made useless first (its script is taken away), and then removed; whoever
//! made it and comes back late starts nothing. Before the start all epochs of the run are looked at, after the own container exists:
//! of two that start at once at least one sees the other. So a run never executes twice at once, and with `at_most_once` never twice.

mod collect;
mod engine;
mod follow;
mod labels;
mod pack;
mod pull;
mod spec;
mod start;
mod state;
mod stop;

use super::{
    Handle, LogChunk, LogOffset, ManagerContext, PlatformInfo, Progress, Result, Runtime, RuntimeError, StartRequest,
};
use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use chrono::TimeDelta;
use domain::Id;
use domain::catalog::{DockerSettings, RuntimeKind, RuntimeManagerSpec};
use engine::{failed, status};
use follow::{Follower, Stage};
use futures::StreamExt as _;
use labels::Marks;
use spec::container_name;
use state::{Known, Seen};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a followed run is taken to be alive without asking the engine.
const TRUST: Duration = Duration::from_secs(2);

/// What this process knows of a run beyond what the engine keeps.
#[derive(Debug, Default)]
struct Entry {
    /// One start at a time.
    starting: Arc<tokio::sync::Mutex<()>>,
    follower: Option<Arc<Follower>>,
    /// When the engine last said that it runs, and when it must be stopped.
    alive: Option<(Instant, Option<Instant>)>,
    /// A stop is under way.
    stopping: bool,
    /// A stop on request was sent, as far as this process knows; absent: it did not see the whole run.
    cancelled: Option<bool>,
    end: Option<Progress>,
}

/// Runs scripts as containers of one engine.
#[derive(Debug)]
pub struct DockerRuntime {
    engine: Docker,
    _keys: engine::Keys,
    settings: DockerSettings,
    manager: Id,
    name: String,
    clock: Arc<dyn domain::clock::Clock>,
    node: String,
    /// The engine's clock minus ours.
    skew: TimeDelta,
    entries: Mutex<HashMap<Handle, Entry>>,
}

/// A container as the engine describes it.
struct Container {
    id: String,
    image: String,
    marks: Marks,
    notes: Vec<String>,
    created: Option<chrono::DateTime<chrono::Utc>>,
    state: bollard::models::ContainerState,
}

/// Connects to the engine that the manager names.
///
/// # Errors
/// `Refused` for settings that cannot work, `Unavailable` when the engine does not answer.
pub async fn connect(spec: &RuntimeManagerSpec, context: ManagerContext) -> Result<Arc<dyn Runtime>> {
    let endpoint = spec.endpoint.as_deref().unwrap_or_default().trim();
    let settings = spec.docker.clone().unwrap_or_default();
    let (engine, keys) = engine::client(endpoint, settings.tls.as_ref())?;
    let what = format!("no engine at {endpoint}");
    let engine = engine.negotiate_version().await.map_err(|e| failed(&what, e))?;
    let info = engine.info().await.map_err(|e| failed(&what, e))?;
    let now = context.clock.now();
    let skew = state::time(info.system_time.as_ref()).map_or_else(TimeDelta::zero, |theirs| theirs - now);
    Ok(Arc::new(DockerRuntime {
        node: engine::node(&info, endpoint),
        engine,
        _keys: keys,
        settings,
        manager: context.id,
        name: context.name,
        clock: context.clock,
        skew,
        entries: Mutex::default(),
    }))
}

impl DockerRuntime {
    fn entries(&self) -> MutexGuard<'_, HashMap<Handle, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry<T>(&self, handle: Handle, change: impl FnOnce(&mut Entry) -> T) -> T {
        change(self.entries().entry(handle).or_default())
    }

    /// What is known of a handle; nothing is made for one that nobody asked for before.
    fn peek<T>(&self, handle: Handle, look: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
        self.entries().get(&handle).and_then(look)
    }

    /// The container of a start, when the engine has it and it is ours.
    async fn find(&self, handle: Handle) -> Result<Option<Container>> {
        let name = container_name(handle);
        match self.engine.inspect_container(&name, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(self.ours(found)),
            Err(e) if status(&e) == Some(404) => Ok(None),
            Err(e) => Err(failed("the engine does not say where a run stands", e)),
        }
    }

    fn ours(&self, found: ContainerInspectResponse) -> Option<Container> {
        let config = found.config?;
        let (marks, notes) = labels::read(config.labels.as_ref()?)?;
        (marks.manager == self.manager).then_some(Container {
            id: found.id?,
            image: config.image.unwrap_or_default(),
            marks,
            notes,
            created: state::time(found.created.as_ref()),
            state: found.state.unwrap_or_default(),
        })
    }

    /// Containers of this manager, of one run or of all.
    async fn list(&self, run_id: Option<Id>) -> Result<Vec<(Handle, ContainerSummary)>> {
        let mut wanted = vec![format!("{}={}", labels::MANAGER, self.manager)];
        wanted.extend(run_id.map(|id| format!("{}={id}", labels::RUN)));
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&HashMap::from([("label", wanted.iter().map(String::as_str).collect())]));
        let found = self.engine.list_containers(Some(options.build())).await;
        let found = found.map_err(|e| failed("the engine does not list its containers", e))?;
        let mut all: Vec<_> =
            found.into_iter().filter_map(|c| Some((labels::handle(c.labels.as_ref()?)?, c))).collect();
        all.sort_by_key(|(handle, _)| *handle);
        Ok(all)
    }

    /// Where a run that is followed surely stands, without asking the engine.
    fn trusted(&self, handle: Handle) -> Option<Progress> {
        self.peek(handle, |entry| {
            if let Some(end) = &entry.end {
                return Some(end.clone());
            }
            let (asked, deadline) = entry.alive?;
            let open = entry.follower.as_ref().is_some_and(|f| f.stage() == Stage::Open);
            let early = deadline.is_none_or(|at| Instant::now() < at || entry.stopping);
            (open && early && asked.elapsed() < TRUST).then_some(Progress::Running)
        })
    }

    /// The end of a container that is over, with what its files and output tell.
    async fn judge(&self, handle: Handle, found: &Container) -> Result<Progress> {
        let code = found.state.exit_code.unwrap_or(0);
        let cancelled = match self.peek(handle, |e| e.cancelled) {
            Some(known) => known,
            None => self.was_stopped(&found.id).await?,
        };
        let mut not_executed = None;
        if matches!(code, 126 | 127) {
            let output = self.last_words(&found.id).await?;
            not_executed = state::not_executed(code, &output, &found.marks, &found.image);
        }
        Ok(match state::seen(&found.state, &found.marks, &Known { cancelled, not_executed }) {
            Seen::Over(progress) => progress,
            Seen::Created | Seen::Running(_) => Progress::Running,
        })
    }

    async fn look(&self, handle: Handle) -> Result<Progress> {
        let Some(found) = self.find(handle).await? else {
            return Ok(Progress::Unknown);
        };
        match state::seen(&found.state, &found.marks, &Known::default()) {
            Seen::Created => Ok(Progress::NotStarted),
            Seen::Running(started) => {
                let deadline = self.deadline(&found.marks, started);
                self.entry(handle, |e| e.alive = Some((Instant::now(), deadline)));
                if deadline.is_some_and(|at| Instant::now() >= at) {
                    self.stop_at_limit(handle, &found.id);
                }
                Ok(Progress::Running)
            }
            Seen::Over(_) => {
                let end = self.judge(handle, &found).await?;
                let follower = self.entry(handle, |e| {
                    e.end = Some(end.clone());
                    e.follower.clone()
                });
                if let Some(follower) = follower {
                    follower.ended();
                }
                Ok(end)
            }
        }
    }

    /// When it has to be stopped, on our monotonic clock.
    fn deadline(&self, marks: &Marks, started: Option<chrono::DateTime<chrono::Utc>>) -> Option<Instant> {
        let passed = (self.clock.now() + self.skew - started?).to_std().unwrap_or_default();
        let limit = Duration::from_secs(u64::from(marks.timeout_secs));
        Instant::now().checked_add(limit.saturating_sub(passed))
    }

    /// The follower of a run's output; none when the engine does not know the run.
    async fn follower(&self, handle: Handle) -> Result<Option<Arc<Follower>>> {
        if let Some(known) = self.peek(handle, |e| e.follower.clone()) {
            return Ok(Some(known));
        }
        let Some(found) = self.find(handle).await? else { return Ok(None) };
        let over = match state::seen(&found.state, &found.marks, &Known::default()) {
            Seen::Created => return Ok(None),
            Seen::Running(_) => false,
            Seen::Over(_) => true,
        };
        let fresh = Follower::start(self.engine.clone(), found.id, &found.marks, &found.notes, found.created, over)?;
        Ok(Some(self.entry(handle, |e| Arc::clone(e.follower.get_or_insert_with(|| Arc::new(fresh))))))
    }

    /// Removes a container that does not run, with its volume.
    async fn remove(&self, id: &str, force: bool) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().v(true).force(force).build();
        match self.engine.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(e) => match status(&e) {
                Some(404) => Ok(()),
                Some(409) if engine::words(&e).contains("already in progress") => Ok(()),
                Some(409) => Err(RuntimeError::Unavailable { what: "the run still lives".to_owned(), source: None }),
                _ => Err(failed("the engine does not remove a container", e)),
            },
        }
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Docker
    }

    fn node(&self) -> &str {
        &self.node
    }

    async fn start(&self, request: &StartRequest) -> Result<()> {
        let plan = spec::plan(&self.settings, (self.manager, &self.name), request)?;
        let one = self.entry(request.handle, |e| Arc::clone(&e.starting));
        let _one = one.lock().await;
        self.start_plan(&plan, &request.secrets).await
    }

    async fn known(&self, run_id: Id) -> Result<Vec<i64>> {
        Ok(self.list(Some(run_id)).await?.into_iter().map(|(handle, _)| handle.epoch).collect())
    }

    async fn progress(&self, handle: Handle) -> Result<Progress> {
        match self.trusted(handle) {
            Some(known) => Ok(known),
            None => self.look(handle).await,
        }
    }

    async fn logs(&self, handle: Handle, from: LogOffset) -> Result<LogChunk> {
        let Some(follower) = self.follower(handle).await? else {
            return Ok(LogChunk { records: vec![], next: from });
        };
        let over = self.peek(handle, |e| e.end.clone()).is_some() || follower.known_over();
        if over {
            follower.ended();
            return follower.rest(from).await;
        }
        follower.read(from)
    }

    async fn collect(&self, handle: Handle, into: &mut crate::results::Harvest) -> Result<()> {
        self.collect_files(handle, into).await
    }

    async fn cancel(&self, handle: Handle, grace: Duration) -> Result<()> {
        self.stop_on_request(handle, grace).await
    }

    async fn reap(&self, handle: Handle) -> Result<()> {
        self.kill_now(handle).await
    }

    async fn cleanup(&self, handle: Handle) -> Result<()> {
        if let Some(found) = self.find(handle).await? {
            self.remove(&found.id, false).await?;
        }
        self.entries().remove(&handle);
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Handle>> {
        Ok(self.list(None).await?.into_iter().map(|(handle, _)| handle).collect())
    }

    async fn health(&self) -> Result<PlatformInfo> {
        let info = self.engine.info().await.map_err(|e| failed("the engine does not answer", e))?;
        let runs = self.list(None).await?;
        let living = |c: &ContainerSummary| c.state == Some(ContainerSummaryStateEnum::RUNNING);
        let running = u32::try_from(runs.iter().filter(|(_, c)| living(c)).count()).unwrap_or(u32::MAX);
        let api = self.engine.client_version().to_string();
        Ok(engine::platform(&info, &self.node, running, &api, &self.settings.user))
    }

    async fn wait(&self, handle: Handle) -> Result<Progress> {
        loop {
            match self.progress(handle).await? {
                Progress::Running => {
                    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
                    let name = container_name(handle);
                    let mut over = std::pin::pin!(self.engine.wait_container(&name, Some(options)));
                    // An error is the usual way to hear of an exit code other than 0; where it stands is asked again anyway.
                    drop(tokio::time::timeout(Duration::from_millis(500), over.next()).await);
                    self.entry(handle, |e| e.alive = None);
                }
                other => return Ok(other),
            }
        }
    }
}
