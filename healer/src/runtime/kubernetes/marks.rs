//! Names, labels and annotations by which jobs are found again, by any of our processes.

use crate::runtime::Handle;
use domain::{Id, Time};
use k8s_openapi::api::batch::v1::Job;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Runtime manager that a job belongs to; the sweep looks at no other.
pub(super) const MANAGER: &str = "aiops.dev/manager";
/// Run.
pub(super) const RUN: &str = "aiops.dev/run";
/// Epoch of the start.
pub(super) const EPOCH: &str = "aiops.dev/epoch";
/// What is needed to follow the run without our database: [`Facts`].
pub(super) const FACTS: &str = "aiops.dev/facts";
/// A stop that was asked for: [`Stop`].
pub(super) const STOP: &str = "aiops.dev/stop";
/// How far a long log was read and stored: [`super::shape::Mark`].
pub(super) const LOG: &str = "aiops.dev/log";
/// Name of the one container.
pub(super) const CONTAINER: &str = "script";

/// Name of the job, its secret and its network policy.
pub(super) fn name(handle: Handle) -> String {
    format!("aiops-{}-{}", handle.run_id, handle.epoch)
}

/// Labels of everything that belongs to this start.
pub(super) fn labels(manager: Id, handle: Handle) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/managed-by", "aiops".to_owned()),
        (MANAGER, manager.to_string()),
        (RUN, handle.run_id.to_string()),
        (EPOCH, handle.epoch.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Which start these labels name.
pub(super) fn handle(labels: Option<&BTreeMap<String, String>>) -> Option<Handle> {
    let labels = labels?;
    Some(Handle { run_id: labels.get(RUN)?.parse().ok()?, epoch: labels.get(EPOCH)?.parse().ok()? })
}

/// What the job carries of its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub first_seq: i64,
    pub grace_secs: u32,
    pub timeout_secs: u32,
    pub output_bytes: u64,
    pub memory_bytes: u64,
    pub at_most_once: bool,
    /// Names of the environment that were left out.
    pub left_out: Vec<String>,
}

/// Why a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    Cancelled,
    TimedOut,
    NotStarted,
}

/// A stop that was asked for; the first one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stop {
    pub why: Why,
    /// For people.
    pub text: String,
    pub at: Time,
}

/// Reads an annotation.
pub(super) fn annotation<T: DeserializeOwned>(job: &Job, name: &str) -> Option<T> {
    serde_json::from_str(job.metadata.annotations.as_ref()?.get(name)?).ok()
}

/// The stop that was asked for, when there is one.
pub(super) fn stop(job: &Job) -> Option<Stop> {
    annotation(job, STOP)
}

/// Begins each line of ours in the output of a start; the byte before the name is no part of usual text.
pub(super) fn line_mark(handle: Handle) -> String {
    let id = handle.run_id.simple().to_string();
    format!("\u{1e}aiops-{}.{}", &id[20..], handle.epoch)
}
