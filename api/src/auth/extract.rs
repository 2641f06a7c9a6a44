//! The layer around everything below `/api/v1`, and what a handler learns from it about its caller.

use crate::auth::permissions::{Access, access, methods};
use crate::auth::tokens::hash;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::api_key::{self, ApiKey};
use domain::identity::{Audit, Role};
use domain::{Id, Kind, Result};
use std::net::{IpAddr, SocketAddr};

/// Who is calling.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The user.
    pub(crate) user: Id,
    /// Login name.
    pub(crate) username: String,
    /// Role at this moment, from the database.
    pub(crate) role: Role,
    /// The login.
    pub(crate) sid: Id,
    /// When the access token was issued.
    pub(crate) issued_ms: i64,
    /// Whether it is the key of a program; then `user` and `sid` are the key's id.
    pub(crate) program: bool,
}

impl Session {
    /// What a program may do with its key.
    fn of_key(key: &ApiKey) -> Self {
        let issued_ms = key.created_at.timestamp_millis();
        Self { user: key.id, username: key.actor(), role: key.role, sid: key.id, issued_ms, program: true }
    }

    /// Reads the user anew: `None` when the user is gone, disabled, logged out, or its tokens were voided.
    pub(crate) async fn renewed(&self, app: &AppState) -> Result<Option<Self>> {
        if self.program {
            let key = app.deps.api_keys.key(self.user).await?;
            return Ok(key.filter(|key| key.valid(app.deps.clock.now())).map(|key| Self::of_key(&key)));
        }
        let users = &app.deps.users;
        let Some(user) = users.user(self.user).await? else { return Ok(None) };
        let valid = !user.disabled && self.issued_ms >= user.tokens_valid_from.timestamp_millis();
        if !valid || !users.session_active(self.sid, app.deps.clock.now()).await? {
            return Ok(None);
        }
        Ok(Some(Self { username: user.username, role: user.role, ..self.clone() }))
    }
}

/// Address of the caller.
#[derive(Debug, Clone)]
pub(crate) struct Origin(pub(crate) String);

/// The caller as handlers see it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) session: Session,
    pub(crate) origin: String,
}

impl Caller {
    /// An audit row of this caller.
    pub(crate) fn audit(&self, action: impl Into<String>) -> Audit {
        Audit { origin: self.origin.clone(), ..Audit::new(&self.session.username, action) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let session = parts.extensions.get::<Session>().cloned().ok_or_else(ApiError::unauthenticated)?;
        let origin = parts.extensions.get::<Origin>().map_or_else(String::new, |o| o.0.clone());
        Ok(Self { session, origin })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self(String::new())))
    }
}

/// Lets a request through when its route is in the table and its caller may use it.
pub(crate) async fn guard(State(app): State<AppState>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let template = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let access = template.as_deref().and_then(|t| access(request.method(), t));
    let origin = Origin(address(&request, &app.config.trusted_proxies));
    request.extensions_mut().insert(origin);
    if matches!(access, Some(Access::Public | Access::Sender)) {
        return Ok(next.run(request).await);
    }
    let session = identify(&app, access, request.headers(), request.uri()).await?;
    match access {
        // No row, no handler: even if one were mounted by mistake.
        None => return Ok(not_allowed(&template.unwrap_or_default())),
        Some(access) if access.allows(session.role) => {}
        Some(_) => return Err(ApiError::new(Kind::Forbidden, "your role does not allow this: ask an administrator")),
    }
    request.extensions_mut().insert(session);
    Ok(next.run(request).await)
}

fn not_allowed(template: &str) -> Response {
    let error = ApiError::status(StatusCode::METHOD_NOT_ALLOWED, "this address has no such method");
    ([(ALLOW, methods(template))], error).into_response()
}

async fn identify(app: &AppState, access: Option<Access>, headers: &HeaderMap, uri: &Uri) -> ApiResult<Session> {
    let now = app.deps.clock.now();
    let claimed = match bearer(headers)? {
        Some(token) if token.starts_with(api_key::LEAD) => {
            let key = app.deps.api_keys.use_key(&hash(token), now).await?.filter(|key| key.valid(now));
            return key.map(|key| Session::of_key(&key)).ok_or_else(ApiError::unauthenticated);
        }
        Some(token) => app.keys.check(token, now).map(|claims| Session {
            user: claims.sub,
            username: String::new(),
            role: Role::Viewer,
            sid: claims.sid,
            issued_ms: claims.iat_ms,
            program: false,
        }),
        None => scope(access, uri).and_then(|scope| app.tickets.take(&ticket(uri)?, &scope, now)),
    };
    let session = claimed.ok_or_else(ApiError::unauthenticated)?;
    session.renewed(app).await?.ok_or_else(ApiError::unauthenticated)
}

/// The token of the one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return if headers.contains_key(AUTHORIZATION) { Err(ApiError::unauthenticated()) } else { Ok(None) };
    };
    let token = value.to_str().ok().and_then(|v| v.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| Some(token)).ok_or_else(ApiError::unauthenticated)
}

/// The scope that a ticket for this stream must have.
fn scope(access: Option<Access>, uri: &Uri) -> Option<String> {
    match access? {
        Access::EventStream => Some("events".to_owned()),
        Access::RunStream => {
            let id: Id = uri.path().split('/').nth(4)?.parse().ok()?;
            Some(format!("run:{id}"))
        }
        _ => None,
    }
}

fn ticket(uri: &Uri) -> Option<String> {
    let query = uri.query()?.as_bytes();
    url::form_urlencoded::parse(query).find(|(name, _)| name == "ticket").map(|(_, value)| value.into_owned())
}

/// Address of the caller; what a proxy says counts only when the proxy is trusted.
fn address(request: &Request, trusted: &[IpAddr]) -> String {
    let Some(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical()) else {
        return String::new();
    };
    if !trusted.contains(&peer) {
        return peer.to_string();
    }
    let hops = request.headers().get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<IpAddr> = hops.flat_map(|v| v.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    hops.into_iter().rev().find(|hop| !trusted.contains(hop)).unwrap_or(peer).to_string()
}
