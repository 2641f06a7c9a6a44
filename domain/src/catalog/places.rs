//! Runtime managers and channels: where things run, and where notifications go.

use super::checks::{http_url, within};
use crate::error::FieldError;
use crate::incident::Severity;
use crate::resource::{SECRET_MARK, Spec};
use serde::{Deserialize, Serialize};

/// Where a runtime manager runs things.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    /// Processes on this host.
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
    /// Address of the engine or cluster; none for local.
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
        wrong
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
