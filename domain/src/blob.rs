//! Names of objects in file storage.

use crate::error::{Error, FieldError, Result};
use crate::{Id, Time};

/// Longest key, bytes.
pub const MAX_KEY: usize = 900;

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its key.
    pub key: String,
    /// Size, bytes.
    pub bytes: u64,
    /// When it was written, by the storage's clock.
    pub modified: Time,
}

/// Refuses keys that a folder or a bucket could read as something else.
///
/// # Errors
/// `Invalid`: a key is made of `/`-separated parts of letters, digits, `-`, `_` and `.`, none of them `.` or `..` or empty.
pub fn check_key(key: &str) -> Result<()> {
    let part = |p: &str| {
        !p.is_empty() && p != "." && p != ".." && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if key.len() <= MAX_KEY && key.split('/').all(part) {
        return Ok(());
    }
    let text = "give parts of letters, digits, '-', '_' and '.' that are separated by '/'";
    Err(Error::invalid(vec![FieldError::new("key", text)]))
}

/// Everything of one run is below this prefix.
#[must_use]
pub fn run_prefix(run: Id) -> String {
    format!("runs/{run}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for good in ["a", "runs/0192/log/000001-000100.tsv", "a/b.c_d-e"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "a b", "a%2f", "ü", "a\\b", &"a".repeat(901)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
