//! Scripts and cases: what can be run, and with which values.

use super::checks::{self, within};
use crate::error::FieldError;
use crate::resource::Spec;
use crate::run::RunMode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Interpreter of a script.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// `bash`.
    #[default]
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

const fn five_minutes() -> u32 {
    300
}
