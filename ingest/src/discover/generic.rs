//! What is watched of metrics that no table knows: by their type and the words in their names. Pure text work.

use super::draft::{self, Common, parts};
use super::families;
use domain::Labels;
use domain::catalog::{Direction, MonitorSpec};
use domain::discovery::{LeftOut, MetricMeta, MetricType, Why};
use domain::resource::Draft;
use domain::signal::SignalKind;
use std::collections::{BTreeMap, BTreeSet};

/// A metric family that may be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    /// Name without `_bucket`, `_sum` and `_count`.
    pub(super) name: String,
    /// A metric of it that exists: its label sets are those of the family.
    pub(super) exists: String,
    pub(super) kind: MetricType,
    pub(super) unit: String,
    pub(super) signal: SignalKind,
    /// Series of it.
    pub(super) series: u64,
}

impl Family {
    /// Whether its type says histogram and it has no buckets: then it is native, or no histogram at all.
    pub(super) fn is_native(&self) -> bool {
        self.kind == MetricType::Histogram && self.exists == self.name
    }
}

/// Names that say something of the thing that measures, or that the tables cover as far as it is worth it.
const INTERNAL: [(&str, &str); 12] = [
    ("go_", "go"),
    ("process_", "process"),
    ("python_", "python"),
    ("jvm_", "jvm"),
    ("nodejs_", "nodejs"),
    ("promhttp_", "exporter"),
    ("prometheus_", "prometheus"),
    ("net_conntrack_", "exporter"),
    ("scrape_", "scrape"),
    ("aiops_", "aiops"),
    ("ALERTS", "alerts"),
    ("otel_", "collector"),
];
/// Exporters whose telling signals are in the table.
const KNOWN: [&str; 8] = ["node_", "container_", "kube_", "kubelet_", "apiserver_", "etcd_", "cadvisor_", "machine_"];
const SUFFIXES: [&str; 6] =
    ["_info", "_created", "_timestamp", "_timestamp_seconds", "_start_time_seconds", "_version"];

/// Splits what exists into families worth a look, the most telling first, and what is left out with why.
pub(super) fn families(census: &BTreeMap<String, u64>, metadata: &[MetricMeta]) -> (Vec<Family>, Vec<LeftOut>) {
    let told: BTreeMap<&str, &MetricMeta> = metadata.iter().map(|m| (m.name.as_str(), m)).collect();
    let table: BTreeSet<String> = families::names().into_iter().collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let (mut found, mut left) = (Vec::new(), Vec::new());
    for (name, series) in census {
        let base = base(name, census, &told);
        if !done.insert(base) || is_in_table(base, name, &table) {
            continue;
        }
        let meta = told.get(base).or_else(|| told.get(name.as_str()));
        let whole: u64 = parts_of(base).filter_map(|part| census.get(&part)).sum::<u64>().max(*series);
        match judged(base, name, meta.map_or(MetricType::Unknown, |m| m.kind), census) {
            Err(why) => left.push(LeftOut::new(base, why, Some(whole))),
            Ok((kind, exists)) => found.push(Family {
                name: base.to_owned(),
                exists,
                kind,
                unit: meta.map(|m| m.unit.clone()).unwrap_or_default(),
                signal: signal(base, kind),
                series: whole,
            }),
        }
    }
    found.sort_by_key(|f| (rank(f), f.name.clone()));
    (found, left)
}

fn parts_of(base: &str) -> impl Iterator<Item = String> {
    ["", "_bucket", "_sum", "_count"].into_iter().map(move |part| format!("{base}{part}"))
}

/// The family that a metric is of.
fn base<'a>(name: &'a str, census: &BTreeMap<String, u64>, told: &BTreeMap<&str, &MetricMeta>) -> &'a str {
    for suffix in ["_bucket", "_sum", "_count"] {
        let Some(base) = name.strip_suffix(suffix) else { continue };
        let has = |part: &str| census.contains_key(&format!("{base}{part}"));
        let whole = told.get(base).is_some_and(|m| matches!(m.kind, MetricType::Histogram | MetricType::Summary));
        if whole || suffix == "_bucket" || (has("_sum") && has("_count")) {
            return base;
        }
    }
    name
}

fn is_in_table(base: &str, name: &str, table: &BTreeSet<String>) -> bool {
    table.contains(name) || parts_of(base).any(|part| table.contains(&part))
}

/// Type and an existing metric of a family, or why it is left out.
fn judged(
    base: &str,
    name: &str,
    kind: MetricType,
    census: &BTreeMap<String, u64>,
) -> Result<(MetricType, String), Why> {
    if let Some((_, of)) = INTERNAL.iter().find(|(prefix, _)| base.starts_with(prefix)) {
        return Err(Why::Internal { of: (*of).to_owned() });
    }
    if KNOWN.iter().any(|prefix| base.starts_with(prefix)) {
        return Err(Why::KnownExporter);
    }
    if base.contains(':') {
        return Err(Why::RecordingRule);
    }
    if kind == MetricType::Info || SUFFIXES.iter().any(|s| base.ends_with(s)) {
        return Err(Why::Constant);
    }
    let has = |part: &str| census.contains_key(&format!("{base}{part}"));
    let with = |part: &str| format!("{base}{part}");
    if has("_bucket") {
        return Ok((MetricType::Histogram, with("_bucket")));
    }
    if kind == MetricType::Histogram && has("") {
        return Ok((MetricType::Histogram, base.to_owned()));
    }
    if has("_sum") && has("_count") {
        return Ok((MetricType::Summary, with("_count")));
    }
    let counter = kind == MetricType::Counter || (kind == MetricType::Unknown && base.ends_with("_total"));
    Ok((if counter { MetricType::Counter } else { MetricType::Gauge }, name.to_owned()))
}

fn signal(name: &str, kind: MetricType) -> SignalKind {
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    let timed = has(&["seconds", "latency", "duration", "_ms", "millis", "_time"]);
    if matches!(kind, MetricType::Histogram | MetricType::Summary) {
        return if timed { SignalKind::Latency } else { SignalKind::Other };
    }
    if has(&["error", "fail", "exception", "timeout", "reject", "dropped", "panic", "retries", "abort"]) {
        return SignalKind::Errors;
    }
    if kind == MetricType::Counter {
        return SignalKind::Traffic;
    }
    let full = [
        "queue",
        "pending",
        "backlog",
        "lag",
        "inflight",
        "in_flight",
        "active",
        "connections",
        "pool",
        "depth",
        "usage",
        "used",
        "utilization",
        "ratio",
        "waiting",
        "bytes",
    ];
    if has(&full) { SignalKind::Saturation } else { SignalKind::Other }
}

/// What tells most comes first: failures and times, then how full, how much, and the rest.
fn rank(family: &Family) -> u8 {
    match family.signal {
        SignalKind::Errors => 0,
        SignalKind::Latency => 1,
        SignalKind::Saturation => 2,
        SignalKind::Traffic => 3,
        _ => 4,
    }
}

/// The monitors of a family with these label sets.
pub(super) fn monitors(family: &Family, groups: &[Labels], common: &Common) -> Vec<Draft<MonitorSpec>> {
    let name = &family.name;
    let one = |part: draft::Part| {
        let (entity, m) = (part.label, part.matchers);
        let rate = |suffix: &str| format!("sum by ({entity}) (rate({name}{suffix}{{{m}}}[§w]))");
        let (title, query, unit) = match family.kind {
            MetricType::Histogram if family.is_native() => {
                let all = format!("sum by ({entity}) (rate({name}{{{m}}}[§w]))");
                (format!("{name} p95"), format!("histogram_quantile(0.95, {all})"), unit(family))
            }
            MetricType::Histogram => {
                let buckets = format!("sum by (le, {entity}) (rate({name}_bucket{{{m}}}[§w]))");
                (format!("{name} p95"), format!("histogram_quantile(0.95, {buckets})"), unit(family))
            }
            MetricType::Summary => {
                (format!("{name} mean"), format!("{} / {}", rate("_sum"), rate("_count")), unit(family))
            }
            MetricType::Counter => (format!("{name} rate"), rate(""), "/s".to_owned()),
            _ => {
                let how = if family.signal == SignalKind::Saturation { "sum" } else { "avg" };
                (name.clone(), format!("{how} by ({entity}) ({name}{{{m}}})"), unit(family))
            }
        };
        let direction = match family.signal {
            SignalKind::Errors | SignalKind::Latency | SignalKind::Saturation => Direction::Up,
            _ => Direction::Both,
        };
        let labels = vec![entity.to_owned()];
        draft::draft(format!("{title} by {entity}"), &query, family.signal, &unit, direction, labels, common)
    };
    parts(groups).into_iter().map(one).collect()
}

fn unit(family: &Family) -> String {
    let known = [("seconds", "s"), ("bytes", "bytes"), ("milliseconds", "ms")];
    let told = known.iter().find(|(word, _)| family.unit == *word || family.name.ends_with(&format!("_{word}")));
    told.map_or_else(String::new, |(_, unit)| (*unit).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Id;

    fn meta(name: &str, kind: MetricType) -> MetricMeta {
        MetricMeta { name: name.to_owned(), kind, unit: String::new() }
    }

    fn sorted() -> (Vec<Family>, Vec<LeftOut>) {
        let names = [
            "orders_failed_total",
            "orders_total",
            "mail_queue_depth",
            "batch_duration_seconds_bucket",
            "batch_duration_seconds_sum",
            "batch_duration_seconds_count",
            "rpc_time_seconds_sum",
            "rpc_time_seconds_count",
            "rpc_time_seconds",
            "native_latency_seconds",
            "go_goroutines",
            "go_gc_cycles_total",
            "node_boot_time_seconds",
            "app_build_info",
            "job:orders:rate5m",
            "room_temperature",
            "bytes_count",
            "ALERTS",
        ];
        let census = names.iter().map(|n| ((*n).to_owned(), 3)).collect();
        let metadata = [
            meta("orders_failed_total", MetricType::Counter),
            meta("batch_duration_seconds", MetricType::Histogram),
            meta("rpc_time_seconds", MetricType::Summary),
            meta("native_latency_seconds", MetricType::Histogram),
            meta("bytes_count", MetricType::Gauge),
        ];
        families(&census, &metadata)
    }

    #[test]
    fn families_are_told_by_type_and_name_and_the_rest_is_left_out_with_why() {
        let (found, left) = sorted();
        let got: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.kind, f.signal)).collect();
        assert_eq!(
            got,
            [
                ("orders_failed_total", MetricType::Counter, SignalKind::Errors),
                ("batch_duration_seconds", MetricType::Histogram, SignalKind::Latency),
                ("native_latency_seconds", MetricType::Histogram, SignalKind::Latency),
                ("rpc_time_seconds", MetricType::Summary, SignalKind::Latency),
                ("bytes_count", MetricType::Gauge, SignalKind::Saturation),
                ("mail_queue_depth", MetricType::Gauge, SignalKind::Saturation),
                ("orders_total", MetricType::Counter, SignalKind::Traffic),
                ("room_temperature", MetricType::Gauge, SignalKind::Other),
            ]
        );
        let why = |what: &str| left.iter().find(|l| l.what == what).map(|l| l.why.clone()).unwrap_or_default();
        assert!(why("go_gc_cycles_total").contains("Go runtime") && why("ALERTS").contains("Alertmanager"));
        assert!(
            why("node_boot_time_seconds").contains("known exporter") && why("job:orders:rate5m").contains("recording")
        );
        assert!(why("app_build_info").contains("labels"));
        assert_eq!(left.iter().filter(|l| l.what == "go_goroutines").count(), 0, "the table watches it");
    }

    #[test]
    fn queries_fit_the_type() {
        let common = Common { source_id: Id::nil(), interval_secs: 15, window_secs: 60 };
        let groups = [[("job".to_owned(), "shop".to_owned())].into()];
        let queries: Vec<String> =
            sorted().0.iter().flat_map(|f| monitors(f, &groups, &common)).map(|d| d.spec.query).collect();
        assert_eq!(
            queries,
            [
                "sum by (job) (rate(orders_failed_total[60s]))",
                "histogram_quantile(0.95, sum by (le, job) (rate(batch_duration_seconds_bucket[60s])))",
                "histogram_quantile(0.95, sum by (job) (rate(native_latency_seconds[60s])))",
                "sum by (job) (rate(rpc_time_seconds_sum[60s])) / sum by (job) (rate(rpc_time_seconds_count[60s]))",
                "sum by (job) (bytes_count)",
                "sum by (job) (mail_queue_depth)",
                "sum by (job) (rate(orders_total[60s]))",
                "avg by (job) (room_temperature)",
            ]
        );
    }
}
