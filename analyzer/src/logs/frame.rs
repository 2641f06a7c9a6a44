//! Makes records of raw log lines: joins continuation lines, and strips the head (time, level, process) in front.

use super::level::Level;
use super::words::{is_calendar, is_unit};

/// Most lines of one record.
const LINES: usize = 500;
/// Most bytes of one record.
const BYTES: usize = 64 * 1024;
/// Most tokens of a head.
const HEAD_TOKENS: usize = 12;

/// Collects raw lines into records. Line numbers count from 1.
#[derive(Debug, Default)]
pub struct Framer {
    record: String,
    first_line: u64,
    lines: usize,
    seen: u64,
}

impl Framer {
    /// Takes one raw line without its line break; returns the record before it when that is complete.
    pub fn push(&mut self, line: &str) -> Option<(u64, String)> {
        self.seen += 1;
        if self.lines > 0 && is_continuation(line) {
            if self.lines < LINES && self.record.len() + line.len() < BYTES {
                self.record.push('\n');
                self.record.push_str(line);
                self.lines += 1;
            }
            return None;
        }
        let done = self.finish();
        self.record.push_str(line);
        self.lines = 1;
        self.first_line = self.seen;
        done
    }

    /// The last record, if there is one.
    pub fn finish(&mut self) -> Option<(u64, String)> {
        if self.lines == 0 {
            return None;
        }
        self.lines = 0;
        Some((self.first_line, std::mem::take(&mut self.record)))
    }
}

/// True for a line that belongs to the record before it.
#[must_use]
pub fn is_continuation(line: &str) -> bool {
    line.is_empty()
        || line.starts_with([' ', '\t'])
        || ["at ", "Caused by:", "...", "Traceback", "File \"", "Suppressed:"].iter().any(|head| line.starts_with(head))
}

/// Splits a raw line into its severity and the message behind its head of times, levels, numbers and process names.
#[must_use]
pub fn strip_head(line: &str) -> (Level, &str) {
    let (mut level, mut rest, mut message) = (Level::Unknown, line, line);
    let mut seen_time = false;
    for _ in 0..HEAD_TOKENS {
        let trimmed = rest.trim_start();
        let end = trimmed.find([' ', '\t', '\n']).unwrap_or(trimmed.len());
        let token = &trimmed[..end];
        let bare = token.trim_matches(|mark: char| "[](){}<>:,;|-".contains(mark));
        let found = Level::parse(bare);
        if found != Level::Unknown && bare.len() > 1 {
            level = level.max(found);
        } else if is_time(bare) {
            seen_time = true;
        } else if !is_head(token, bare, seen_time) {
            break;
        }
        rest = &trimmed[end..];
        message = rest;
        if token.is_empty() {
            break;
        }
    }
    let message = message.trim_start();
    if message.is_empty() { (level, line.trim_start()) } else { (level, message) }
}

fn is_time(token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let marks = token.bytes().all(|byte| byte.is_ascii_digit() || b"-:/.,+TZ_".contains(&byte));
    (digits >= 2 && marks)
        || (token.len() == 3 && is_calendar(token.as_bytes()))
        || (digits >= 1 && token.len() == digits)
}

/// A token of a head that is no time: a bracketed name, a process with its number, a logger name before a colon.
fn is_head(token: &str, bare: &str, seen_time: bool) -> bool {
    if bare.is_empty() {
        return !token.is_empty();
    }
    let bracketed = token.starts_with('[') && token.contains(']');
    let process = token.ends_with(':') && (token.contains('[') || token.contains('.') || token.contains('('));
    let logger = seen_time && token.ends_with(':') && !is_unit(bare.as_bytes());
    bracketed || process || logger
}

#[cfg(test)]
mod tests {
    use super::{Framer, Level, strip_head};

    #[test]
    fn records_hold_their_stack_traces() {
        let mut framer = Framer::default();
        assert_eq!(framer.push("a failed"), None);
        assert_eq!(framer.push("\tat x.y(Z.java:1)"), None);
        assert_eq!(framer.push("Caused by: java.io.IOException"), None);
        assert_eq!(
            framer.push("b"),
            Some((1, "a failed\n\tat x.y(Z.java:1)\nCaused by: java.io.IOException".to_owned()))
        );
        assert_eq!(framer.finish(), Some((4, "b".to_owned())));
        assert_eq!(framer.finish(), None);
    }

    #[test]
    fn heads_are_stripped() {
        let strip = |line| strip_head(line);
        assert_eq!(strip("2026-01-02T03:04:05.678Z ERROR [main] boom happened"), (Level::Error, "boom happened"));
        assert_eq!(
            strip("Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass"),
            (Level::Unknown, "combo sshd(pam_unix)[19939]: check pass")
        );
        assert_eq!(strip("hello world"), (Level::Unknown, "hello world"));
        assert_eq!(strip("12:00:01 WARN"), (Level::Warn, "12:00:01 WARN"));
        assert_eq!(strip(""), (Level::Unknown, ""));
    }
}
