//! Starting: a suspended job, its secret, a look at other starts of the run, and only then the word to go.
//!
//! The job's name says run and epoch, so a second start finds the first. Whoever starts lists the run's jobs *after* its own is
//! there: of two starts at least one sees the other. The newer one marks the older, and as the word to go names the version of
//! the job that was read, an older one that was marked meanwhile cannot go any more.

use super::client::{Said, Space};
use super::marks::{self, STOP, Stop, Why};
use super::objects::Plan;
use super::view::{View, finished, suspended, view};
use crate::runtime::{Handle, Progress, Result, RuntimeError};
use domain::catalog::KubernetesSettings;
use domain::clock::Clock;
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

/// Changes of one object that are tried again when somebody else changed it meanwhile.
pub(super) const TRIES: u32 = 8;

fn busy(what: &str) -> RuntimeError {
    RuntimeError::Unavailable { what: what.to_owned(), source: None }
}

fn defect(e: serde_json::Error) -> RuntimeError {
    RuntimeError::Refused(format!("the job cannot be written: {e}"))
}

/// Whether there is nothing left to start.
fn decided(job: &Job) -> bool {
    !suspended(job) || finished(job) || marks::stop(job).is_some()
}

/// What starting works with.
pub(super) struct Starter<'a> {
    pub space: &'a Space,
    pub settings: &'a KubernetesSettings,
    pub clock: &'a dyn Clock,
}

impl Starter<'_> {
    /// Starts it, or finds it started.
    pub(super) async fn start(&self, plan: &Plan, handle: Handle, at_most_once: bool) -> Result<()> {
        let fresh = plan.job(self.settings).map_err(defect)?;
        let job = match self.space.create_job(&fresh).await? {
            Said::Yes(job) => job,
            Said::Absent => return Err(busy("make a job: the namespace is not there")),
            Said::Conflict => match self.space.job(handle).await? {
                Some(job) => job,
                None => return Err(busy("an earlier job of this name is still being removed")),
            },
        };
        if decided(&job) {
            return Ok(());
        }
        fail::fail_point!("kubernetes.job_made");
        let uid = job.metadata.uid.clone().unwrap_or_default();
        self.space.create_secret(&plan.secret(&uid).map_err(defect)?).await?;
        if plan.cut_off(self.settings) {
            self.space.create_policy(&plan.network_policy(&uid).map_err(defect)?).await?;
        }
        if let Some(why) = self.fenced(handle, at_most_once).await? {
            return self.keep_back(handle, &why).await.map(drop);
        }
        fail::fail_point!("kubernetes.before_release");
        self.go(handle, job).await
    }

    /// The word to go; nothing when somebody said it, or something else, before.
    async fn go(&self, handle: Handle, mut job: Job) -> Result<()> {
        for _ in 0..TRIES {
            if decided(&job) {
                return Ok(());
            }
            let patch = json!({ "spec": { "suspend": false } });
            match self.space.patch_job(&job, patch, true).await? {
                Said::Yes(_) => return Ok(()),
                Said::Absent => return Err(busy("the job was removed while it was started")),
                // The cluster notes in the job that it is suspended, which is a change too.
                Said::Conflict => {
                    job = self
                        .space
                        .job(handle)
                        .await?
                        .ok_or_else(|| busy("the job was removed while it was started"))?;
                }
            }
        }
        Err(busy("the job changes all the time"))
    }

    /// Why this start must not run: another one of the same run may have run, lives, or is newer.
    async fn fenced(&self, handle: Handle, at_most_once: bool) -> Result<Option<String>> {
        for job in self.space.jobs_of(handle.run_id).await? {
            let Some(other) = marks::handle(job.metadata.labels.as_ref()).filter(|h| h.epoch != handle.epoch) else {
                continue;
            };
            if other.epoch > handle.epoch {
                return Ok(Some(format!("start {} of this run is newer", other.epoch)));
            }
            let why = format!("start {} of this run is newer", handle.epoch);
            // Marked before it could go: nothing of it ever runs.
            let Some(job) = self.keep_back(other, &why).await? else { continue };
            if suspended(&job) {
                continue;
            }
            if at_most_once {
                let text =
                    format!("start {} of this run may have been executed, and it may run at most once", other.epoch);
                return Ok(Some(text));
            }
            let pod = self.space.pod(&job, other).await?;
            if !matches!(view(&job, pod.as_ref(), other), View::Is(Progress::Ended(_) | Progress::Lost(_))) {
                return Err(busy("an earlier start of this run still lives"));
            }
        }
        Ok(None)
    }

    /// Writes why it does not go, unless it went first; gives the job as it is then.
    async fn keep_back(&self, handle: Handle, text: &str) -> Result<Option<Job>> {
        self.mark(handle, Why::NotStarted, text, decided).await
    }

    /// Writes a stop, unless there is one or `too_late` says so; gives the job as it is then.
    pub(super) async fn mark(
        &self,
        handle: Handle,
        why: Why,
        text: &str,
        too_late: fn(&Job) -> bool,
    ) -> Result<Option<Job>> {
        let stop = Stop { why, text: text.to_owned(), at: self.clock.now() };
        let stop = serde_json::to_string(&stop).map_err(defect)?;
        for _ in 0..TRIES {
            let Some(job) = self.space.job(handle).await? else { return Ok(None) };
            if too_late(&job) || marks::stop(&job).is_some() {
                return Ok(Some(job));
            }
            let patch = json!({ "metadata": { "annotations": { STOP: stop } } });
            match self.space.patch_job(&job, patch, true).await? {
                Said::Yes(job) => return Ok(Some(job)),
                Said::Absent => return Ok(None),
                Said::Conflict => {}
            }
        }
        Err(busy("the job changes all the time"))
    }
}
