//! The end of a run in the words of the state automaton. Pure.

use crate::runtime::ObservedEnd;
use crate::text::signal_name;
use domain::run::{RunEnd, RunSpec, RunState};

/// An end.
pub(super) fn ended(state: RunState, exit_code: Option<i32>, reason: impl Into<String>) -> RunEnd {
    RunEnd { state, exit_code, reason: reason.into() }
}

/// Judges an observed end by what was expected. `found` says whether the output contains the expected text.
///
/// Only an observed exit code can succeed; a signal is no exit code.
pub(super) fn judge(spec: &RunSpec, end: &ObservedEnd, found: Option<bool>) -> RunEnd {
    let code = end.exit_code;
    let state = |state, reason: String| {
        let left = if end.survivors > 0 {
            format!("; {} of its processes could not be ended", end.survivors)
        } else {
            String::new()
        };
        ended(state, code, format!("{reason}{left}"))
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
    let wanted = &spec.expectations;
    if got != wanted.exit_code {
        return state(RunState::Failed, format!("exit code {got}, expected {}", wanted.exit_code));
    }
    if let (Some(false), Some(text)) = (found, &wanted.output_contains) {
        return state(RunState::Failed, format!("the output does not contain {text:?}"));
    }
    let took = end.started_at.zip(end.ended_at).map(|(from, to)| (to - from).num_milliseconds());
    if let (Some(took), Some(limit)) = (took, wanted.max_duration_secs)
        && took > i64::from(limit) * 1_000
    {
        return state(RunState::Failed, format!("took {took} ms, expected at most {limit} s"));
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
            let got = judge(&spec(), &end, None);
            assert_eq!((got.state, got.reason.as_str()), (state, reason));
        }
    }

    #[test]
    fn expectations() {
        let mut s = spec();
        s.expectations = Expectations { exit_code: 3, output_contains: Some("ok".into()), max_duration_secs: Some(4) };
        let end = ObservedEnd { exit_code: Some(3), ..observed() };
        assert_eq!(judge(&s, &end, Some(true)).state, RunState::Succeeded);
        assert_eq!(judge(&s, &end, Some(false)).state, RunState::Failed);
        assert_eq!(judge(&s, &observed(), Some(true)).reason, "exit code 0, expected 3");
        let slow = ObservedEnd { ended_at: Some(t(5)), ..end };
        assert_eq!(judge(&s, &slow, Some(true)).reason, "took 5000 ms, expected at most 4 s");
    }
}
