//! The objects of a start: least rights, values by reference alone, refusals that name the field.

use super::*;
use crate::runtime::Handle;
use domain::limits::Limits;

fn settings() -> KubernetesSettings {
    KubernetesSettings { default_image: Some("tools:1".to_owned()), ..KubernetesSettings::default() }
}

fn request() -> StartRequest {
    let spec = RunSpec {
        language: Language::Sh,
        body: "echo $X\r\n".to_owned(),
        env: [("X".to_owned(), "$(V)".to_owned()), ("LD_PRELOAD".to_owned(), "x".to_owned())].into(),
        timeout_secs: 60,
        ..RunSpec::default()
    };
    let handle = Handle { run_id: domain::new_id(), epoch: 2 };
    let secrets = [("TOKEN".to_owned(), "hunter2-Zq9".to_owned())].into();
    StartRequest { handle, spec, first_seq: 7, secrets }
}

fn plan(settings: &KubernetesSettings, request: &StartRequest) -> Result<Plan> {
    Plan::new(domain::new_id(), settings, request)
}

#[test]
fn values_are_in_the_secret_alone() {
    let (settings, request) = (settings(), request());
    let plan = plan(&settings, &request).expect("a plan");
    let job = serde_json::to_string(&plan.job(&settings).expect("a job")).expect("JSON");
    assert!(!job.contains("hunter2") && !job.contains("$(V)") && !job.contains("echo $X"), "{job}");
    let secret = serde_json::to_value(plan.secret("uid").expect("a secret")).expect("JSON");
    assert_eq!(secret["stringData"]["script"], "echo $X\n");
    assert_eq!(
        (&secret["stringData"]["env-0"], &secret["stringData"]["env-1"]),
        (&json!("hunter2-Zq9"), &json!("$(V)"))
    );
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "uid");
    assert_eq!(plan.facts.left_out, ["LD_PRELOAD"]);
}

#[test]
fn a_pod_has_the_least_rights_and_its_limits() {
    let mut request = request();
    request.spec.limits = Limits { cpu_millis: 250, memory_bytes: 64 << 20, ..Limits::default() };
    let settings = settings();
    let job = plan(&settings, &request).expect("a plan").job(&settings).expect("a job");
    let job = serde_json::to_value(job).expect("JSON");
    assert_eq!((&job["spec"]["backoffLimit"], &job["spec"]["suspend"]), (&json!(0), &json!(true)));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!((&pod["automountServiceAccountToken"], &pod["restartPolicy"]), (&json!(false), &json!("Never")));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({ "cpu": "250m", "memory": "67108864" }));
    let security = &container["securityContext"];
    assert_eq!(
        (&security["readOnlyRootFilesystem"], &security["allowPrivilegeEscalation"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    let with = KubernetesSettings { service_account: Some("heal".to_owned()), ..settings };
    let job = plan(&with, &request).expect("a plan").job(&with).expect("a job");
    let pod = job.spec.expect("spec").template.spec.expect("pod");
    assert_eq!((pod.automount_service_account_token, pod.service_account_name.as_deref()), (Some(true), Some("heal")));
}

#[test]
fn refusals_say_what_to_change() {
    let image = |image: &str| {
        let mut request = request();
        request.spec.image = Some(image.to_owned());
        request
    };
    let mut other = request();
    other.spec.language = Language::Other;
    let mut long = request();
    long.spec.env.insert("LONG".to_owned(), "x".repeat(VALUE_BYTES));
    let mut empty = request();
    empty.spec.body = " \n".to_owned();
    let none = KubernetesSettings::default();
    for (settings, request, sign) in [
        (settings(), image("evil:1"), "the image evil:1 is not among those"),
        (none, request(), "no image"),
        (settings(), other, "interpreter"),
        (settings(), long, "the value of LONG is longer"),
        (settings(), empty, "the script is empty"),
    ] {
        let why = plan(&settings, &request).expect_err(sign).to_string();
        assert!(why.starts_with(sign), "{why}");
    }
}
