//! What a job and its pod say, for every way in which the cluster may say it.

use super::*;
use serde_json::{Value, json};

fn handle() -> Handle {
    Handle { run_id: "0190b0aa-0000-7000-8000-00000000abcd".parse().expect("an id"), epoch: 3 }
}

fn job(stop: Option<Why>, status: Value) -> Job {
    let stop = stop.map(|why| {
        let stop = Stop { why, text: "asked".to_owned(), at: domain::clock::from_millis(9_000) };
        serde_json::to_string(&stop).expect("JSON")
    });
    let facts = json!({ "first_seq": 1, "grace_secs": 5, "timeout_secs": 60, "output_bytes": 1000, "memory_bytes": 64 << 20,
        "at_most_once": true, "left_out": [] });
    let mut annotations = json!({ marks::FACTS: facts.to_string() });
    if let Some(stop) = stop {
        annotations[marks::STOP] = stop.into();
    }
    let job = json!({ "metadata": { "annotations": annotations }, "spec": { "suspend": false, "template": {} }, "status": status });
    serde_json::from_value(job).expect("a job")
}

fn pod(status: Value) -> Pod {
    let pod = json!({
        "metadata": { "name": "p", "creationTimestamp": "2026-11-25T09:00:00Z" },
        "spec": { "containers": [{ "name": CONTAINER, "image": "tools:1" }] },
        "status": status,
    });
    serde_json::from_value(pod).expect("a pod")
}

fn state(state: Value) -> Value {
    json!([{ "name": CONTAINER, "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0 }])
}

fn terminated(code: i32, reason: &str, message: &str) -> Value {
    state(json!({ "terminated": { "exitCode": code, "reason": reason, "message": message,
        "startedAt": "2026-11-25T09:00:01Z", "finishedAt": "2026-11-25T09:00:04Z" } }))
}

fn end(job: &Job, pod: &Pod) -> ObservedEnd {
    match view(job, Some(pod), handle()) {
        View::Is(Progress::Ended(end)) => end,
        other => panic!("no end: {other:?}"),
    }
}

fn waits(pod: &Pod) -> (String, bool) {
    match view(&job(None, json!({})), Some(pod), handle()) {
        View::Waiting { why, hopeless, .. } => (why, hopeless),
        other => panic!("does not wait: {other:?}"),
    }
}

#[test]
fn ends_of_containers() {
    let last = format!("{} ", marks::line_mark(handle()));
    let ok = end(
        &job(None, json!({})),
        &pod(json!({ "phase": "Succeeded", "containerStatuses": terminated(0, "Completed", "") })),
    );
    assert_eq!((ok.exit_code, ok.cause), (Some(0), None));
    assert_eq!((ok.ended_at.zip(ok.started_at)).map(|(e, s)| (e - s).num_seconds()), Some(3));
    let cause = |status: Value| end(&job(None, json!({})), &pod(status)).cause.unwrap_or_default();
    let failed = |more: Value, containers: Value| {
        let mut status = json!({ "phase": "Failed", "containerStatuses": containers });
        status.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        status
    };
    let code = |n| terminated(n, "Error", "");
    assert_eq!(
        cause(failed(json!({}), terminated(137, "OOMKilled", ""))),
        "out of memory: the kernel ended a process of it at the limit of 64 MiB"
    );
    assert!(cause(failed(json!({}), code(137))).contains("signal KILL"));
    assert_eq!(cause(failed(json!({}), code(1))), "");
    let evicted = json!({ "reason": "Evicted", "message": "The node was low on resource:\n ephemeral-storage." });
    let said = cause(failed(evicted, code(137)));
    assert_eq!(said, "evicted from its node: The node was low on resource: ephemeral-storage.");
    for (reason, begin) in [
        ("PreemptionByScheduler", "it had to make room for a pod of higher priority"),
        ("EvictionByEvictionAPI", "its node was drained"),
        ("DeletionByTaintManager", "its node was cleared by a taint"),
    ] {
        let disrupted = json!({ "conditions": [{ "type": "DisruptionTarget", "status": "True", "reason": reason }] });
        assert!(cause(failed(disrupted, code(143))).starts_with(begin), "{reason}");
    }
    let absent = end(
        &job(None, json!({})),
        &pod(failed(json!({}), terminated(127, "Error", &format!("{last}start interpreter not found: x")))),
    );
    assert_eq!(absent.start_error.as_deref(), Some("interpreter not found: x"));
    let no_shell = terminated(128, "StartError", "exec: \"/bin/sh\": stat /bin/sh: no such file or directory");
    let no_shell = end(&job(None, json!({})), &pod(failed(json!({}), no_shell)));
    assert!(no_shell.start_error.expect("why").starts_with("the image has no /bin/sh"));
    let forged = end(&job(None, json!({})), &pod(failed(json!({}), terminated(3, "Error", "timeout"))));
    assert_eq!((forged.exit_code, forged.timed_out), (Some(3), false), "words of the script itself are not ours");
}

#[test]
fn stops_and_limits() {
    let last = format!("{} timeout", marks::line_mark(handle()));
    let own = pod(json!({ "phase": "Failed", "containerStatuses": terminated(143, "Error", &last) }));
    assert!(end(&job(None, json!({})), &own).timed_out);
    let deadline = pod(
        json!({ "phase": "Failed", "reason": "DeadlineExceeded", "containerStatuses": terminated(137, "Error", "") }),
    );
    assert!(end(&job(None, json!({})), &deadline).timed_out, "nobody followed it");
    let cancelled = end(&job(Some(Why::Cancelled), json!({})), &deadline);
    assert!(cancelled.cancelled && !cancelled.timed_out && cancelled.exit_code.is_none());
    let by_itself = pod(json!({ "phase": "Succeeded", "containerStatuses": terminated(0, "Completed", "") }));
    assert_eq!(
        end(&job(Some(Why::Cancelled), json!({})), &by_itself).exit_code,
        Some(0),
        "it was faster than the stop"
    );
    let never = pod(
        json!({ "phase": "Failed", "reason": "DeadlineExceeded", "containerStatuses": state(json!({ "waiting": {} })) }),
    );
    assert_eq!(end(&job(Some(Why::NotStarted), json!({})), &never).start_error.as_deref(), Some("asked"));
    assert!(end(&job(Some(Why::Cancelled), json!({})), &never).cancelled);
}

#[test]
fn waiting_is_told_in_plain_words() {
    let waiting = |reason: &str, message: &str| {
        waits(&pod(
            json!({ "phase": "Pending", "containerStatuses": state(json!({ "waiting": { "reason": reason, "message": message } })) }),
        ))
    };
    let (why, hopeless) = waiting("ImagePullBackOff", "Back-off pulling image \"tools:1\": dial tcp: i/o timeout");
    assert!(why.starts_with("the image tools:1 cannot be pulled: ") && !hopeless, "{why}");
    assert!(waiting("ErrImagePull", "manifest for tools:1 not found").1, "the registry's answer stays");
    assert!(waiting("ErrImageNeverPull", "").1 && waiting("InvalidImageName", "").1);
    let (why, hopeless) = waiting("CreateContainerConfigError", "secret \"x\" not found");
    assert_eq!((why.as_str(), hopeless), ("its container cannot be set up: secret \"x\" not found", false));
    let unschedulable = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory." }] });
    assert_eq!(waits(&pod(unschedulable)).0, "no node can take it: 0/3 nodes are available: 3 Insufficient memory.");
}

#[test]
fn without_a_pod() {
    let condition = |kind: &str, reason: &str| json!({ "conditions": [{ "type": kind, "status": "True", "reason": reason, "message": "m" }] });
    let seen = |job: &Job| view(job, None, handle());
    assert!(matches!(seen(&job(None, json!({}))), View::Waiting { no_pod: true, .. }));
    let View::Is(Progress::Ended(end)) = seen(&job(None, condition("Complete", ""))) else { panic!("ended") };
    assert_eq!(end.exit_code, Some(0));
    assert!(matches!(seen(&job(None, condition("Failed", "BackoffLimitExceeded"))), View::Is(Progress::Lost(_))));
    let mut held = job(None, json!({}));
    held.spec.as_mut().expect("spec").suspend = Some(true);
    assert_eq!(seen(&held), View::Is(Progress::NotStarted));
    let mut stopped = job(Some(Why::NotStarted), json!({}));
    stopped.spec.as_mut().expect("spec").suspend = Some(true);
    assert_eq!(seen(&stopped), View::Is(Progress::Running), "the cluster has not taken note of it yet");
    let mut noted = job(Some(Why::NotStarted), condition("Suspended", ""));
    noted.spec.as_mut().expect("spec").suspend = Some(true);
    let View::Is(Progress::Ended(end)) = seen(&noted) else { panic!("ended") };
    assert_eq!(end.start_error.as_deref(), Some("asked"));
}
