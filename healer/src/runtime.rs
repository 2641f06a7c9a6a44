//! The runtime port: a place that runs scripts, survives our death, and tells what it observed.

pub mod docker;
pub mod kubernetes;
pub mod local;
mod registry;

pub use registry::{ManagerContext, Runtimes};

use async_trait::async_trait;
use domain::catalog::RuntimeKind;
use domain::run::{LogRecord, RunSpec};
use domain::{Id, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a run could not be started or followed.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It can never be started so; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The runtime does not answer or has no room; later may work.
    #[error("{what}")]
    Unavailable {
        /// What was tried, for people.
        what: String,
        /// The cause, for the log.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl RuntimeError {
    /// The runtime failed at `what`.
    pub fn unavailable(what: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        Self::Unavailable { what: format!("{}: {cause}", what.into()), source: Some(cause) }
    }
}

/// Result of a runtime.
pub type Result<T, E = RuntimeError> = std::result::Result<T, E>;

/// Names one start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Handle {
    /// The run.
    pub run_id: Id,
    /// Epoch under which it was started; starting the same one again is no second start.
    pub epoch: i64,
}

/// What to start.
#[derive(Clone)]
pub struct StartRequest {
    /// Run and epoch.
    pub handle: Handle,
    /// What is run; the environment is complete but for the secrets.
    pub spec: RunSpec,
    /// Number of the first log line (lines of an earlier attempt come before it).
    pub first_seq: i64,
    /// Values of the secrets that the run refers to, by environment name. Scripts get each in the environment, and as a file of that
    /// name below `$AIOPS_SECRETS` that only they can read (0600). Never an argument, a label, an annotation, never printed.
    pub secrets: BTreeMap<String, String>,
}

impl std::fmt::Debug for StartRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secrets: Vec<&String> = self.secrets.keys().collect();
        let mut text = f.debug_struct("StartRequest");
        text.field("handle", &self.handle).field("spec", &self.spec).field("first_seq", &self.first_seq);
        text.field("secrets", &secrets).finish()
    }
}

/// How a run ended, as observed. Absent values were not observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedEnd {
    /// Exit code of the script.
    pub exit_code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// It was stopped at its time limit.
    pub timed_out: bool,
    /// It was stopped on request.
    pub cancelled: bool,
    /// Nothing was run, and why.
    pub start_error: Option<String>,
    /// When the script was started.
    pub started_at: Option<Time>,
    /// When its end was observed.
    pub ended_at: Option<Time>,
    /// Processes of its tree that could not be ended.
    pub survivors: u32,
    /// What the runtime knows beyond code and signal, in plain words: out of memory, evicted.
    #[serde(default)]
    pub cause: Option<String>,
}

/// Where a started run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The runtime knows nothing of this run and epoch.
    Unknown,
    /// Prepared; nothing ran and nothing will unless it is started again under the same epoch.
    NotStarted,
    /// Alive.
    Running,
    /// Its end was observed.
    Ended(ObservedEnd),
    /// It was started and its end cannot be known.
    Lost(String),
}

/// Position in a run's log: opaque, valid for one handle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOffset(pub u64);

/// A piece of a run's log, in order and without gaps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogChunk {
    /// The lines, numbered densely from the request's `first_seq`; not masked.
    pub records: Vec<LogRecord>,
    /// Where the next piece begins.
    pub next: LogOffset,
}

/// What a runtime runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformInfo {
    /// Operating system.
    pub os: String,
    /// Kernel or engine version.
    pub kernel: String,
    /// Architecture.
    pub arch: String,
    /// Host name.
    pub host: String,
    /// CPUs.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Runs that are alive there.
    pub running: u32,
    /// How far "stop means dead" reaches here.
    pub isolation: String,
    /// Engine or cluster with its version and API; empty for local runs.
    #[serde(default)]
    pub engine: String,
    /// Images that the engine keeps, or absent where there is none.
    #[serde(default)]
    pub images: Option<u32>,
}

/// A place that runs scripts.
///
/// Every implementation passes the contract suite in `tests/it/contract.rs`. `start` is idempotent by run id and epoch. A run is never ended by the death
/// of whoever started it; only `cancel`, its own time limit or its own end do that.
#[async_trait]
pub trait Runtime: Send + Sync + std::fmt::Debug {
    /// Which kind it is.
    fn kind(&self) -> RuntimeKind;

    /// Name of the host or engine that keeps the runs of this runtime; runs of another one cannot be seen here.
    fn node(&self) -> &str;

    /// Starts it, or does nothing when this run and epoch was started before.
    ///
    /// # Errors
    /// `Refused` for what can never run, `Unavailable` otherwise; after an error nothing runs, unless a later start says so.
    async fn start(&self, request: &StartRequest) -> Result<()>;

    /// Epochs of this run that are known here, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn known(&self, run_id: Id) -> Result<Vec<i64>>;

    /// Where it stands.
    ///
    /// # Errors
    /// `Unavailable`; that is no statement about the run.
    async fn progress(&self, handle: Handle) -> Result<Progress>;

    /// The log from `from` on; at most about 1 MiB at once.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn logs(&self, handle: Handle, from: LogOffset) -> Result<LogChunk>;

    /// Hands over what the run left below `$AIOPS_ARTIFACTS` and in `$AIOPS_RESULT`, as far as this runtime can read it after the
    /// run's end; what it cannot is noted in `into`.
    ///
    /// # Errors
    /// `Unavailable`; what was handed over until then is kept.
    async fn collect(&self, handle: Handle, into: &mut crate::results::Harvest) -> Result<()>;

    /// Asks it to stop: TERM, then KILL of its whole tree after `grace`. Returns at once; watch `progress`. Idempotent.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn cancel(&self, handle: Handle, grace: Duration) -> Result<()>;

    /// Ends whatever is left of a run that is lost, and forgets nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn reap(&self, handle: Handle) -> Result<()>;

    /// Forgets a run that ended: removes its files or objects. Refuses nothing, repeats are fine.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn cleanup(&self, handle: Handle) -> Result<()>;

    /// Runs that are kept here, for the sweep of what was left behind.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn all(&self) -> Result<Vec<Handle>>;

    /// Platform information; an error when the runtime cannot be used.
    ///
    /// # Errors
    /// `Unavailable`, with what to do.
    async fn health(&self) -> Result<PlatformInfo>;

    /// How long a run that was started may take until its script runs (a node, an image); it ends by itself when it takes longer.
    fn start_allowance(&self) -> Duration {
        Duration::ZERO
    }

    /// Waits until it ended or is lost, asking again and again.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn wait(&self, handle: Handle) -> Result<Progress> {
        loop {
            match self.progress(handle).await? {
                Progress::Running => tokio::time::sleep(Duration::from_millis(50)).await,
                other => return Ok(other),
            }
        }
    }
}
