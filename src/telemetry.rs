//! Logs as JSON with trace ids, traces by OTLP, and the bridge between spans and stored trace contexts.

use anyhow::Context as _;
use domain::trace::TraceContext;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::fmt;
use std::time::Duration;
use tracing::{Event, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Keeps the exporter; flush it before the process ends.
#[derive(Debug)]
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// Starts logging to stderr and, when an OTLP endpoint is configured, span export.
///
/// The endpoint is read from `OTEL_EXPORTER_OTLP_ENDPOINT` (or `..._TRACES_ENDPOINT`), the filter from `RUST_LOG`.
/// Spans exist without an exporter too, so that log lines and incidents always carry real trace ids.
pub(crate) fn start(json: bool) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,reqwest=warn,opentelemetry=warn"));
    let provider = provider()?;
    let tracer = provider.tracer("aiops");
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_filter(EnvFilter::new("off,aiops=info,api=info,analyzer=info,healer=info,ingest=info,store=info"));
    let registry = tracing_subscriber::registry().with(spans);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if json {
        registry.with(lines.event_format(JsonLines).with_filter(filter)).try_init()
    } else {
        registry.with(lines.compact().with_filter(filter)).try_init()
    }
    .context("logging was started twice")?;
    Ok(Telemetry(Some(provider)))
}

fn provider() -> anyhow::Result<SdkTracerProvider> {
    let resource = Resource::builder()
        .with_service_name("aiops")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let wanted = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    if wanted.iter().all(|name| std::env::var_os(name).is_none()) {
        return Ok(builder.build());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .build()
        .context("the OTLP exporter cannot start; check OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok(builder.with_batch_exporter(exporter).build())
}

impl Telemetry {
    /// Sends what is left; bounded, and off the async threads because the exporter blocks.
    pub(crate) async fn stop(self) {
        let Some(provider) = self.0 else { return };
        let flush = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(Duration::from_secs(3)));
        match tokio::time::timeout(Duration::from_secs(5), flush).await {
            Ok(Ok(Ok(()))) => {}
            failed => tracing::debug!(?failed, "last spans may be lost"),
        }
    }
}

/// The trace context of the current span; random where no span is recorded.
pub(crate) fn current() -> TraceContext {
    of(&Span::current())
}

/// The trace context of `span`.
pub(crate) fn of(span: &Span) -> TraceContext {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        TraceContext { trace_id: span.trace_id().to_string(), span_id: span.span_id().to_string() }
    } else {
        TraceContext::random()
    }
}

/// Makes `span` a child of a stored context: the incident's trace goes on.
pub(crate) fn adopt(span: &Span, parent: &TraceContext) {
    let (Ok(trace), Ok(id)) = (TraceId::from_hex(&parent.trace_id), SpanId::from_hex(&parent.span_id)) else { return };
    let remote = SpanContext::new(trace, id, TraceFlags::SAMPLED, true, TraceState::default());
    let context = opentelemetry::Context::new().with_remote_span_context(remote);
    if let Err(error) = span.set_parent(context) {
        tracing::debug!(?error, "span keeps its own trace");
    }
}

/// One JSON object a line: time, level, target, message, fields, trace and span id.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = serde_json::Map::new();
        let meta = event.metadata();
        line.insert(
            "@timestamp".into(),
            chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into(),
        );
        line.insert("log.level".into(), meta.level().as_str().to_ascii_lowercase().into());
        line.insert("log.logger".into(), meta.target().into());
        line.insert("service.name".into(), "aiops".into());
        event.record(&mut Fields(&mut line));
        let context = Span::current().context();
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            line.insert("trace.id".into(), span.trace_id().to_string().into());
            line.insert("span.id".into(), span.span_id().to_string().into());
        }
        writeln!(writer, "{}", serde_json::Value::Object(line))
    }
}

struct Fields<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &tracing::field::Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &tracing::field::Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_f64(&mut self, field: &tracing::field::Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_error(&mut self, field: &tracing::field::Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        self.0.insert(field.name().to_owned(), text.into());
    }
}
