//! Users, roles, refresh tokens and audit rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a user may do; each role includes those before it, except that approving is its own right.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Starts and stops runs, acknowledges.
    Operator,
    /// Approves.
    Approver,
    /// Edits scripts, cases, monitors, policies.
    Editor,
    /// Everything.
    Admin,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UUIDv7.
    pub id: Uuid,
    /// Login name, lower case.
    pub username: String,
    /// Argon2id, PHC string.
    pub password_hash: String,
    /// The role.
    pub role: Role,
    /// Tokens issued before are void.
    pub tokens_valid_from: DateTime<Utc>,
    /// Whether the user may log in.
    pub disabled: bool,
    /// When created.
    pub created_at: DateTime<Utc>,
}

/// A refresh token; rotates at each use, reuse voids its family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// UUIDv7.
    pub id: Uuid,
    /// All tokens that came from one login.
    pub family: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// SHA-256 of the secret, hex.
    pub hash: String,
    /// End of life.
    pub expires_at: DateTime<Utc>,
}

/// What became of a refresh token that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// Replaced; the user.
    Rotated(User),
    /// Was used before: the family is now void.
    Reused,
    /// Unknown, expired or void.
    Unknown,
}

/// Who did what; written in the transaction of the change itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Login name, or the stage of the product.
    pub actor: String,
    /// Verb, for example `script.update`.
    pub action: String,
    /// Address of the caller, when known.
    pub origin: String,
}

impl Audit {
    /// An audit row for `actor` doing `action`.
    pub fn new(actor: impl Into<String>, action: impl Into<String>) -> Self {
        Self { actor: actor.into(), action: action.into(), origin: String::new() }
    }
}

/// An audit row as stored: each row's hash covers the one before.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Dense, from 1.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what kind of object.
    pub object_kind: String,
    /// On which.
    pub object_id: String,
    /// From where.
    pub origin: String,
    /// SHA-256 over the row and the hash before, hex.
    pub hash: String,
}
