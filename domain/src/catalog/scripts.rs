//! Scripts and cases: what can be run, and with which values.

use super::checks::{self, within};
use crate::error::FieldError;
use crate::expect::Expectations;
use crate::limits::Limits;
use crate::resource::Spec;
use crate::retry::Retry;
use crate::run::{PRIORITIES, RunMode};
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
    /// Another one: `interpreter` names the program, `image` has it.
    Other,
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
            Self::Other => "",
        }
    }
}

/// Which text of a script's contract is run.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The body: what the script is for.
    #[default]
    Act,
    /// Whether it may act now; changes nothing.
    Precheck,
    /// Whether it worked; changes nothing.
    Verify,
    /// Takes it back.
    Undo,
}

impl Part {
    /// Its word, as in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Precheck => "precheck",
            Self::Verify => "verify",
            Self::Undo => "undo",
        }
    }
}

/// A reusable test script with its contract.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// Program and arguments that run the text; empty: the language's interpreter.
    #[serde(default)]
    pub interpreter: Vec<String>,
    /// Text that says by exit code 0 that the script may act now; run by a case with `part: precheck`.
    #[serde(default)]
    pub precheck: Option<String>,
    /// Text that says by exit code 0 that it worked; run by a case with `part: verify`.
    #[serde(default)]
    pub verify: Option<String>,
    /// Text that takes it back; run by a case with `part: undo`.
    #[serde(default)]
    pub undo: Option<String>,
    /// What a run may use at most.
    #[serde(default)]
    pub limits: Limits,
    /// When a run that failed is attempted again.
    #[serde(default)]
    pub retry: Retry,
    /// Secrets by reference: environment name to the name of a stored secret. Values are read when a run starts.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

impl ScriptSpec {
    /// The text of a part; absent when the contract has none.
    #[must_use]
    pub fn text(&self, part: Part) -> Option<&str> {
        match part {
            Part::Act => Some(&self.body),
            Part::Precheck => self.precheck.as_deref(),
            Part::Verify => self.verify.as_deref(),
            Part::Undo => self.undo.as_deref(),
        }
    }
}

impl Spec for ScriptSpec {
    const KIND: &'static str = "script";
    const TABLE: &'static str = "test_scripts";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        checks::body("body", &self.body, &mut wrong);
        for (field, text) in [("precheck", &self.precheck), ("verify", &self.verify), ("undo", &self.undo)] {
            if let Some(text) = text {
                checks::body(field, text, &mut wrong);
            }
        }
        within("timeout_secs", self.timeout_secs, 1, 86_400, &mut wrong);
        checks::parameters("parameters", &self.parameters, &mut wrong);
        checks::interpreter(self.language, &self.interpreter, self.image.as_deref(), &mut wrong);
        self.limits.check("limits", &mut wrong);
        self.retry.check("retry", &mut wrong);
        checks::secrets("secrets", &self.secrets, &mut wrong);
        wrong
    }

    fn tidy(&mut self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(checks::line_ends("body", &mut self.body));
        for (field, text) in [("precheck", &mut self.precheck), ("verify", &mut self.verify), ("undo", &mut self.undo)]
        {
            notes.extend(text.as_mut().and_then(|text| checks::line_ends(field, text)));
        }
        notes
    }
}

/// A runnable test case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Script to run; absent when the case has a body of its own.
    #[serde(default)]
    pub script_id: Option<Uuid>,
    /// Version of the script to stay at; absent: always its newest.
    #[serde(default)]
    pub script_version: Option<i64>,
    /// Which text of the script's contract is run.
    #[serde(default)]
    pub part: Part,
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
    /// Program and arguments that run the own body; empty: the language's interpreter.
    #[serde(default)]
    pub interpreter: Vec<String>,
    /// Container image; the script's when absent.
    #[serde(default)]
    pub image: Option<String>,
    /// What a run may use at most; the script's when absent.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// When a run that failed is attempted again; the script's when absent.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// Who goes first in the queue, -100 to 100; that of the purpose when absent.
    #[serde(default)]
    pub priority: Option<i32>,
    /// Secrets by reference, over the script's own: environment name to the name of a stored secret.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
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
                match self.language {
                    None => wrong.push(FieldError::new("language", "name it: bash, sh, python, node or other")),
                    Some(language) => {
                        checks::interpreter(language, &self.interpreter, self.image.as_deref(), &mut wrong);
                    }
                }
                if self.part != Part::Act {
                    wrong.push(FieldError::new("part", "an own body is the act: name a script for another part"));
                }
                if self.script_version.is_some() {
                    wrong.push(FieldError::new("script_version", "leave it out: the case has a body of its own"));
                }
            }
            (Some(_), None) if !self.interpreter.is_empty() => {
                wrong.push(FieldError::new("interpreter", "leave it out: the script has its own"));
            }
            (Some(_), None) => {}
        }
        if self.script_version.is_some_and(|n| n < 1) {
            wrong.push(FieldError::new("script_version", "give the number of a version, from 1"));
        }
        if let Some(timeout) = self.timeout_secs {
            within("timeout_secs", timeout, 1, 86_400, &mut wrong);
        }
        checks::env_names("values", self.values.keys(), &mut wrong);
        checks::secrets("secrets", &self.secrets, &mut wrong);
        for name in self.secrets.keys().filter(|name| self.values.contains_key(*name)) {
            wrong.push(FieldError::new(format!("values.{name}"), "a secret has this name: leave one of the two out"));
        }
        if let Some(limits) = &self.limits {
            limits.check("limits", &mut wrong);
        }
        if let Some(retry) = &self.retry {
            retry.check("retry", &mut wrong);
        }
        if self.priority.is_some_and(|p| !PRIORITIES.contains(&p)) {
            wrong.push(FieldError::new("priority", "give a number from -100 to 100, or leave it out"));
        }
        self.expectations.check("expectations", &mut wrong);
        wrong
    }

    fn tidy(&mut self) -> Vec<String> {
        self.body.as_mut().and_then(|body| checks::line_ends("body", body)).into_iter().collect()
    }
}

const fn five_minutes() -> u32 {
    300
}
