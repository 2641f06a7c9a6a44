//! Secrets by reference: what is known of a stored secret besides its value.

use crate::error::FieldError;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a name must look like, for people.
pub const NAME_RULE: &str = "use 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit";

/// Shortest value, bytes: a shorter one could not be masked in logs without turning them into stars.
pub const MIN_VALUE: usize = 6;
/// Longest value, bytes: Linux refuses to execute with a variable above 128 KiB.
pub const MAX_VALUE: usize = 64 * 1024;

/// Whether a secret can have this name.
#[must_use]
pub fn well_named(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fine)
}

/// What is wrong with a name and a value.
#[must_use]
pub fn check(name: &str, value: &str) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if !well_named(name) {
        wrong.push(FieldError::new("name", NAME_RULE));
    }
    if !(MIN_VALUE..=MAX_VALUE).contains(&value.len()) || value.contains('\0') {
        wrong.push(FieldError::new("value", format!("give {MIN_VALUE} to {MAX_VALUE} bytes without NUL")));
    }
    wrong
}

/// A stored secret as it may be shown: everything but its value.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretInfo {
    /// UUIDv7.
    pub id: Uuid,
    /// Name that scripts and cases refer to.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Raised by every new value.
    pub version: i64,
    /// Key that seals it.
    pub key_id: String,
    /// When it was first stored.
    pub created_at: DateTime<Utc>,
    /// When its value was last set.
    pub updated_at: DateTime<Utc>,
    /// Who set it last.
    pub updated_by: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        assert!(check("db-password.v2", "hunter2").is_empty());
        for name in ["", "-x", "a b", "ü", &"x".repeat(65)] {
            assert_eq!(check(name, "hunter2")[0].field, "name", "{name}");
        }
        for value in ["short", "has\0nul"] {
            assert_eq!(check("a", value)[0].field, "value", "{value:?}");
        }
    }
}
