//! Editable objects: sources, monitors, scripts, cases, runtime managers and channels.

use crate::error::FieldError;
use crate::incident::Severity;
use crate::resource::{Resource, SECRET_MARK, Spec};
use crate::run::RunMode;
use crate::signal::SignalKind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

mod checks;
use checks::{http_url, within};

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

/// Interpreter of a script.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// `bash`.
    Bash,
    /// POSIX `sh`.
    Sh,
    /// `python3`.
    Python,
    /// `node`.
    Node,
}

impl Language {
    /// Program that runs it.
    #[must_use]
    pub const fn interpreter(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Sh => "sh",
            Self::Python => "python3",
            Self::Node => "node",
        }
    }
}

/// A reusable test script.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptSpec {
    /// What it does, for people.
    #[serde(default)]
    pub description: String,
    /// Interpreter.
    pub language: Language,
    /// The text; values reach it only as environment variables.
    pub body: String,
    /// JSON Schema of the parameters (an object schema), or null.
    #[serde(default)]
    pub parameters: serde_json::Value,
    /// Container image for Docker and Kubernetes.
    #[serde(default)]
    pub image: Option<String>,
    /// Time limit, seconds.
    #[serde(default = "five_minutes")]
    pub timeout_secs: u32,
    /// Whether a run that may have started can be started again.
    #[serde(default)]
    pub mode: RunMode,
}

impl Spec for ScriptSpec {
    const KIND: &'static str = "script";
    const TABLE: &'static str = "test_scripts";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        checks::body("body", &self.body, &mut wrong);
        within("timeout_secs", self.timeout_secs, 1, 86_400, &mut wrong);
        checks::parameters("parameters", &self.parameters, &mut wrong);
        wrong
    }
}

/// What a run must show to count as passed.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// Exit code.
    pub exit_code: i32,
    /// Text that the output must contain.
    pub output_contains: Option<String>,
    /// Longest duration, seconds.
    pub max_duration_secs: Option<u32>,
}

/// A runnable test case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Script to run; absent when the case has a body of its own.
    #[serde(default)]
    pub script_id: Option<Uuid>,
    /// Own body.
    #[serde(default)]
    pub body: Option<String>,
    /// Interpreter of the own body.
    #[serde(default)]
    pub language: Option<Language>,
    /// Parameter values, passed as environment variables of the same name.
    #[serde(default)]
    pub values: BTreeMap<String, serde_json::Value>,
    /// Tags that a runtime manager must carry.
    #[serde(default)]
    pub runtime_tags: Vec<String>,
    /// Time limit, seconds; the script's when absent.
    #[serde(default)]
    pub timeout_secs: Option<u32>,
    /// Mode of the own body.
    #[serde(default)]
    pub mode: Option<RunMode>,
    /// What counts as passed.
    #[serde(default)]
    pub expectations: Expectations,
}

impl Spec for CaseSpec {
    const KIND: &'static str = "case";
    const TABLE: &'static str = "test_cases";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        match (&self.script_id, &self.body) {
            (None, None) => wrong.push(FieldError::new("script_id", "name a script, or give the case a body")),
            (Some(_), Some(_)) => wrong.push(FieldError::new("body", "leave it out when a script is named")),
            (None, Some(body)) => {
                checks::body("body", body, &mut wrong);
                if self.language.is_none() {
                    wrong.push(FieldError::new("language", "name the interpreter: bash, sh, python or node"));
                }
            }
            (Some(_), None) => {}
        }
        if let Some(timeout) = self.timeout_secs {
            within("timeout_secs", timeout, 1, 86_400, &mut wrong);
        }
        checks::env_names("values", self.values.keys(), &mut wrong);
        wrong
    }
}

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
const fn five() -> u8 {
    5
}
const fn ten() -> u32 {
    10
}
const fn fifteen() -> u32 {
    15
}
const fn five_minutes() -> u32 {
    300
}
const fn five_hundred() -> u32 {
    500
}
