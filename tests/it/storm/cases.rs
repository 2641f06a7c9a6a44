//! The scripts of a storm: short ones of both modes, each of which writes what it does into the ledger outside.

use crate::fleet::Fleet;
use serde_json::json;
use std::path::Path;

/// A case of the storm.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// How many of a hundred runs.
    pub(crate) share: u32,
    body: &'static str,
    repeatable: bool,
    timeout_secs: u32,
    /// Exit codes after which it is attempted again.
    again: &'static [i32],
    /// Its ends when nobody strikes the run itself.
    pub(crate) ends: &'static [&'static str],
    /// Whether a person stops it.
    pub(crate) cancelled: bool,
    /// Numbered lines that it prints.
    pub(crate) lines: usize,
}

const fn kind(name: &'static str, share: u32, body: &'static str, ends: &'static [&'static str]) -> Kind {
    Kind { name, share, body, repeatable: false, timeout_secs: 60, again: &[], ends, cancelled: false, lines: 0 }
}

const fn repeatable(mut kind: Kind, again: &'static [i32]) -> Kind {
    kind.repeatable = true;
    kind.again = again;
    kind
}

const FINE: &[&str] = &["succeeded"];

/// Lines that the talking case prints.
const LINES: usize = 120;

/// All of them. `note` writes one line with `O_APPEND`, which is whole or not there.
pub(crate) const KINDS: [Kind; 9] = [
    kind("once-quick", 30, "note begin; note end", FINE),
    kind("once-slow", 20, "note begin; sleep 1.2; note end", FINE),
    repeatable(kind("again-slow", 17, "note begin; sleep 0.9; note end", FINE), &[]),
    kind("once-fails", 6, "note begin; exit 3", &["failed"]),
    repeatable(
        kind(
            "again-flaky",
            6,
            "note begin; [ $(grep -c \"^begin $RUN_KEY \" $LEDGER) -ge 2 ] || exit 75; note end",
            FINE,
        ),
        &[75],
    ),
    Kind {
        cancelled: true,
        // A person's stop ends it, also on a machine that is slow to bring it.
        timeout_secs: 600,
        ..kind("stubborn", 5, "trap '' TERM; note begin; while :; do sleep 0.1; note tick; done", &["cancelled"])
    },
    Kind { timeout_secs: 1, ..kind("overtime", 3, "note begin; sleep 60; note end", &["timed_out"]) },
    // What it leaves behind in a session of its own has to die with it.
    kind("daemon", 5, "note begin; (setsid sleep 600 >/dev/null 2>&1 &) ; note end", FINE),
    Kind {
        lines: LINES,
        ..kind(
            "talks",
            8,
            "note begin; for n in $(seq 120); do echo line $n; [ $((n % 40)) = 0 ] && sleep 0.3; done; note end",
            FINE,
        )
    },
];

/// Makes the cases; their ids in the order of [`KINDS`].
pub(crate) fn install(fleet: &Fleet, ledger: &Path) -> Vec<String> {
    let note = "note() { printf '%s %s %s %s\\n' \"$1\" \"$RUN_KEY\" \"$AIOPS_RUN\" \"$EPOCHREALTIME\" >> $LEDGER; }";
    let make = |kind: &Kind| {
        let body = format!("LEDGER={}\n{note}\n{}\n", ledger.display(), kind.body);
        let mode = if kind.repeatable { "at_least_once" } else { "at_most_once" };
        let attempts = if kind.repeatable { 8 } else { 1 };
        fleet.create(
            "cases",
            &json!({
                "name": kind.name, "language": "bash", "body": body, "mode": mode, "timeout_secs": kind.timeout_secs,
                "retry": { "max_attempts": attempts, "backoff_secs": 0, "exit_codes": kind.again },
            }),
        )
    };
    KINDS.iter().map(make).collect()
}
