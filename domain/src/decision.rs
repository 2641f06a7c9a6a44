//! A decision: the stored outcome of evaluating a policy on an incident, with every gate's inputs.

use crate::anomaly::Anomaly;
use crate::incident::Incident;
use crate::policy::Policy;
use crate::run::{Run, RunState};
use crate::verification::Verdict;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was decided.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Run the step now.
    Run,
    /// Not yet; asked again at `retry_at`.
    Wait,
    /// A person must start or approve it.
    Ask,
    /// No; a person is told when nothing else is left.
    Refuse,
}

/// One gate, its inputs and its answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Name, for example `cooldown`.
    pub gate: String,
    /// Whether it lets the run through.
    pub passed: bool,
    /// One line for people.
    pub reason: String,
    /// What it looked at.
    pub inputs: serde_json::Value,
}

/// A stored decision.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// UUIDv7.
    pub id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// The policy; absent when none matched.
    pub policy_id: Option<Uuid>,
    /// Its name at that time.
    pub policy_name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What was decided.
    pub outcome: Outcome,
    /// One line for people.
    pub reason: String,
    /// Index of the step.
    pub step: u32,
    /// Every gate.
    pub gates: Vec<GateResult>,
    /// The run it started.
    pub run_id: Option<Uuid>,
    /// When to ask again, for `wait`.
    pub retry_at: Option<DateTime<Utc>>,
}

/// What is known about one run that counts for gates.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// The run.
    pub id: Uuid,
    /// Incident.
    pub incident_id: Uuid,
    /// Target.
    pub target: String,
    /// Policy step.
    pub step: u32,
    /// Whether it was an undo.
    pub undo: bool,
    /// State.
    pub state: RunState,
    /// When queued.
    pub queued_at: DateTime<Utc>,
    /// When ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Verdict of its verification.
    pub verdict: Option<Verdict>,
    /// When the verdict was given.
    pub verdict_at: Option<DateTime<Utc>>,
}

/// Everything the gates look at, read in the transaction that would enqueue the run.
#[derive(Debug, Clone, PartialEq)]
pub struct GateFacts {
    /// The incident as it is now.
    pub incident: Incident,
    /// Its anomalies.
    pub anomalies: Vec<Anomaly>,
    /// Runs of this policy in the last 24 hours on any target, newest first.
    pub policy_runs: Vec<PastRun>,
    /// Runs by any policy on this target in the last 24 hours, newest first.
    pub target_runs: Vec<PastRun>,
    /// When the monitors behind the incident last had complete data; the oldest of them.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

/// What evaluating a policy yields: the decision to store and, for `run`, the run to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The decision, with its gates.
    pub decision: Decision,
    /// The run to enqueue.
    pub run: Option<Box<Run>>,
    /// Whether nothing is left to try and a person must be told.
    pub escalate: bool,
}

/// The pure evaluation that the store calls inside its transaction.
pub type Evaluate<'a> = dyn Fn(&Policy, &GateFacts) -> Plan + Send + Sync + 'a;
