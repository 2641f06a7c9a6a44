//! Byte classes and the few word lists the template miner decides by.

/// Part of a word: a letter.
pub(crate) const LETTER: u8 = 1;
/// Part of a word: a digit.
pub(crate) const DIGIT: u8 = 2;
/// Part of a word: a dot.
pub(crate) const DOT: u8 = 4;
/// Part of a word: a slash or backslash.
pub(crate) const SLASH: u8 = 8;
/// Part of a word: another joining mark such as `_` or `-`.
pub(crate) const JOIN: u8 = 16;
/// Part of a word: a byte of a character outside ASCII.
pub(crate) const HIGH: u8 = 32;
/// White space and control bytes.
pub(crate) const SPACE: u8 = 64;
/// Punctuation that stands alone.
pub(crate) const PUNCT: u8 = 128;
/// Any byte that belongs to a word.
pub(crate) const WORD: u8 = LETTER | DIGIT | DOT | SLASH | JOIN | HIGH;

/// Class of each byte value.
pub(crate) const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [PUNCT; 256];
    let mut k = 0;
    while k < 256 {
        let byte = k as u8;
        table[k] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'.' => DOT,
            b'/' | b'\\' => SLASH,
            b'_' | b'-' | b'@' | b'#' | b'$' | b'%' | b'&' | b'*' | b'+' | b'~' => JOIN,
            0..=b' ' | 0x7F => SPACE,
            0x80..=0xFF => HIGH,
            _ => PUNCT,
        };
        k += 1;
    }
    table
}

/// Words after which a name usually follows.
const CUES: [&str; 24] = [
    "from",
    "for",
    "user",
    "to",
    "at",
    "by",
    "on",
    "host",
    "of",
    "named",
    "name",
    "process",
    "service",
    "device",
    "file",
    "class",
    "node",
    "interface",
    "package",
    "domain",
    "server",
    "client",
    "job",
    "task",
];

/// True after a word such as `from` or `user`, where a value is likely.
pub(crate) fn is_cue(word: &[u8]) -> bool {
    (2..=9).contains(&word.len()) && CUES.iter().any(|cue| cue.as_bytes().eq_ignore_ascii_case(word))
}

/// Words that name a state or an outcome: two lines that differ in one mean different things.
const STATES: [&str; 96] = [
    "abort",
    "aborted",
    "accept",
    "accepted",
    "active",
    "add",
    "added",
    "allow",
    "allowed",
    "alive",
    "attach",
    "attached",
    "available",
    "bad",
    "begin",
    "blocked",
    "canceled",
    "cancelled",
    "close",
    "closed",
    "closing",
    "complete",
    "completed",
    "connect",
    "connected",
    "crashed",
    "created",
    "dead",
    "delete",
    "deleted",
    "denied",
    "deny",
    "detach",
    "detached",
    "disable",
    "disabled",
    "disconnect",
    "disconnected",
    "down",
    "enable",
    "enabled",
    "end",
    "error",
    "exit",
    "exited",
    "fail",
    "failed",
    "failure",
    "false",
    "finished",
    "good",
    "inactive",
    "invalid",
    "lock",
    "locked",
    "lost",
    "missing",
    "no",
    "off",
    "offline",
    "ok",
    "on",
    "online",
    "open",
    "opened",
    "paused",
    "ready",
    "reject",
    "rejected",
    "removed",
    "resumed",
    "running",
    "shutdown",
    "start",
    "started",
    "starting",
    "startup",
    "stop",
    "stopped",
    "stopping",
    "succeeded",
    "success",
    "successful",
    "successfully",
    "timeout",
    "true",
    "unavailable",
    "unblocked",
    "unknown",
    "unlock",
    "unlocked",
    "up",
    "valid",
    "warning",
    "yes",
    "terminated",
];

/// True for a word that names a state or an outcome.
pub(crate) fn is_state(word: &[u8]) -> bool {
    (2..=12).contains(&word.len()) && STATES.iter().any(|state| state.as_bytes().eq_ignore_ascii_case(word))
}

const UNITS: [&str; 25] = [
    "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "byte", "bytes", "ms", "us", "ns", "s", "sec", "secs", "second",
    "seconds", "min", "mins", "minutes", "hours", "h", "khz", "mhz",
];

/// True for a unit of size, time or rate.
pub(crate) fn is_unit(word: &[u8]) -> bool {
    word.len() <= 7 && UNITS.iter().any(|unit| unit.as_bytes().eq_ignore_ascii_case(word))
}

const CALENDAR: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
    "Oct", "Nov", "Dec",
];

/// True for the short English name of a day or month.
pub(crate) fn is_calendar(word: &[u8]) -> bool {
    word.len() == 3 && CALENDAR.iter().any(|name| name.as_bytes() == word)
}
