//! Puts the routes together with the layers around them; deny by default.

use crate::auth::extract::guard;
use crate::auth::permissions::{BASE, KINDS, TABLE, access};
use crate::error::ApiError;
use crate::routes::health;
use crate::state::{ApiConfig, ApiDeps, AppState};
use crate::{headers, openapi, routes, trace, ui};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::{Error, Kind, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Body of a request at most, bytes.
const BODY: usize = 2 * 1024 * 1024;

/// The whole HTTP surface: API, documentation, health, metrics, UI.
///
/// # Errors
/// As the store, for the signing key; `Internal` when a route has no row in the permission table or a row no route.
pub async fn router(deps: ApiDeps, config: ApiConfig) -> Result<Router> {
    let mut document = openapi::document();
    check_table(&openapi::routes_of(&mut document))?;
    let text: Arc<str> = openapi::openapi().into();
    let app = AppState::new(deps, config).await?;
    let (api, _) = routes::all().split_for_parts();
    // Before the guard, so that it stands around refused methods too.
    let api = api.method_not_allowed_fallback(wrong_method).layer(from_fn_with_state(app.clone(), guard));
    let docs = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json"));
    let json = [(header::CONTENT_TYPE, "application/json")];
    let router = Router::new()
        .merge(api)
        .merge(docs)
        .route("/api/openapi.json", get(move || async move { (json, text.to_string()) }))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(ui::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(trace::panicked))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(app.clone(), trace::layer))
        .layer(CompressionLayer::new().gzip(true).compress_when(compressible()))
        .layer(from_fn_with_state(app.clone(), headers::layer));
    Ok(router.with_state(app))
}

/// Streams are not compressed, nor is what is compressed already.
fn compressible() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("text/event-stream"))
}

async fn wrong_method() -> ApiError {
    ApiError::status(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this address has no such method")
}

/// Every route has a row, and every row a route.
fn check_table(routes: &[(String, String)]) -> Result<()> {
    let mut mounted = BTreeSet::new();
    for (method, path) in routes {
        let known = Method::from_bytes(method.as_bytes()).ok().and_then(|m| access(&m, path));
        if known.is_none() {
            return Err(Error::new(Kind::Internal, format!("{method} {path} has no permission")));
        }
        mounted.insert((method.as_str(), path.trim_start_matches(BASE).to_owned()));
    }
    for (method, path, _) in TABLE {
        let paths: Vec<String> = if path.starts_with("/{kind}") {
            KINDS.iter().map(|kind| path.replace("{kind}", kind)).collect()
        } else {
            vec![(*path).to_owned()]
        };
        if let Some(path) = paths.into_iter().find(|path| !mounted.contains(&(*method, path.clone()))) {
            return Err(Error::new(Kind::Internal, format!("{method} {path} has a permission and no handler")));
        }
    }
    Ok(())
}

/// What an address below `/api` that nobody serves answers.
pub(crate) fn nothing_here() -> Response {
    ApiError::new(Kind::NotFound, "there is nothing at this address").into_response()
}
