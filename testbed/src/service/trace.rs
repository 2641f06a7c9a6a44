//! Traces: a span for each request served and each call out, exported by OTLP when an endpoint is set.
use std::time::Duration;

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// Makes spans; without an endpoint they are made all the same, so that logs carry trace ids.
#[derive(Debug, Clone)]
pub(crate) struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Tracing {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` (or the traces variant); unset means no export.
    pub(crate) fn new(service: &str, instance: &str, version: &str) -> anyhow::Result<Self> {
        let resource = opentelemetry_sdk::Resource::builder()
            .with_service_name(service.to_owned())
            .with_attributes([
                KeyValue::new("service.instance.id", instance.to_owned()),
                KeyValue::new("service.version", version.to_owned()),
            ])
            .build();
        let mut builder = SdkTracerProvider::builder().with_resource(resource);
        if endpoint_is_set() {
            let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
            builder = builder.with_batch_exporter(exporter.context("set up the OTLP exporter")?);
        }
        let provider = builder.build();
        let tracer = provider.tracer("shop");
        Ok(Self { provider, tracer })
    }

    /// Starts the span of a request that came with these headers.
    pub(crate) fn server_span(&self, headers: &HeaderMap, method: &str, route: &str) -> Context {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let span = self
            .tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", method.to_owned()),
                KeyValue::new("http.route", route.to_owned()),
            ])
            .start_with_context(&self.tracer, &parent);
        parent.with_span(span)
    }

    /// Starts a span below the current one: a call out or a database call.
    pub(crate) fn client_span(&self, name: &str, attributes: Vec<KeyValue>) -> Context {
        let parent = Context::current();
        let span = self
            .tracer
            .span_builder(name.to_owned())
            .with_kind(SpanKind::Client)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        parent.with_span(span)
    }

    /// Sends what is left. Blocks for at most two seconds: call it off the async threads.
    pub(crate) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(Duration::from_secs(2)) {
            crate::say::warn(&format!("traces were not flushed: {error}"));
        }
    }
}

/// Ends a span with an HTTP status; 500 and above mark it as failed, 0 means no answer.
pub(crate) fn end(context: &Context, status: u16) {
    let span = context.span();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    if status == 0 || status >= 500 {
        span.set_status(Status::error(format!("status {status}")));
    }
    span.end();
}

/// Headers that carry the context to the next service (W3C Trace Context).
pub(crate) fn outgoing(context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    TraceContextPropagator::new().inject_context(context, &mut HeadersMut(&mut headers));
    headers
}

fn endpoint_is_set() -> bool {
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()))
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_out_carries_on_the_trace_that_came_in() {
        let tracing = Tracing::new("checkout", "checkout-1", "1").unwrap();
        let mut headers = HeaderMap::new();
        headers
            .insert("traceparent", HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        let context = tracing.server_span(&headers, "GET", "/");
        let sent = outgoing(&context);
        let traceparent = sent["traceparent"].to_str().unwrap();
        assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{traceparent}");
        assert!(!traceparent.contains("b7ad6b7169203331"), "the span id must be new: {traceparent}");
    }
}
