//! Runtime managers and channels: where things run, and where notifications go.

use super::checks::{http_url, within};
use super::docker::DockerSettings;
use super::kubernetes::{KubernetesSettings, endpoint_fine};
use crate::error::FieldError;
use crate::incident::Severity;
use crate::resource::{SECRET_MARK, Spec};
use serde::{Deserialize, Serialize};

/// Where a runtime manager runs things.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    /// Processes on this host.
    #[default]
    Local,
    /// Containers of a Docker engine.
    Docker,
    /// Jobs of a Kubernetes cluster.
    Kubernetes,
}

/// A place that runs cases.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeManagerSpec {
    /// Which kind.
    pub kind: RuntimeKind,
    /// Address of the engine (`unix:///var/run/docker.sock`, `tcp://host:2375`, `https://host:2376`), or of the
    /// cluster: `in-cluster`, the absolute path of a kubeconfig on the host of the runner, or `https://host:6443` with a
    /// kubeconfig in the settings; none for local.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Runs at once.
    #[serde(default = "four")]
    pub capacity: u32,
    /// Takes no new runs while true.
    #[serde(default)]
    pub draining: bool,
    /// Whether it is used at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How cases run on a Docker engine; only for that kind.
    #[serde(default)]
    pub docker: Option<DockerSettings>,
    /// How cases run in a Kubernetes cluster; only for that kind.
    #[serde(default)]
    pub kubernetes: Option<KubernetesSettings>,
}

impl Default for RuntimeManagerSpec {
    /// Runs on this host, four at a time.
    fn default() -> Self {
        Self {
            kind: RuntimeKind::Local,
            endpoint: None,
            capacity: four(),
            draining: false,
            enabled: true,
            docker: None,
            kubernetes: None,
        }
    }
}

impl Spec for RuntimeManagerSpec {
    const KIND: &'static str = "runtime_manager";
    const TABLE: &'static str = "runtime_managers";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        within("capacity", self.capacity, 1, 1_000, &mut wrong);
        if self.kind != RuntimeKind::Local && self.endpoint.as_deref().is_none_or(|e| e.trim().is_empty()) {
            wrong.push(FieldError::new("endpoint", "give the address of the engine or cluster"));
        }
        self.check_docker(&mut wrong);
        self.check_kubernetes(&mut wrong);
        wrong
    }

    fn redacted(&self) -> Self {
        let mut copy = self.clone();
        if let Some(docker) = &mut copy.docker {
            docker.redact();
        }
        if let Some(kubernetes) = &mut copy.kubernetes {
            kubernetes.redact();
        }
        copy
    }

    fn keep_secrets(&mut self, stored: &Self) {
        // A key is sent to the place that it was given for, and to no other.
        let same_place = self.endpoint == stored.endpoint;
        if let Some(docker) = &mut self.docker {
            docker.keep_secrets(stored.docker.as_ref().filter(|_| same_place));
        }
        if let Some(kubernetes) = &mut self.kubernetes {
            kubernetes.keep_secrets(stored.kubernetes.as_ref().filter(|_| same_place));
        }
    }
}

impl RuntimeManagerSpec {
    fn check_kubernetes(&self, wrong: &mut Vec<FieldError>) {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        if self.kind != RuntimeKind::Kubernetes {
            if self.kubernetes.is_some() {
                let text = "only a runtime manager of kind kubernetes has these settings";
                wrong.push(FieldError::new("kubernetes", text));
            }
            return;
        }
        if !endpoint.is_empty() && !endpoint_fine(endpoint) {
            let text = "give in-cluster, the path of a kubeconfig such as /etc/aiops/kubeconfig, or https://host:6443";
            wrong.push(FieldError::new("endpoint", text));
        }
        match &self.kubernetes {
            Some(kubernetes) => kubernetes.check(endpoint, wrong),
            None => KubernetesSettings::default().check(endpoint, wrong),
        }
    }

    fn check_docker(&self, wrong: &mut Vec<FieldError>) {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        if self.kind != RuntimeKind::Docker {
            if self.docker.is_some() {
                wrong.push(FieldError::new("docker", "only a runtime manager of kind docker has these settings"));
            }
            return;
        }
        let known = ["unix:///", "tcp://", "http://", "https://"];
        let fine = known.iter().any(|s| endpoint.strip_prefix(s).is_some_and(|rest| !rest.trim().is_empty()));
        if !endpoint.is_empty() && !fine {
            let text = "give unix:///path, tcp://host:port or https://host:port";
            wrong.push(FieldError::new("endpoint", text));
        }
        if let Some(docker) = &self.docker {
            docker.check(endpoint, wrong);
        }
    }
}

/// How a channel delivers.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// HTTP POST of JSON, signed.
    Webhook,
}

/// Where notifications go.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// How it delivers.
    pub kind: ChannelKind,
    /// Address, http or https.
    pub url: String,
    /// Key of the HMAC-SHA256 signature; write-only.
    #[serde(default)]
    pub secret: Option<String>,
    /// Lowest severity that is sent.
    #[serde(default)]
    pub min_severity: Severity,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl std::fmt::Debug for ChannelSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelSpec").field("kind", &self.kind).field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl Spec for ChannelSpec {
    const KIND: &'static str = "channel";
    const TABLE: &'static str = "channels";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        http_url("url", &self.url, &mut wrong);
        wrong
    }

    fn redacted(&self) -> Self {
        Self { secret: self.secret.as_ref().map(|_| SECRET_MARK.to_owned()), ..self.clone() }
    }

    fn keep_secrets(&mut self, stored: &Self) {
        if self.secret.as_deref() == Some(SECRET_MARK) {
            self.secret = if self.url == stored.url { stored.secret.clone() } else { None };
        }
    }
}

const fn yes() -> bool {
    true
}
const fn four() -> u32 {
    4
}
