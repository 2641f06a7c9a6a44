//! Looks up what the pure plan needs: the cases and scripts of a policy's steps.

use crate::config::HealerDeps;
use crate::plan::{ResolvedStep, StepCase};
use domain::error::Kind;
use domain::policy::Policy;
use domain::{Error, Id};

/// The case with its script; the inner error says why the step cannot run.
///
/// # Errors
/// The database does not answer: nothing can be said about the step.
pub(super) async fn case(deps: &HealerDeps, id: Id) -> Result<ResolvedStep, Error> {
    let case = match deps.cases.get(id).await {
        Ok(case) => case,
        Err(e) if e.kind == Kind::NotFound => return Ok(Err(format!("case {id} does not exist"))),
        Err(e) => return Err(e),
    };
    let Some(script_id) = case.spec.script_id else { return Ok(Ok(StepCase { case, script: None })) };
    let pinned = async {
        let mut script = deps.scripts.get(script_id).await?;
        if let Some(number) = case.spec.script_version {
            script.spec = deps.versions.version(script_id, Some(number)).await?.spec;
        }
        Ok::<_, Error>(script)
    };
    match pinned.await {
        Ok(script) => Ok(Ok(StepCase { case, script: Some(script) })),
        Err(e) if e.kind == Kind::NotFound => {
            Ok(Err(format!("script {script_id} of case {} cannot be had: {e}", case.name)))
        }
        Err(e) => Err(e),
    }
}

/// Every step of a policy, in order.
///
/// # Errors
/// As [`case`].
pub(super) async fn steps(deps: &HealerDeps, policy: &Policy) -> Result<Vec<ResolvedStep>, Error> {
    let mut steps = Vec::with_capacity(policy.spec.steps.len());
    for step in &policy.spec.steps {
        steps.push(case(deps, step.case_id).await?);
    }
    Ok(steps)
}
