//! Editable objects: sources, monitors, scripts, cases, runtime managers and channels.

use crate::error::FieldError;
use crate::incident::Severity;
use crate::resource::{Resource, SECRET_MARK, Spec};
use crate::signal::SignalKind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

mod checks;
mod docker;
mod kubernetes;
mod places;
mod rules;
mod scripts;
mod webhooks;

pub use crate::expect::Expectations;
use checks::{certificates, http_url, labels, within};
pub use docker::{DockerSettings, DockerTls, PullPolicy};
pub use kubernetes::KubernetesSettings;
pub use places::{ChannelKind, ChannelSpec, RuntimeKind, RuntimeManagerSpec};
pub use rules::Rule;
pub use scripts::{CaseSpec, Language, Part, ScriptSpec};
pub use webhooks::{AlertMapping, EntityRule, WebhookSpec};

/// A source as stored.
pub type Source = Resource<SourceSpec>;
/// A monitor as stored.
pub type Monitor = Resource<MonitorSpec>;
/// A script as stored.
pub type Script = Resource<ScriptSpec>;
/// A case as stored.
pub type Case = Resource<CaseSpec>;
/// A runtime manager as stored.
pub type RuntimeManager = Resource<RuntimeManagerSpec>;
/// A channel as stored.
pub type Channel = Resource<ChannelSpec>;

/// What answers at a source's address.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The Prometheus HTTP API.
    Prometheus,
    /// The Elasticsearch or OpenSearch search API.
    Elasticsearch,
    /// Alertmanager, which sends its webhook (version 4) to us.
    Alertmanager,
    /// Grafana alerting, which sends its webhook to us.
    Grafana,
    /// Anything that sends JSON to us, read by a mapping.
    Generic,
}

impl SourceKind {
    /// Whether it sends alerts to us; the others are asked.
    #[must_use]
    pub const fn sends_alerts(self) -> bool {
        matches!(self, Self::Alertmanager | Self::Grafana | Self::Generic)
    }
}

/// Credentials towards a source.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credentials {
    /// None.
    #[default]
    None,
    /// HTTP basic.
    Basic {
        /// User name.
        username: String,
        /// Password; write-only.
        password: String,
    },
    /// Bearer token.
    Bearer {
        /// Token; write-only.
        token: String,
    },
    /// Elasticsearch API key (`Authorization: ApiKey`).
    ApiKey {
        /// Encoded key; write-only.
        key: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer { .. } => "Bearer(..)",
            Self::ApiKey { .. } => "ApiKey(..)",
        })
    }
}

impl Credentials {
    /// The secret part, if there is one.
    #[must_use]
    pub fn into_secret(mut self) -> Option<String> {
        self.secret_mut().map(std::mem::take)
    }

    fn secret_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::None => None,
            Self::Basic { password, .. } => Some(password),
            Self::Bearer { token } => Some(token),
            Self::ApiKey { key } => Some(key),
        }
    }
}

/// A Prometheus or Elasticsearch endpoint that is asked, or a sender of alerts.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// What answers there.
    pub kind: SourceKind,
    /// Base URL, http or https; empty for a sender of alerts.
    #[serde(default)]
    pub url: String,
    /// Credentials.
    #[serde(default)]
    pub credentials: Credentials,
    /// Index pattern (Elasticsearch only), for example `logs-*`.
    #[serde(default)]
    pub index: Option<String>,
    /// Field names by role (`timestamp`, `level`, `message`, `service`, `trace_id`) where they differ from ECS and OTel.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Time limit of one request, seconds.
    #[serde(default = "ten")]
    pub timeout_secs: u32,
    /// Whether it is polled, or its alerts are taken.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How its alerts are read; only for senders of alerts.
    #[serde(default)]
    pub webhook: Option<WebhookSpec>,
    /// Certificates (PEM) trusted for this source beside the system's, for a server with an authority of its own.
    #[serde(default)]
    pub ca: Option<String>,
}

impl Spec for SourceSpec {
    const KIND: &'static str = "source";
    const TABLE: &'static str = "sources";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if self.kind.sends_alerts() {
            if !self.url.is_empty() {
                wrong.push(FieldError::new("url", "leave it empty: this source sends to us"));
            }
            let generic = self.kind == SourceKind::Generic;
            self.webhook.clone().unwrap_or_default().validate(generic, &mut wrong);
        } else {
            http_url("url", &self.url, &mut wrong);
            if self.webhook.is_some() {
                wrong.push(FieldError::new("webhook", "leave it out: this source is asked, it does not send"));
            }
        }
        within("timeout_secs", self.timeout_secs, 1, 120, &mut wrong);
        if let Some(ca) = &self.ca {
            certificates("ca", ca, &mut wrong);
        }
        const ROLES: [&str; 5] = ["timestamp", "level", "message", "service", "trace_id"];
        for role in self.fields.keys().filter(|r| !ROLES.contains(&r.as_str())) {
            wrong.push(FieldError::new(format!("fields.{role}"), format!("use one of {}", ROLES.join(", "))));
        }
        wrong
    }

    fn redacted(&self) -> Self {
        let mut copy = self.clone();
        if let Some(secret) = copy.credentials.secret_mut() {
            SECRET_MARK.clone_into(secret);
        }
        copy
    }

    fn keep_secrets(&mut self, stored: &Self) {
        let same_place = self.url == stored.url;
        let mut old = stored.credentials.clone();
        if let (Some(new), Some(old)) = (self.credentials.secret_mut(), old.secret_mut())
            && same_place
            && new == SECRET_MARK
        {
            new.clone_from(old);
        }
    }
}

/// How a monitor judges its series.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DetectorSpec {
    /// The learned ensemble (no numbers to set).
    Learned,
    /// A fixed limit.
    Threshold {
        /// Which side is wrong.
        op: Comparison,
        /// The limit, in the query's unit.
        value: f64,
        /// How long it must hold, seconds.
        #[serde(default)]
        for_secs: u32,
        /// The value that must be reached again for it to be over, on the healthy side of the limit; the limit itself
        /// when left out.
        #[serde(default)]
        clear: Option<f64>,
    },
    /// A series that was there and is not any more.
    Absence {
        /// How long it may be missing, seconds.
        after_secs: u32,
    },
    /// Templates, levels and rates of log lines.
    Logs,
}

/// Comparison of a value with a limit.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Greater than.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less or equal.
    Le,
}

impl Comparison {
    /// Whether `value` compares so with `limit`; false for NaN.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Gt => value > limit,
            Self::Ge => value >= limit,
            Self::Lt => value < limit,
            Self::Le => value <= limit,
        }
    }
}

/// Which way a learned detector looks.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Only too high.
    Up,
    /// Only too low.
    Down,
}

/// A query on a source with detector settings.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorSpec {
    /// Source to ask.
    pub source_id: Uuid,
    /// PromQL; an Elasticsearch query string for a log monitor (empty: all lines); a measure of documents such as
    /// `count() by (service.name as service) where log.level:error` for other monitors on Elasticsearch.
    pub query: String,
    /// Time between polls, seconds.
    #[serde(default = "fifteen")]
    pub interval_secs: u32,
    /// What it measures.
    pub signal: SignalKind,
    /// BTreeMap<String, String> that name the entity, for example `["service"]`.
    #[serde(default)]
    pub entity_labels: Vec<String>,
    /// How it judges.
    pub detector: DetectorSpec,
    /// Rules beside the learned detector, on the same series: limits and absence. None of them is ever learned away.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// 1 (only the gross) to 10 (everything); 5 tells what leaves the known range by a fifth of it. False alarms to expect
    /// at each step: `docs/monitors.md`.
    #[serde(default = "five")]
    pub sensitivity: u8,
    /// Which way a learned detector looks.
    #[serde(default)]
    pub direction: Direction,
    /// Severity of its anomalies.
    #[serde(default)]
    pub severity: Severity,
    /// Unit for sentences and charts, for example `s`, `%`, `bytes`.
    #[serde(default)]
    pub unit: String,
    /// Series at most; more are left out and counted.
    #[serde(default = "five_hundred")]
    pub max_series: u32,
    /// Whether it is polled.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Until when its anomalies open no incident; they are still found and stored.
    #[serde(default)]
    pub muted_until: Option<DateTime<Utc>>,
}

impl Spec for MonitorSpec {
    const KIND: &'static str = "monitor";
    const TABLE: &'static str = "monitors";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        within("interval_secs", self.interval_secs, 1, 86_400, &mut wrong);
        within("sensitivity", u32::from(self.sensitivity), 1, 10, &mut wrong);
        within("max_series", self.max_series, 1, 20_000, &mut wrong);
        labels("entity_labels", &self.entity_labels, &mut wrong);
        let logs = matches!(self.detector, DetectorSpec::Logs);
        if !logs && self.query.trim().is_empty() {
            wrong.push(FieldError::new("query", "give a PromQL expression, or a measure of documents"));
        }
        if self.query.len() > 16_384 {
            wrong.push(FieldError::new("query", "give at most 16384 bytes"));
        }
        rules::check_detector("detector", &self.detector, &mut wrong);
        rules::check(&self.rules, logs, &mut wrong);
        wrong
    }
}

const fn yes() -> bool {
    true
}
const fn five() -> u8 {
    5
}
const fn ten() -> u32 {
    10
}
const fn fifteen() -> u32 {
    15
}
const fn five_hundred() -> u32 {
    500
}
