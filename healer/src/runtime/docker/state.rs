//! What the engine says of a container, in the words of the runtime port. Pure.

use super::labels::Marks;
use crate::runtime::{ObservedEnd, Progress};
use crate::text::signal_name;
use bollard::models::{ContainerState, ContainerStateStatusEnum as Status};
use chrono::{DateTime, Utc};
use domain::Time;
use std::time::Duration;

/// A time of the engine; it writes the year 1 for what did not happen.
pub(super) fn time(text: Option<&String>) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    (at.timestamp() > 0).then_some(at)
}

fn millis(at: DateTime<Utc>) -> Time {
    domain::clock::from_millis(at.timestamp_millis())
}

/// How late the engine may note a start.
const LATE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// Where a container stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// Made, not started.
    Created,
    /// Started at this time of the engine.
    Running(Option<DateTime<Utc>>),
    /// Over, or not to be known any more.
    Over(Progress),
}

/// What a stop and the script's own output add to what the engine knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// A stop on request was sent while it ran.
    pub(super) cancelled: bool,
    /// The init of the container could not execute the interpreter.
    pub(super) not_executed: Option<String>,
}

/// Where it stands, without what only its files and output tell.
pub(super) fn seen(state: &ContainerState, marks: &Marks, known: &Known) -> Seen {
    match state.status {
        Some(Status::CREATED) => Seen::Created,
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING) => {
            Seen::Running(time(state.started_at.as_ref()))
        }
        Some(Status::EXITED) => Seen::Over(ended(state, marks, known)),
        Some(Status::DEAD | Status::REMOVING) => {
            Seen::Over(Progress::Lost("the engine was removing its container before its end was observed".to_owned()))
        }
        _ => Seen::Over(Progress::Lost("the engine does not say where it stands".to_owned())),
    }
}

/// The end. An exit code counts only with the time of the exit: an engine that crashed may know neither and then says 0.
fn ended(state: &ContainerState, marks: &Marks, known: &Known) -> Progress {
    let (started, finished) = (time(state.started_at.as_ref()), time(state.finished_at.as_ref()));
    let (Some(started), Some(finished)) = (started, finished) else {
        return Progress::Lost("the engine does not know how it ended".to_owned());
    };
    // The engine notes the start when it hears of it, which may be after the end of a short script.
    let sound = started - finished < LATE;
    let Some(code) = state.exit_code.and_then(|c| i32::try_from(c).ok()).filter(|_| sound) else {
        return Progress::Lost("the engine does not know how it ended".to_owned());
    };
    let finished = finished.max(started);
    if let Some(why) = &known.not_executed {
        let ended_at = Some(millis(finished));
        return Progress::Ended(ObservedEnd { start_error: Some(why.clone()), ended_at, ..ObservedEnd::default() });
    }
    let limit = Duration::from_secs(u64::from(marks.timeout_secs));
    let timed_out = (finished - started).to_std().is_ok_and(|took| took >= limit);
    let cancelled = known.cancelled && !timed_out;
    let signal = match code {
        137 => Some(9),
        143 => Some(15),
        _ => None,
    };
    let stopped = (timed_out || cancelled).then_some(signal).flatten();
    Progress::Ended(ObservedEnd {
        exit_code: stopped.is_none().then_some(code),
        signal: stopped,
        timed_out,
        cancelled,
        start_error: None,
        started_at: Some(millis(started)),
        ended_at: Some(millis(finished)),
        survivors: 0,
        cause: cause(state, code, marks, stopped.is_some()),
    })
}

fn cause(state: &ContainerState, code: i32, marks: &Marks, stopped: bool) -> Option<String> {
    if state.oom_killed == Some(true) {
        let mib = marks.memory_bytes >> 20;
        return Some(format!("out of memory: the kernel ended a process of it at the limit of {mib} MiB"));
    }
    if let Some(error) = state.error.as_ref().filter(|e| !e.is_empty()) {
        return Some(format!("the engine says: {error}"));
    }
    // Above 128 a shell, and the init of a container, tell a signal so; 255 is what scripts use for a failure.
    let signal = code - 128;
    let told = (1..=64).contains(&signal) && !stopped;
    told.then(|| format!("code {code} is how an end by signal {} is told here", signal_name(signal)))
}

/// What the init of a container prints when it cannot execute the interpreter, as a reason for people.
pub(super) fn not_executed(code: i64, output: &str, marks: &Marks, image: &str) -> Option<String> {
    if !matches!(code, 126 | 127) {
        return None;
    }
    let line = output.lines().find(|l| l.contains("[FATAL tini (") || l.contains("failed to exec pid1"))?;
    let program = &marks.interpreter;
    Some(if line.contains("No such file") {
        format!(
            "interpreter not found: {program} (in image {image}); use an image that has it, or name another interpreter"
        )
    } else {
        format!(
            "interpreter {program} of image {image} cannot be executed: {}",
            line.rsplit(": ").next().unwrap_or(line)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Handle;
    use domain::Id;

    fn marks() -> Marks {
        Marks {
            manager: Id::nil(),
            handle: Handle { run_id: Id::nil(), epoch: 1 },
            first_seq: 1,
            timeout_secs: 10,
            output_bytes: 0,
            memory_bytes: 32 << 20,
            interpreter: "node".into(),
        }
    }

    fn exited(code: i64, secs: u32) -> ContainerState {
        ContainerState {
            status: Some(Status::EXITED),
            exit_code: Some(code),
            started_at: Some("2026-01-02T03:04:05.123456789Z".into()),
            finished_at: Some(format!("2026-01-02T03:04:{:02}.123456789Z", 5 + secs)),
            ..ContainerState::default()
        }
    }

    fn end(state: &ContainerState, cancelled: bool) -> ObservedEnd {
        match seen(state, &marks(), &Known { cancelled, not_executed: None }) {
            Seen::Over(Progress::Ended(end)) => end,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn codes_stay_codes_and_stops_are_told() {
        for code in [0, 1, 126, 127, 128, 137, 255] {
            let end = end(&exited(code, 2), false);
            assert_eq!((end.exit_code.map(i64::from), end.signal, end.timed_out), (Some(code), None, false));
            assert_eq!(end.cause.is_some(), code == 137, "{:?}", end.cause);
        }
        let stopped = end(&exited(137, 2), true);
        assert_eq!((stopped.exit_code, stopped.signal, stopped.cancelled, stopped.cause), (None, Some(9), true, None));
        let late = end(&exited(143, 10), true);
        assert_eq!((late.exit_code, late.signal, late.timed_out, late.cancelled), (None, Some(15), true, false));
        let short = ContainerState { finished_at: Some("2026-01-02T03:04:05.1Z".into()), ..exited(0, 0) };
        let short = end(&short, false);
        assert_eq!((short.exit_code, short.ended_at), (Some(0), short.started_at), "noted as started after its end");
        let own_way = end(&exited(3, 2), true);
        assert_eq!((own_way.exit_code, own_way.cancelled), (Some(3), true), "a script may tidy up and say so");
    }

    #[test]
    fn memory_is_named_only_with_evidence() {
        let killed = ContainerState { oom_killed: Some(true), ..exited(137, 2) };
        let cause = end(&killed, false).cause.expect("a cause");
        assert_eq!(cause, "out of memory: the kernel ended a process of it at the limit of 32 MiB");
        assert!(!end(&exited(137, 2), false).cause.expect("a cause").contains("memory"));
    }

    #[test]
    fn an_end_that_was_not_observed_is_lost_and_never_success() {
        let never = Some("0001-01-01T00:00:00Z".to_owned());
        for state in [
            ContainerState { finished_at: never.clone(), ..exited(0, 2) },
            ContainerState { finished_at: None, ..exited(0, 2) },
            ContainerState { finished_at: Some("2026-01-02T03:02:04Z".into()), ..exited(0, 2) },
            ContainerState { started_at: never, ..exited(0, 2) },
            ContainerState { exit_code: None, ..exited(0, 2) },
            ContainerState { status: Some(Status::DEAD), ..exited(0, 2) },
            ContainerState { status: None, ..exited(0, 2) },
        ] {
            let got = seen(&state, &marks(), &Known::default());
            assert!(matches!(got, Seen::Over(Progress::Lost(_))), "{state:?} {got:?}");
        }
    }

    #[test]
    fn an_interpreter_that_is_missing_is_named() {
        let line = "x\n[FATAL tini (7)] exec node failed: No such file or directory\n";
        let why = not_executed(127, line, &marks(), "tools:1").expect("a reason");
        assert!(why.starts_with("interpreter not found: node (in image tools:1)"), "{why}");
        let line = "[FATAL tini (7)] exec node failed: Permission denied";
        let why = not_executed(126, line, &marks(), "tools:1").expect("a reason");
        assert_eq!(why, "interpreter node of image tools:1 cannot be executed: Permission denied");
        assert_eq!(not_executed(127, "sh: foo: not found", &marks(), "x"), None);
        assert_eq!(not_executed(1, line, &marks(), "x"), None);
    }
}
