//! Fixed rules: limits with hysteresis, and absence; alone or beside a learned detector.

use super::checks::within;
use super::{Comparison, DetectorSpec};
use crate::error::FieldError;
use crate::incident::Severity;
use serde::{Deserialize, Serialize};

/// Rules of one monitor at most.
const MOST: usize = 8;

/// A rule beside a monitor's own detector, judged on each of its series.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// A fixed limit.
    Threshold {
        /// Which side is wrong.
        op: Comparison,
        /// The limit, in the query's unit.
        value: f64,
        /// How long it must hold, seconds.
        #[serde(default)]
        for_secs: u32,
        /// The value that must be reached again for it to be over; the limit itself when left out.
        #[serde(default)]
        clear: Option<f64>,
        /// Severity; the monitor's when left out.
        #[serde(default)]
        severity: Option<Severity>,
    },
    /// A series that was there and is not any more.
    Absence {
        /// How long it may be missing, seconds.
        after_secs: u32,
        /// Severity; the monitor's when left out.
        #[serde(default)]
        severity: Option<Severity>,
    },
}

impl Rule {
    /// The detector that judges it.
    #[must_use]
    pub fn detector(&self) -> DetectorSpec {
        match *self {
            Self::Threshold { op, value, for_secs, clear, .. } => {
                DetectorSpec::Threshold { op, value, for_secs, clear }
            }
            Self::Absence { after_secs, .. } => DetectorSpec::Absence { after_secs },
        }
    }

    /// Its own severity.
    #[must_use]
    pub const fn severity(&self) -> Option<Severity> {
        match self {
            Self::Threshold { severity, .. } | Self::Absence { severity, .. } => *severity,
        }
    }
}

/// Wrong fields of a detector at `path`.
pub(super) fn check_detector(path: &str, detector: &DetectorSpec, wrong: &mut Vec<FieldError>) {
    let field = |name: &str| format!("{path}.{name}");
    match *detector {
        DetectorSpec::Threshold { op, value, clear, .. } => {
            if !value.is_finite() {
                wrong.push(FieldError::new(field("value"), "give a finite number"));
            }
            if clear.is_some_and(|clear| !clear.is_finite() || op.holds(clear, value)) {
                let text = "give a finite number on the healthy side of value, or leave it out";
                wrong.push(FieldError::new(field("clear"), text));
            }
        }
        DetectorSpec::Absence { after_secs } => within(&field("after_secs"), after_secs, 1, 86_400, wrong),
        DetectorSpec::Learned | DetectorSpec::Logs => {}
    }
}

/// Wrong fields of the rules of a monitor.
pub(super) fn check(rules: &[Rule], logs: bool, wrong: &mut Vec<FieldError>) {
    if rules.len() > MOST {
        wrong.push(FieldError::new("rules", format!("give at most {MOST}")));
    }
    if logs && !rules.is_empty() {
        wrong.push(FieldError::new("rules", "a log monitor has none; add a metric monitor"));
    }
    for (i, rule) in rules.iter().enumerate() {
        check_detector(&format!("rules.{i}"), &rule.detector(), wrong);
        if rules[..i].iter().any(|other| other.detector() == rule.detector()) {
            wrong.push(FieldError::new(format!("rules.{i}"), "the same rule stands before it; remove one"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(op: Comparison, value: f64, clear: Option<f64>) -> Rule {
        Rule::Threshold { op, value, for_secs: 0, clear, severity: None }
    }

    fn fields(rules: &[Rule]) -> Vec<String> {
        let mut wrong = Vec::new();
        check(rules, false, &mut wrong);
        wrong.into_iter().map(|w| w.field).collect()
    }

    #[test]
    fn hysteresis_lies_on_the_healthy_side() {
        assert!(fields(&[limit(Comparison::Gt, 0.9, Some(0.8)), limit(Comparison::Lt, 5.0, Some(7.0))]).is_empty());
        let wrong = [limit(Comparison::Gt, 0.9, Some(0.95)), limit(Comparison::Le, 5.0, Some(5.0))];
        assert_eq!(fields(&wrong), ["rules.0.clear", "rules.1.clear"]);
        assert_eq!(fields(&[limit(Comparison::Gt, f64::NAN, None)]), ["rules.0.value"]);
    }

    #[test]
    fn rules_are_few_and_differ() {
        let same = limit(Comparison::Gt, 1.0, None);
        assert_eq!(fields(&[same.clone(), same]), ["rules.1"]);
        let many: Vec<Rule> = (0..9).map(|n| Rule::Absence { after_secs: n + 1, severity: None }).collect();
        assert_eq!(fields(&many), ["rules"]);
    }
}
