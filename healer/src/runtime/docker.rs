//! Runs as containers of a Docker engine.

use super::{ManagerContext, Result, Runtime, RuntimeError};
use domain::catalog::RuntimeManagerSpec;
use std::sync::Arc;

/// Connects to the engine that the manager names.
///
/// # Errors
/// `Refused` for settings that cannot work, `Unavailable` when the engine does not answer.
pub async fn connect(spec: &RuntimeManagerSpec, context: ManagerContext) -> Result<Arc<dyn Runtime>> {
    let _ = spec;
    Err(RuntimeError::Refused(format!("{}: this build cannot run on Docker yet", context.name)))
}
