//! Scores one repetition: a pure function of what the product said and what really happened.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::up::{Action, Injection};

/// Time by which the truth may lag behind a verdict, milliseconds: the truth needs three calm looks.
const TRUTH_LAG_MS: i64 = 5_000;

/// An incident as the product's API shows it; fields that the score does not need are not read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SeenIncident {
    /// Id.
    pub(crate) id: String,
    /// State at the end.
    pub(crate) state: String,
    /// Most probable entity.
    #[serde(default)]
    pub(crate) entity: String,
    /// Entities with anomalies.
    #[serde(default)]
    pub(crate) entities: Vec<String>,
    /// When the product opened it.
    pub(crate) detected_at: Option<DateTime<Utc>>,
    /// Ranked causes, best first.
    #[serde(default)]
    pub(crate) causes: Vec<SeenCause>,
    /// Timeline, oldest first.
    #[serde(default)]
    pub(crate) events: Vec<SeenEvent>,
    /// Runs, any order.
    #[serde(default)]
    pub(crate) runs: Vec<SeenRun>,
    /// Verifications, any order.
    #[serde(default)]
    pub(crate) verifications: Vec<SeenVerification>,
}

/// One candidate for the cause.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SeenCause {
    /// For example `service=checkout`.
    pub(crate) entity: String,
    /// 0..=1.
    #[serde(default)]
    pub(crate) probability: f64,
}

/// One row of the timeline.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SeenEvent {
    /// When.
    pub(crate) at: Option<DateTime<Utc>>,
    /// What.
    pub(crate) kind: String,
    /// One line for people.
    #[serde(default)]
    pub(crate) message: String,
}

/// One run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SeenRun {
    /// Id.
    pub(crate) id: String,
    /// Case.
    #[serde(default)]
    pub(crate) case_name: String,
    /// Entity acted on.
    #[serde(default)]
    pub(crate) target: String,
    /// State at the end.
    #[serde(default)]
    pub(crate) state: String,
    /// When it started.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

/// One verification.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SeenVerification {
    /// The run it measures.
    #[serde(default)]
    pub(crate) run_id: String,
    /// The verdict, once given.
    pub(crate) verdict: Option<String>,
    /// When the verdict was given.
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

/// Everything that happened in one repetition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Story {
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// Start of the repetition (the injection, if there is one), unix milliseconds.
    pub(crate) begun_ms: i64,
    /// End of the repetition.
    pub(crate) ended_ms: i64,
    /// The fault as the testbed measured it; absent in a control.
    pub(crate) fault: Option<Injection>,
    /// What was done to the testbed meanwhile.
    pub(crate) actions: Vec<Action>,
    /// Incidents the product opened meanwhile.
    pub(crate) incidents: Vec<SeenIncident>,
    /// Share of users served well, as the load measured it at its worst.
    pub(crate) worst_success_rate: Option<f64>,
}

/// The score of one repetition. Times are milliseconds since the injection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    /// First measured effect of the fault.
    pub(crate) effective_ms: Option<i64>,
    /// First incident.
    pub(crate) detect_ms: Option<i64>,
    /// First ranking of causes.
    pub(crate) explain_ms: Option<i64>,
    /// First run started.
    pub(crate) act_ms: Option<i64>,
    /// Fault really gone, by the testbed's truth.
    pub(crate) heal_ms: Option<i64>,
    /// First verdict `fixed` that came after the real cure.
    pub(crate) verify_ms: Option<i64>,
    /// Last verdict of all.
    pub(crate) verdict: Option<String>,
    /// Place of the real cause among the ranked causes of the first incident, from 1.
    pub(crate) cause_rank: Option<usize>,
    /// The product's verdict and the truth say the same.
    pub(crate) truth_agrees: bool,
    /// Verdicts `fixed` while the fault was still in effect.
    pub(crate) false_fixed: usize,
    /// Runs on a target that was not at fault; in a control every run.
    pub(crate) false_actions: usize,
    /// Runs on the right target that did not cure.
    pub(crate) futile_actions: usize,
    /// Incidents in a control, and incidents on services the fault cannot touch.
    pub(crate) false_incidents: usize,
    /// Ended as it should: cured and verified; a control: nothing found and nothing done.
    pub(crate) passed: bool,
}

/// Services that feel a fault in a service: itself, and those that call it.
pub(crate) fn touched_by(service: &str) -> &'static [&'static str] {
    match service {
        "checkout" => &["checkout", "storefront"],
        "catalog" => &["catalog", "storefront", "redis"],
        _ => &["storefront"],
    }
}

/// Scores a story.
pub(crate) fn score(story: &Story) -> Score {
    let Some(fault) = &story.fault else { return control(story) };
    let since = |at: DateTime<Utc>| at.timestamp_millis() - fault.injected_at_ms;
    let entity = format!("service={}", fault.service);
    let runs: Vec<&SeenRun> = story.incidents.iter().flat_map(|incident| &incident.runs).collect();
    let events = || story.incidents.iter().flat_map(|incident| &incident.events);
    let first = |kind: &str| events().filter(|event| event.kind == kind).filter_map(|event| event.at).min().map(since);
    let verdicts = verdicts(story);
    let cured = fault.cured_at_ms.filter(|_| !fault.cleared);
    let holds = |at: DateTime<Utc>| cured.is_some_and(|cured| at.timestamp_millis() + TRUTH_LAG_MS >= cured);
    let fixed = || verdicts.iter().filter(|(verdict, _)| *verdict == "fixed");
    let first_incident = story.incidents.iter().min_by_key(|incident| incident.detected_at);
    let on_target = |run: &&&SeenRun| same_entity(&run.target, &entity);
    let cures = usize::from(cured.is_some());
    let false_fixed = fixed().filter(|(_, at)| !holds(*at)).count();
    let verdict = verdicts.last().map(|(verdict, _)| (*verdict).to_owned());
    let says_fixed = verdict.as_deref() == Some("fixed");
    let score = Score {
        effective_ms: fault.effective_at_ms.map(|at| at - fault.injected_at_ms),
        detect_ms: story.incidents.iter().filter_map(|incident| incident.detected_at).min().map(since),
        explain_ms: first("cause_ranked"),
        act_ms: runs.iter().filter_map(|run| run.started_at).min().map(since),
        heal_ms: cured.map(|at| at - fault.injected_at_ms),
        verify_ms: fixed().filter(|(_, at)| holds(*at)).map(|(_, at)| since(*at)).min(),
        cause_rank: first_incident.and_then(|incident| rank(&incident.causes, &entity)),
        truth_agrees: says_fixed == cured.is_some() && false_fixed == 0,
        false_fixed,
        false_actions: runs.iter().filter(|run| !on_target(run)).count(),
        futile_actions: runs.iter().filter(on_target).count().saturating_sub(cures),
        false_incidents: story.incidents.iter().filter(|incident| !touched(incident, &fault.service)).count(),
        passed: false,
        verdict,
    };
    let passed = score.verify_ms.is_some() && score.truth_agrees && score.false_actions == 0;
    Score { passed, ..score }
}

fn control(story: &Story) -> Score {
    let runs = story.incidents.iter().map(|incident| incident.runs.len()).sum();
    Score {
        truth_agrees: true,
        false_incidents: story.incidents.len(),
        false_actions: runs,
        passed: story.incidents.is_empty(),
        ..Score::default()
    }
}

/// Verdicts with their times, oldest first.
fn verdicts(story: &Story) -> Vec<(&str, DateTime<Utc>)> {
    let all = story.incidents.iter().flat_map(|incident| &incident.verifications);
    let mut verdicts: Vec<_> = all.filter_map(|seen| Some((seen.verdict.as_deref()?, seen.ended_at?))).collect();
    verdicts.sort_by_key(|(_, at)| *at);
    verdicts
}

/// Place of an entity among causes ordered by probability, from 1.
fn rank(causes: &[SeenCause], entity: &str) -> Option<usize> {
    let mut causes: Vec<&SeenCause> = causes.iter().collect();
    causes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    causes.iter().position(|cause| same_entity(&cause.entity, entity)).map(|place| place + 1)
}

/// `checkout`, `service=checkout` and `service=checkout,instance=checkout-1` are about the same service.
fn same_entity(a: &str, b: &str) -> bool {
    service_of(a) == service_of(b)
}

fn service_of(entity: &str) -> &str {
    let part = entity.split(',').find(|part| part.trim().starts_with("service=")).unwrap_or(entity);
    part.trim().trim_start_matches("service=")
}

fn touched(incident: &SeenIncident, service: &str) -> bool {
    let related = touched_by(service);
    let entities = incident.entities.iter().chain([&incident.entity]).filter(|entity| !entity.is_empty());
    let mut services = entities.map(|entity| service_of(entity));
    services.any(|service| related.contains(&service))
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
