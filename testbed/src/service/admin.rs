//! The service's admin routes: health, metrics, faults on and off, and what the faults really hold.
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::effects::EffectCounts;
use super::shop::{Failure, Shop};
use crate::fault::{Amount, FaultName, Home};
use crate::settings::{Flags, Settings, write_json};

/// A fault switched on or off.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// On or off.
    pub(crate) on: bool,
    /// How strong, 0..=1.
    #[serde(default = "half")]
    pub(crate) intensity: f64,
}

fn half() -> f64 {
    0.5
}

/// What a service says of itself; every number is read from the process, none is remembered from a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceState {
    /// Service name.
    pub(crate) service: String,
    /// Running release.
    pub(crate) version: String,
    /// Process id.
    pub(crate) pid: u32,
    /// Start in unix milliseconds.
    pub(crate) started_at_ms: i64,
    /// Settings in force.
    pub(crate) settings: Settings,
    /// What the faults hold.
    pub(crate) effects: EffectCounts,
    /// Bytes in the data folder.
    pub(crate) data_used: Option<u64>,
    /// Quota of the data folder in bytes.
    pub(crate) data_quota: Option<u64>,
    /// Redis answered a ping now; `None` for a service without Redis.
    pub(crate) redis_up: Option<bool>,
}

/// Open routes: health and metrics.
pub(crate) fn open_routes() -> Router<Arc<Shop>> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/metrics", get(metrics))
}

/// Routes behind the token.
pub(crate) fn token_routes(shop: &Arc<Shop>) -> Router<Arc<Shop>> {
    Router::new()
        .route("/admin/state", get(state))
        .route("/admin/faults/{name}", post(switch))
        .route_layer(middleware::from_fn_with_state(Arc::clone(shop), require_token))
}

async fn require_token(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if sent.and_then(|value| value.strip_prefix("Bearer ")) != Some(shop.token.as_str()) {
        return Failure::new(StatusCode::UNAUTHORIZED, "send the testbed token as a bearer token").into_response();
    }
    next.run(request).await
}

async fn metrics(State(shop): State<Arc<Shop>>) -> Result<Response, Failure> {
    if let Some(data) = &shop.data {
        shop.metrics.shop.disk_used.set(super::metrics::whole(data.used()));
        shop.metrics.shop.disk_quota.set(super::metrics::whole(data.quota()));
    }
    let pool = shop.db.as_ref().map(super::db::Db::reading);
    let text = shop.metrics.render(pool);
    let text = text.map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

async fn state(State(shop): State<Arc<Shop>>) -> Json<ServiceState> {
    let redis_up = match &shop.cache {
        Some(cache) => Some(cache.ping().await),
        None => None,
    };
    Json(ServiceState {
        service: shop.service.clone(),
        version: shop.release.version.clone(),
        pid: std::process::id(),
        started_at_ms: shop.started_at_ms,
        settings: shop.settings(),
        effects: shop.effects.counts(),
        data_used: shop.data.as_ref().map(super::disk::DataFolder::used),
        data_quota: shop.data.as_ref().map(super::disk::DataFolder::quota),
        redis_up,
    })
}

async fn switch(
    State(shop): State<Arc<Shop>>,
    Path(name): Path<String>,
    Json(switch): Json<Switch>,
) -> Result<Response, Failure> {
    let unknown = || Failure::new(StatusCode::NOT_FOUND, format!("no fault is named {name:?}"));
    let fault = FaultName::parse(&name).ok_or_else(unknown)?;
    if !fault.applies_to(&shop.service) {
        let text = format!("fault {name} does not apply to {}", shop.service);
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let amount = Amount::new(switch.intensity);
    match fault.home() {
        Home::Supervisor => {
            let text = format!("fault {name} is switched by the supervisor: use testbed inject or testbed clear");
            return Err(Failure::new(StatusCode::CONFLICT, text));
        }
        Home::Flags => switch_flags(&shop, amount.flags(fault).unwrap_or_default(), switch.on).await?,
        Home::Process if switch.on => shop.effects.start(&shop, fault, amount),
        Home::Process => shop.effects.stop(fault),
    }
    Ok(Json(json!({"fault": name, "on": switch.on})).into_response())
}

async fn switch_flags(shop: &Shop, fault: Flags, on: bool) -> Result<(), Failure> {
    let failed = |error: anyhow::Error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"));
    let now = Flags::read(&shop.flags_path).map_err(failed)?;
    let new = if on { now.merged(&fault) } else { now.without(&fault) };
    write_json(&shop.flags_path, &new).map_err(failed)?;
    shop.reload_flags().map_err(failed)?;
    if let (Some(cache), Some(0)) = (&shop.cache, new.cache_ttl_secs) {
        let products = (1..=super::catalog::PRODUCTS).map(|id| format!("product:{id}"));
        cache.forget(&products.chain(["list".to_owned()]).collect::<Vec<_>>()).await;
    }
    Ok(())
}
