//! One closed set of failure kinds, mapped to HTTP once, at the edge.

use serde::{Deserialize, Serialize};

/// What sort of failure it is; decides the HTTP status and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The object does not exist or is not visible to the caller.
    NotFound,
    /// The object changed meanwhile, or a unique name is taken.
    Conflict,
    /// The input is wrong; [`Error::fields`] says where.
    Invalid,
    /// The caller is known but lacks the permission.
    Forbidden,
    /// The caller is not known.
    Unauthenticated,
    /// The caller must slow down.
    TooMany,
    /// The other side did not answer in time.
    Timeout,
    /// The other side cannot be reached or answered with a failure.
    Unavailable,
    /// A fault of our own.
    Internal,
}

/// One wrong field of an input and what to do about it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Path of the field, for example `gates.cooldown_secs`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// A field error at `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The error of every port.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What sort of failure it is.
    pub kind: Kind,
    /// One line, safe to show to a user.
    pub message: String,
    /// Wrong fields, for [`Kind::Invalid`].
    pub fields: Vec<FieldError>,
    /// The cause, for the log only.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Result of every port.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with a message for people.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new(), source: None }
    }

    /// The same error with its cause attached.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The object `what` does not exist.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("{what} not found"))
    }

    /// The stored object is newer than the caller's copy, or the name is taken.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// The input has wrong fields.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message =
            fields.first().map_or_else(|| "invalid input".to_owned(), |f| format!("{}: {}", f.field, f.message));
        Self { kind: Kind::Invalid, message, fields, source: None }
    }

    /// A fault of our own, with its cause.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal error").because(cause)
    }

    /// The other side cannot be reached or failed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }
}
