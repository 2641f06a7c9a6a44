//! What a run says about itself beyond its output: a JSON document, and test results.

use serde::{Deserialize, Serialize};

/// How one test case ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// As expected.
    Passed,
    /// An assertion failed.
    Failed,
    /// It broke before it could say.
    Error,
    /// Not run.
    Skipped,
}

/// One test case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestCaseResult {
    /// Class or file, as reported.
    pub class: String,
    /// Name.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Duration, seconds, as reported.
    pub seconds: f64,
    /// Why it did not pass; masked and cut.
    pub message: String,
}

/// One suite of test cases.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestSuiteResult {
    /// Name.
    pub name: String,
    /// Artifact that it was read from.
    pub artifact: String,
    /// Its cases, in order; at most 5000 a run.
    pub cases: Vec<TestCaseResult>,
}

/// Numbers of test cases.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TestTotals {
    /// All of them.
    pub tests: u32,
    /// Passed.
    pub passed: u32,
    /// Failed.
    pub failed: u32,
    /// Broken.
    pub errors: u32,
    /// Not run.
    pub skipped: u32,
    /// Sum of durations, seconds.
    pub seconds: f64,
}

/// What was collected when a run had ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// The JSON document written to `$AIOPS_RESULT`, masked; absent when there is none.
    pub result: Option<serde_json::Value>,
    /// Totals over all suites.
    pub totals: TestTotals,
    /// Test results read from JUnit XML among the artifacts.
    pub suites: Vec<TestSuiteResult>,
    /// What was left out or could not be read, for people.
    pub notes: Vec<String>,
}

impl RunResults {
    /// Adds suites and counts them.
    pub fn add_suites(&mut self, suites: Vec<TestSuiteResult>) {
        for case in suites.iter().flat_map(|s| &s.cases) {
            let t = &mut self.totals;
            t.tests += 1;
            match case.outcome {
                TestOutcome::Passed => t.passed += 1,
                TestOutcome::Failed => t.failed += 1,
                TestOutcome::Error => t.errors += 1,
                TestOutcome::Skipped => t.skipped += 1,
            }
            t.seconds += case.seconds;
        }
        self.suites.extend(suites);
    }
}
