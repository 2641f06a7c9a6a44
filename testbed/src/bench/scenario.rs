//! Scenario files: what to break, what the product should find, and how long to wait.
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::fault::FaultName;

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Unique name.
    pub(crate) name: String,
    /// What it shows, for people.
    #[serde(default)]
    pub(crate) description: String,
    /// The fault; absent for a control, in which nothing may be found and nothing done.
    #[serde(default)]
    pub(crate) fault: Option<Fault>,
    /// Seconds of calm before the first fault of a benchmark, in which the product learns.
    #[serde(default = "default_learn")]
    pub(crate) learn_secs: u64,
    /// Seconds of calm between two repetitions.
    #[serde(default = "default_rest")]
    pub(crate) rest_secs: u64,
    /// Seconds after which a repetition ends, whatever has happened; a control lasts exactly this long.
    #[serde(default = "default_deadline")]
    pub(crate) deadline_secs: u64,
}

/// What to break.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Which fault.
    pub(crate) name: FaultName,
    /// Which service; the fault's usual one when absent.
    #[serde(default)]
    pub(crate) service: Option<String>,
    /// How strong, 0..=1.
    #[serde(default = "default_intensity")]
    pub(crate) intensity: f64,
}

impl Fault {
    /// The service that is hit.
    pub(crate) fn service(&self) -> &str {
        self.service.as_deref().unwrap_or(self.name.default_service())
    }
}

fn default_learn() -> u64 {
    120
}

fn default_rest() -> u64 {
    60
}

fn default_deadline() -> u64 {
    420
}

fn default_intensity() -> f64 {
    0.5
}

impl Scenario {
    /// Reads and checks a scenario file; the error names the file and the field.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read scenario {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("scenario {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = serde_saphyr::from_str(text).context("the file is not a scenario")?;
        if scenario.name.trim().is_empty() {
            bail!("name: give the scenario a name");
        }
        if scenario.deadline_secs == 0 {
            bail!("deadline_secs: give at least 1");
        }
        if let Some(fault) = &scenario.fault {
            if !(0.0..=1.0).contains(&fault.intensity) {
                bail!("fault.intensity: give a number from 0 to 1");
            }
            if !fault.name.applies_to(fault.service()) {
                bail!("fault.service: {} does not apply to {}", fault.name.as_str(), fault.service());
            }
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_project_reads_and_names_differ() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut names = std::collections::HashSet::new();
        let mut controls = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let scenario = Scenario::read(&entry.unwrap().path()).unwrap();
            controls += usize::from(scenario.fault.is_none());
            assert!(names.insert(scenario.name.clone()), "{} is there twice", scenario.name);
        }
        assert!(names.len() >= 5 && controls >= 1, "{names:?}");
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, field) in [
            ("name: a\nfault: {name: error_rate, intensity: 3}", "fault.intensity"),
            ("name: a\nfault: {name: disk_fill, service: catalog}", "fault.service"),
            ("name: a\nfualt: {}", "fualt"),
            ("name: ''", "name"),
        ] {
            let error = format!("{:#}", Scenario::parse(text).unwrap_err());
            assert!(error.contains(field), "{error}");
        }
    }
}
