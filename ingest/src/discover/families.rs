//! The well-known metric families and what is watched of each: a table, no logic.
//!
//! In templates `§m` stands for matchers with a trailing comma (or nothing), `§e` for the entity label and `§w` for the
//! rate window. Names follow OpenTelemetry's semantic conventions and the exporters' own documentation.

use domain::catalog::Direction::{self, Both, Down, Up};
use domain::signal::SignalKind::{self, Availability, Errors, Latency, Saturation, Traffic};

/// Labels that name a service, best first.
pub(super) const SERVICE_LABELS: [&str; 6] =
    ["service_name", "service", "app_kubernetes_io_name", "app", "exported_job", "job"];

/// What the series of a monitor are grouped by and which labels name its entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The best service label that the metric carries.
    Service,
    /// These labels.
    Fixed(&'static [&'static str]),
    /// Containers outside Kubernetes, by name.
    Container,
}

impl Scope {
    /// Labels of the entity; none where they are yet to be found.
    pub(super) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Service => &[],
            Self::Fixed(labels) => labels,
            Self::Container => &["name"],
        }
    }

    /// Matchers of the series that can have such an entity.
    pub(super) fn matchers(self) -> String {
        let named: Vec<String> = self.labels().iter().map(|label| format!("{label}!=\"\"")).collect();
        let alone = if self == Self::Container { ",pod=\"\"" } else { "" };
        format!("{}{alone}", named.join(","))
    }
}

/// Requests counted or timed by one metric family: rate, errors and duration are derived.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) what: &'static str,
    /// Histogram base name (`_bucket`, `_sum`, `_count`; the name alone when it is native), or the whole name of a counter.
    pub(super) metric: &'static str,
    pub(super) histogram: bool,
    pub(super) unit: &'static str,
    /// Label that holds the result, first that is there, with the matcher of a failure.
    pub(super) failure: &'static [(&'static str, &'static str)],
    /// Families earlier in the table that make this one superfluous.
    pub(super) unless: &'static [&'static str],
    /// Further label to group by, for example the server that is called.
    pub(super) along: Option<&'static str>,
}

impl Requests {
    /// Whether it is there as a native histogram: one series without `_bucket`, `_sum` and `_count`.
    pub(super) fn is_native(&self, names: &std::collections::BTreeSet<String>) -> bool {
        self.histogram && names.contains(self.metric) && !names.contains(&format!("{}_count", self.metric))
    }

    /// The metric that counts its requests.
    pub(super) fn counted(&self, names: &std::collections::BTreeSet<String>) -> String {
        let part = if self.histogram && !self.is_native(names) { "_count" } else { "" };
        format!("{}{part}", self.metric)
    }
}

/// One value to watch.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) title: &'static str,
    /// Metrics that must exist.
    pub(super) needs: &'static [&'static str],
    pub(super) query: &'static str,
    pub(super) signal: SignalKind,
    pub(super) unit: &'static str,
    pub(super) direction: Direction,
    pub(super) scope: Scope,
    /// 1 is well and less is not: nothing is to be learned about it.
    pub(super) below_one: bool,
}

const HTTP_FAILURE: &[(&str, &str)] = &[
    ("http_response_status_code", "=~\"5..\""),
    ("http_status_code", "=~\"5..\""),
    ("status_code", "=~\"5..|5xx\""),
    ("code", "=~\"5..|5xx\""),
    ("status", "=~\"5..|5xx\""),
];
const GRPC_FAILURE: &[(&str, &str)] = &[
    ("grpc_code", "=~\"Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss\""),
    ("rpc_grpc_status_code", "=~\"2|4|12|13|14|15\""),
];

const fn timed(
    what: &'static str,
    metric: &'static str,
    unit: &'static str,
    failure: &'static [(&'static str, &'static str)],
) -> Requests {
    Requests { what, metric, histogram: true, unit, failure, unless: &[], along: None }
}

pub(super) const REQUESTS: [Requests; 12] = [
    timed("HTTP server", "http_server_request_duration_seconds", "s", HTTP_FAILURE),
    timed("HTTP server (old convention)", "http_server_duration_milliseconds", "ms", HTTP_FAILURE),
    timed("HTTP server (Micrometer)", "http_server_requests_seconds", "s", HTTP_FAILURE),
    timed("HTTP requests", "http_request_duration_seconds", "s", HTTP_FAILURE),
    Requests {
        what: "HTTP requests counted",
        metric: "http_requests_total",
        histogram: false,
        unit: "",
        failure: HTTP_FAILURE,
        unless: &["http_server_request_duration_seconds", "http_request_duration_seconds"],
        along: None,
    },
    timed("Traefik", "traefik_service_request_duration_seconds", "s", HTTP_FAILURE),
    timed("Istio", "istio_request_duration_milliseconds", "ms", &[("response_code", "=~\"5..\"")]),
    timed("gRPC server", "grpc_server_handling_seconds", "s", GRPC_FAILURE),
    timed("RPC server", "rpc_server_duration_milliseconds", "ms", GRPC_FAILURE),
    Requests {
        what: "gRPC calls counted",
        metric: "grpc_server_handled_total",
        histogram: false,
        unit: "",
        failure: GRPC_FAILURE,
        unless: &[],
        along: None,
    },
    Requests {
        along: Some("server_address"),
        ..timed("HTTP client", "http_client_request_duration_seconds", "s", HTTP_FAILURE)
    },
    timed("Database client", "db_client_operation_duration_seconds", "s", &[("error_type", "!=\"\"")]),
];

const fn gauge(
    title: &'static str,
    needs: &'static [&'static str],
    query: &'static str,
    signal: SignalKind,
    unit: &'static str,
    direction: Direction,
    scope: Scope,
) -> Gauge {
    Gauge { title, needs, query, signal, unit, direction, scope, below_one: false }
}

const fn below_one(gauge: Gauge) -> Gauge {
    Gauge { below_one: true, ..gauge }
}

const SERVICE: Scope = Scope::Service;
const NODE: Scope = Scope::Fixed(&["instance"]);
const POD: Scope = Scope::Fixed(&["namespace", "pod"]);
const NAMESPACE: Scope = Scope::Fixed(&["namespace"]);
const DEPLOYMENT: Scope = Scope::Fixed(&["namespace", "deployment"]);
const STATEFUL: Scope = Scope::Fixed(&["namespace", "statefulset"]);
const DAEMON: Scope = Scope::Fixed(&["namespace", "daemonset"]);
const SCALER: Scope = Scope::Fixed(&["namespace", "horizontalpodautoscaler"]);
const VOLUME: Scope = Scope::Fixed(&["namespace", "persistentvolumeclaim"]);
const KUBE_NODE: Scope = Scope::Fixed(&["node"]);
const CONTAINER: Scope = Scope::Container;

#[rustfmt::skip]
pub(super) const GAUGES: &[Gauge] = &[
    // Connection pools and caches.
    gauge("connections in use", &["db_client_connections_usage"], "sum by (§e, pool_name) (db_client_connections_usage{§mstate=\"used\"})", Saturation, "", Up, SERVICE),
    gauge("connections in use, newer convention", &["db_client_connection_count"], "sum by (§e, db_client_connection_pool_name) (db_client_connection_count{§mdb_client_connection_state=\"used\"})", Saturation, "", Up, SERVICE),
    gauge("requests waiting for a connection", &["db_client_connections_pending_requests"], "sum by (§e, pool_name) (db_client_connections_pending_requests{§m})", Saturation, "", Up, SERVICE),
    gauge("waits for a connection timed out", &["db_client_connections_timeouts_total"], "sum by (§e, pool_name) (rate(db_client_connections_timeouts_total{§m}[§w]))", Errors, "/s", Up, SERVICE),
    gauge("time to obtain a connection p95", &["db_client_connections_wait_time_seconds_bucket"], "histogram_quantile(0.95, sum by (le, §e) (rate(db_client_connections_wait_time_seconds_bucket{§m}[§w])))", Saturation, "s", Up, SERVICE),
    gauge("cache hit share", &["cache_hits_total", "cache_misses_total"], "sum by (§e) (rate(cache_hits_total{§m}[§w])) / (sum by (§e) (rate(cache_hits_total{§m}[§w])) + sum by (§e) (rate(cache_misses_total{§m}[§w])))", Saturation, "", Down, SERVICE),
    gauge("cache errors", &["cache_errors_total"], "sum by (§e) (rate(cache_errors_total{§m}[§w]))", Errors, "/s", Up, SERVICE),
    // The process.
    gauge("process CPU", &["process_cpu_seconds_total"], "sum by (§e, instance) (rate(process_cpu_seconds_total{§m}[§w]))", Saturation, "cores", Up, SERVICE),
    gauge("process memory", &["process_resident_memory_bytes"], "sum by (§e, instance) (process_resident_memory_bytes{§m})", Saturation, "bytes", Up, SERVICE),
    gauge("open file share", &["process_open_fds", "process_max_fds"], "max by (§e, instance) (process_open_fds{§m} / process_max_fds{§m})", Saturation, "", Up, SERVICE),
    gauge("open files", &["process_open_fds"], "max by (§e, instance) (process_open_fds{§m})", Saturation, "", Up, SERVICE),
    gauge("threads", &["process_threads"], "max by (§e, instance) (process_threads{§m})", Saturation, "", Up, SERVICE),
    gauge("goroutines", &["go_goroutines"], "sum by (§e, instance) (go_goroutines{§m})", Saturation, "", Up, SERVICE),
    gauge("JVM heap share", &["jvm_memory_used_bytes", "jvm_memory_max_bytes"], "sum by (§e, instance) (jvm_memory_used_bytes{§marea=\"heap\"}) / sum by (§e, instance) (jvm_memory_max_bytes{§marea=\"heap\"} > 0)", Saturation, "", Up, SERVICE),
    gauge("event loop lag", &["nodejs_eventloop_lag_p99_seconds"], "max by (§e, instance) (nodejs_eventloop_lag_p99_seconds{§m})", Saturation, "s", Up, SERVICE),
    gauge("data volume share", &["data_volume_used_bytes", "data_volume_size_bytes"], "max by (§e, instance) (data_volume_used_bytes{§m} / data_volume_size_bytes{§m})", Saturation, "", Up, SERVICE),
    gauge("log records by level", &["log_records_total"], "sum by (§e) (rate(log_records_total{§mlevel=~\"(?i)error|fatal|critical\"}[§w]))", Errors, "/s", Up, SERVICE),
    // node_exporter.
    gauge("node CPU share", &["node_cpu_seconds_total"], "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[§w]))", Saturation, "", Up, NODE),
    gauge("node memory share", &["node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"], "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", Saturation, "", Up, NODE),
    gauge("node file system share", &["node_filesystem_avail_bytes", "node_filesystem_size_bytes"], "1 - node_filesystem_avail_bytes{fstype!~\"tmpfs|overlay|squashfs|ramfs|iso9660\"} / (node_filesystem_size_bytes > 0)", Saturation, "", Up, NODE),
    gauge("node disk busy share", &["node_disk_io_time_seconds_total"], "sum by (instance, device) (rate(node_disk_io_time_seconds_total[§w]))", Saturation, "", Up, NODE),
    gauge("node network received", &["node_network_receive_bytes_total"], "sum by (instance) (rate(node_network_receive_bytes_total{device!~\"lo|veth.*\"}[§w]))", Traffic, "bytes/s", Both, NODE),
    gauge("node load per core", &["node_load5", "node_cpu_seconds_total"], "max by (instance) (node_load5) / count by (instance) (node_cpu_seconds_total{mode=\"idle\"})", Saturation, "", Up, NODE),
    gauge("node waiting for CPU share", &["node_pressure_cpu_waiting_seconds_total"], "max by (instance) (rate(node_pressure_cpu_waiting_seconds_total[§w]))", Saturation, "", Up, NODE),
    gauge("node stalled on memory share", &["node_pressure_memory_stalled_seconds_total"], "max by (instance) (rate(node_pressure_memory_stalled_seconds_total[§w]))", Saturation, "", Up, NODE),
    gauge("node stalled on I/O share", &["node_pressure_io_stalled_seconds_total"], "max by (instance) (rate(node_pressure_io_stalled_seconds_total[§w]))", Saturation, "", Up, NODE),
    gauge("node swapping", &["node_vmstat_pswpin", "node_vmstat_pswpout"], "sum by (instance) (rate(node_vmstat_pswpin[§w]) + rate(node_vmstat_pswpout[§w]))", Saturation, "pages/s", Up, NODE),
    gauge("node inode share", &["node_filesystem_files_free", "node_filesystem_files"], "1 - node_filesystem_files_free{fstype!~\"tmpfs|overlay|squashfs|ramfs|iso9660\"} / (node_filesystem_files > 0)", Saturation, "", Up, NODE),
    gauge("node file handle share", &["node_filefd_allocated", "node_filefd_maximum"], "node_filefd_allocated / node_filefd_maximum", Saturation, "", Up, NODE),
    gauge("node network sent", &["node_network_transmit_bytes_total"], "sum by (instance) (rate(node_network_transmit_bytes_total{device!~\"lo|veth.*\"}[§w]))", Traffic, "bytes/s", Both, NODE),
    gauge("node out-of-memory kills", &["node_vmstat_oom_kill"], "sum by (instance) (increase(node_vmstat_oom_kill[10m]))", Errors, "", Up, NODE),
    gauge("node network errors", &["node_network_receive_errs_total"], "sum by (instance) (rate(node_network_receive_errs_total[§w]))", Errors, "/s", Up, NODE),
    // cAdvisor.
    gauge("pod CPU", &["container_cpu_usage_seconds_total"], "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\"}[§w]))", Saturation, "cores", Up, POD),
    gauge("pod memory", &["container_memory_working_set_bytes"], "sum by (namespace, pod) (container_memory_working_set_bytes{container!=\"\",container!=\"POD\"})", Saturation, "bytes", Up, POD),
    gauge("pod CPU throttled share", &["container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total"], "sum by (namespace, pod) (rate(container_cpu_cfs_throttled_periods_total{container!=\"\"}[§w])) / sum by (namespace, pod) (rate(container_cpu_cfs_periods_total{container!=\"\"}[§w]))", Saturation, "", Up, POD),
    gauge("pod memory of limit share", &["container_memory_working_set_bytes", "container_spec_memory_limit_bytes"], "max by (namespace, pod) (container_memory_working_set_bytes{container!=\"\",container!=\"POD\"} / (container_spec_memory_limit_bytes{container!=\"\",container!=\"POD\"} > 0))", Saturation, "", Up, POD),
    gauge("pod out-of-memory kills", &["container_oom_events_total"], "sum by (namespace, pod) (increase(container_oom_events_total{container!=\"\"}[10m]))", Errors, "", Up, POD),
    gauge("pod network errors", &["container_network_receive_errors_total"], "sum by (namespace, pod) (rate(container_network_receive_errors_total{pod!=\"\"}[§w]))", Errors, "/s", Up, POD),
    gauge("container CPU", &["container_cpu_usage_seconds_total"], "sum by (name) (rate(container_cpu_usage_seconds_total{name!=\"\",pod=\"\"}[§w]))", Saturation, "cores", Up, CONTAINER),
    gauge("container memory", &["container_memory_working_set_bytes"], "sum by (name) (container_memory_working_set_bytes{name!=\"\",pod=\"\"})", Saturation, "bytes", Up, CONTAINER),
    gauge("container memory of limit share", &["container_memory_working_set_bytes", "container_spec_memory_limit_bytes"], "max by (name) (container_memory_working_set_bytes{name!=\"\",pod=\"\"} / (container_spec_memory_limit_bytes{name!=\"\",pod=\"\"} > 0))", Saturation, "", Up, CONTAINER),
    gauge("container CPU throttled share", &["container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total"], "sum by (name) (rate(container_cpu_cfs_throttled_periods_total{name!=\"\",pod=\"\"}[§w])) / sum by (name) (rate(container_cpu_cfs_periods_total{name!=\"\",pod=\"\"}[§w]))", Saturation, "", Up, CONTAINER),
    gauge("container out-of-memory kills", &["container_oom_events_total"], "sum by (name) (increase(container_oom_events_total{name!=\"\",pod=\"\"}[10m]))", Errors, "", Up, CONTAINER),
    // kube-state-metrics and the kubelet.
    gauge("pod restarts", &["kube_pod_container_status_restarts_total"], "sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total[10m]))", Availability, "", Up, POD),
    gauge("deployment available share", &["kube_deployment_status_replicas_available", "kube_deployment_spec_replicas"], "kube_deployment_status_replicas_available / (kube_deployment_spec_replicas > 0)", Availability, "", Down, DEPLOYMENT),
    gauge("stateful set ready share", &["kube_statefulset_status_replicas_ready", "kube_statefulset_replicas"], "kube_statefulset_status_replicas_ready / (kube_statefulset_replicas > 0)", Availability, "", Down, STATEFUL),
    gauge("daemon set pods unavailable", &["kube_daemonset_status_number_unavailable"], "sum by (namespace, daemonset) (kube_daemonset_status_number_unavailable)", Availability, "", Up, DAEMON),
    gauge("pods not running", &["kube_pod_status_phase"], "sum by (namespace) (kube_pod_status_phase{phase=~\"Pending|Failed|Unknown\"})", Availability, "", Up, NAMESPACE),
    gauge("jobs failed", &["kube_job_status_failed"], "sum by (namespace) (kube_job_status_failed)", Errors, "", Up, NAMESPACE),
    below_one(gauge("Kubernetes node is ready", &["kube_node_status_condition"], "min by (node) (kube_node_status_condition{condition=\"Ready\",status=\"true\"})", Availability, "", Down, KUBE_NODE)),
    gauge("autoscaler of its limit share", &["kube_horizontalpodautoscaler_status_current_replicas", "kube_horizontalpodautoscaler_spec_max_replicas"], "kube_horizontalpodautoscaler_status_current_replicas / (kube_horizontalpodautoscaler_spec_max_replicas > 0)", Saturation, "", Up, SCALER),
    gauge("volume share", &["kubelet_volume_stats_used_bytes", "kubelet_volume_stats_capacity_bytes"], "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes / (kubelet_volume_stats_capacity_bytes > 0))", Saturation, "", Up, VOLUME),
    // Redis and PostgreSQL exporters.
    below_one(gauge("Redis answers", &["redis_up"], "min by (§e, instance) (redis_up{§m})", Availability, "", Down, SERVICE)),
    gauge("Redis clients", &["redis_connected_clients"], "sum by (§e, instance) (redis_connected_clients{§m})", Saturation, "", Up, SERVICE),
    gauge("Redis memory", &["redis_memory_used_bytes"], "sum by (§e, instance) (redis_memory_used_bytes{§m})", Saturation, "bytes", Up, SERVICE),
    gauge("Redis hit share", &["redis_keyspace_hits_total", "redis_keyspace_misses_total"], "sum by (§e, instance) (rate(redis_keyspace_hits_total{§m}[§w])) / (sum by (§e, instance) (rate(redis_keyspace_hits_total{§m}[§w])) + sum by (§e, instance) (rate(redis_keyspace_misses_total{§m}[§w])))", Saturation, "", Down, SERVICE),
    below_one(gauge("PostgreSQL answers", &["pg_up"], "min by (§e, instance) (pg_up{§m})", Availability, "", Down, SERVICE)),
    gauge("PostgreSQL connections", &["pg_stat_database_numbackends"], "sum by (§e, instance) (pg_stat_database_numbackends{§m})", Saturation, "", Up, SERVICE),
    gauge("PostgreSQL deadlocks", &["pg_stat_database_deadlocks"], "sum by (§e, instance) (rate(pg_stat_database_deadlocks{§m}[§w]))", Errors, "/s", Up, SERVICE),
    gauge("PostgreSQL commits", &["pg_stat_database_xact_commit"], "sum by (§e, instance) (rate(pg_stat_database_xact_commit{§m}[§w]))", Traffic, "/s", Both, SERVICE),
];

pub(super) const LATENCY: SignalKind = Latency;

/// Every metric name that the table speaks of.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<String> = vec!["up".to_owned()];
    for family in &REQUESTS {
        if family.histogram {
            names.extend(["_bucket", "_count", "_sum", ""].iter().map(|part| format!("{}{part}", family.metric)));
        } else {
            names.push(family.metric.to_owned());
        }
    }
    names.extend(GAUGES.iter().flat_map(|g| g.needs.iter().map(|n| (*n).to_owned())));
    names.sort();
    names.dedup();
    names
}
