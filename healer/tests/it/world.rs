//! A store in memory with the contracts that the healer relies on: leases with epochs, one end, decisions, verifications.

mod heal;
mod kept;
mod queue;
mod runs;

use crate::fakes::{Bell, Catalog, Gauge, Statuses, resource};
use crate::support::local;
use domain::Id;
use domain::anomaly::Anomaly;
use domain::catalog::{CaseSpec, ChannelSpec, RuntimeManagerSpec};
use domain::clock::SystemClock;
use domain::decision::Decision;
use domain::incident::{Incident, IncidentEvent};
use domain::outbox::Notification;
use domain::policy::PolicySpec;
use domain::resource::Resource;
use domain::run::{Attempt, LogRecord, Run};
use domain::testing::{MemBlobs, MemChecks, MemKept, MemSecrets, MemWindows};
use domain::verification::{CheckSample, Verification};
use healer::notify::Webhook;
use healer::{HealerConfig, HealerDeps, Runtimes};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) runs: BTreeMap<Id, Run>,
    pub(crate) logs: BTreeMap<Id, Vec<LogRecord>>,
    pub(crate) ends: Vec<Id>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) incidents: BTreeMap<Id, Incident>,
    pub(crate) anomalies: Vec<Anomaly>,
    pub(crate) events: Vec<IncidentEvent>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) baselines: BTreeMap<Id, Vec<CheckSample>>,
    pub(crate) verifications: BTreeMap<Id, Verification>,
    pub(crate) notifications: Vec<Notification>,
    /// The next call of this name dies as if the process were killed there (a panic ends the task that made it).
    pub(crate) die_at: Option<&'static str>,
}

/// The store.
#[derive(Debug, Default)]
pub(crate) struct World(Mutex<Tables>);

impl World {
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        // A fake that died on purpose may have held the lock; the tables are whole all the same.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn die(&self, at: &'static str) {
        let due = self.tables().die_at.take_if(|d| *d == at).is_some();
        assert!(!due, "killed on purpose at {at}");
    }

    pub(crate) fn run(&self, id: Id) -> Run {
        self.tables().runs[&id].clone()
    }
}

/// No script has a version.
struct NoVersions;

#[async_trait::async_trait]
impl domain::ports::VersionStore for NoVersions {
    async fn versions(&self, _: Id, _: Option<i64>, _: u32) -> domain::Result<Vec<domain::version::ScriptVersion>> {
        Ok(Vec::new())
    }

    async fn version(&self, _: Id, _: Option<i64>) -> domain::Result<domain::version::ScriptVersion> {
        Err(domain::Error::not_found("version"))
    }
}

/// Secrets that somebody stores.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<String>>);

#[async_trait::async_trait]
impl domain::ports::KnownSecrets for Told {
    async fn known_secrets(&self) -> domain::Result<Vec<String>> {
        Ok(self.0.lock().expect("told").clone())
    }
}

/// What a test is given.
pub(crate) struct Bench {
    pub(crate) root: tempfile::TempDir,
    pub(crate) world: Arc<World>,
    pub(crate) deps: HealerDeps,
}

/// A manager of local runs.
pub(crate) fn manager(capacity: u32) -> Resource<RuntimeManagerSpec> {
    resource("here", RuntimeManagerSpec { capacity, ..RuntimeManagerSpec::default() })
}

/// A healer over a fake store, real local runs below `root`, and a gauge at `root/gauge`.
pub(crate) fn bench(
    policies: Vec<Resource<PolicySpec>>,
    cases: Vec<Resource<CaseSpec>>,
    channels: Vec<Resource<ChannelSpec>>,
) -> Bench {
    // Another test of this process may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let root = tempfile::tempdir().expect("root");
    let world = Arc::new(World::default());
    let config = HealerConfig {
        lease: Duration::from_millis(1_500),
        tick: Duration::from_millis(50),
        cancel_grace: Duration::from_millis(300),
        health_every: Duration::from_secs(1),
        placement_limit: Duration::from_millis(300),
        masks: healer::Masks::new(["hunter2-Zq9"]),
        ..HealerConfig::new("test")
    };
    let deps = HealerDeps {
        heal: world.clone(),
        incidents: world.clone(),
        runs: world.clone(),
        queue: world.clone(),
        logs: world.clone(),
        results: Arc::new(MemKept::default()),
        blobs: Arc::new(MemBlobs::default()),
        policies: Catalog::of(policies),
        cases: Catalog::of(cases),
        scripts: Catalog::of(vec![]),
        versions: Arc::new(NoVersions),
        secrets: Arc::new(MemSecrets::default()),
        known_secrets: Arc::new(Told::default()),
        schedules: Catalog::of(vec![]),
        windows: Arc::new(MemWindows::default()),
        managers: Catalog::of(vec![manager(4)]),
        channels: Catalog::of(channels),
        status: Arc::new(Statuses::default()),
        history: Arc::new(MemChecks::default()),
        outbox: world.clone(),
        sources: Arc::new(Gauge(root.path().join("gauge"))),
        wake: Arc::new(Bell::default()),
        clock: Arc::new(SystemClock),
        runtimes: Runtimes::new(vec![Arc::new(local(&root.path().join("runs")))]),
        notifiers: vec![Arc::new(Webhook::new(Arc::new(SystemClock)).expect("webhook"))],
        stats: Arc::default(),
        config,
    };
    Bench { root, world, deps }
}

/// A healer under way: stopped in order, or killed.
pub(crate) struct Healer {
    task: JoinHandle<()>,
    cancel: CancellationToken,
}

impl Bench {
    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn start(&self) -> Healer {
        let cancel = CancellationToken::new();
        Healer { task: tokio::spawn(healer::run(self.deps.clone(), cancel.clone())), cancel }
    }
}

impl Healer {
    /// As by `kill -9`: nothing of ours goes on, nothing is written any more.
    pub(crate) async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }

    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("stopped in order");
    }
}
