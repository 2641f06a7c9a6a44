//! Wraps every request of the shop in a span, a duration and, where something went wrong, a log record.
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::context::FutureExt as _;
use serde_json::json;

use super::shop::Shop;
use super::trace;

/// One in this many good requests leaves an access record.
const SAMPLE: u32 = 10;

/// Measures one request.
pub(crate) async fn observe(
    State(shop): State<Arc<Shop>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let (method, route) = (request.method().clone(), path.as_str().to_owned());
    let context = shop.tracing.server_span(request.headers(), method.as_str(), &route);
    let response = async {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let took = start.elapsed();
        if rand::random_ratio(1, SAMPLE) || status >= 500 {
            let fields = json!({"http.route": route, "http.status": status, "duration_ms": took.as_secs_f64() * 1e3});
            let message = format!("{method} {route} {status}");
            if status >= 500 { shop.log.warn(&message, fields) } else { shop.log.info(&message, fields) }
        }
        response
    }
    .with_context(context.clone())
    .await;
    let status = response.status().as_u16();
    trace::end(&context, status);
    let labels = [method.as_str(), route.as_str(), &status.to_string()];
    shop.metrics.http.server.with_label_values(&labels).observe(start.elapsed().as_secs_f64());
    response
}
