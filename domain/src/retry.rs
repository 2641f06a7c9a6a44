//! When an attempt of a run is followed by another one, and after which pause. Pure.

use crate::error::FieldError;
use crate::run::{RunEnd, RunMode, RunState};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often and when a run is attempted again. All attempts share one `RUN_KEY`; each is kept with its own end.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts at most, the first one included.
    pub max_attempts: u32,
    /// Pause before the second attempt, seconds; doubled before each further one.
    pub backoff_secs: u32,
    /// Longest pause, seconds.
    pub max_backoff_secs: u32,
    /// Exit codes after which the author allows another attempt, also of a script that is not repeatable otherwise.
    pub exit_codes: Vec<i32>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 1, backoff_secs: 5, max_backoff_secs: 300, exit_codes: Vec::new() }
    }
}

impl Retry {
    /// The pause before the attempt after `attempt` (from 1): exponential with a cap.
    #[must_use]
    pub fn pause(&self, attempt: u32) -> Duration {
        let doubled = u64::from(self.backoff_secs).saturating_mul(1 << attempt.saturating_sub(1).min(31));
        Duration::from_secs(doubled.min(u64::from(self.max_backoff_secs)))
    }

    /// The pause before another attempt, when `end` of `attempt` (from 1) is followed by one.
    ///
    /// A run that may have started is repeated only when its mode says that it may be, or when it ended with an exit code
    /// that its author declared repeatable; `unstarted` says that this attempt surely never began. A success and a stop by
    /// a person are final.
    #[must_use]
    pub fn again(&self, mode: RunMode, end: &RunEnd, attempt: u32, unstarted: bool) -> Option<Duration> {
        let failed = matches!(end.state, RunState::Failed | RunState::TimedOut | RunState::Lost);
        let declared =
            end.state == RunState::Failed && end.exit_code.is_some_and(|code| self.exit_codes.contains(&code));
        let allowed = mode == RunMode::AtLeastOnce || declared || (unstarted && end.state == RunState::Failed);
        (failed && allowed && attempt < self.max_attempts).then(|| self.pause(attempt))
    }

    /// What is wrong with it, below `field`.
    pub fn check(&self, field: &str, wrong: &mut Vec<FieldError>) {
        let mut within = |name: &str, value: u32, low: u32, high: u32| {
            if !(low..=high).contains(&value) {
                let text = format!("give a number from {low} to {high}, got {value}");
                wrong.push(FieldError::new(format!("{field}.{name}"), text));
            }
        };
        within("max_attempts", self.max_attempts, 1, 100);
        within("backoff_secs", self.backoff_secs, 0, 86_400);
        within("max_backoff_secs", self.max_backoff_secs, 0, 86_400);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(state: RunState, exit_code: Option<i32>) -> RunEnd {
        RunEnd { state, exit_code, reason: String::new() }
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let retry = Retry { backoff_secs: 5, max_backoff_secs: 60, ..Retry::default() };
        let pauses: Vec<u64> = (1..=6).map(|n| retry.pause(n).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert_eq!(retry.pause(u32::MAX).as_secs(), 60);
    }

    #[test]
    fn what_may_have_changed_something_is_repeated_only_where_that_is_declared() {
        let retry = Retry { max_attempts: 3, exit_codes: vec![75], ..Retry::default() };
        let again = |mode, state, code, attempt, unstarted| {
            retry.again(mode, &end(state, code), attempt, unstarted).map(|pause| pause.as_secs())
        };
        use RunMode::{AtLeastOnce, AtMostOnce};
        for state in [RunState::Failed, RunState::TimedOut, RunState::Lost] {
            assert_eq!(again(AtLeastOnce, state, None, 1, false), Some(5), "{state:?}");
            assert_eq!(again(AtMostOnce, state, None, 1, false), None, "{state:?}");
        }
        assert_eq!(again(AtMostOnce, RunState::Failed, Some(75), 2, false), Some(10), "declared by its author");
        assert_eq!(again(AtMostOnce, RunState::Failed, Some(1), 1, false), None);
        assert_eq!(again(AtMostOnce, RunState::Failed, None, 1, true), Some(5), "it never began");
        assert_eq!(again(AtMostOnce, RunState::Lost, None, 1, true), None);
        assert_eq!(again(AtLeastOnce, RunState::Failed, None, 3, false), None, "the last attempt");
        for state in [RunState::Succeeded, RunState::Cancelled] {
            assert_eq!(again(AtLeastOnce, state, Some(75), 1, true), None, "{state:?}");
        }
    }

    #[test]
    fn limits_name_their_field() {
        let mut wrong = Vec::new();
        Retry { max_attempts: 0, ..Retry::default() }.check("retry", &mut wrong);
        assert_eq!(wrong.iter().map(|w| w.field.as_str()).collect::<Vec<_>>(), ["retry.max_attempts"]);
    }
}
