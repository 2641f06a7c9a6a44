//! The decide loop: for every undecided incident a policy, its plan, and a baseline before the run acts.

use super::resolve;
use crate::config::HealerDeps;
use crate::plan;
use crate::select;
use crate::verify::sample::Sampler;
use domain::Error;
use domain::anomaly::Anomaly;
use domain::decision::{Decision, GateFacts, Outcome};
use domain::incident::Incident;
use domain::policy::{Autonomy, Policy};
use domain::ports::Topic;
use domain::verification::CheckSample;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Incidents of one round.
const BATCH: u32 = 50;
/// Longest time that a baseline may take.
const BASELINE_LIMIT: Duration = Duration::from_secs(5);

/// Decides until `cancel`.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut wakes = deps.wake.listen(Topic::Incidents);
    while !cancel.is_cancelled() {
        if let Err(e) = round(&deps).await {
            deps.failed("decide", &e);
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = wakes.wait(deps.config.tick) => {}
        }
    }
}

async fn round(deps: &HealerDeps) -> Result<(), Error> {
    let incidents = deps.heal.undecided(deps.clock.now(), BATCH).await?;
    if incidents.is_empty() {
        return Ok(());
    }
    let policies = deps.policies.all().await?;
    let now = deps.clock.now();
    let grown = |i: &Incident| (now - i.detected_at).to_std().is_ok_and(|age| age >= deps.config.observe);
    for incident in incidents.into_iter().filter(grown) {
        let span = tracing::info_span!("healer.decide", incident = %incident.id);
        let span = deps.adopted(span, &incident.trace);
        let one = async {
            if let Err(e) = decide(deps, &policies, &incident).await {
                deps.failed("decide on an incident", &e);
            }
        };
        one.instrument(span).await;
    }
    Ok(())
}

async fn decide(deps: &HealerDeps, policies: &[Policy], incident: &Incident) -> Result<(), Error> {
    let anomalies = deps.incidents.anomalies_of(incident.id).await?;
    let Some(policy) = select::select(policies, incident, &anomalies) else {
        deps.heal.record_undecided(no_policy(incident, policies.len(), deps.clock.now())).await?;
        deps.stats.undecided();
        return Ok(());
    };
    let steps = resolve::steps(deps, policy).await?;
    let baseline = baseline(deps, policy, incident, &anomalies).await;
    let evaluate = move |policy: &Policy, facts: &GateFacts| plan::by_itself(policy, facts, &steps);
    fail::fail_point!("heal.before_decide");
    let Some(plan) = deps.heal.decide(incident.id, policy, &evaluate).await? else { return Ok(()) };
    fail::fail_point!("heal.after_decide");
    deps.stats.decided(plan.decision.outcome);
    tracing::info!(policy = policy.name, outcome = ?plan.decision.outcome, reason = plan.decision.reason, "decided");
    if let Some(run) = &plan.run {
        if let Err(e) = deps.heal.set_baseline(run.id, baseline).await {
            deps.failed("store a baseline", &e);
        }
        deps.wake.wake(Topic::Runs);
    }
    if plan.escalate {
        deps.wake.wake(Topic::Outbox);
    }
    if plan.run.is_some() || plan.escalate {
        deps.wake.wake(Topic::Incidents);
    }
    Ok(())
}

/// Measures before the decision, so that it is there before the run can begin. Without a baseline the verdict can still be
/// `fixed`, but not `improved` or `worse`; it is therefore not waited for longer than [`BASELINE_LIMIT`].
async fn baseline(deps: &HealerDeps, policy: &Policy, incident: &Incident, anomalies: &[Anomaly]) -> Vec<CheckSample> {
    if policy.spec.autonomy != Autonomy::Auto {
        return Vec::new();
    }
    let sampler = Sampler {
        sources: deps.sources.as_ref(),
        status: deps.status.as_ref(),
        now: deps.clock.now(),
        not_before: None,
        fresh_secs: policy.spec.gates.freshness_secs,
    };
    let round = sampler.round(&policy.spec.verification, &incident.entity, anomalies);
    tokio::time::timeout(BASELINE_LIMIT, round).await.unwrap_or_default()
}

fn no_policy(incident: &Incident, policies: usize, at: domain::Time) -> Decision {
    Decision {
        id: domain::new_id(),
        incident_id: incident.id,
        policy_id: None,
        policy_name: String::new(),
        at,
        outcome: Outcome::Refuse,
        reason: format!("none of {policies} policies fits {}", select::suspect(incident)),
        step: 0,
        gates: Vec::new(),
        run_id: None,
        retry_at: Some(at + chrono::TimeDelta::seconds(plan::REVIEW_SECS)),
    }
}
