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
mod places;
mod scripts;

use checks::{http_url, labels, within};
pub use places::{ChannelKind, ChannelSpec, RuntimeKind, RuntimeManagerSpec};
pub use scripts::{CaseSpec, Expectations, Language, ScriptSpec};

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

/// A Prometheus or Elasticsearch endpoint.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// What answers there.
    pub kind: SourceKind,
    /// Base URL, http or https.
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
    /// Whether it is polled.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Spec for SourceSpec {
    const KIND: &'static str = "source";
    const TABLE: &'static str = "sources";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        http_url("url", &self.url, &mut wrong);
        within("timeout_secs", self.timeout_secs, 1, 120, &mut wrong);
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
    /// PromQL, or an Elasticsearch query string (empty: all lines).
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
    /// 1 (only the gross) to 10 (everything).
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
    /// Until when its anomalies open nothing.
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
            wrong.push(FieldError::new("query", "give a PromQL expression"));
        }
        if self.query.len() > 16_384 {
            wrong.push(FieldError::new("query", "give at most 16384 bytes"));
        }
        if let DetectorSpec::Threshold { value, .. } = self.detector
            && !value.is_finite()
        {
            wrong.push(FieldError::new("detector.value", "give a finite number"));
        }
        if let DetectorSpec::Absence { after_secs } = self.detector {
            within("detector.after_secs", after_secs, 1, 86_400, &mut wrong);
        }
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
