//! The verification loop: takes due samples, judges them, and writes the round or the verdict with what follows.

use super::resolve;
use crate::config::HealerDeps;
use crate::plan::{BuildRun, build_run};
use crate::verify::follow::{Follow, after};
use crate::verify::judge::{Judgement, RoundState, first_due, judge, round_state};
use crate::verify::sample::Sampler;
use domain::Error;
use domain::anomaly::Anomaly;
use domain::error::Kind;
use domain::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState};
use domain::policy::Policy;
use domain::ports::{Topic, VerificationStep};
use domain::run::{HealLink, Run, RunPurpose, RunState};
use domain::verification::{CheckSample, Verdict, Verification};
use serde_json::json;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Verifications of one round.
const BATCH: u32 = 50;
/// Oldest monitor state that counts, when the policy is gone, seconds.
const FRESH_SECS: u32 = 120;

/// Verifies until `cancel`.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut wakes = deps.wake.listen(Topic::Runs);
    while !cancel.is_cancelled() {
        if let Err(e) = round(&deps).await {
            deps.failed("verify", &e);
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = wakes.wait(deps.config.tick) => {}
        }
    }
}

async fn round(deps: &HealerDeps) -> Result<(), Error> {
    if !deps.heal.start_verifications(deps.clock.now()).await?.is_empty() {
        deps.wake.wake(Topic::Incidents);
        deps.wake.wake(Topic::Outbox);
    }
    for v in deps.heal.due_verifications(deps.clock.now(), BATCH).await? {
        if v.verdict.is_some() {
            continue;
        }
        if let Err(e) = one(deps, &v).await {
            deps.failed("take a step of a verification", &e);
        }
    }
    Ok(())
}

async fn one(deps: &HealerDeps, v: &Verification) -> Result<(), Error> {
    let incident = deps.incidents.incident(v.incident_id).await?;
    let span =
        tracing::info_span!("healer.verify", incident = %v.incident_id, run = %v.run_id, round = v.rounds.len() + 1);
    let span = deps.adopted(span, &incident.trace);
    step(deps, v, &incident).instrument(span).await
}

async fn step(deps: &HealerDeps, v: &Verification, incident: &Incident) -> Result<(), Error> {
    fail::fail_point!("verify.before_sample");
    let policy = match deps.policies.get(v.policy_id).await {
        Ok(policy) => Some(policy).filter(|p| p.archived_at.is_none()),
        Err(e) if e.kind == Kind::NotFound => None,
        Err(e) => return Err(e),
    };
    let anomalies = deps.incidents.anomalies_of(v.incident_id).await?;
    let now = deps.clock.now();
    let sampler = Sampler {
        sources: deps.sources.as_ref(),
        status: deps.status.as_ref(),
        now,
        not_before: Some(first_due(v)),
        fresh_secs: policy.as_ref().map_or(FRESH_SECS, |p| p.spec.gates.freshness_secs),
    };
    let samples = sampler.round(&v.spec, &incident.entity, &anomalies).await;
    // Sampling takes time; the verdict's deadline counts from when the answers are there.
    let now = deps.clock.now().max(now);
    let step = match judge(v, &samples, now) {
        Judgement::Continue { next_at } => {
            let event = changed(v, &samples).map(|text| event(v, now, EventKind::VerificationSampled, text, &samples));
            VerificationStep::Round { samples, next_at, event }
        }
        Judgement::Verdict { verdict, reason } => {
            let ground = Ground { deps, v, incident, anomalies: &anomalies, policy: policy.as_ref(), now };
            ground.verdict(samples, verdict, reason).await?
        }
    };
    write(deps, v, step).await
}

async fn write(deps: &HealerDeps, v: &Verification, step: VerificationStep) -> Result<(), Error> {
    let verdict = match &step {
        VerificationStep::Verdict { verdict, reason, to, .. } => Some((*verdict, reason.clone(), *to)),
        VerificationStep::Round { .. } => None,
    };
    fail::fail_point!("verify.before_step");
    match deps.heal.step_verification(v.id, v.version, step).await {
        Ok(()) => {}
        // Another process took this step, or the incident went on otherwise: it is looked at anew.
        Err(e) if e.kind == Kind::Conflict => return Ok(()),
        Err(e) => return Err(e),
    }
    fail::fail_point!("verify.after_step");
    if let Some((verdict, reason, to)) = verdict {
        deps.stats.verdict(verdict);
        tracing::info!(?verdict, ?to, reason, "verified");
        for topic in [Topic::Runs, Topic::Outbox] {
            deps.wake.wake(topic);
        }
    }
    deps.wake.wake(Topic::Incidents);
    Ok(())
}

/// What changed since the round before, in words.
fn changed(v: &Verification, samples: &[CheckSample]) -> Option<String> {
    let state = round_state(samples);
    let before = v.rounds.last().map(|r| round_state(r));
    (before != Some(state)).then(|| match state {
        RoundState::Healthy => format!("healthy; {} such samples in a row are needed", v.spec.samples),
        RoundState::Bad => "not healthy yet".to_owned(),
        RoundState::Unknown => {
            let note = samples.iter().find(|s| s.holds.is_none()).map_or("no checks", |s| s.note.as_str());
            format!("inconclusive so far: {note}")
        }
    })
}

fn event(v: &Verification, at: domain::Time, kind: EventKind, text: String, samples: &[CheckSample]) -> IncidentEvent {
    IncidentEvent::new(v.incident_id, at, kind, Actor::system("healer"), text)
        .with(json!({ "verification_id": v.id, "run_id": v.run_id, "samples": samples }))
}

/// What a verdict is given on.
struct Ground<'a> {
    deps: &'a HealerDeps,
    v: &'a Verification,
    incident: &'a Incident,
    anomalies: &'a [Anomaly],
    policy: Option<&'a Policy>,
    now: domain::Time,
}

impl Ground<'_> {
    async fn verdict(
        &self,
        samples: Vec<CheckSample>,
        verdict: Verdict,
        reason: String,
    ) -> Result<VerificationStep, Error> {
        let run = match self.deps.runs.run(self.v.run_id).await {
            Ok(run) => Some(run),
            Err(e) if e.kind == Kind::NotFound => None,
            Err(e) => return Err(e),
        };
        let state: Option<RunState> = run.as_ref().map(|r| r.state);
        let mut follow = after(verdict, self.policy.map(|p| &p.spec), self.v.step, state);
        let undo = match follow.undo {
            false => None,
            true => match self.undo(run.as_ref()).await? {
                Ok(run) => Some(Box::new(run)),
                Err(why) => {
                    let reason = format!("the undo cannot run: {why}");
                    follow = Follow { to: IncidentState::Escalated, undo: false, reason };
                    None
                }
            },
        };
        let events = self.events(&samples, verdict, &reason, &follow);
        let soak = chrono::TimeDelta::seconds(i64::from(self.v.spec.soak_secs));
        Ok(VerificationStep::Verdict {
            samples,
            verdict,
            reason,
            at: self.now,
            soak_until: (verdict == Verdict::Fixed).then(|| self.now + soak),
            to: follow.to,
            undo,
            events,
        })
    }

    async fn undo(&self, run: Option<&Run>) -> Result<Result<Run, String>, Error> {
        let step = usize::try_from(self.v.step).unwrap_or(usize::MAX);
        let Some((policy, step)) = self.policy.and_then(|p| Some((p, p.spec.steps.get(step)?))) else {
            return Ok(Err("the policy has no such step".to_owned()));
        };
        let Some(case_id) = step.undo_case_id else { return Ok(Err("the step has no undo case".to_owned())) };
        let Some(decision_id) = run.and_then(|r| r.heal.as_ref()).map(|h| h.decision_id) else {
            return Ok(Err("the run that would be undone is gone".to_owned()));
        };
        let case = match resolve::case(self.deps, case_id).await? {
            Ok(case) => case,
            Err(why) => return Ok(Err(why)),
        };
        Ok(build_run(&BuildRun {
            case: &case,
            values: None,
            incident: self.incident,
            anomalies: self.anomalies,
            purpose: RunPurpose::Undo,
            link: HealLink { incident_id: self.incident.id, policy_id: policy.id, decision_id, step: self.v.step },
            requested_by: format!("policy:{}", policy.name),
            now: self.now,
        }))
    }

    fn events(&self, samples: &[CheckSample], verdict: Verdict, reason: &str, follow: &Follow) -> Vec<IncidentEvent> {
        let word =
            serde_json::to_value(verdict).ok().and_then(|v| v.as_str().map(ToOwned::to_owned)).unwrap_or_default();
        let mut told = event(self.v, self.now, EventKind::Verdict, format!("{word}: {reason}"), samples);
        if let Some(data) = told.data.as_object_mut() {
            data.insert("verdict".to_owned(), word.into());
        }
        let mut events = vec![told];
        let kind = match (follow.to, follow.undo) {
            (IncidentState::Resolved, _) => Some(EventKind::Resolved),
            (IncidentState::Escalated, _) => Some(EventKind::Escalated),
            (_, true) => Some(EventKind::UndoQueued),
            _ => None,
        };
        if let Some(kind) = kind {
            events.push(event(self.v, self.now, kind, follow.reason.clone(), &[]));
        }
        events
    }
}
