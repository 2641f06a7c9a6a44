//! The benchmark's result: every repetition with its score, and a summary over all.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::score::{Score, Story};

/// The file that the benchmark writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Form of this file.
    pub(crate) format: u32,
    /// Every repetition, in order.
    pub(crate) repetitions: Vec<Repetition>,
    /// By scenario, and over all faults under `all`.
    pub(crate) summary: BTreeMap<String, Summary>,
}

/// One repetition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Repetition {
    /// Score.
    pub(crate) score: Score,
    /// What the score was made of.
    pub(crate) story: Story,
}

/// Numbers over several repetitions. Medians are over those in which the thing happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Repetitions.
    pub(crate) repetitions: usize,
    /// Ended as they should.
    pub(crate) passed: usize,
    /// With at least one incident.
    pub(crate) detected: usize,
    /// Real cause ranked first.
    pub(crate) cause_first: usize,
    /// Really cured.
    pub(crate) healed: usize,
    /// Cured and verified.
    pub(crate) verified: usize,
    /// Verdict and truth agree.
    pub(crate) truth_agrees: usize,
    /// Verdicts `fixed` on a fault in effect.
    pub(crate) false_fixed: usize,
    /// Runs on targets not at fault.
    pub(crate) false_actions: usize,
    /// Runs that did not cure.
    pub(crate) futile_actions: usize,
    /// Incidents about nothing.
    pub(crate) false_incidents: usize,
    /// Median time to detect, milliseconds.
    pub(crate) detect_ms_median: Option<i64>,
    /// Median time to explain, milliseconds.
    pub(crate) explain_ms_median: Option<i64>,
    /// Median time to the real cure, milliseconds.
    pub(crate) heal_ms_median: Option<i64>,
    /// Median time to the verified verdict, milliseconds.
    pub(crate) verify_ms_median: Option<i64>,
}

impl Report {
    /// Sums up repetitions.
    pub(crate) fn new(repetitions: Vec<Repetition>) -> Self {
        let mut groups: BTreeMap<String, Vec<&Score>> = BTreeMap::new();
        for repetition in &repetitions {
            groups.entry(repetition.story.scenario.clone()).or_default().push(&repetition.score);
            let total = if repetition.story.fault.is_some() { "all faults" } else { "all controls" };
            groups.entry(total.to_owned()).or_default().push(&repetition.score);
        }
        let summary = groups.into_iter().map(|(name, scores)| (name, summarise(&scores))).collect();
        Self { format: 1, repetitions, summary }
    }

    /// Every repetition ended as it should.
    pub(crate) fn passed(&self) -> bool {
        !self.repetitions.is_empty() && self.repetitions.iter().all(|repetition| repetition.score.passed)
    }
}

fn summarise(scores: &[&Score]) -> Summary {
    let count = |test: fn(&Score) -> bool| scores.iter().filter(|score| test(score)).count();
    let sum = |number: fn(&Score) -> usize| scores.iter().map(|score| number(score)).sum();
    let median = |time: fn(&Score) -> Option<i64>| middle(scores.iter().filter_map(|score| time(score)).collect());
    Summary {
        repetitions: scores.len(),
        passed: count(|score| score.passed),
        detected: count(|score| score.detect_ms.is_some()),
        cause_first: count(|score| score.cause_rank == Some(1)),
        healed: count(|score| score.heal_ms.is_some()),
        verified: count(|score| score.verify_ms.is_some()),
        truth_agrees: count(|score| score.truth_agrees),
        false_fixed: sum(|score| score.false_fixed),
        false_actions: sum(|score| score.false_actions),
        futile_actions: sum(|score| score.futile_actions),
        false_incidents: sum(|score| score.false_incidents),
        detect_ms_median: median(|score| score.detect_ms),
        explain_ms_median: median(|score| score.explain_ms),
        heal_ms_median: median(|score| score.heal_ms),
        verify_ms_median: median(|score| score.verify_ms),
    }
}

/// The lower median.
fn middle(mut times: Vec<i64>) -> Option<i64> {
    times.sort_unstable();
    times.get(times.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_skip_what_did_not_happen() {
        assert_eq!(middle(vec![]), None);
        assert_eq!(middle(vec![5]), Some(5));
        assert_eq!(middle(vec![9, 1, 5, 7]), Some(5));
    }

    #[test]
    fn a_report_groups_by_scenario_and_over_all() {
        let repetition = |scenario: &str, detect_ms, passed| Repetition {
            score: Score { detect_ms, passed, ..Score::default() },
            story: Story { scenario: scenario.into(), ..Story::default() },
        };
        let report = Report::new(vec![
            repetition("a", Some(10), true),
            repetition("a", None, false),
            repetition("b", None, true),
        ]);
        assert!(!report.passed());
        assert_eq!(report.summary["a"].repetitions, 2);
        assert_eq!((report.summary["a"].detected, report.summary["a"].detect_ms_median), (1, Some(10)));
        assert_eq!(report.summary["all controls"].passed, 2);
        assert!(!Report::new(Vec::new()).passed(), "no repetition is not a success");
    }
}
