//! Database failures as the product's closed set of kinds.

use domain::{Error, Kind};

/// Maps a driver failure: unique and foreign keys are conflicts, a busy or absent database is unavailable.
pub(crate) fn of(cause: sqlx::Error) -> Error {
    let (kind, message) = match &cause {
        sqlx::Error::RowNotFound => (Kind::NotFound, "object not found"),
        sqlx::Error::Database(e) if e.is_unique_violation() => {
            (Kind::Conflict, "an object with the same identity exists: reload and try again")
        }
        sqlx::Error::Database(e) if e.is_foreign_key_violation() => {
            (Kind::Conflict, "the object refers to one that does not exist: reload and try again")
        }
        sqlx::Error::Database(e) if e.code().is_some_and(|c| is_busy(&c)) => {
            (Kind::Unavailable, "the database is busy: try again")
        }
        sqlx::Error::Database(e) if e.code().is_some_and(|c| is_full(&c)) => {
            (Kind::Unavailable, "the database cannot be written: its disk is full or read-only; make room")
        }
        sqlx::Error::PoolTimedOut => (Kind::Unavailable, "no database connection became free: try again"),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            (Kind::Unavailable, "the database cannot be reached")
        }
        _ => (Kind::Internal, "internal error"),
    };
    Error::new(kind, message).because(cause)
}

/// Lock and serialisation failures that a retry cures. SQLite extended codes keep the primary code in the low byte
/// (5 busy, 6 locked; <https://sqlite.org/rescode.html>); PostgreSQL: appendix A, class 40, 55P03, 57P01 to 57P03.
fn is_busy(code: &str) -> bool {
    let postgres = ["40001", "40P01", "55P03", "57P01", "57P02", "57P03"].contains(&code);
    let sqlite = code.len() <= 4 && code.parse::<u32>().is_ok_and(|n| matches!(n & 0xff, 5 | 6));
    postgres || sqlite
}

/// Places that cannot be written now and may be later. SQLite: 8 read-only, 10 I/O error, 13 full, 14 cannot open;
/// PostgreSQL: class 53 (insufficient resources: disk full, out of memory, too many connections) and 58030 (I/O error).
fn is_full(code: &str) -> bool {
    let postgres = code.len() == 5 && (code.starts_with("53") || code == "58030");
    let sqlite = code.len() <= 4 && code.parse::<u32>().is_ok_and(|n| matches!(n & 0xff, 8 | 10 | 13 | 14));
    postgres || sqlite
}

/// A stored value that cannot be read back.
pub(crate) fn corrupt(column: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Internal, format!("stored value in column {column} cannot be read")).because(cause)
}

/// The caller's copy is old.
pub(crate) fn stale(what: &str, stored: i64, given: i64) -> Error {
    Error::conflict(format!(
        "{what} was changed meanwhile (stored version {stored}, yours {given}): reload and try again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_codes() {
        for (code, busy) in
            [("5", true), ("517", true), ("6", true), ("262", true), ("40P01", true), ("2067", false), ("23505", false)]
        {
            assert_eq!(is_busy(code), busy, "{code}");
        }
        for (code, full) in [("13", true), ("778", true), ("8", true), ("53100", true), ("53300", true), ("19", false)]
        {
            assert_eq!(is_full(code), full, "{code}");
        }
    }
}
