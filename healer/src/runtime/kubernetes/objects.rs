//! The objects of one start as values: job, secret, network policy. Pure.

use super::marks::{self, CONTAINER, FACTS, Facts};
use crate::runtime::{Result, RuntimeError, StartRequest};
use domain::Id;
use domain::catalog::{KubernetesSettings, Language, PullPolicy};
use domain::run::{RunMode, RunSpec};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Folder of the script in the container.
const SCRIPTS: &str = "/aiops-script";
/// Folder of everything that the script writes; its working folder is below it.
const BASE: &str = "/aiops";
/// Folder of the secrets, in memory; each a file that only the script's user can read.
const SECRETS: &str = "/aiops-secrets";
/// Runs the script: time limit, stops, files that are handed over.
const WRAPPER: &str = include_str!("wrapper.sh");
/// Bytes of result and artifacts, as an archive, that a pod hands over at most: they travel in its log, which clusters cut
/// at 10 MiB.
pub(super) const FILE_ROOM: u64 = 4 << 20;
/// Added to a pod's grace so that what it left can be handed over after the script was stopped.
const HAND_OVER_SECS: u32 = 3;
/// Bytes of script and values: what a secret may hold in total, as the API server counts, less the wrapper.
const SECRET_BYTES: usize = (1 << 20) - (16 << 10);
/// Longest environment value that the kernel hands to a program, bytes with its name.
const VALUE_BYTES: usize = 128 << 10;
/// Added to the limits of a pod for what nobody follows: the job's own limit comes after the pod's.
const SLACK_SECS: u32 = 60;

/// What one start needs.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) name: String,
    mark: String,
    labels: BTreeMap<String, String>,
    facts: Facts,
    image: String,
    interpreter: Vec<String>,
    script: String,
    env: BTreeMap<String, String>,
    /// Files of that name below [`SECRETS`]; their values are in `env` too.
    secrets: BTreeMap<String, String>,
    spec: RunSpec,
}

/// Whether Kubernetes takes it as the name of a variable, in all versions.
fn env_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty()
        && name.chars().all(fine)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.starts_with("..")
}

/// The image and the program, or why it cannot run there.
fn program(spec: &RunSpec, settings: &KubernetesSettings) -> Result<(String, Vec<String>)> {
    let refused = |text: String| Err(RuntimeError::Refused(text));
    let image = match spec.image.as_deref().or(settings.default_image.as_deref()) {
        None => {
            return refused("no image: name one in the script, or a default_image at the runtime manager".to_owned());
        }
        Some(image) if !settings.allows(image) => {
            return refused(format!("the image {image} is not among those that this runtime manager allows (images)"));
        }
        Some(image) => image.to_owned(),
    };
    let interpreter = match spec.interpreter.as_slice() {
        [] if spec.language.interpreter().is_empty() => {
            return refused("interpreter: name the program that runs the script".to_owned());
        }
        [] => vec![spec.language.interpreter().to_owned()],
        given => given.to_vec(),
    };
    Ok((image, interpreter))
}

impl Plan {
    /// Decides everything that can be decided without the cluster.
    ///
    /// # Errors
    /// `Refused`, with what to change.
    pub(super) fn new(manager: Id, settings: &KubernetesSettings, request: &StartRequest) -> Result<Self> {
        let spec = request.spec.clone();
        let script = crate::runtime::local::files::script_text(&spec)?;
        let (image, interpreter) = program(&spec, settings)?;
        let hijack = |name: &str, value: &str| crate::plan::reserved(name) || !env_name(name) || value.contains('\0');
        let given = spec.env.clone().into_iter().chain(request.secrets.clone()).collect::<BTreeMap<_, _>>();
        let (bad, env): (BTreeMap<_, _>, BTreeMap<_, _>) = given.into_iter().partition(|(k, v)| hijack(k, v));
        let secrets = request.secrets.iter().filter(|(name, _)| env.contains_key(*name));
        let secrets: BTreeMap<_, _> = secrets.map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some((name, _)) = env.iter().find(|(k, v)| k.len() + v.len() + 2 > VALUE_BYTES) {
            let text =
                format!("the value of {name} is longer than {} KiB, which no program can be given", VALUE_BYTES >> 10);
            return Err(RuntimeError::Refused(text));
        }
        let bytes = script.len() + env.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        if bytes > SECRET_BYTES {
            let text = format!("the script and its values have {bytes} bytes, Kubernetes takes {SECRET_BYTES}");
            return Err(RuntimeError::Refused(text));
        }
        let facts = Facts {
            first_seq: request.first_seq,
            grace_secs: settings.grace_secs,
            timeout_secs: spec.timeout_secs,
            output_bytes: spec.limits.output_bytes,
            memory_bytes: spec.limits.memory_bytes,
            at_most_once: spec.mode == RunMode::AtMostOnce,
            left_out: bad.into_keys().map(|k| k.replace('\0', "\u{2400}")).collect(),
        };
        let labels = marks::labels(manager, request.handle);
        let mark = marks::line_mark(request.handle);
        Ok(Self {
            name: marks::name(request.handle),
            mark,
            labels,
            facts,
            image,
            interpreter,
            script,
            env,
            secrets,
            spec,
        })
    }

    /// Whether a network policy is wanted.
    pub(super) fn cut_off(&self, settings: &KubernetesSettings) -> bool {
        settings.network_policy && !self.spec.limits.network
    }

    /// The job; it is suspended until everything that it needs is there, so that nothing runs before that.
    ///
    /// # Errors
    /// A value that Kubernetes' types do not take; a defect of ours.
    pub(super) fn job(&self, settings: &KubernetesSettings) -> serde_json::Result<Job> {
        let pod_secs =
            self.facts.timeout_secs.saturating_add(settings.start_limit_secs + settings.grace_secs + SLACK_SECS);
        let facts = serde_json::to_string(&self.facts)?;
        serde_json::from_value(json!({
            "metadata": { "name": self.name, "labels": self.labels, "annotations": { FACTS: facts } },
            "spec": {
                "suspend": true,
                "parallelism": 1,
                "completions": 1,
                "backoffLimit": 0,
                "podReplacementPolicy": "Failed",
                "activeDeadlineSeconds": u64::from(pod_secs) + u64::from(SLACK_SECS) * 5,
                "ttlSecondsAfterFinished": settings.keep_secs,
                "template": {
                    "metadata": {
                        "labels": self.labels,
                        "annotations": { "cluster-autoscaler.kubernetes.io/safe-to-evict": "false" },
                    },
                    "spec": self.pod(settings, pod_secs),
                },
            },
        }))
    }

    fn pod(&self, settings: &KubernetesSettings, pod_secs: u32) -> Value {
        let (user, group) = settings.ids().unwrap_or((65_534, 65_534));
        json!({
            "restartPolicy": "Never",
            "activeDeadlineSeconds": pod_secs,
            "terminationGracePeriodSeconds": settings.grace_secs.saturating_add(HAND_OVER_SECS),
            "serviceAccountName": settings.service_account.as_deref().unwrap_or("default"),
            "automountServiceAccountToken": settings.service_account.is_some(),
            "enableServiceLinks": false,
            "nodeSelector": settings.node_selector,
            "imagePullSecrets": settings.pull_secrets.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": user, "runAsGroup": group, "fsGroup": group,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [self.container(settings)],
            "volumes": [
                { "name": "script", "secret": { "secretName": self.name, "defaultMode": 0o440, "items": self.files() } },
                { "name": "secrets", "emptyDir": { "medium": "Memory", "sizeLimit": "1Mi" } },
                { "name": "work", "emptyDir": { "sizeLimit": settings.work_bytes.to_string() } },
                { "name": "tmp", "emptyDir": { "sizeLimit": settings.tmp_bytes.to_string() } },
            ],
        })
    }

    /// Keys of the secret that are files in the container.
    fn files(&self) -> Vec<Value> {
        let own = ["script", "wrapper"].map(|name| json!({ "key": name, "path": name }));
        let secrets = self.secrets.keys().filter_map(|name| {
            let at = self.env.keys().position(|k| k == name)?;
            Some(json!({ "key": format!("env-{at}"), "path": format!("secrets/{name}") }))
        });
        own.into_iter().chain(secrets).collect()
    }

    fn container(&self, settings: &KubernetesSettings) -> Value {
        let limits = &self.spec.limits;
        let pull = match settings.pull {
            PullPolicy::Never => "Never",
            PullPolicy::IfMissing => "IfNotPresent",
            PullPolicy::Always => "Always",
        };
        let mut command = vec!["/bin/sh".to_owned(), format!("{SCRIPTS}/wrapper"), self.mark.clone()];
        let numbers =
            [u64::from(self.facts.timeout_secs), u64::from(settings.grace_secs), FILE_ROOM, limits.file_bytes.max(512)];
        command.extend(numbers.map(|n| n.to_string()));
        command.extend(self.interpreter.iter().cloned());
        command.push(format!("{SCRIPTS}/script"));
        json!({
            "name": CONTAINER,
            "image": self.image,
            "imagePullPolicy": pull,
            "command": command.iter().map(|word| word.replace('$', "$$")).collect::<Vec<_>>(),
            "workingDir": BASE,
            "env": self.variables(),
            "resources": {
                "limits": { "cpu": format!("{}m", limits.cpu_millis), "memory": limits.memory_bytes.to_string() },
                "requests": {
                    "cpu": format!("{}m", (limits.cpu_millis / 10).max(1)),
                    "memory": (limits.memory_bytes / 8).max(8 << 20).min(limits.memory_bytes).to_string(),
                },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
                "runAsNonRoot": true, "capabilities": { "drop": ["ALL"] },
            },
            "terminationMessagePolicy": "File",
            "volumeMounts": [
                { "name": "script", "mountPath": SCRIPTS, "readOnly": true },
                { "name": "secrets", "mountPath": SECRETS },
                { "name": "work", "mountPath": BASE },
                { "name": "tmp", "mountPath": "/tmp" },
            ],
        })
    }

    /// Fixed variables, and one reference a value: the values themselves are in the secret alone.
    fn variables(&self) -> Vec<Value> {
        let mut all = vec![
            json!({ "name": "HOME", "value": format!("{BASE}/work") }),
            json!({ "name": "AIOPS_ARTIFACTS", "value": format!("{BASE}/artifacts") }),
            json!({ "name": "AIOPS_RESULT", "value": format!("{BASE}/result.json") }),
            json!({ "name": "TMPDIR", "value": "/tmp" }),
            json!({ "name": "LANG", "value": "C.UTF-8" }),
        ];
        if !self.secrets.is_empty() {
            all.push(json!({ "name": "AIOPS_SECRETS", "value": SECRETS }));
        }
        if self.spec.language == Language::Python {
            all.push(json!({ "name": "PYTHONUNBUFFERED", "value": "1" }));
            all.push(json!({ "name": "PYTHONDONTWRITEBYTECODE", "value": "1" }));
        }
        all.extend(self.env.keys().enumerate().map(|(at, name)| {
            json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": self.name, "key": format!("env-{at}") } } })
        }));
        all
    }

    /// Script and values; it goes with the job.
    ///
    /// # Errors
    /// A value that Kubernetes' types do not take; a defect of ours.
    pub(super) fn secret(&self, job_uid: &str) -> serde_json::Result<Secret> {
        let mut data: BTreeMap<String, &str> =
            [("script".to_owned(), self.script.as_str()), ("wrapper".to_owned(), WRAPPER)].into();
        data.extend(self.env.values().enumerate().map(|(at, value)| (format!("env-{at}"), value.as_str())));
        serde_json::from_value(json!({ "metadata": self.owned(job_uid), "immutable": true, "stringData": data }))
    }

    /// Forbids all traffic of the pod; it goes with the job.
    ///
    /// # Errors
    /// A value that Kubernetes' types do not take; a defect of ours.
    pub(super) fn network_policy(&self, job_uid: &str) -> serde_json::Result<NetworkPolicy> {
        serde_json::from_value(json!({
            "metadata": self.owned(job_uid),
            "spec": { "podSelector": { "matchLabels": self.labels }, "policyTypes": ["Ingress", "Egress"] },
        }))
    }

    fn owned(&self, job_uid: &str) -> Value {
        json!({
            "name": self.name,
            "labels": self.labels,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": job_uid, "controller": true,
                "blockOwnerDeletion": false,
            }],
        })
    }
}

#[cfg(test)]
mod tests;
