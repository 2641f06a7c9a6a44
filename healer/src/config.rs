//! What the healer is given: ports, runtimes and settings.

use crate::masks::Masks;
use crate::notify::Notifier;
use crate::runtime::Runtimes;
use crate::stats::Stats;
use domain::catalog::{CaseSpec, ChannelKind, ChannelSpec, RuntimeManagerSpec, ScriptSpec};
use domain::clock::Clock;
use domain::policy::PolicySpec;
use domain::ports::{
    BlobStore, CatalogStore, HealStore, HealthHistory, IncidentStore, KnownSecrets, OutboxStore, QueueStore,
    ResultStore, RunLogs, RunStore, ScheduleStore, SecretStore, Sources, StatusStore, VersionStore, Wake,
};
use domain::schedule::ScheduleSpec;
use domain::trace::TraceContext;
use std::sync::Arc;
use std::time::Duration;

/// Makes a span part of the trace of an incident or run; the binary knows the tracer.
pub type AdoptTrace = fn(&tracing::Span, &TraceContext);

/// Settings.
#[derive(Debug, Clone)]
pub struct HealerConfig {
    /// Stable name of this instance; with a nonce of the process it is the owner of leases.
    pub instance: String,
    /// Lease of a run: renewed at a third, given up at two thirds without renewal.
    pub lease: Duration,
    /// Pause of every loop when nothing wakes it.
    pub tick: Duration,
    /// Runs that this process follows at once, over all runtime managers.
    pub max_active: usize,
    /// Time between TERM and KILL at a cancel.
    pub cancel_grace: Duration,
    /// How long a run waits for a runtime manager with its tags to exist before it fails.
    pub placement_limit: Duration,
    /// Age an incident must have before anything is decided: the first sign is seldom the most telling one.
    pub observe: Duration,
    /// Time between health checks of runtime managers.
    pub health_every: Duration,
    /// Age at which a notification that was not delivered is given up.
    pub notify_for: Duration,
    /// Masks secrets in logs; what is stored later is learned.
    pub masks: Masks,
    /// Puts spans into the incident's trace.
    pub adopt: AdoptTrace,
}

impl HealerConfig {
    /// The usual settings for an instance.
    #[must_use]
    pub fn new(instance: impl Into<String>) -> Self {
        Self {
            instance: instance.into(),
            lease: Duration::from_secs(20),
            tick: Duration::from_secs(1),
            max_active: 512,
            cancel_grace: Duration::from_secs(5),
            placement_limit: Duration::from_secs(120),
            observe: Duration::ZERO,
            health_every: Duration::from_secs(30),
            notify_for: Duration::from_secs(86_400),
            masks: Masks::default(),
            adopt: |_, _| {},
        }
    }
}

/// Everything the healer works with.
#[derive(Clone)]
pub struct HealerDeps {
    /// Decisions and verifications.
    pub heal: Arc<dyn HealStore>,
    /// Incidents with their anomalies.
    pub incidents: Arc<dyn IncidentStore>,
    /// Runs and their queue.
    pub runs: Arc<dyn RunStore>,
    /// Who gets what next, attempts and pauses.
    pub queue: Arc<dyn QueueStore>,
    /// Logs of runs.
    pub logs: Arc<dyn RunLogs>,
    /// Artifacts and results of runs.
    pub results: Arc<dyn ResultStore>,
    /// File storage.
    pub blobs: Arc<dyn BlobStore>,
    /// Policies.
    pub policies: Arc<dyn CatalogStore<PolicySpec>>,
    /// Cases.
    pub cases: Arc<dyn CatalogStore<CaseSpec>>,
    /// Scripts.
    pub scripts: Arc<dyn CatalogStore<ScriptSpec>>,
    /// Their versions.
    pub versions: Arc<dyn VersionStore>,
    /// Secrets that runs are given.
    pub secrets: Arc<dyn SecretStore>,
    /// All that is masked in the logs of every run.
    pub known_secrets: Arc<dyn KnownSecrets>,
    /// Schedules of cases.
    pub schedules: Arc<dyn CatalogStore<ScheduleSpec>>,
    /// Their planned times.
    pub windows: Arc<dyn ScheduleStore>,
    /// Runtime managers.
    pub managers: Arc<dyn CatalogStore<RuntimeManagerSpec>>,
    /// Channels.
    pub channels: Arc<dyn CatalogStore<ChannelSpec>>,
    /// Live states.
    pub status: Arc<dyn StatusStore>,
    /// Checks of runtime managers over time.
    pub history: Arc<dyn HealthHistory>,
    /// Notifications.
    pub outbox: Arc<dyn OutboxStore>,
    /// Metric sources, for verification.
    pub sources: Arc<dyn Sources>,
    /// Wakes between stages.
    pub wake: Arc<dyn Wake>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where scripts run.
    pub runtimes: Runtimes,
    /// How channels deliver.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Counters.
    pub stats: Arc<Stats>,
    /// Settings.
    pub config: HealerConfig,
}

impl std::fmt::Debug for HealerDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealerDeps")
            .field("config", &self.config)
            .field("runtimes", &self.runtimes)
            .finish_non_exhaustive()
    }
}

impl HealerDeps {
    pub(crate) fn notifier(&self, kind: ChannelKind) -> Option<&Arc<dyn Notifier>> {
        self.notifiers.iter().find(|n| n.kind() == kind)
    }

    /// A span's place in the trace of an incident or run.
    pub(crate) fn adopted(&self, span: tracing::Span, trace: &TraceContext) -> tracing::Span {
        (self.config.adopt)(&span, trace);
        span
    }

    /// Notes a failure of a port; the loops go on and try again.
    pub(crate) fn failed(&self, what: &'static str, error: &domain::Error) {
        self.stats.error();
        let cause = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(what, error = %error, cause, "a step failed and is tried again");
    }
}
