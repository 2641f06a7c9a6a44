//! What every handler of a service can reach: settings, database, cache, log, metrics, other services.
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use opentelemetry::KeyValue;
use opentelemetry::context::FutureExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::db::Db;
use super::disk::DataFolder;
use super::effects::Effects;
use super::log::Logger;
use super::metrics::Metrics;
use super::trace::{self, Tracing};
use crate::settings::{Flags, Release, Settings};

/// One running service.
#[derive(Debug)]
pub(crate) struct Shop {
    /// `storefront`, `checkout` or `catalog`.
    pub(crate) service: String,
    /// The release this process runs.
    pub(crate) release: Release,
    /// Where the feature flags are read from.
    pub(crate) flags_path: PathBuf,
    settings: RwLock<Settings>,
    /// Database, where the service has one.
    pub(crate) db: Option<Db>,
    /// Redis, where the service has one.
    pub(crate) cache: Option<Cache>,
    /// Data folder, where the service has one.
    pub(crate) data: Option<DataFolder>,
    /// JSON log.
    pub(crate) log: Logger,
    /// Prometheus metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Spans.
    pub(crate) tracing: Tracing,
    /// Base addresses of the services this one calls.
    pub(crate) peers: Peers,
    http: reqwest::Client,
    /// Faults inside this process.
    pub(crate) effects: Effects,
    /// Bearer token of the admin routes.
    pub(crate) token: String,
    /// Start in unix milliseconds.
    pub(crate) started_at_ms: i64,
    /// Ends background work when the service stops.
    pub(crate) stop: CancellationToken,
    order_number: AtomicU64,
}

/// Base addresses of the other services; only the storefront has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers {
    /// The checkout service.
    pub(crate) checkout: Option<url::Url>,
    /// The catalog service.
    pub(crate) catalog: Option<url::Url>,
}

/// Parts of [`Shop`] that differ between services.
#[derive(Debug)]
pub(crate) struct Parts {
    /// See [`Shop`].
    pub(crate) service: String,
    /// See [`Shop`].
    pub(crate) release: Release,
    /// See [`Shop`].
    pub(crate) flags_path: PathBuf,
    /// See [`Shop`].
    pub(crate) db: Option<Db>,
    /// See [`Shop`].
    pub(crate) cache: Option<Cache>,
    /// See [`Shop`].
    pub(crate) data: Option<DataFolder>,
    /// See [`Shop`].
    pub(crate) log: Logger,
    /// See [`Shop`].
    pub(crate) metrics: Arc<Metrics>,
    /// See [`Shop`].
    pub(crate) tracing: Tracing,
    /// See [`Shop`].
    pub(crate) peers: Peers,
    /// See [`Shop`].
    pub(crate) token: String,
}

/// A request that failed: the status and the text the caller gets.
#[derive(Debug)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Safe text.
    pub(crate) text: String,
}

impl Failure {
    /// A failure with a status and a text.
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, axum::Json(json!({"error": self.text}))).into_response()
    }
}

impl Shop {
    /// Puts a service together; flags are read later, by [`Self::reload_flags`].
    pub(crate) fn new(parts: Parts, started_at_ms: i64, stop: CancellationToken) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(500))
            .timeout(Duration::from_secs(3))
            .build()?;
        Ok(Self {
            service: parts.service,
            settings: RwLock::new(parts.release.settings.clone()),
            release: parts.release,
            flags_path: parts.flags_path,
            db: parts.db,
            cache: parts.cache,
            data: parts.data,
            log: parts.log,
            metrics: parts.metrics,
            tracing: parts.tracing,
            peers: parts.peers,
            http,
            effects: Effects::default(),
            token: parts.token,
            started_at_ms,
            stop,
            order_number: AtomicU64::new(u64::try_from(started_at_ms).unwrap_or(1)),
        })
    }

    /// Settings in force.
    pub(crate) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the flag file again; returns the settings when they changed.
    pub(crate) fn reload_flags(&self) -> anyhow::Result<Option<Settings>> {
        let new = Flags::read(&self.flags_path)?.over(&self.release.settings);
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        if *settings == new {
            return Ok(None);
        }
        *settings = new.clone();
        Ok(Some(new))
    }

    /// The next order number; unique in this process, growing over restarts.
    pub(crate) fn next_order(&self) -> u64 {
        self.order_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits as long as the slow downstream call takes at present, with a quarter of jitter.
    pub(crate) async fn slow_dependency(&self) {
        let millis = self.settings().slow_dependency_ms;
        if millis > 0 {
            let jitter = rand::random_range(0.75..1.25);
            tokio::time::sleep(Duration::from_secs_f64(millis as f64 / 1000.0 * jitter)).await;
        }
    }

    /// Says whether this request is one of those that fail.
    pub(crate) fn unlucky(&self) -> bool {
        rand::random::<f64>() < self.settings().fail_share
    }

    /// Calls another service and returns its JSON; a refusal or no answer is logged and becomes 502.
    pub(crate) async fn call(
        &self,
        peer: Option<&url::Url>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let peer = peer.ok_or_else(|| Failure::new(StatusCode::NOT_IMPLEMENTED, "no address for this service"))?;
        let url = peer.join(path).map_err(|error| Failure::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        let name = if url.path().starts_with("/api/orders") { "checkout" } else { "catalog" };
        let attributes = vec![KeyValue::new("server.address", name)];
        let context = self.tracing.client_span(&format!("{method} {name}"), attributes);
        let start = Instant::now();
        let request = self.http.request(method.clone(), url).headers(trace::outgoing(&context));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().with_context(context.clone()).await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        trace::end(&context, status);
        let labels = [method.as_str(), name, &status.to_string()];
        self.metrics.http.client.with_label_values(&labels).observe(start.elapsed().as_secs_f64());
        match answer {
            Ok(answer) if answer.status().is_success() => {
                answer.json().await.map_err(|error| Failure::new(StatusCode::BAD_GATEWAY, error.to_string()))
            }
            Ok(_) => Err(self.upstream_failed(name, &format!("answered {status}"))),
            Err(error) if error.is_timeout() => Err(self.upstream_failed(name, "timed out")),
            Err(error) if error.is_connect() => Err(self.upstream_failed(name, "refused the connection")),
            Err(_) => Err(self.upstream_failed(name, "closed the connection")),
        }
    }

    fn upstream_failed(&self, name: &str, how: &str) -> Failure {
        let text = format!("upstream {name} {how}");
        self.log.error(&text, json!({"server.address": name}));
        Failure::new(StatusCode::BAD_GATEWAY, text)
    }
}
