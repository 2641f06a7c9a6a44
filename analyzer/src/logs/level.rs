//! Severity of a log line.

use serde::{Deserialize, Serialize};

/// Severity of a log line, lowest first. Lines without one are [`Level::Unknown`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// No severity in the line or its document.
    #[default]
    Unknown,
    /// `trace`, `verbose`, `finest`.
    Trace,
    /// `debug`, `fine`.
    Debug,
    /// `info`, `notice`.
    Info,
    /// `warn`, `warning`.
    Warn,
    /// `error`, `err`, `severe`.
    Error,
    /// `fatal`, `critical`, `alert`, `emergency`, `panic`.
    Fatal,
}

impl Level {
    /// Reads a severity name of common logging libraries and syslog; anything else is [`Level::Unknown`].
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is(&["info", "information", "informational", "notice", "i", "info3", "inf"]) {
            Self::Info
        } else if is(&["error", "err", "severe", "e", "eror", "failure"]) {
            Self::Error
        } else if is(&["warn", "warning", "w", "wrn"]) {
            Self::Warn
        } else if is(&["debug", "fine", "finer", "d", "dbg", "config"]) {
            Self::Debug
        } else if is(&["fatal", "critical", "crit", "alert", "emerg", "emergency", "panic", "f", "ftl"]) {
            Self::Fatal
        } else if is(&["trace", "verbose", "finest", "v", "t", "trc"]) {
            Self::Trace
        } else {
            Self::Unknown
        }
    }

    /// True at warning level and above.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        self >= Self::Warn
    }

    /// True at error level and above.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Self::Error
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn reads_common_names() {
        assert_eq!(Level::parse("WARNING"), Level::Warn);
        assert_eq!(Level::parse("Notice"), Level::Info);
        assert_eq!(Level::parse("crit"), Level::Fatal);
        assert_eq!(Level::parse("hello"), Level::Unknown);
        assert!(Level::Fatal.is_error() && Level::Warn.is_trouble() && !Level::Info.is_trouble());
    }
}
