//! A run: one execution of a case, its state automaton and its log.

use crate::catalog::{Expectations, Language, RuntimeKind};
use crate::limits::Limits;
use crate::retry::Retry;
use crate::trace::TraceContext;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Whether a run that may have started can be started again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Never twice; an unknown end is `lost`.
    #[default]
    AtMostOnce,
    /// May be repeated; attempts share one `RUN_KEY`.
    AtLeastOnce,
}

/// Where a run stands.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a person.
    WaitingApproval,
    /// Waits for a worker.
    Queued,
    /// A worker owns it, nothing started yet.
    Leased,
    /// Started.
    Running,
    /// Being stopped.
    Cancelling,
    /// Ended as expected.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// Stopped at its time limit.
    TimedOut,
    /// Stopped by a person.
    Cancelled,
    /// Its end cannot be known.
    Lost,
}

impl RunState {
    /// Whether it is written once and never changed.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Lost)
    }
}

/// Why a run exists.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPurpose {
    /// A person or the CLI asked.
    Manual,
    /// A policy's step.
    Heal,
    /// Takes a step back.
    Undo,
    /// A schedule's planned time came.
    Scheduled,
}

impl RunPurpose {
    /// Priority of a run that names none: cures go first.
    #[must_use]
    pub const fn priority(self) -> i32 {
        match self {
            Self::Manual | Self::Scheduled => 0,
            Self::Heal => 50,
            Self::Undo => 60,
        }
    }
}

/// Begins a runtime tag that one manager alone carries: the one whose name follows.
pub const PIN: &str = "manager:";

/// Lowest and highest priority.
pub const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;

/// Everything a runtime needs; fixed when the run is queued, so later edits change nothing.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Interpreter.
    pub language: Language,
    /// The script's text.
    pub body: String,
    /// SHA-256 of the text, hex.
    pub body_sha256: String,
    /// Program and arguments that run the text instead of the language's interpreter; empty: that one.
    #[serde(default)]
    pub interpreter: Vec<String>,
    /// Container image.
    pub image: Option<String>,
    /// Environment: parameters and the facts of the incident.
    pub env: BTreeMap<String, String>,
    /// Time limit, seconds.
    pub timeout_secs: u32,
    /// What counts as passed.
    pub expectations: Expectations,
    /// Whether it may be repeated.
    pub mode: RunMode,
    /// Tags that the runtime manager must carry.
    pub runtime_tags: Vec<String>,
    /// What it may use at most.
    #[serde(default)]
    pub limits: Limits,
    /// Secrets by reference: environment name to the secret's name. The values are read when the run starts, reach the script
    /// as environment and as files, and are never stored here.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// When it is attempted again.
    #[serde(default)]
    pub retry: Retry,
}

/// What links a run to the incident it is for.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealLink {
    /// The incident.
    pub incident_id: Uuid,
    /// The policy.
    pub policy_id: Uuid,
    /// The decision.
    pub decision_id: Uuid,
    /// Index of the policy's step.
    pub step: u32,
}

/// One execution of a case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// UUIDv7.
    pub id: Uuid,
    /// Raised by every change.
    pub version: i64,
    /// The case.
    pub case_id: Uuid,
    /// Its name at that time.
    pub case_name: String,
    /// Why.
    pub purpose: RunPurpose,
    /// Entity acted on; one automatic heal at a time each.
    pub target: String,
    /// For heals and undos.
    pub heal: Option<HealLink>,
    /// Where it stands.
    pub state: RunState,
    /// What is run.
    pub spec: RunSpec,
    /// Key that stays the same over attempts.
    pub run_key: String,
    /// Runtime manager, once chosen.
    pub manager_id: Option<Uuid>,
    /// Kind of that manager.
    pub runtime: Option<RuntimeKind>,
    /// Why that manager.
    pub manager_reason: String,
    /// Raised by every claim; older writers are refused.
    pub lease_epoch: i64,
    /// Who owns it.
    pub lease_owner: Option<String>,
    /// Until when, database clock.
    pub lease_until: Option<DateTime<Utc>>,
    /// Exit code, when observed.
    pub exit_code: Option<i32>,
    /// Why it ended so, for people.
    pub reason: String,
    /// Lines stored.
    pub log_lines: i64,
    /// Who asked.
    pub requested_by: String,
    /// Whose share of the queue it uses; owners are served in turn.
    #[serde(default)]
    pub owner: String,
    /// Who goes first, -100 to 100; higher is sooner.
    #[serde(default)]
    pub priority: i32,
    /// Whether it needs its target for itself: no two such runs act on one target at once.
    #[serde(default)]
    pub exclusive: bool,
    /// Which attempt it is, from 1; all attempts share `run_key`.
    #[serde(default = "first")]
    pub attempt: u32,
    /// The last epoch of the attempts before: what a runtime keeps of that and older ones is not this attempt's.
    #[serde(default)]
    pub attempt_after: i64,
    /// The request that started it together with others.
    #[serde(default)]
    pub batch_id: Option<Uuid>,
    /// The schedule that started it.
    #[serde(default)]
    pub schedule_id: Option<Uuid>,
    /// The planned time it stands for; one run for each planned time of a schedule.
    #[serde(default)]
    pub planned_at: Option<DateTime<Utc>>,
    /// Version of the script, by content hash.
    #[serde(default)]
    pub script_version: Option<String>,
    /// When any process ends it, whatever became of its owner; database clock.
    #[serde(default)]
    pub deadline_at: Option<DateTime<Utc>>,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When a person asked to stop it.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Span it belongs to.
    pub trace: TraceContext,
}

const fn first() -> u32 {
    1
}

impl Run {
    /// A new run in state `queued`, with the priority of its purpose; cures have their target for themselves.
    #[must_use]
    pub fn new(
        case: (Uuid, String),
        purpose: RunPurpose,
        target: String,
        spec: RunSpec,
        requested_by: String,
        now: DateTime<Utc>,
    ) -> Self {
        let id = crate::new_id();
        Self {
            id,
            version: 1,
            case_id: case.0,
            case_name: case.1,
            purpose,
            target,
            heal: None,
            state: RunState::Queued,
            spec,
            run_key: id.to_string(),
            manager_id: None,
            runtime: None,
            manager_reason: String::new(),
            lease_epoch: 0,
            lease_owner: None,
            lease_until: None,
            exit_code: None,
            reason: String::new(),
            log_lines: 0,
            owner: requested_by.clone(),
            requested_by,
            priority: purpose.priority(),
            exclusive: matches!(purpose, RunPurpose::Heal | RunPurpose::Undo),
            attempt: 1,
            attempt_after: 0,
            batch_id: None,
            schedule_id: None,
            planned_at: None,
            script_version: None,
            deadline_at: None,
            queued_at: now,
            started_at: None,
            ended_at: None,
            cancel_requested_at: None,
            trace: TraceContext::random(),
        }
    }
}

/// An attempt that ended and was followed by another one.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which, from 1.
    pub attempt: u32,
    /// Epoch of its last owner.
    pub epoch: i64,
    /// How it ended.
    pub state: RunState,
    /// Exit code, when observed.
    pub exit_code: Option<i32>,
    /// Why it ended so, for people.
    pub reason: String,
    /// Where it ran.
    pub manager_id: Option<Uuid>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

/// Which output.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Remark of the product.
    System,
}

/// One line of a run's log.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Dense, from 1.
    pub seq: i64,
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Which output.
    pub stream: Stream,
    /// The text, masked, without the line break.
    pub text: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// A terminal state.
    pub state: RunState,
    /// Exit code, when observed.
    pub exit_code: Option<i32>,
    /// Why, for people.
    pub reason: String,
}
