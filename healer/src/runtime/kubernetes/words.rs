//! What the cluster says about a pod, in plain words. Pure.

use super::marks::CONTAINER;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

/// Longest text of the cluster that is passed on, bytes.
const LONGEST: usize = 400;

/// A text of the cluster as a part of a sentence: one line, bounded.
pub(super) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = line.floor_char_boundary(LONGEST);
    if cut < line.len() { format!("{}…", &line[..cut]) } else { line }
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let all = pod.status.as_ref()?.conditions.as_ref()?;
    let found = all.iter().find(|c| c.type_ == kind)?;
    let text = |value: &'a Option<String>| value.as_deref().unwrap_or_default();
    Some((found.status.as_str(), text(&found.reason), text(&found.message)))
}

/// Whether a registry's answer will be the same the next time.
fn final_answer(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["not found", "does not exist", "denied", "unauthorized", "forbidden", "manifest unknown", "invalid reference"]
        .iter()
        .any(|sign| message.contains(sign))
}

/// Why a pod's script does not run yet, and whether waiting cannot help.
pub(super) fn waiting(pod: &Pod) -> (String, bool) {
    let spec = pod.spec.as_ref();
    let image = spec.and_then(|s| s.containers.iter().find(|c| c.name == CONTAINER)?.image.as_deref());
    let image = image.unwrap_or("its image");
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let state = statuses.and_then(|all| all.iter().find(|c| c.name == CONTAINER)?.state.as_ref()?.waiting.as_ref());
    let Some(state) = state else {
        return match condition(pod, "PodScheduled") {
            Some(("False", "Unschedulable", why)) => (format!("no node can take it: {}", short(why)), false),
            Some(("False", reason, why)) => (format!("it is not scheduled: {reason} {}", short(why)), false),
            Some(("True", ..)) => ("its node has not begun with it".to_owned(), false),
            _ => ("the cluster has not chosen a node for it".to_owned(), false),
        };
    };
    let message = short(state.message.as_deref().unwrap_or_default());
    match state.reason.as_deref().unwrap_or_default() {
        "ErrImageNeverPull" => {
            (format!("the image {image} is not on the node, and its runtime manager never pulls"), true)
        }
        "InvalidImageName" => (format!("{image} is no name of an image: {message}"), true),
        "ImagePullBackOff" | "ErrImagePull" | "ImageInspectError" | "RegistryUnavailable" => {
            (format!("the image {image} cannot be pulled: {message}"), final_answer(&message))
        }
        "CreateContainerConfigError" => (format!("its container cannot be set up: {message}"), false),
        "CreateContainerError" | "RunContainerError" => (format!("its container cannot be made: {message}"), false),
        "" | "ContainerCreating" | "PodInitializing" => ("its container is being made".to_owned(), false),
        other => (format!("it waits: {other} {message}"), false),
    }
}

/// Why a pod failed before its script ran.
pub(super) fn pod_failed(reason: &str, message: &str) -> String {
    let message = short(message);
    match reason {
        "Evicted" => format!("evicted from its node before it ran: {message}"),
        "DeadlineExceeded" => "it did not begin within its time".to_owned(),
        "UnexpectedAdmissionError" | "OutOfcpu" | "OutOfmemory" | "OutOfpods" => {
            format!("its node did not take it: {message}")
        }
        "Preempted" | "Preempting" => format!("its node gave its place to a pod of higher priority: {message}"),
        "NodeLost" | "NodeShutdown" | "Terminated" => format!("its node went away before it ran: {message}"),
        "" => format!("its pod failed before it ran: {message}"),
        other => format!("its pod failed before it ran: {other} {message}"),
    }
}

/// Why a container that ended never was the script: the runtime of the node could not start it.
pub(super) fn not_started(terminated: &ContainerStateTerminated) -> Option<String> {
    let reason = terminated.reason.as_deref().unwrap_or_default();
    let message = short(terminated.message.as_deref().unwrap_or_default());
    match reason {
        "StartError" | "ContainerCannotRun" if message.contains("/bin/sh") => {
            Some(format!("the image has no /bin/sh, which runs the script: {message}"))
        }
        "StartError" | "ContainerCannotRun" => Some(format!("its container could not be started: {message}")),
        _ => None,
    }
}

/// What ended a script beyond its code; nothing when it ended by itself.
pub(super) fn cause(pod: &Pod, terminated: &ContainerStateTerminated, memory_bytes: Option<u64>) -> Option<String> {
    let status = pod.status.as_ref();
    let text = |value: Option<&String>| value.map(String::as_str).unwrap_or_default().to_owned();
    let reason = text(status.and_then(|s| s.reason.as_ref()));
    let message = short(&text(status.and_then(|s| s.message.as_ref())));
    if terminated.reason.as_deref() == Some("OOMKilled") {
        let limit = memory_bytes.map_or_else(String::new, |b| format!(" at the limit of {} MiB", b >> 20));
        return Some(format!("out of memory: the kernel ended a process of it{limit}"));
    }
    if reason == "Evicted" {
        return Some(format!("evicted from its node: {message}"));
    }
    if let Some(("True", reason, message)) = condition(pod, "DisruptionTarget") {
        let message = short(message);
        return Some(match reason {
            "PreemptionByScheduler" => format!("it had to make room for a pod of higher priority: {message}"),
            "DeletionByTaintManager" => format!("its node was cleared by a taint: {message}"),
            "EvictionByEvictionAPI" => format!("its node was drained: {message}"),
            "DeletionByPodGC" => format!("its node is gone: {message}"),
            "TerminationByKubelet" => format!("its node ended it: {message}"),
            other => format!("it was disrupted: {other} {message}"),
        });
    }
    if matches!(reason.as_str(), "NodeLost" | "NodeShutdown" | "Terminated") {
        return Some(format!("its node was shut down: {message}"));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Some("its pod was deleted from outside".to_owned());
    }
    let signal = terminated.exit_code.checked_sub(128).filter(|n| (1..=31).contains(n))?;
    let (code, name) = (terminated.exit_code, crate::text::signal_name(signal));
    Some(format!("{code} is what a shell tells of a program that was ended by signal {name}"))
}
