//! What the router works with: the ports, the settings, and the pieces built from them.

use crate::auth::jwt::Keys;
use crate::auth::password::Passwords;
use crate::auth::tickets::Tickets;
use crate::routes::stream::Seats;
use async_trait::async_trait;
use domain::catalog::{Case, CaseSpec, ChannelSpec, MonitorSpec, RuntimeManagerSpec, ScriptSpec, SourceSpec};
use domain::clock::Clock;
use domain::decision::Decision;
use domain::policy::PolicySpec;
use domain::ports::{
    AlertStore, ApiKeyStore, AuditStore, Backtest, BlobStore, CatalogStore, ChangeStore, Discovery, FeedbackStore,
    HealStore, HealthHistory, IncidentStore, IncidentWorkStore, OutboxStore, QueueStore, ResultStore, RunLogs,
    RunStore, ScheduleStore, SecretStore, Sources, StatusStore, TemplateStore, TopologyStore, TryManager, UserStore,
    VersionStore, Wake,
};
use domain::run::Run;
use domain::schedule::ScheduleSpec;
use domain::{Id, Result};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Starts a policy's next step on an incident because a person asked.
#[async_trait]
pub trait ManualHeal: Send + Sync {
    /// Evaluates the policy with every gate and starts the step if they allow; the decision is stored either way.
    ///
    /// # Errors
    /// `NotFound` for an unknown policy or incident, `Conflict` when the incident is in no state to act on.
    async fn start(&self, incident: Id, policy: Id, actor: &str) -> Result<Decision>;
}

/// Makes a run of a case; it does not enqueue it (the API does, with an audit row).
#[async_trait]
pub trait RunFactory: Send + Sync {
    /// A queued, manual run with the case's script, image, limits and values, and `values` over them.
    ///
    /// # Errors
    /// `Invalid` with fields below `values` for values that the script's parameters do not allow.
    async fn manual(
        &self,
        case: &Case,
        values: BTreeMap<String, serde_json::Value>,
        target: Option<String>,
        actor: &str,
    ) -> Result<Run>;
}

/// Text of all metrics of the process, in Prometheus' format.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// Checks of readiness: name, whether it is well, and a line for people.
pub type ReadyChecks = Arc<dyn Fn() -> Vec<(String, bool, String)> + Send + Sync>;

/// Everything the API needs of the other parts, as ports.
#[derive(Clone)]
pub struct ApiDeps {
    /// Sources.
    pub sources: Arc<dyn CatalogStore<SourceSpec>>,
    /// Monitors.
    pub monitors: Arc<dyn CatalogStore<MonitorSpec>>,
    /// Scripts.
    pub scripts: Arc<dyn CatalogStore<ScriptSpec>>,
    /// Versions of scripts.
    pub versions: Arc<dyn VersionStore>,
    /// Cases.
    pub cases: Arc<dyn CatalogStore<CaseSpec>>,
    /// Schedules.
    pub schedules: Arc<dyn CatalogStore<ScheduleSpec>>,
    /// Their planned times.
    pub windows: Arc<dyn ScheduleStore>,
    /// Runtime managers.
    pub managers: Arc<dyn CatalogStore<RuntimeManagerSpec>>,
    /// Policies.
    pub policies: Arc<dyn CatalogStore<PolicySpec>>,
    /// Channels.
    pub channels: Arc<dyn CatalogStore<ChannelSpec>>,
    /// Live states.
    pub status: Arc<dyn StatusStore>,
    /// Checks of runtime managers over time.
    pub health: Arc<dyn HealthHistory>,
    /// Tries runtime managers.
    pub try_manager: Arc<dyn TryManager>,
    /// Incidents.
    pub incidents: Arc<dyn IncidentStore>,
    /// Alerts from outside.
    pub alerts: Arc<dyn AlertStore>,
    /// Opinions on anomalies.
    pub feedback: Arc<dyn FeedbackStore>,
    /// Log templates.
    pub templates: Arc<dyn TemplateStore>,
    /// Changes.
    pub changes: Arc<dyn ChangeStore>,
    /// Who depends on whom.
    pub topology: Arc<dyn TopologyStore>,
    /// What people do with incidents.
    pub work: Arc<dyn IncidentWorkStore>,
    /// Decisions and verifications.
    pub heal: Arc<dyn HealStore>,
    /// Runs.
    pub runs: Arc<dyn RunStore>,
    /// Their queue.
    pub queue: Arc<dyn QueueStore>,
    /// Logs of runs.
    pub logs: Arc<dyn RunLogs>,
    /// Artifacts and results of runs.
    pub results: Arc<dyn ResultStore>,
    /// File storage.
    pub blobs: Arc<dyn BlobStore>,
    /// Notifications.
    pub outbox: Arc<dyn OutboxStore>,
    /// Users and sessions.
    pub users: Arc<dyn UserStore>,
    /// Keys of programs.
    pub api_keys: Arc<dyn ApiKeyStore>,
    /// Secrets that runs are given.
    pub secrets: Arc<dyn SecretStore>,
    /// The audit chain.
    pub audit: Arc<dyn AuditStore>,
    /// Clients of the stored sources.
    pub live_sources: Arc<dyn Sources>,
    /// Looks at what sources hold.
    pub discovery: Arc<dyn Discovery>,
    /// Runs monitors over history.
    pub backtest: Arc<dyn Backtest>,
    /// Wakes between stages.
    pub wake: Arc<dyn Wake>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Text for `/metrics`.
    pub metrics: MetricsText,
    /// Checks for `/readyz`.
    pub ready: ReadyChecks,
    /// Starts steps by hand.
    pub manual_heal: Arc<dyn ManualHeal>,
    /// Makes manual runs.
    pub run_factory: Arc<dyn RunFactory>,
}

impl std::fmt::Debug for ApiDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiDeps").finish_non_exhaustive()
    }
}

/// What a day may bring before it counts as noisy.
#[derive(Debug, Clone, Copy)]
pub struct NoiseBudget {
    /// Incidents.
    pub incidents_a_day: u32,
    /// Notifications.
    pub notifications_a_day: u32,
}

impl Default for NoiseBudget {
    fn default() -> Self {
        Self { incidents_a_day: 10, notifications_a_day: 30 }
    }
}

/// Settings of the API; [`ApiConfig::default`] suits a server on its own.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Proxies whose `X-Forwarded-For` is believed; for all others the peer's address counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether to send `Strict-Transport-Security`; set it behind TLS.
    pub hsts: bool,
    /// Time limit of a request; streams are exempt.
    pub request_timeout: Duration,
    /// How often a stream looks whether its session goes on.
    pub session_check: Duration,
    /// Memory of one password hash, KiB (Argon2id).
    pub password_memory_kib: u32,
    /// Budget that the overview compares days with.
    pub noise: NoiseBudget,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            hsts: false,
            request_timeout: Duration::from_secs(30),
            session_check: Duration::from_secs(3),
            password_memory_kib: 19 * 1024,
            noise: NoiseBudget::default(),
        }
    }
}

/// Shared by all handlers.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) deps: ApiDeps,
    pub(crate) config: ApiConfig,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) tickets: Tickets,
    pub(crate) seats: Seats,
}

impl AppState {
    pub(crate) async fn new(deps: ApiDeps, config: ApiConfig) -> Result<Self> {
        let keys = Keys::load(deps.users.as_ref()).await?;
        let passwords = Passwords::new(config.password_memory_kib)?;
        Ok(Self(Arc::new(Inner {
            deps,
            config,
            keys,
            passwords,
            tickets: Tickets::default(),
            seats: Seats::default(),
        })))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
