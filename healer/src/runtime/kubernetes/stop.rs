//! Stopping: the wish is written to the job first, then the pod is ended with its grace and kept, so that its output stays readable.

use super::client::Said;
use super::marks::Why;
use super::start::{Starter, TRIES};
use super::view::{began, container, finished, scheduled, suspended};
use crate::runtime::{Handle, Result, RuntimeError};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use std::time::Duration;

/// Whether its script and everything else of it has ended.
fn over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded")) || container(pod).is_some_and(|s| s.terminated.is_some())
}

impl Starter<'_> {
    /// Asks for a stop; the first reason counts. Without grace the pod is deleted, with the shortest grace there is.
    pub(super) async fn stop(&self, handle: Handle, why: Why, text: &str, grace: Duration) -> Result<()> {
        let Some(job) = self.mark(handle, why, text, finished).await? else { return Ok(()) };
        if finished(&job) {
            return Ok(());
        }
        for _ in 0..TRIES {
            let Some(pod) = self.space.pod(&job, handle).await? else { return self.no_pod(handle).await };
            if over(&pod) {
                return Ok(());
            }
            if !scheduled(&pod) {
                // Only while no node has it: what runs is never deleted unseen.
                match self.space.delete_pod(&pod, 0, true).await? {
                    Said::Conflict => continue,
                    Said::Yes(()) | Said::Absent => return Ok(()),
                }
            }
            self.space.expire(&pod).await?;
            if grace.is_zero() && began(&pod) {
                self.space.delete_pod(&pod, 1, false).await?;
            }
            return Ok(());
        }
        Err(RuntimeError::Unavailable { what: "the pod changes all the time".to_owned(), source: None })
    }

    /// There is no pod yet: none shall be made.
    async fn no_pod(&self, handle: Handle) -> Result<()> {
        for _ in 0..TRIES {
            let Some(job) = self.space.job(handle).await? else { return Ok(()) };
            if suspended(&job) || finished(&job) {
                return Ok(());
            }
            match self.space.patch_job(&job, json!({ "spec": { "suspend": true } }), true).await? {
                Said::Yes(_) | Said::Absent => return Ok(()),
                Said::Conflict => {}
            }
        }
        Err(RuntimeError::Unavailable { what: "the job changes all the time".to_owned(), source: None })
    }
}
