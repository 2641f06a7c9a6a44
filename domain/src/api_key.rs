//! Keys of programs: what is known of one besides the key itself, of which only a hash is stored.

use crate::error::FieldError;
use crate::identity::Role;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Begins every key, so that a leaked one is recognised.
pub const LEAD: &str = "aiops_";
/// Longest life of a key, days.
pub const MOST_DAYS: u32 = 730;

/// A key as it may be shown.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for, for people.
    pub name: String,
    /// Its visible beginning; tells keys apart.
    pub prefix: String,
    /// What it may do.
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
}

/// The visible beginning of the key with this id.
#[must_use]
pub fn prefix(id: Uuid) -> String {
    format!("{LEAD}{}", &id.simple().to_string()[20..])
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Its name in audit rows and as owner of runs.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("key:{}", self.name)
    }
}

/// What is wrong with the name and the life of a new key.
#[must_use]
pub fn check(name: &str, days: u32) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
        wrong.push(FieldError::new("name", "use 1 to 64 letters, digits, '-', '_' or '.'"));
    }
    if !(1..=MOST_DAYS).contains(&days) {
        wrong.push(FieldError::new("expires_days", format!("give a number from 1 to {MOST_DAYS}, got {days}")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_fields_are_named() {
        assert!(check("ci-main.2", 90).is_empty());
        for (name, days, field) in
            [("", 1, "name"), ("a b", 1, "name"), ("a", 0, "expires_days"), ("a", 731, "expires_days")]
        {
            assert_eq!(check(name, days)[0].field, field);
        }
    }
}
