//! The end of a run in the words of the state automaton. Pure.

use crate::runtime::ObservedEnd;
use crate::text::signal_name;
use domain::expect::Seen;
use domain::run::{RunEnd, RunSpec, RunState};

/// An end.
pub(super) fn ended(state: RunState, exit_code: Option<i32>, reason: impl Into<String>) -> RunEnd {
    RunEnd { state, exit_code, reason: reason.into() }
}

/// What the script left, as far as something of it is expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    /// Whether the output contains the wanted text.
    pub(super) contains: Option<bool>,
    /// Whether a line of the output matches the wanted expression.
    pub(super) matches: Option<bool>,
    /// The result in JSON.
    pub(super) result: Option<serde_json::Value>,
}

/// Judges an observed end by what was expected. Every expectation that is not met is named.
///
/// Only an observed exit code can succeed; a signal is no exit code.
pub(super) fn judge(spec: &RunSpec, end: &ObservedEnd, found: &Found) -> RunEnd {
    let code = end.exit_code;
    let cause = end.cause.as_ref().filter(|_| end.exit_code != Some(0)).map_or_else(String::new, |c| format!("{c}; "));
    let state = |state, reason: String| {
        let left = if end.survivors > 0 {
            format!("; {} of its processes could not be ended", end.survivors)
        } else {
            String::new()
        };
        ended(state, code, format!("{cause}{reason}{left}"))
    };
    if let Some(why) = &end.start_error {
        return state(RunState::Failed, why.clone());
    }
    if end.timed_out {
        return state(RunState::TimedOut, format!("stopped at its time limit of {} s", spec.timeout_secs));
    }
    if end.cancelled {
        return state(RunState::Cancelled, "stopped on request".to_owned());
    }
    if let Some(signal) = end.signal {
        return state(RunState::Failed, format!("ended by signal {}", signal_name(signal)));
    }
    let Some(got) = code else {
        return state(RunState::Lost, "its end was not observed".to_owned());
    };
    let took_ms = end.started_at.zip(end.ended_at).map(|(from, to)| (to - from).num_milliseconds());
    let seen = Seen {
        exit_code: got,
        contains: found.contains,
        matches: found.matches,
        result: found.result.as_ref(),
        took_ms,
    };
    let unmet = spec.expectations.unmet(&seen);
    if !unmet.is_empty() {
        return state(RunState::Failed, unmet.join("; "));
    }
    state(RunState::Succeeded, format!("exit code {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::t;
    use domain::catalog::{Expectations, Language};

    fn spec() -> RunSpec {
        RunSpec {
            language: Language::Sh,
            body: String::new(),
            body_sha256: String::new(),
            image: None,
            env: [].into(),
            timeout_secs: 10,
            expectations: Expectations::default(),
            ..RunSpec::default()
        }
    }

    fn observed() -> ObservedEnd {
        ObservedEnd { exit_code: Some(0), started_at: Some(t(0)), ended_at: Some(t(4)), ..ObservedEnd::default() }
    }

    #[test]
    fn table() {
        let rows: [(ObservedEnd, RunState, &str); 8] = [
            (observed(), RunState::Succeeded, "exit code 0"),
            (ObservedEnd { exit_code: Some(137), ..observed() }, RunState::Failed, "exit code 137, expected 0"),
            (ObservedEnd { exit_code: None, signal: Some(11), ..observed() }, RunState::Failed, "ended by signal SEGV"),
            (ObservedEnd { exit_code: None, ..observed() }, RunState::Lost, "its end was not observed"),
            (
                ObservedEnd { timed_out: true, exit_code: None, signal: Some(9), ..observed() },
                RunState::TimedOut,
                "stopped at its time limit of 10 s",
            ),
            (ObservedEnd { cancelled: true, ..observed() }, RunState::Cancelled, "stopped on request"),
            (
                ObservedEnd { start_error: Some("interpreter not found: node".into()), ..observed() },
                RunState::Failed,
                "interpreter not found: node",
            ),
            (
                ObservedEnd { survivors: 2, ..observed() },
                RunState::Succeeded,
                "exit code 0; 2 of its processes could not be ended",
            ),
        ];
        for (end, state, reason) in rows {
            let got = judge(&spec(), &end, &Found::default());
            assert_eq!((got.state, got.reason.as_str()), (state, reason));
        }
    }

    #[test]
    fn expectations() {
        let mut s = spec();
        s.expectations = Expectations {
            exit_code: 3,
            output_contains: Some("ok".into()),
            output_matches: Some("^o".into()),
            max_duration_secs: Some(4),
            ..Expectations::default()
        };
        let end = ObservedEnd { exit_code: Some(3), ..observed() };
        let found = Found { contains: Some(true), matches: Some(true), result: None };
        assert_eq!(judge(&s, &end, &found).state, RunState::Succeeded);
        let missing = Found { contains: Some(false), ..found.clone() };
        assert_eq!(judge(&s, &end, &missing).reason, "the output does not contain \"ok\"");
        assert_eq!(judge(&s, &observed(), &found).reason, "exit code 0, expected 3");
        let slow = ObservedEnd { ended_at: Some(t(5)), ..end };
        let both = Found { matches: Some(false), ..found };
        let reason = "the output does not match \"^o\"; took 5000 ms, expected at most 4 s";
        assert_eq!(judge(&s, &slow, &both).reason, reason);
    }
}
