//! What job and pod say about a start, as one value. Pure.

use super::marks::{self, CONTAINER, Facts, Stop, Why};
use super::words;
use crate::runtime::{Handle, ObservedEnd, Progress};
use domain::Time;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as KubeTime;

/// Where a start stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum View {
    /// Everything else that a caller of the runtime can be told as it is.
    Is(Progress),
    /// Its script does not run yet.
    Waiting {
        /// Since when.
        since: Option<Time>,
        /// Why, for people.
        why: String,
        /// Whether waiting cannot help.
        hopeless: bool,
        /// Whether no pod was made yet, so that the job's events say more.
        no_pod: bool,
    },
}

/// A time of Kubernetes; whole seconds.
pub(super) fn time(at: &KubeTime) -> Time {
    domain::clock::from_millis(at.0.as_millisecond())
}

/// Whether this condition of the job holds; its reason and message.
fn condition<'a>(job: &'a Job, kind: &str) -> Option<(&'a str, &'a str)> {
    let all = job.status.as_ref()?.conditions.as_ref()?;
    let found = all.iter().find(|c| c.type_ == kind && c.status == "True")?;
    Some((found.reason.as_deref().unwrap_or_default(), found.message.as_deref().unwrap_or_default()))
}

/// Whether the cluster was told not to make a pod of it.
pub(super) fn suspended(job: &Job) -> bool {
    job.spec.as_ref().and_then(|s| s.suspend) == Some(true)
}

/// Whether the job has its end in the eyes of the cluster.
pub(super) fn finished(job: &Job) -> bool {
    condition(job, "Complete").is_some() || condition(job, "Failed").is_some()
}

/// State of the script's container.
pub(super) fn container(pod: &Pod) -> Option<&ContainerState> {
    let all = pod.status.as_ref()?.container_statuses.as_ref()?;
    all.iter().find(|c| c.name == CONTAINER)?.state.as_ref()
}

/// Whether a node was chosen for it.
pub(super) fn scheduled(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|s| s.node_name.is_some())
}

/// Whether the script's container was ever started.
pub(super) fn began(pod: &Pod) -> bool {
    container(pod).is_some_and(|s| s.running.is_some() || s.terminated.is_some())
}

/// Looks at a job and its pod.
pub(super) fn view(job: &Job, pod: Option<&Pod>, handle: Handle) -> View {
    let stop = marks::stop(job);
    let Some(pod) = pod else { return without_pod(job, stop.as_ref()) };
    let status = pod.status.as_ref();
    if let Some(terminated) = container(pod).and_then(|s| s.terminated.as_ref()) {
        return View::Is(Progress::Ended(terminated_end(job, pod, terminated, stop.as_ref(), handle)));
    }
    if container(pod).is_some_and(|s| s.running.is_some()) {
        return View::Is(Progress::Running);
    }
    let reason = status.and_then(|s| s.reason.as_deref()).unwrap_or_default();
    match status.and_then(|s| s.phase.as_deref()) {
        Some("Failed") => {
            let message = status.and_then(|s| s.message.as_deref()).unwrap_or_default();
            let why = words::pod_failed(reason, message);
            View::Is(Progress::Ended(not_begun(stop.as_ref(), why)))
        }
        Some("Succeeded") => View::Is(Progress::Lost("its pod ended, and its exit code is not known".to_owned())),
        // A pod that is being deleted and has no node gets none any more.
        _ if stop.is_some() && pod.metadata.deletion_timestamp.is_some() && !scheduled(pod) => {
            View::Is(Progress::Ended(not_begun(stop.as_ref(), String::new())))
        }
        _ if stop.is_some() => View::Is(Progress::Running),
        _ => {
            let since = pod.metadata.creation_timestamp.as_ref().map(time);
            let (why, hopeless) = words::waiting(pod);
            View::Waiting { since, why, hopeless, no_pod: false }
        }
    }
}

/// The end of a run whose script never ran.
fn not_begun(stop: Option<&Stop>, why: String) -> ObservedEnd {
    match stop {
        Some(Stop { why: Why::Cancelled, at, .. }) => {
            ObservedEnd { cancelled: true, ended_at: Some(*at), ..ObservedEnd::default() }
        }
        Some(stop) => {
            ObservedEnd { start_error: Some(stop.text.clone()), ended_at: Some(stop.at), ..ObservedEnd::default() }
        }
        None => ObservedEnd { start_error: Some(why), ..ObservedEnd::default() },
    }
}

fn without_pod(job: &Job, stop: Option<&Stop>) -> View {
    let deleted = "its pod was deleted from outside before its exit code was read";
    if condition(job, "Complete").is_some() {
        let status = job.status.as_ref();
        let end = ObservedEnd {
            exit_code: Some(0),
            started_at: status.and_then(|s| s.start_time.as_ref()).map(time),
            ended_at: status.and_then(|s| s.completion_time.as_ref()).map(time),
            ..ObservedEnd::default()
        };
        return View::Is(Progress::Ended(end));
    }
    if let Some((reason, message)) = condition(job, "Failed") {
        return View::Is(match stop {
            Some(_) => Progress::Ended(not_begun(stop, String::new())),
            None if reason == "DeadlineExceeded" => {
                Progress::Ended(ObservedEnd { timed_out: true, ..ObservedEnd::default() })
            }
            None => Progress::Lost(format!("{deleted} ({message})")),
        });
    }
    match (suspended(job), stop) {
        (true, None) => View::Is(Progress::NotStarted),
        // Only when the cluster has taken note of it, no pod can come any more.
        (true, Some(_)) if condition(job, "Suspended").is_some() => {
            View::Is(Progress::Ended(not_begun(stop, String::new())))
        }
        (_, Some(_)) => View::Is(Progress::Running),
        (false, None) => {
            let since = job.status.as_ref().and_then(|s| s.start_time.as_ref()).map(time);
            View::Waiting { since, why: "the cluster makes no pod for it".to_owned(), hopeless: false, no_pod: true }
        }
    }
}

/// The end of a container, with what the pod and our own marks say about it.
fn terminated_end(
    job: &Job,
    pod: &Pod,
    terminated: &ContainerStateTerminated,
    stop: Option<&Stop>,
    handle: Handle,
) -> ObservedEnd {
    let status = pod.status.as_ref();
    let pod_reason = status.and_then(|s| s.reason.as_deref()).unwrap_or_default();
    let last_words = terminated.message.as_deref().unwrap_or_default();
    let last_words = last_words.strip_prefix(&marks::line_mark(handle)).unwrap_or_default().trim();
    let mut end = ObservedEnd {
        exit_code: Some(terminated.exit_code),
        started_at: terminated.started_at.as_ref().map(time),
        ended_at: terminated.finished_at.as_ref().map(time),
        ..ObservedEnd::default()
    };
    if let Some(why) = last_words.strip_prefix("start ").filter(|_| terminated.exit_code == 127) {
        return ObservedEnd { exit_code: None, start_error: Some(why.to_owned()), ..end };
    }
    if let Some(why) = words::not_started(terminated) {
        return ObservedEnd { exit_code: None, started_at: None, start_error: Some(why), ..end };
    }
    let outside = pod.metadata.deletion_timestamp.is_some() || pod_reason == "DeadlineExceeded";
    match stop {
        Some(stop) if outside => {
            end.exit_code = None;
            end.cancelled = stop.why == Why::Cancelled;
            end.timed_out = stop.why == Why::TimedOut;
            if stop.why == Why::NotStarted {
                end.start_error = Some(stop.text.clone());
            }
        }
        None if last_words == "timeout" || pod_reason == "DeadlineExceeded" => {
            end.exit_code = None;
            end.timed_out = true;
        }
        _ => {
            let memory = marks::annotation::<Facts>(job, marks::FACTS).map(|f| f.memory_bytes);
            end.cause = words::cause(pod, terminated, memory);
        }
    }
    end
}

#[cfg(test)]
mod tests;
