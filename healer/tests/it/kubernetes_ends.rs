//! What only a cluster can do to a run, each told apart in plain words.

use crate::contract::{Lab as _, why_not};
use crate::kubernetes::{IMAGE, KubernetesLab, client, kubeconfig, manager, settings};
use crate::support::{end_of, eventually, run_to_end, texts, whole_log};
use domain::catalog::{KubernetesSettings, PullPolicy};
use domain::clock::SystemClock;
use domain::run::{RunMode, Stream};
use futures::future::join_all;
use healer::runtime::{Handle, LogOffset, ManagerContext, Progress, RuntimeError, StartRequest, kubernetes};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn quick() -> KubernetesSettings {
    KubernetesSettings { start_limit_secs: 5, images: vec!["*".to_owned()], ..settings() }
}

async fn pod_of(lab: &KubernetesLab, handle: Handle) -> Option<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(lab.client().await);
    let ours = ListParams::default().labels(&format!("aiops.dev/run={}", handle.run_id));
    pods.list(&ours).await.expect("pods").items.into_iter().next()
}

async fn begun(lab: &KubernetesLab, request: &StartRequest) {
    lab.runtime.start(request).await.expect("start");
    eventually("its first line", async || (!texts(&*lab.runtime, request.handle).await.is_empty()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had_is_told_with_its_reason() {
    let Some(never) = KubernetesLab::with("an_image_that_cannot_be_had_is_told_with_its_reason", quick()).await else {
        return;
    };
    let pulls = KubernetesSettings { pull: PullPolicy::IfMissing, ..quick() };
    let pulls = KubernetesLab::with("", pulls).await.expect("a lab");
    let with = |image: &str| {
        let mut request = never.request("echo ran");
        request.spec.image = Some(image.to_owned());
        request
    };
    let (absent, odd, far) = (with("localhost/absent:1"), with("UPPER/case:1"), with("127.0.0.1:9/absent:1"));
    let (absent, odd, far) = tokio::join!(why_not(&never, &absent), why_not(&pulls, &odd), why_not(&pulls, &far));
    assert_eq!(absent, "the image localhost/absent:1 is not on the node, and its runtime manager never pulls");
    assert!(odd.starts_with("UPPER/case:1 is no name of an image"), "{odd}");
    let begin = "it did not begin within 5 s: the image 127.0.0.1:9/absent:1 cannot be pulled: ";
    assert!(far.starts_with(begin) && far.len() > begin.len(), "{far}");
    let none = KubernetesLab::with("", settings()).await.expect("a lab");
    match none.runtime.start(&with("registry.example/other:1")).await {
        Err(RuntimeError::Refused(why)) => assert!(why.contains("is not among those"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_no_node_takes_says_so_and_leaves_no_pod() {
    let nowhere = KubernetesSettings { node_selector: [("no".into(), "such-node".into())].into(), ..quick() };
    let Some(lab) = KubernetesLab::with("a_run_that_no_node_takes_says_so_and_leaves_no_pod", nowhere).await else {
        return;
    };
    let request = lab.request("echo ran");
    let why = why_not(&lab, &request).await;
    assert!(why.starts_with("it did not begin within 5 s: no node can take it: 0/"), "{why}");
    eventually("its pod is gone", async || pod_of(&lab, request.handle).await.is_none().then_some(())).await;
    assert_eq!(texts(&*lab.runtime, request.handle).await, Vec::<String>::new());
    let health = lab.runtime.health().await.expect_err("no such node").to_string();
    assert!(health.contains("no node takes pods: 0 known of those with no=such-node"), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_before_the_pod_begins_ends_cancelled() {
    let nowhere = KubernetesSettings { node_selector: [("no".into(), "such-node".into())].into(), ..settings() };
    let Some(lab) = KubernetesLab::with("a_cancel_before_the_pod_begins_ends_cancelled", nowhere).await else { return };
    let request = lab.request("echo ran");
    lab.runtime.start(&request).await.expect("start");
    assert_eq!(lab.runtime.progress(request.handle).await.expect("progress"), Progress::Running);
    lab.runtime.cancel(request.handle, Duration::from_secs(1)).await.expect("cancel");
    let end = end_of(&*lab.runtime, request.handle).await;
    assert!(end.cancelled && end.exit_code.is_none() && end.start_error.is_none(), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p17_out_of_memory_is_told_from_a_code_137() {
    let Some(lab) = KubernetesLab::with("p17_out_of_memory_is_told_from_a_code_137", settings()).await else { return };
    let mut hungry = lab.request("python3 -c 'x = bytearray(200 << 20)'; code=$?; echo after; exit $code");
    hungry.spec.limits.memory_bytes = 48 << 20;
    let plain = lab.request("exit 137");
    let (hungry_end, plain_end) = tokio::join!(run_to_end(&*lab.runtime, &hungry), run_to_end(&*lab.runtime, &plain));
    assert_eq!(hungry_end.exit_code, Some(137));
    let cause = hungry_end.cause.unwrap_or_default();
    assert!(cause.starts_with("out of memory") && cause.contains("48 MiB"), "{cause}");
    assert_eq!(plain_end.exit_code, Some(137));
    assert!(!plain_end.cause.unwrap_or_default().contains("memory"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_from_outside_is_told_and_not_started_again() {
    let test = "a_pod_that_is_deleted_from_outside_is_told_and_not_started_again";
    let Some(lab) = KubernetesLab::with(test, settings()).await else { return };
    let request = lab.request("echo ran; sleep 100");
    begun(&lab, &request).await;
    let pod = pod_of(&lab, request.handle).await.expect("a pod").metadata.name.expect("a name");
    let pods: Api<Pod> = Api::default_namespaced(lab.client().await);
    pods.delete(&pod, &DeleteParams::default().grace_period(1)).await.expect("deleted");
    match tokio::time::timeout(crate::support::PATIENCE, lab.runtime.wait(request.handle)).await.expect("in time") {
        Ok(Progress::Ended(end)) => {
            assert_eq!(end.cause.as_deref(), Some("its pod was deleted from outside"), "{end:?}");
        }
        Ok(Progress::Lost(why)) => assert!(why.contains("deleted from outside"), "{why}"),
        other => panic!("{other:?}"),
    }
    let jobs: Api<Job> = Api::default_namespaced(lab.client().await);
    let name = format!("aiops-{}-1", request.handle.run_id);
    eventually("the job failed for good", async || {
        let status = jobs.get(&name).await.expect("job").status?;
        status.conditions?.iter().any(|c| c.type_ == "Failed" && c.status == "True").then_some(())
    })
    .await;
    assert!(pod_of(&lab, request.handle).await.is_none_or(|p| p.metadata.name == Some(pod)), "no other pod was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn p24_a_script_has_the_least_rights() {
    let Some(lab) = KubernetesLab::with("p24_a_script_has_the_least_rights", settings()).await else { return };
    let body = "id -u; id -g; (: > /forbidden) 2>/dev/null || echo read-only; : > /tmp/fine && echo tmp; pwd
        ls /var/run/secrets/kubernetes.io 2>/dev/null || echo 'no token'
        grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t' ' '";
    let request = lab.request(body);
    run_to_end(&*lab.runtime, &request).await;
    let expected = ["65534", "65534", "read-only", "tmp", "/aiops/work", "no token", "CapEff: 0000000000000000"];
    let lines = texts(&*lab.runtime, request.handle).await;
    assert_eq!(lines[..7], expected, "{lines:?}");
    assert_eq!(lines[7..9], ["NoNewPrivs: 1", "Seccomp: 2"], "{lines:?}");
    let client = lab.client().await;
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let job = jobs.get(&format!("aiops-{}-1", request.handle.run_id)).await.expect("job").spec.expect("spec");
    assert_eq!((job.backoff_limit, job.completions, job.parallelism), (Some(0), Some(1), Some(1)));
    assert!(job.active_deadline_seconds.is_some() && job.ttl_seconds_after_finished == Some(86_400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_allows_no_pod_is_told() {
    let Some(endpoint) = kubeconfig("a_quota_that_allows_no_pod_is_told") else { return };
    let client = client(&endpoint).await;
    let name = format!("aiops-test-{}", &domain::new_id().simple().to_string()[20..]);
    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).expect("namespace");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &namespace).await.expect("made");
    let quota = json!({ "metadata": { "name": "none" }, "spec": { "hard": { "pods": "0" } } });
    let quota: ResourceQuota = serde_json::from_value(quota).expect("quota");
    let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), &name);
    quotas.create(&PostParams::default(), &quota).await.expect("made");
    eventually("the quota is in force", async || {
        quotas.get("none").await.expect("quota").status?.hard.filter(|h| !h.is_empty()).map(drop)
    })
    .await;
    let lab = KubernetesLab::with("", KubernetesSettings { namespace: Some(name.clone()), ..quick() }).await;
    let lab = lab.expect("a lab");
    let why = why_not(&lab, &lab.request("echo ran")).await;
    namespaces.delete(&name, &DeleteParams::default()).await.expect("deleted");
    assert!(why.starts_with("it did not begin within 5 s: the cluster makes no pod for it: "), "{why}");
    assert!(why.contains("quota") || why.contains("serviceaccount"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_or_does_not_know_us_is_told() {
    let Some(endpoint) = kubeconfig("who_cannot_be_reached_or_does_not_know_us_is_told") else { return };
    let text = std::fs::read_to_string(&endpoint).expect("kubeconfig");
    let address = text.split('"').find(|part| part.starts_with("https://")).expect("an address").to_owned();
    let token = text.split('"').skip_while(|part| !part.ends_with("token: ")).nth(1).expect("a token").to_owned();
    let tried = async |address: &str, text: String, namespace: Option<&str>| {
        let settings =
            KubernetesSettings { kubeconfig: Some(text), namespace: namespace.map(str::to_owned), ..settings() };
        let context = ManagerContext { id: domain::new_id(), name: "c".to_owned(), clock: Arc::new(SystemClock) };
        kubernetes::connect(&manager(address, &settings), context).await.map(drop).map_err(|e| e.to_string())
    };
    tried(&address, text.clone(), None).await.expect("it works as text, too");
    let wrong = tried(&address, text.replace(&token, "wrong-token"), None).await.expect_err("refused");
    assert!(wrong.contains("does not know these credentials") && !wrong.contains("wrong-token"), "{wrong}");
    let silent = tried("https://127.0.0.1:9", text.clone(), None).await.expect_err("nobody there");
    assert!(silent.contains("does not answer"), "{silent}");
    let nowhere = tried(&address, text.clone(), Some("no-such-namespace")).await.expect_err("not there");
    assert!(nowhere.contains("the namespace no-such-namespace is not there"), "{nowhere}");
}

/// Two starts of one run under two epochs, again and again at once: at most one executes it.
#[tokio::test(flavor = "multi_thread")]
async fn p07_of_starts_at_once_at_most_one_executes() {
    let Some(lab) = KubernetesLab::with("p07_of_starts_at_once_at_most_one_executes", settings()).await else { return };
    let other = lab.again().await;
    let runs = join_all((0..6).map(|_| async {
        let mut first = lab.request("echo ran");
        first.spec.mode = RunMode::AtMostOnce;
        let mut second = first.clone();
        second.handle.epoch = 2;
        let (a, b) = tokio::join!(lab.runtime.start(&first), other.start(&second));
        a.expect("first");
        b.expect("second");
        let (a, b) = tokio::join!(end_of(&*lab.runtime, first.handle), end_of(&*other, second.handle));
        [a, b].iter().filter(|end| end.exit_code.is_some()).count()
    }))
    .await;
    assert!(runs.iter().all(|executed| *executed <= 1), "{runs:?}");
}

/// The first lines of a long log are dropped by the cluster; whoever comes later goes on where it was stored.
#[tokio::test(flavor = "multi_thread")]
async fn p16_a_long_log_is_followed_on_after_its_beginning_was_dropped() {
    let test = "p16_a_long_log_is_followed_on_after_its_beginning_was_dropped";
    let Some(lab) = KubernetesLab::with(test, settings()).await else { return };
    // The node drops what is over 10 MiB when it next looks, each 10 s: first less than that, then more.
    let mut request = lab.request(
        "part() { awk -v from=$1 -v to=$2 'BEGIN { l = sprintf(\"%1000s\", \"\"); gsub(/ /, \"x\", l)
        for (i = from; i < to; i++) print int(i / 1000) \".\" i % 1000, l }'; }
        part 0 9000; sleep 12; part 9000 12000; sleep 25; echo last",
    );
    request.spec.limits.output_bytes = 64 << 20;
    request.spec.timeout_secs = 120;
    lab.runtime.start(&request).await.expect("start");
    let (mut from, mut seen) = (LogOffset::default(), Vec::new());
    eventually("12,000 lines", async || {
        let chunk = lab.runtime.logs(request.handle, from).await.expect("log");
        from = chunk.next;
        seen.extend(chunk.records);
        (seen.len() >= 12_000).then_some(())
    })
    .await;
    let stored = seen.len() as i64;
    // The mark is written when the next piece is asked for: all before it is stored then.
    let jobs: Api<Job> = Api::default_namespaced(lab.client().await);
    eventually("the mark", async || {
        lab.runtime.logs(request.handle, from).await.expect("log");
        let job = jobs.get(&format!("aiops-{}-1", request.handle.run_id)).await.expect("job");
        job.metadata.annotations?.get("aiops.dev/log")?.contains("\"next_seq\":12001").then_some(())
    })
    .await;
    let later = lab.again().await;
    end_of(&*later, request.handle).await;
    let rest: Vec<_> = whole_log(&*later, request.handle).await.into_iter().filter(|r| r.seq > stored).collect();
    seen.extend(rest);
    assert!(seen.iter().zip(1..).all(|(r, n)| r.seq == n), "dense");
    let texts: Vec<&str> = seen.iter().filter(|r| r.stream == Stream::Stdout).map(|r| r.text.as_str()).collect();
    assert_eq!((texts.len(), texts.last().copied()), (12_001, Some("last")));
    for (i, text) in texts[..12_000].iter().enumerate() {
        assert!(text.starts_with(&format!("{}.{} x", i / 1_000, i % 1_000)), "line {i}: {}", &text[..20]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_removed_from_outside_is_unknown() {
    let test = "a_job_that_was_removed_from_outside_is_unknown";
    let Some(lab) = KubernetesLab::with(test, settings()).await else { return };
    let request = lab.request("echo ran; sleep 100");
    begun(&lab, &request).await;
    assert_eq!(lab.runtime.progress(request.handle).await.expect("progress"), Progress::Running);
    let jobs: Api<Job> = Api::default_namespaced(lab.client().await);
    let name = format!("aiops-{}-1", request.handle.run_id);
    let label = json!({ "metadata": { "labels": { "touched": "yes" } } });
    jobs.patch(&name, &PatchParams::default(), &Patch::Merge(&label)).await.expect("a change of others does no harm");
    jobs.delete(&name, &DeleteParams::background()).await.expect("deleted");
    let gone = async || (lab.runtime.progress(request.handle).await.ok()? == Progress::Unknown).then_some(());
    eventually("it is gone", gone).await;
    assert_eq!(IMAGE, lab.image().expect("image"));
}
