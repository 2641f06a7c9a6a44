//! Prints to the terminal: the one place that writes to standard output and standard error.
use std::io::Write as _;

/// One line on standard output. A closed pipe is ignored: there is nobody left to tell.
pub(crate) fn line(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// One line on standard error, for progress and warnings.
pub(crate) fn warn(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}
