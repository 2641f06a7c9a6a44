//! The outermost layer: trace id, time limit, request log and numbers, and the body of every failure.

use crate::error::{ApiError, Problem};
use crate::state::AppState;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Kind;
use domain::trace::TraceContext;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use std::sync::LazyLock;
use std::time::Instant;
use tracing::Instrument;

/// Header with the id of the request's trace.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

struct Numbers {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

static NUMBERS: LazyLock<Option<Numbers>> = LazyLock::new(|| numbers().ok());

fn numbers() -> prometheus::Result<Numbers> {
    let opts = Opts::new("aiops_http_requests_total", "HTTP requests by route, method and status.");
    let requests = IntCounterVec::new(opts, &["route", "method", "status"])?;
    let opts = HistogramOpts::new("aiops_http_request_seconds", "Time to the head of the answer, seconds.");
    let buckets = vec![0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    let seconds = HistogramVec::new(opts.buckets(buckets), &["route"])?;
    let registry = Registry::new();
    registry.register(Box::new(requests.clone()))?;
    registry.register(Box::new(seconds.clone()))?;
    Ok(Numbers { registry, requests, seconds })
}

/// The API's own numbers in Prometheus' text format; labels are templates and closed sets, so their number is bounded.
pub(crate) fn numbers_text() -> String {
    let families = NUMBERS.as_ref().map(|n| n.registry.gather()).unwrap_or_default();
    TextEncoder::new().encode_to_string(&families).unwrap_or_default()
}

/// Runs one request.
pub(crate) async fn layer(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let parent = request.headers().get("traceparent").and_then(|v| v.to_str().ok()).and_then(TraceContext::parse);
    let trace_id = parent.unwrap_or_else(TraceContext::random).trace_id;
    let request_id = request.headers().get(&REQUEST_ID).filter(|v| is_plain(v)).cloned();
    // The template, never the address: a ticket stands in the query of the latter.
    let route = request.extensions().get::<MatchedPath>().map_or("other", |m| m.as_str()).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("http.request", http.route = %route, http.method = %method, trace_id = %trace_id);
    let began = Instant::now();
    let answer = tokio::time::timeout(app.config.request_timeout, next.run(request).instrument(span.clone())).await;
    let mut response =
        answer.unwrap_or_else(|_| ApiError::new(Kind::Timeout, "the request took too long: try again").into_response());
    let status = response.status();
    count(&route, known(method.as_str()), status, began.elapsed().as_secs_f64());
    span.in_scope(|| log(&response, began.elapsed().as_millis()));
    response = explain(response, &trace_id);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&trace_id) {
        headers.insert(REQUEST_ID, request_id.unwrap_or_else(|| value.clone()));
        headers.insert(TRACE_ID, value);
    }
    response
}

fn is_plain(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=64).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_')
}

/// A method of the closed set, so that strangers cannot make new series.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" => method,
        _ => "other",
    }
}

fn count(route: &str, method: &str, status: StatusCode, seconds: f64) {
    if let Some(numbers) = NUMBERS.as_ref() {
        numbers.requests.with_label_values(&[route, method, status.as_str()]).inc();
        numbers.seconds.with_label_values(&[route]).observe(seconds);
    }
}

fn log(response: &Response, ms: u128) {
    let status = response.status().as_u16();
    let Some(error) = response.extensions().get::<ApiError>() else {
        tracing::debug!(status, ms, "request");
        return;
    };
    let mut chain = Vec::new();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.cause.as_deref().map(|c| c as _);
    while let Some(one) = cause {
        chain.push(one.to_string());
        cause = one.source();
    }
    let (detail, cause) = (&error.detail, chain.join(": "));
    if status >= 500 {
        tracing::error!(status, ms, detail, cause, "request failed");
    } else {
        tracing::debug!(status, ms, detail, cause, "request refused");
    }
}

/// Gives a failure its body; failures of the framework get the same shape.
fn explain(response: Response, trace_id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() || response.extensions().get::<Whole>().is_some() {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let error = parts.extensions.remove::<ApiError>().unwrap_or_else(|| {
        ApiError::status(status, status.canonical_reason().unwrap_or("request failed").to_lowercase())
    });
    let body = serde_json::to_vec(&error.problem(trace_id)).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::TRANSFER_ENCODING);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, Body::from(body))
}

/// Marks an answer whose body stays although its status says failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole;

/// The answer after a handler panicked.
pub(crate) fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause.downcast_ref::<String>().cloned();
    let text = text.or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
    ApiError::from(domain::Error::internal(format!("panic: {text}"))).into_response()
}

/// Named in the OpenAPI document as the body of every failure.
pub(crate) type Failure = Problem;
