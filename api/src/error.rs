//! The one place where a failure becomes an HTTP answer (RFC 9457 problem details).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::error::FieldError;
use domain::{Error, Kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a handler answers with.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// The body of every failed request.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says it all.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    /// HTTP status.
    pub(crate) status: u16,
    /// One line for people.
    pub(crate) detail: String,
    /// One of `not_found conflict invalid forbidden unauthenticated too_many timeout unavailable internal`.
    #[schema(value_type = String)]
    pub(crate) code: Kind,
    /// Wrong fields.
    pub(crate) errors: Vec<FieldError>,
    /// Finds the request in logs and traces.
    pub(crate) trace_id: String,
}

/// A failure on its way out; the cause goes to the log only.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: Kind,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The code of a status that the framework chose.
pub(crate) const fn code_of(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 => Kind::Unauthenticated,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 | 412 => Kind::Conflict,
        408 | 504 => Kind::Timeout,
        429 => Kind::TooMany,
        502 | 503 => Kind::Unavailable,
        500.. => Kind::Internal,
        _ => Kind::Invalid,
    }
}

impl ApiError {
    /// A failure of `kind`.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            status: status_of(kind),
            code: kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// A failure with a status that no [`Kind`] has.
    pub(crate) fn status(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, ..Self::new(code_of(status), detail) }
    }

    /// One wrong field.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::invalid(vec![FieldError::new(field, message)]).into()
    }

    /// The caller is not known; the same words whatever was wrong.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(Kind::Unauthenticated, "log in, or send a valid access token")
    }

    /// The stored object is newer than the caller's copy.
    pub(crate) fn stale(stored: i64) -> Self {
        let detail = format!("the object changed meanwhile and is at version {stored}: read it again");
        Self::status(StatusCode::PRECONDITION_FAILED, detail)
    }

    /// The same failure, said about a system we asked: its 401 is not a 401 of ours.
    pub(crate) fn upstream(error: Error) -> Self {
        let kind = match error.kind {
            Kind::Unauthenticated | Kind::Forbidden | Kind::TooMany => Kind::Unavailable,
            kind => kind,
        };
        Error { kind, ..error }.into()
    }

    fn because(mut self, error: Error) -> Self {
        self.cause = Some(Arc::new(error));
        self
    }

    /// The body, with the request's trace id.
    pub(crate) fn problem(&self, trace_id: &str) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            errors: self.errors.clone(),
            trace_id: trace_id.to_owned(),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let detail = if error.kind == Kind::Internal { "internal error".to_owned() } else { error.message.clone() };
        let fields = error.fields.clone();
        Self { errors: fields, ..Self::new(error.kind, detail) }.because(error)
    }
}

impl IntoResponse for ApiError {
    /// The body is written by the trace layer, which knows the trace id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
