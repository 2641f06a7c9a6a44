//! The service's JSON log: one line a record to a file, and a copy to the shipper, with trace ids.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::metrics::Metrics;

/// Size at which the file starts anew; the former one is kept as `.1`.
const ROTATE_BYTES: u64 = 16 * 1024 * 1024;

/// Severity, by the names of the Elastic Common Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Something normal.
    Info,
    /// Something odd that was dealt with.
    Warn,
    /// Something that failed.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Who writes: fields that every record carries.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Service name.
    pub(crate) service: String,
    /// Instance, for example `checkout-1`.
    pub(crate) instance: String,
    /// Running release.
    pub(crate) version: String,
}

/// Writes records; cheap to clone, never blocks on the network.
#[derive(Debug, Clone)]
pub(crate) struct Logger {
    origin: Origin,
    file: Arc<Mutex<RotatingFile>>,
    ship: Option<mpsc::Sender<Value>>,
    metrics: Arc<Metrics>,
}

impl Logger {
    /// Opens the log file. `ship` receives a copy of each record; a full buffer drops the copy and counts it.
    pub(crate) fn new(
        origin: Origin,
        path: &Path,
        ship: Option<mpsc::Sender<Value>>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let file = Arc::new(Mutex::new(RotatingFile::open(path)?));
        Ok(Self { origin, file, ship, metrics })
    }

    /// Writes an `info` record.
    pub(crate) fn info(&self, message: &str, fields: Value) {
        self.write(Level::Info, message, fields);
    }

    /// Writes a `warn` record.
    pub(crate) fn warn(&self, message: &str, fields: Value) {
        self.write(Level::Warn, message, fields);
    }

    /// Writes an `error` record.
    pub(crate) fn error(&self, message: &str, fields: Value) {
        self.write(Level::Error, message, fields);
    }

    fn write(&self, level: Level, message: &str, fields: Value) {
        let record = record(&self.origin, level, message, fields, &trace_ids(), chrono::Utc::now());
        self.metrics.shop.log_records.with_label_values(&[level.as_str()]).inc();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = file.append(&record.to_string()).is_err();
        drop(file);
        let unshipped = self.ship.as_ref().is_some_and(|ship| ship.try_send(record).is_err());
        if failed || unshipped {
            self.metrics.shop.log_dropped.inc();
        }
    }
}

/// Trace and span id of the request that is being served, as hexadecimal text; empty outside of one.
type TraceIds = Option<(String, String)>;

fn trace_ids() -> TraceIds {
    let context = opentelemetry::Context::current();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
}

/// Builds one record: flat keys as the Elastic Common Schema names them.
fn record(
    origin: &Origin,
    level: Level,
    message: &str,
    fields: Value,
    trace: &TraceIds,
    now: chrono::DateTime<chrono::Utc>,
) -> Value {
    let mut record = Map::new();
    record.insert("@timestamp".into(), json!(now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)));
    record.insert("log.level".into(), json!(level.as_str()));
    record.insert("message".into(), json!(message));
    record.insert("service.name".into(), json!(origin.service));
    record.insert("service.version".into(), json!(origin.version));
    record.insert("service.node.name".into(), json!(origin.instance));
    if let Some((trace_id, span_id)) = trace {
        record.insert("trace.id".into(), json!(trace_id));
        record.insert("span.id".into(), json!(span_id));
    }
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
    Value::Object(record)
}

#[derive(Debug)]
struct RotatingFile {
    path: PathBuf,
    file: std::fs::File,
    bytes: u64,
}

impl RotatingFile {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("create folder {}", folder.display()))?;
        }
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("open log {}", path.display()))?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes })
    }

    fn append(&mut self, line: &str) -> anyhow::Result<()> {
        if self.bytes > ROTATE_BYTES {
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(&self.path.clone())?;
        }
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.bytes += line.len() as u64 + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_flat_and_names_trace_and_service() {
        let origin = Origin { service: "checkout".into(), instance: "checkout-1".into(), version: "1.4.0".into() };
        let trace = Some(("0af7651916cd43dd8448eb211c80319c".to_owned(), "b7ad6b7169203331".to_owned()));
        let now = chrono::DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let record = record(&origin, Level::Error, "order failed", json!({"order.id": 7}), &trace, now);
        assert_eq!(record["@timestamp"], "2023-11-14T22:13:20.123Z");
        assert_eq!(record["log.level"], "error");
        assert_eq!(record["service.name"], "checkout");
        assert_eq!(record["trace.id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(record["order.id"], 7);
    }

    #[test]
    fn a_full_shipping_buffer_drops_the_copy_and_keeps_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let metrics = Arc::new(Metrics::new("a", "a-1", "1", 0).unwrap());
        let (ship, _receiver) = mpsc::channel(1);
        let origin = Origin { service: "a".into(), instance: "a-1".into(), version: "1".into() };
        let log = Logger::new(origin, &path, Some(ship), Arc::clone(&metrics)).unwrap();
        log.info("one", Value::Null);
        log.info("two", Value::Null);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        assert_eq!(metrics.shop.log_dropped.get(), 1);
    }
}
