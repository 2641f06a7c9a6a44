//! Runtimes by manager: each row of the catalog becomes a connection of its own, kept until its address or settings change.

use super::{Result, Runtime, RuntimeError, docker, kubernetes};
use domain::Id;
use domain::catalog::{RuntimeKind, RuntimeManager, RuntimeManagerSpec};
use domain::clock::{Clock, SystemClock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(8);

/// What a runtime is told about the manager that it serves.
#[derive(Debug, Clone)]
pub struct ManagerContext {
    /// The manager; runs carry it, so that only its own are swept.
    pub id: Id,
    /// Its name, for people.
    pub name: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A connected runtime and the row it was made from.
#[derive(Debug)]
struct Connected {
    spec: RuntimeManagerSpec,
    runtime: Arc<dyn Runtime>,
}

/// Gives each runtime manager its runtime.
#[derive(Debug, Clone)]
pub struct Runtimes {
    fixed: Vec<Arc<dyn Runtime>>,
    connected: Arc<Mutex<HashMap<Id, Connected>>>,
    clock: Arc<dyn Clock>,
}

impl Default for Runtimes {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// The part of a row that a connection depends on.
fn connection(spec: &RuntimeManagerSpec) -> RuntimeManagerSpec {
    let usual = RuntimeManagerSpec::default();
    RuntimeManagerSpec { capacity: usual.capacity, draining: usual.draining, enabled: usual.enabled, ..spec.clone() }
}

impl Runtimes {
    /// `fixed` serve every manager of their kind (local runs of this process; of two of one kind the first counts); managers
    /// of other kinds are connected when they are first used.
    #[must_use]
    pub fn new(fixed: Vec<Arc<dyn Runtime>>) -> Self {
        Self { fixed, connected: Arc::default(), clock: Arc::new(SystemClock) }
    }

    /// Whether this process can serve managers of that kind at all.
    #[must_use]
    pub fn serves(&self, kind: RuntimeKind) -> bool {
        kind != RuntimeKind::Local || self.fixed.iter().any(|r| r.kind() == kind)
    }

    /// The manager's own runtime; connects when that was not done yet, or when its address or settings have changed.
    ///
    /// # Errors
    /// `Refused` when the row or this process does not allow it, `Unavailable` when the engine or cluster does not answer.
    pub async fn of(&self, manager: &RuntimeManager) -> Result<Arc<dyn Runtime>> {
        let spec = connection(&manager.spec);
        if let Some(known) = self.map().get(&manager.id).filter(|c| c.spec == spec) {
            return Ok(Arc::clone(&known.runtime));
        }
        let runtime = self.fresh(manager.id, &manager.name, &spec).await?;
        if !self.fixed.iter().any(|r| r.kind() == spec.kind) {
            self.map().insert(manager.id, Connected { spec, runtime: Arc::clone(&runtime) });
        }
        Ok(runtime)
    }

    /// A connection of its own as the settings say, kept by nobody; that of this process where one serves all of a kind.
    ///
    /// # Errors
    /// As [`Runtimes::of`].
    pub async fn fresh(&self, id: Id, name: &str, spec: &RuntimeManagerSpec) -> Result<Arc<dyn Runtime>> {
        if let Some(fixed) = self.fixed.iter().find(|r| r.kind() == spec.kind) {
            return Ok(Arc::clone(fixed));
        }
        let context = ManagerContext { id, name: name.to_owned(), clock: Arc::clone(&self.clock) };
        match tokio::time::timeout(CONNECT, connect(spec, context)).await {
            Ok(answer) => answer,
            Err(_) => {
                let what = format!("{name}: no answer within {} s", CONNECT.as_secs());
                Err(RuntimeError::Unavailable { what, source: None })
            }
        }
    }

    /// Drops the connection of a manager that is not well; the next use connects again. Runs that are followed go on.
    pub fn forget(&self, manager: Id) {
        self.map().remove(&manager);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<Id, Connected>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects to where the row says.
async fn connect(spec: &RuntimeManagerSpec, context: ManagerContext) -> Result<Arc<dyn Runtime>> {
    match spec.kind {
        RuntimeKind::Local => {
            Err(RuntimeError::Refused("this process runs no local scripts; use another runtime manager".to_owned()))
        }
        RuntimeKind::Docker => docker::connect(spec, context).await,
        RuntimeKind::Kubernetes => kubernetes::connect(spec, context).await,
    }
}
