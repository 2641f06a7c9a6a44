//! What the API asks the healer for: manual runs, and policy steps that a person starts.

use async_trait::async_trait;
use domain::Id;
use domain::catalog::{Case, CaseSpec, ScriptSpec};
use domain::clock::Clock;
use domain::decision::{Decision, GateFacts};
use domain::error::{Error, Kind, Result};
use domain::policy::{Autonomy, Policy, PolicySpec};
use domain::ports::{CatalogStore, HealStore, Topic, VersionStore, Wake};
use domain::run::{Run, RunPurpose};
use healer::plan::{self, LooseRun, ResolvedStep, StepCase};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The API's two ports, on the healer's pure functions and the store.
#[derive(Clone)]
pub(crate) struct Actions {
    pub(crate) heal: Arc<dyn HealStore>,
    pub(crate) policies: Arc<dyn CatalogStore<PolicySpec>>,
    pub(crate) cases: Arc<dyn CatalogStore<CaseSpec>>,
    pub(crate) scripts: Arc<dyn CatalogStore<ScriptSpec>>,
    pub(crate) versions: Arc<dyn VersionStore>,
    pub(crate) wake: Arc<dyn Wake>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Actions {
    async fn with_script(&self, case: Case) -> Result<StepCase> {
        let mut script = match case.spec.script_id {
            Some(id) => Some(self.scripts.get(id).await?),
            None => None,
        };
        if let (Some(script), Some(number)) = (&mut script, case.spec.script_version) {
            script.spec = self.versions.version(script.id, Some(number)).await?.spec;
        }
        Ok(StepCase { case, script })
    }

    async fn step(&self, case: Id) -> Result<ResolvedStep> {
        match self.cases.get(case).await {
            Ok(case) => Ok(Ok(self.with_script(case).await?)),
            Err(error) if error.kind == Kind::NotFound => Ok(Err(format!("case {case} does not exist"))),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl api::RunFactory for Actions {
    async fn manual(
        &self,
        case: &Case,
        values: BTreeMap<String, Value>,
        target: Option<String>,
        actor: &str,
    ) -> Result<Run> {
        let step = self.with_script(case.clone()).await?;
        plan::loose_run(LooseRun {
            case: &step,
            values: &values,
            target,
            purpose: RunPurpose::Manual,
            requested_by: actor.to_owned(),
            now: self.clock.now(),
            trace: crate::telemetry::current(),
        })
        .map_err(Error::invalid)
    }
}

#[async_trait]
impl api::ManualHeal for Actions {
    async fn start(&self, incident: Id, policy: Id, actor: &str) -> Result<Decision> {
        let mut policy = self.policies.get(policy).await?;
        let mut steps = Vec::new();
        for step in &policy.spec.steps {
            steps.push(self.step(step.case_id).await?);
        }
        // The person stands in for the autonomy; every other gate is evaluated as always.
        policy.spec.autonomy = Autonomy::Auto;
        let evaluate = move |policy: &Policy, facts: &GateFacts| plan::evaluate(policy, facts, &steps);
        let plan = self
            .heal
            .decide(incident, &policy, &evaluate)
            .await?
            .ok_or_else(|| Error::conflict("the incident is not open any more; reload it"))?;
        tracing::info!(actor, policy = policy.name, outcome = ?plan.decision.outcome, "step started by hand");
        self.wake.wake(Topic::Runs);
        self.wake.wake(Topic::Incidents);
        Ok(plan.decision)
    }
}
