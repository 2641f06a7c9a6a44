//! A verification: the measured verdict after a run.

use crate::feedback::Opinion;
use crate::policy::VerificationSpec;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was measured.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Healthy in every sample that was asked for.
    Fixed,
    /// Better than before the run, not healthy.
    Improved,
    /// No better than before.
    NotFixed,
    /// Worse than before.
    Worse,
    /// Data was missing; nothing can be said.
    Inconclusive,
}

/// One condition at one time.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckSample {
    /// Name of the condition, for example the monitor.
    pub check: String,
    /// When it was measured.
    pub at: DateTime<Utc>,
    /// The value; absent when there was no data.
    pub value: Option<f64>,
    /// Lower and upper healthy value.
    pub healthy: Option<(Option<f64>, Option<f64>)>,
    /// Whether it holds; absent when unknown.
    pub holds: Option<bool>,
    /// How far outside, in units of the band's width; 0 inside.
    pub distance: Option<f64>,
    /// Why it is unknown.
    pub note: String,
}

/// A verification as stored.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// UUIDv7.
    pub id: Uuid,
    /// Raised by every change.
    pub version: i64,
    /// The incident.
    pub incident_id: Uuid,
    /// The run whose effect it measures.
    pub run_id: Uuid,
    /// The policy.
    pub policy_id: Uuid,
    /// Index of the policy's step.
    pub step: u32,
    /// How it measures, fixed at the start.
    pub spec: VerificationSpec,
    /// Measured before the run.
    pub baseline: Vec<CheckSample>,
    /// Rounds of samples after the run, oldest first.
    pub rounds: Vec<Vec<CheckSample>>,
    /// When the next round is due; absent once the verdict is given.
    pub next_at: Option<DateTime<Utc>>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The verdict, once given.
    pub verdict: Option<Verdict>,
    /// One line for people.
    pub reason: String,
    /// When the verdict was given.
    pub ended_at: Option<DateTime<Utc>>,
    /// A relapse until then reopens the incident.
    pub soak_until: Option<DateTime<Utc>>,
}

impl Verification {
    /// Whether everything was measured to be healthy before the run: there was nothing for it to cure.
    #[must_use]
    pub fn was_healthy(&self) -> bool {
        !self.baseline.is_empty() && self.baseline.iter().all(|s| s.holds == Some(true))
    }

    /// What `verdict` says of the anomalies behind it: a cure makes them useful; what was healthy before the run already
    /// makes them a false alarm; every other verdict says nothing of them.
    #[must_use]
    pub fn says(&self, verdict: Verdict) -> Option<Opinion> {
        (verdict == Verdict::Fixed).then(|| if self.was_healthy() { Opinion::Noise } else { Opinion::Useful })
    }
}
