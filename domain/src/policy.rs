//! A remediation policy: which incidents, which steps, which gates, and how the effect is measured.

use crate::catalog::Comparison;
use crate::error::FieldError;
use crate::incident::Severity;
use crate::resource::{Resource, Spec};
use crate::signal::SignalKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A policy as stored.
pub type Policy = Resource<PolicySpec>;

/// How much a policy may do by itself.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Autonomy {
    /// Decide and record, do nothing.
    Shadow,
    /// Show the decision; a person starts it.
    #[default]
    Suggest,
    /// Ask; run after approval.
    Approve,
    /// Run.
    Auto,
}

/// Which incidents a policy is for; every given condition must hold.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Entity of the best cause, with `*` for any run of characters; empty: any.
    pub entities: Vec<String>,
    /// Kinds of signal among the incident's anomalies; empty: any.
    pub signals: Vec<SignalKind>,
    /// Names of monitors of which one must be among the incident's anomalies, with `*`; empty: any.
    pub monitors: Vec<String>,
    /// Names of alerts of which one must be among the incident's members, with `*`; empty: any.
    pub alerts: Vec<String>,
    /// Labels that one and the same member (of those names, when given) must have, values with `*`; empty: any.
    pub labels: BTreeMap<String, String>,
    /// Lowest severity.
    pub min_severity: Severity,
}

/// One remediation step: a case and how to take it back.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Case to run.
    pub case_id: Uuid,
    /// Case that takes it back when the verdict is `worse` or `not_fixed`.
    #[serde(default)]
    pub undo_case_id: Option<Uuid>,
    /// Parameter values for this step, over the case's own.
    #[serde(default)]
    pub values: BTreeMap<String, serde_json::Value>,
}

/// At most `max_runs` in any `window_secs`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLimit {
    /// Width of the window, seconds.
    pub window_secs: u32,
    /// Runs at most.
    pub max_runs: u32,
}

/// Safety gates; all are evaluated and reserved in the transaction that enqueues the run.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Rest between two runs on one target, seconds.
    pub cooldown_secs: u32,
    /// Runs at most for one incident.
    pub max_attempts: u32,
    /// Limits for the policy over all targets.
    pub limits: Vec<RunLimit>,
    /// Opens after so many verdicts in a row that were not `fixed`.
    pub breaker_after: u32,
    /// How long the breaker stays open, seconds.
    pub breaker_secs: u32,
    /// Targets of this policy that may be acted on at the same time.
    pub max_targets_at_once: u32,
    /// Oldest data that may be acted on, seconds.
    pub freshness_secs: u32,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            cooldown_secs: 300,
            max_attempts: 3,
            limits: vec![RunLimit { window_secs: 3_600, max_runs: 10 }],
            breaker_after: 3,
            breaker_secs: 3_600,
            max_targets_at_once: 1,
            freshness_secs: 120,
        }
    }
}

/// A PromQL condition that must hold for the incident to be over.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromCheck {
    /// Source to ask.
    pub source_id: Uuid,
    /// PromQL; every series of the answer must satisfy the comparison. `$entity_value` is replaced by a
    /// quoted, escaped label value of the target.
    pub query: String,
    /// Comparison with `value` that means healthy.
    pub op: Comparison,
    /// The limit.
    pub value: f64,
}

/// How the effect of a run is measured.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerificationSpec {
    /// Wait after the run before the first sample, seconds.
    pub settle_secs: u32,
    /// Samples in a row that must be healthy.
    pub samples: u32,
    /// Time between samples, seconds.
    pub interval_secs: u32,
    /// Latest end, seconds after the first sample; then the verdict is what was seen.
    pub deadline_secs: u32,
    /// How long a relapse reopens the incident, seconds.
    pub soak_secs: u32,
    /// Use the recovery criterion that the detectors wrote.
    pub recovery: bool,
    /// Further conditions.
    pub checks: Vec<PromCheck>,
}

impl Default for VerificationSpec {
    fn default() -> Self {
        Self {
            settle_secs: 30,
            samples: 3,
            interval_secs: 15,
            deadline_secs: 300,
            soak_secs: 600,
            recovery: true,
            checks: Vec::new(),
        }
    }
}

/// What follows a step that did not fix it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The next step, and after the last a person.
    #[default]
    NextStep,
    /// The undo case of the step, then a person.
    Undo,
    /// A person at once.
    Escalate,
}

/// A remediation policy.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether it decides anything.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Lower numbers are asked first.
    #[serde(default)]
    pub priority: i32,
    /// Which incidents.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// How much by itself.
    #[serde(default)]
    pub autonomy: Autonomy,
    /// Brakes.
    #[serde(default)]
    pub gates: Gates,
    /// Measurement.
    #[serde(default)]
    pub verification: VerificationSpec,
    /// What follows a failed step.
    #[serde(default)]
    pub on_failure: OnFailure,
}

impl Spec for PolicySpec {
    const KIND: &'static str = "policy";
    const TABLE: &'static str = "policies";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut need = |ok: bool, field: &str, message: &str| {
            if !ok {
                wrong.push(FieldError::new(field, message));
            }
        };
        need(!self.steps.is_empty(), "steps", "give at least one step");
        need(self.steps.len() <= 10, "steps", "give at most 10 steps");
        need((1..=20).contains(&self.gates.max_attempts), "gates.max_attempts", "give a number from 1 to 20");
        need(self.gates.max_targets_at_once >= 1, "gates.max_targets_at_once", "give at least 1");
        need(self.gates.breaker_after >= 1, "gates.breaker_after", "give at least 1");
        need(self.gates.freshness_secs >= 1, "gates.freshness_secs", "give at least 1");
        need(
            self.gates.limits.iter().all(|l| l.window_secs > 0 && l.max_runs > 0),
            "gates.limits",
            "give windows and numbers above 0",
        );
        let v = &self.verification;
        need((1..=100).contains(&v.samples), "verification.samples", "give a number from 1 to 100");
        need((1..=3_600).contains(&v.interval_secs), "verification.interval_secs", "give a number from 1 to 3600");
        need(
            v.deadline_secs >= v.samples.saturating_mul(v.interval_secs),
            "verification.deadline_secs",
            "give at least samples x interval_secs",
        );
        need(v.recovery || !v.checks.is_empty(), "verification", "keep recovery on, or give at least one check");
        need(v.checks.iter().all(|c| c.value.is_finite()), "verification.checks", "give finite limits");
        need(v.checks.iter().all(|c| !c.query.trim().is_empty()), "verification.checks", "give a PromQL expression");
        wrong
    }
}

const fn yes() -> bool {
    true
}
