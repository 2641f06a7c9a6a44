//! What a ranking over recorded telemetry is made from.

use crate::logs::Level;

use super::topology::Edge;

/// One metric of one entity; points in time order as (ms since the epoch, value).
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Entity.
    pub entity: String,
    /// Metric name; its meaning is read from the name (`cpu`, `mem`, `server_p90_s`, `client_p99_s`, `ops`, ...).
    pub metric: String,
    /// Points.
    pub points: Vec<(i64, f64)>,
}

/// Lines of one template at one entity, one entry a line or a count of several.
#[derive(Debug, Clone, PartialEq)]
pub struct LogKind {
    /// Entity that logs.
    pub entity: String,
    /// Severity.
    pub level: Level,
    /// Template text; the same text at several entities is a shared library's.
    pub template: String,
}

/// Telemetry of one system.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Telemetry {
    /// Metrics.
    pub series: Vec<Series>,
    /// Kinds of log lines.
    pub log_kinds: Vec<LogKind>,
    /// Lines as (ms since the epoch, index into `log_kinds`), in time order.
    pub log_lines: Vec<(i64, u32)>,
    /// Call graph.
    pub edges: Vec<Edge>,
}

/// Meaning of a metric for the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Cpu,
    Memory,
    Io,
    Server { tail: bool },
    Client { tail: bool },
    Traffic,
}

/// Reads a metric's meaning from its name; `None` for metrics of the node or of no known meaning.
pub(crate) fn role(metric: &str) -> Option<Role> {
    let has = |part: &str| metric.contains(part);
    let tail = has("p99") || has("p95");
    let latency = has("p50") || has("p90") || tail || has("latency") || has("duration");
    if metric.starts_with("node_") {
        None
    } else if has("cpu") {
        Some(Role::Cpu)
    } else if has("mem") {
        Some(Role::Memory)
    } else if has("client") && latency {
        Some(Role::Client { tail })
    } else if latency {
        Some(Role::Server { tail })
    } else if ["syscall", "net", "disk", "io_"].iter().any(|part| has(part)) {
        Some(Role::Io)
    } else if ["ops", "rps", "qps", "requests"].iter().any(|part| has(part)) {
        Some(Role::Traffic)
    } else {
        None
    }
}

/// Least change of a metric that counts, in its own unit.
pub(crate) fn floor(metric: &str) -> f64 {
    match role(metric) {
        Some(Role::Cpu | Role::Traffic) => 0.5,
        Some(Role::Memory) => 1.0,
        Some(Role::Server { tail } | Role::Client { tail }) => {
            if tail {
                0.02
            } else {
                0.01
            }
        }
        Some(Role::Io) => {
            if metric.contains("net") {
                200.0
            } else {
                50.0
            }
        }
        None => 1e-6,
    }
}
