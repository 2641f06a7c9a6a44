//! Alerts in: senders call with the token of their source; whatever is answered 2xx is in the database.

use crate::auth::extract::{Caller, Origin};
use crate::auth::tokens::{hash, new_secret};
use crate::error::{ApiError, ApiResult};
use crate::input::{OptionalBody, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::alert::{Receipt, decode, prepare};
use domain::catalog::Source;
use domain::identity::Audit;
use domain::ports::{Intake, Topic};
use domain::{Id, Kind};
use serde::{Deserialize, Serialize};

/// Body of one call at most, bytes: 20,000 alerts are about 12 MB.
const BODY: usize = 32 << 20;
/// Shortest token that is taken, characters.
const TOKEN: usize = 16;
/// Header that may carry the token, for senders that can set headers only.
const HEADER: &str = "x-aiops-token";

/// Takes alerts in. The caller proves with the source's token that it is the sender: `Authorization: Bearer TOKEN`, or
/// basic with the token as password, or `X-Aiops-Token: TOKEN`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}", tag = "alerts", operation_id = "receive_alerts",
    params(("id" = Uuid, Path, description = "the source")),
    request_body(content = serde_json::Value, description = "the body that the source's kind says"),
    responses((status = 200, body = Receipt)))]
pub(crate) async fn receive(
    State(app): State<AppState>,
    id: Result<PathId, ApiError>,
    origin: Origin,
    request: Request,
) -> ApiResult<Json<Receipt>> {
    // An address that names no source tells a stranger no more than one that does.
    let PathId(id) = id.map_err(|_| ApiError::unauthenticated())?;
    let source = sender(&app, id, request.headers()).await?;
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(ApiError::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body uncompressed"));
    }
    let body = axum::body::to_bytes(request.into_body(), BODY).await.map_err(|_| {
        ApiError::status(StatusCode::PAYLOAD_TOO_LARGE, "send at most 32 MiB in one call, and all of it")
    })?;
    let now = app.deps.clock.now();
    let delivery = decode(&source.spec, &body)?;
    drop(body);
    let alerts = delivery.alerts.into_iter().map(|told| prepare(told, &delivery.group, &source, now)).collect();
    let intake = Intake { source_id: id, group: delivery.group, alerts, omitted: delivery.omitted, now };
    let audit = Audit { origin: origin.0, ..Audit::new(format!("source {}", source.name), "alerts.accept") };
    let receipt = app.deps.alerts.accept(intake, audit).await?;
    app.deps.wake.wake(Topic::Alerts);
    app.deps.wake.wake(Topic::Status);
    Ok(Json(receipt))
}

/// The source that the token proves; the same words whatever was wrong.
async fn sender(app: &AppState, id: Id, headers: &HeaderMap) -> ApiResult<Source> {
    let given = token(headers).map(|t| hash(&t)).ok_or_else(ApiError::unauthenticated)?;
    if app.deps.alerts.token_hash(id).await?.as_deref() != Some(given.as_str()) {
        return Err(ApiError::unauthenticated());
    }
    let source = app.deps.sources.get(id).await.map_err(|error| match error.kind {
        Kind::NotFound => ApiError::unauthenticated(),
        _ => error.into(),
    })?;
    if source.archived_at.is_some() {
        return Err(ApiError::unauthenticated());
    }
    if !source.spec.enabled {
        return Err(ApiError::new(Kind::Forbidden, "this source is disabled: enable it to take its alerts"));
    }
    Ok(source)
}

/// The one token of a call; two different ways at once are none.
fn token(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(AUTHORIZATION).iter().chain(headers.get_all(HEADER));
    let (Some(_), None) = (all.next(), all.next()) else { return None };
    let text = match headers.get(HEADER) {
        Some(value) => value.to_str().ok()?.trim().to_owned(),
        None => {
            let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("bearer") {
                rest.trim().to_owned()
            } else if scheme.eq_ignore_ascii_case("basic") {
                let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
                pair.split_once(':')?.1.to_owned()
            } else {
                return None;
            }
        }
    };
    (!text.is_empty()).then_some(text)
}

/// A token of one's own choice.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// At least 16 characters; absent: one is made.
    token: Option<String>,
}

/// The token, shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TokenAnswer {
    /// Kept as a hash only: copy it now.
    token: String,
    /// Where the sender calls, below the address of this server.
    path: String,
}

/// Sets the token with which the source sends; an older one is void at once.
#[utoipa::path(post, path = "/api/v1/sources/{id}/webhook-token", tag = "alerts", operation_id = "set_webhook_token",
    params(("id" = Uuid, Path)), request_body = TokenRequest, responses((status = 200, body = TokenAnswer)))]
pub(crate) async fn set_token(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    OptionalBody(request): OptionalBody<TokenRequest>,
) -> ApiResult<Json<TokenAnswer>> {
    let source = app.deps.sources.get(id).await?;
    if !source.spec.kind.sends_alerts() {
        return Err(ApiError::field("id", "this source is asked, it does not send: name one that sends alerts"));
    }
    let token = match request.token {
        Some(token) if token.len() < TOKEN || token.len() > 512 || !token.bytes().all(|b| b.is_ascii_graphic()) => {
            return Err(ApiError::field("token", format!("give {TOKEN} to 512 visible ASCII characters")));
        }
        Some(token) => token,
        None => new_secret()?,
    };
    let audit = caller.audit("source.webhook_token.set");
    app.deps.alerts.set_token_hash(id, Some(hash(&token)), app.deps.clock.now(), audit).await?;
    Ok(Json(TokenAnswer { token, path: format!("/api/v1/webhooks/{id}") }))
}

/// Takes the token away; the source cannot send until it has another.
#[utoipa::path(delete, path = "/api/v1/sources/{id}/webhook-token", tag = "alerts",
    operation_id = "drop_webhook_token", params(("id" = Uuid, Path)), responses((status = 204)))]
pub(crate) async fn drop_token(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> ApiResult<StatusCode> {
    let audit = caller.audit("source.webhook_token.drop");
    app.deps.alerts.set_token_hash(id, None, app.deps.clock.now(), audit).await?;
    Ok(StatusCode::NO_CONTENT)
}
