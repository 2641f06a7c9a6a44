//! Builds a run from a case, its script and the incident: everything a runtime needs, fixed at this moment.

use super::{env, params};
use crate::text::sha256_hex;
use domain::Time;
use domain::anomaly::Anomaly;
use domain::catalog::{Case, Script};
use domain::incident::Incident;
use domain::run::{HealLink, Run, RunPurpose, RunSpec, RunState};
use serde_json::Value;
use std::collections::BTreeMap;

/// A case with the script that it refers to.
#[derive(Debug, Clone, PartialEq)]
pub struct StepCase {
    /// The case.
    pub case: Case,
    /// Its script; absent when the case has a body of its own.
    pub script: Option<Script>,
}

/// What a heal or undo run is made from.
#[derive(Debug)]
pub struct BuildRun<'a> {
    /// The case with its script.
    pub case: &'a StepCase,
    /// Values of the policy's step, over the case's own.
    pub values: Option<&'a BTreeMap<String, Value>>,
    /// The incident.
    pub incident: &'a Incident,
    /// Its anomalies.
    pub anomalies: &'a [Anomaly],
    /// Heal or undo.
    pub purpose: RunPurpose,
    /// Policy, decision and step.
    pub link: HealLink,
    /// Who asks, for example `policy:restart checkout`.
    pub requested_by: String,
    /// When it is queued.
    pub now: Time,
}

/// The run in state `queued`.
///
/// # Errors
/// One line for people: the case or script is archived, empty, or a parameter breaks its schema.
pub fn build_run(from: &BuildRun<'_>) -> Result<Run, String> {
    let id = domain::new_id();
    let run_key = id.to_string();
    let mut spec = run_spec(from.case, from.values)?;
    spec.env.extend(env::facts(from.incident, from.anomalies, &run_key));
    Ok(Run {
        id,
        version: 1,
        case_id: from.case.case.id,
        case_name: from.case.case.name.clone(),
        purpose: from.purpose,
        target: from.incident.entity.clone(),
        heal: Some(from.link.clone()),
        state: RunState::Queued,
        spec,
        run_key,
        manager_id: None,
        runtime: None,
        manager_reason: String::new(),
        lease_epoch: 0,
        lease_owner: None,
        lease_until: None,
        exit_code: None,
        reason: String::new(),
        log_lines: 0,
        requested_by: from.requested_by.clone(),
        queued_at: from.now,
        started_at: None,
        ended_at: None,
        cancel_requested_at: None,
        trace: from.incident.trace.clone(),
    })
}

/// The executable part: body, environment from validated parameters, limits.
///
/// # Errors
/// As [`build_run`].
pub fn run_spec(step: &StepCase, over: Option<&BTreeMap<String, Value>>) -> Result<RunSpec, String> {
    let case = &step.case;
    if case.archived_at.is_some() {
        return Err(format!("case {} was archived", case.name));
    }
    let script = step.script.as_ref();
    if let Some(s) = script.filter(|s| s.archived_at.is_some()) {
        return Err(format!("script {} was archived", s.name));
    }
    let body =
        script.map(|s| &s.spec.body).or(case.spec.body.as_ref()).ok_or("the case has neither script nor body")?;
    let language = script.map(|s| s.spec.language).or(case.spec.language).ok_or("the case's body has no language")?;
    let mut values = case.spec.values.clone();
    values.extend(over.cloned().unwrap_or_default());
    let schema = script.map_or(&Value::Null, |s| &s.spec.parameters);
    let values = params::validate(schema, values)?;
    Ok(RunSpec {
        language,
        body: body.clone(),
        body_sha256: sha256_hex(body.as_bytes()),
        image: script.and_then(|s| s.spec.image.clone()),
        env: env::parameters(&values)?,
        timeout_secs: case.spec.timeout_secs.or(script.map(|s| s.spec.timeout_secs)).unwrap_or(300),
        expectations: case.spec.expectations.clone(),
        mode: script.map(|s| s.spec.mode).or(case.spec.mode).unwrap_or_default(),
        runtime_tags: case.spec.runtime_tags.clone(),
        ..RunSpec::default()
    })
}
