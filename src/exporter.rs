//! The product's own metrics as Prometheus text.

use crate::retention::RetentionStats;
use analyzer::engine::AnalyzerStats;
use healer::stats::Stats as HealerStats;
use ingest::IngestStats;
use prometheus::{
    Encoder as _, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where the numbers come from.
#[derive(Debug, Clone)]
pub(crate) struct Exporter {
    pub(crate) ingest: Arc<IngestStats>,
    pub(crate) analyzer: Arc<AnalyzerStats>,
    pub(crate) healer: Arc<HealerStats>,
    pub(crate) removed: Arc<RetentionStats>,
}

impl Exporter {
    /// The text of all metrics now; what fails to render is logged and left out.
    pub(crate) fn text(&self) -> String {
        let registry = Registry::new();
        let mut text = Vec::new();
        let rendered = self.fill(&registry).and_then(|()| TextEncoder::new().encode(&registry.gather(), &mut text));
        if let Err(error) = rendered {
            tracing::error!(%error, "metrics are incomplete");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    fn fill(&self, registry: &Registry) -> prometheus::Result<()> {
        build_info(registry)?;
        process(registry)?;
        self.ingest(registry)?;
        self.analyzer(registry)?;
        self.healer(registry)?;
        self.removed(registry)
    }

    fn ingest(&self, registry: &Registry) -> prometheus::Result<()> {
        let values = self.ingest.snapshot().values();
        for ((name, help), value) in ingest::telemetry::METRICS.iter().zip(values) {
            if name.ends_with("_total") {
                counter(registry, name, help, u64::try_from(value).unwrap_or_default())?;
            } else {
                gauge(registry, name, help, value)?;
            }
        }
        Ok(())
    }

    fn analyzer(&self, registry: &Registry) -> prometheus::Result<()> {
        let s = &self.analyzer;
        let of = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
        counter(registry, "aiops_analyzer_batches_total", "Batches worked through.", of(&s.batches))?;
        counter(registry, "aiops_analyzer_rows_total", "Samples and log lines scored.", of(&s.rows))?;
        counter(registry, "aiops_anomalies_total", "Anomalies opened.", of(&s.anomalies))?;
        counter(registry, "aiops_incidents_total", "Incidents opened.", of(&s.incidents))?;
        counter(
            registry,
            "aiops_analyzer_retries_total",
            "Commits that had to wait for the database.",
            of(&s.retries),
        )?;
        let help = "Batches whose results the database refused for good.";
        counter(registry, "aiops_analyzer_parked_total", help, of(&s.parked))?;
        let lag = i64::try_from(of(&s.lag_ms)).unwrap_or(i64::MAX);
        gauge(registry, "aiops_analyzer_lag_milliseconds", "Age of the newest row when it was worked through.", lag)
    }

    fn removed(&self, registry: &Registry) -> prometheus::Result<()> {
        let r = &self.removed;
        let opts = Opts::new("aiops_retention_removed_total", "What was removed because it was older than keep_days.");
        let vec = IntCounterVec::new(opts, &["kind"])?;
        let kinds = [
            ("incident", &r.incidents),
            ("run", &r.runs),
            ("anomaly", &r.anomalies),
            ("alert", &r.alerts),
            ("file", &r.files),
        ];
        for (kind, count) in kinds {
            vec.with_label_values(&[kind]).inc_by(count.load(Ordering::Relaxed));
        }
        registry.register(Box::new(vec))
    }

    fn healer(&self, registry: &Registry) -> prometheus::Result<()> {
        let rows = self.healer.rows();
        for (family, name, help, label) in HEALER {
            let vec = IntCounterVec::new(Opts::new(name, help), &[label])?;
            for (_, value, count) in rows.iter().filter(|(f, ..)| *f == family) {
                vec.with_label_values(&[*value]).inc_by(*count);
            }
            registry.register(Box::new(vec))?;
        }
        let single = |family: &str| rows.iter().find(|(f, ..)| *f == family).map_or(0, |(.., n)| *n);
        counter(
            registry,
            "aiops_runs_reattached_total",
            "Runs taken over from a process that died.",
            single("runs_reattached"),
        )?;
        counter(
            registry,
            "aiops_runs_fenced_total",
            "Runs given up because their lease could not be renewed.",
            single("runs_fenced"),
        )?;
        counter(registry, "aiops_healer_errors_total", "Steps that failed and were tried again.", single("errors"))?;
        let active = i64::try_from(single("active_runs")).unwrap_or(i64::MAX);
        gauge(registry, "aiops_runs_active", "Runs followed by this process.", active)?;
        let of = |family: &str, label: &str| {
            rows.iter().find(|(f, l, _)| *f == family && *l == label).map_or(0, |(.., n)| *n)
        };
        let waiting = IntGaugeVec::new(
            Opts::new("aiops_queue_waiting_runs", "Waiting runs: ready, held by their target, or resting."),
            &["state"],
        )?;
        for label in ["ready", "held", "resting"] {
            waiting.with_label_values(&[label]).set(i64::try_from(of("queue", label)).unwrap_or(i64::MAX));
        }
        registry.register(Box::new(waiting))?;
        let oldest = i64::try_from(of("queue", "oldest_seconds")).unwrap_or(i64::MAX);
        gauge(registry, "aiops_queue_oldest_seconds", "Age of the oldest waiting run.", oldest)?;
        counter(registry, "aiops_queue_claims_total", "Requests for runs.", of("claims", "requests"))?;
        let seconds = prometheus::Counter::new("aiops_queue_claim_seconds_total", "Time that these requests took.")?;
        seconds.inc_by(of("claims", "microseconds") as f64 / 1e6);
        registry.register(Box::new(seconds))
    }
}

/// Families of the healer: its name for them, ours, the help text, the label.
const HEALER: [(&str, &str, &str, &str); 4] = [
    ("decisions", "aiops_decisions_total", "Evaluations of policies, by outcome.", "outcome"),
    ("runs", "aiops_runs_total", "Runs that ended, by end.", "state"),
    ("verdicts", "aiops_verdicts_total", "Measured verdicts.", "verdict"),
    ("notifications", "aiops_notifications_total", "Deliveries of notifications, by result.", "result"),
];

fn counter(registry: &Registry, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    registry.register(Box::new(counter))
}

fn gauge(registry: &Registry, name: &str, help: &str, value: i64) -> prometheus::Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(value);
    registry.register(Box::new(gauge))
}

fn build_info(registry: &Registry) -> prometheus::Result<()> {
    let info = GaugeVec::new(Opts::new("aiops_build_info", "Version of the product."), &["version"])?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
    registry.register(Box::new(info))
}

/// Memory and processor time of this process, from the kernel; left out where it does not tell.
fn process(registry: &Registry) -> prometheus::Result<()> {
    let page = rustix::param::page_size() as i64;
    let resident =
        std::fs::read_to_string("/proc/self/statm").ok().and_then(|t| t.split(' ').nth(1)?.parse::<i64>().ok());
    if let Some(pages) = resident {
        gauge(registry, "process_resident_memory_bytes", "Resident memory.", pages * page)?;
    }
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = fields.get(11..13).map(|t| t.iter().filter_map(|v| v.parse::<f64>().ok()).sum::<f64>());
    if let Some(ticks) = ticks {
        let cpu = prometheus::Counter::new("process_cpu_seconds_total", "Processor time.")?;
        cpu.inc_by(ticks / rustix::param::clock_ticks_per_second() as f64);
        registry.register(Box::new(cpu))?;
    }
    Ok(())
}
