//! Runs as jobs of a Kubernetes cluster.

use super::{ManagerContext, Result, Runtime, RuntimeError};
use domain::catalog::RuntimeManagerSpec;
use std::sync::Arc;

/// Connects to the cluster that the manager names.
///
/// # Errors
/// `Refused` for settings that cannot work, `Unavailable` when the cluster does not answer.
pub async fn connect(spec: &RuntimeManagerSpec, context: ManagerContext) -> Result<Arc<dyn Runtime>> {
    let _ = spec;
    Err(RuntimeError::Refused(format!("{}: this build cannot run on Kubernetes yet", context.name)))
}
