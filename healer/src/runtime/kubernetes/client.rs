//! The objects of one namespace behind one client, every request with a limit, and errors in plain words.

use super::marks;
use crate::runtime::{Handle, Result, RuntimeError};
use domain::Id;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::time::Duration;

/// How long the cluster may take for one answer.
const ANSWER: Duration = Duration::from_secs(10);

/// What a request came to, where "not there" and "changed meanwhile" are answers.
#[derive(Debug)]
pub(super) enum Said<T> {
    Yes(T),
    Absent,
    Conflict,
}

/// Text of an error that a person can act on.
pub(super) fn plain(what: &str, e: kube::Error) -> RuntimeError {
    match e {
        kube::Error::Api(status) if matches!(status.code, 400 | 413 | 422) => {
            RuntimeError::Refused(format!("{what}: the cluster refuses it: {}", super::words::short(&status.message)))
        }
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            let message = super::words::short(&status.message);
            let text = match status.code {
                401 => format!("{what}: the cluster does not know these credentials: {message}"),
                _ => {
                    format!("{what}: not allowed: {message} (the rights that are needed: deploy/kubernetes/rbac.yaml)")
                }
            };
            RuntimeError::Unavailable { what: text, source: None }
        }
        kube::Error::Api(status) => RuntimeError::Unavailable {
            what: format!("{what}: {}", super::words::short(&status.message)),
            source: None,
        },
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(&other);
            while let Some(inner) = cause {
                text = inner.to_string();
                cause = inner.source();
            }
            RuntimeError::Unavailable {
                what: format!("{what}: the cluster does not answer: {text}"),
                source: Some(Box::new(other)),
            }
        }
    }
}

/// Asks with a limit.
pub(super) async fn ask<T>(what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<Said<T>> {
    match tokio::time::timeout(ANSWER, request).await {
        Ok(Ok(answer)) => Ok(Said::Yes(answer)),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 && !status.message.contains("namespaces") => {
            Ok(Said::Absent)
        }
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Ok(Said::Conflict),
        Ok(Err(e)) => Err(plain(what, e)),
        Err(_) => {
            let what = format!("{what}: the cluster gave no answer within {} s", ANSWER.as_secs());
            Err(RuntimeError::Unavailable { what, source: None })
        }
    }
}

/// As [`ask`], where only an answer is one.
pub(super) async fn need<T>(what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T> {
    match ask(what, request).await? {
        Said::Yes(answer) => Ok(answer),
        Said::Absent => Err(RuntimeError::Unavailable { what: format!("{what}: it is not there"), source: None }),
        Said::Conflict => {
            Err(RuntimeError::Unavailable { what: format!("{what}: it changed meanwhile"), source: None })
        }
    }
}

/// One namespace, seen by one manager.
#[derive(Clone)]
pub(super) struct Space {
    pub client: Client,
    pub namespace: String,
    pub manager: Id,
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space")
            .field("namespace", &self.namespace)
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}

impl Space {
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Selects what belongs to this manager.
    pub(super) fn ours(&self) -> String {
        format!("{}={}", marks::MANAGER, self.manager)
    }

    pub(super) async fn job(&self, handle: Handle) -> Result<Option<Job>> {
        let (api, name) = (self.api::<Job>(), marks::name(handle));
        match ask("read a job", api.get(&name)).await? {
            // One that is being removed is gone for us.
            Said::Yes(job) if job.metadata.deletion_timestamp.is_none() => Ok(Some(job)),
            _ => Ok(None),
        }
    }

    /// Jobs that a selector names.
    pub(super) async fn jobs(&self, selector: &str) -> Result<Vec<Job>> {
        let api = self.api::<Job>();
        let list = need("list jobs", api.list(&ListParams::default().labels(selector))).await?;
        Ok(list.items.into_iter().filter(|j| j.metadata.deletion_timestamp.is_none()).collect())
    }

    /// Jobs of a run, whatever manager started them.
    pub(super) async fn jobs_of(&self, run_id: Id) -> Result<Vec<Job>> {
        self.jobs(&format!("{}={run_id}", marks::RUN)).await
    }

    /// The pod of a job; of several the one that got furthest.
    pub(super) async fn pod(&self, job: &Job, handle: Handle) -> Result<Option<Pod>> {
        let (api, uid) = (self.api::<Pod>(), job.metadata.uid.as_deref());
        let selector = format!("{}={},{}={}", marks::RUN, handle.run_id, marks::EPOCH, handle.epoch);
        let pods = need("list pods", api.list(&ListParams::default().labels(&selector))).await?.items;
        let of_job = |pod: &Pod| {
            let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
            owners.iter().any(|o| Some(o.uid.as_str()) == uid)
        };
        Ok(pods.into_iter().filter(of_job).max_by_key(super::view::began))
    }

    pub(super) async fn create_job(&self, job: &Job) -> Result<Said<Job>> {
        ask("make a job", self.api::<Job>().create(&PostParams::default(), job)).await
    }

    pub(super) async fn create_secret(&self, secret: &Secret) -> Result<Said<Secret>> {
        ask("make a secret", self.api::<Secret>().create(&PostParams::default(), secret)).await
    }

    pub(super) async fn create_policy(&self, policy: &NetworkPolicy) -> Result<Said<NetworkPolicy>> {
        ask("make a network policy", self.api::<NetworkPolicy>().create(&PostParams::default(), policy)).await
    }

    /// Changes a job, only when it is still as it was read.
    pub(super) async fn patch_job(&self, job: &Job, mut patch: Value, guarded: bool) -> Result<Said<Job>> {
        if guarded {
            patch["metadata"]["resourceVersion"] = job.metadata.resource_version.clone().into();
        }
        let name = job.metadata.name.clone().unwrap_or_default();
        let params = PatchParams::default();
        ask("change a job", self.api::<Job>().patch(&name, &params, &Patch::Merge(&patch))).await
    }

    /// Lowers the time that a pod may run to one second, which ends it with its grace.
    pub(super) async fn expire(&self, pod: &Pod) -> Result<()> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let patch = serde_json::json!({ "spec": { "activeDeadlineSeconds": 1 } });
        let (api, params) = (self.api::<Pod>(), PatchParams::default());
        ask("stop a pod", api.patch(&name, &params, &Patch::Merge(&patch))).await.map(drop)
    }

    /// Deletes a pod; with `unchanged` only when it is still as it was read.
    pub(super) async fn delete_pod(&self, pod: &Pod, grace_secs: u32, unchanged: bool) -> Result<Said<()>> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let preconditions = unchanged.then(|| kube::api::Preconditions {
            uid: pod.metadata.uid.clone(),
            resource_version: pod.metadata.resource_version.clone(),
        });
        let params = DeleteParams { grace_period_seconds: Some(grace_secs), preconditions, ..DeleteParams::default() };
        Ok(match ask("delete a pod", self.api::<Pod>().delete(&name, &params)).await? {
            Said::Yes(_) => Said::Yes(()),
            Said::Absent => Said::Absent,
            Said::Conflict => Said::Conflict,
        })
    }

    /// Removes a job with everything that it owns.
    pub(super) async fn delete_job(&self, handle: Handle) -> Result<()> {
        let name = marks::name(handle);
        ask("remove a job", self.api::<Job>().delete(&name, &DeleteParams::background())).await.map(drop)
    }

    /// The last warning about a job, such as a quota that allows no pod.
    pub(super) async fn warning(&self, job: &Job) -> Option<String> {
        let uid = job.metadata.uid.as_deref()?;
        let params = ListParams::default().fields(&format!("involvedObject.uid={uid},type=Warning"));
        let events = need("list events", self.api::<Event>().list(&params)).await.ok()?.items;
        let last = events.into_iter().max_by_key(|e| e.last_timestamp.as_ref().map(|t| t.0))?;
        Some(super::words::short(last.message.as_deref().unwrap_or_default()))
    }
}
