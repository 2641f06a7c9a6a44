//! The service's Prometheus metrics, named by the OpenTelemetry semantic conventions.
use prometheus::{
    Counter, Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder, register_counter_with_registry as counter_f64,
    register_histogram_vec_with_registry as histogram_vec, register_histogram_with_registry as histogram,
    register_int_counter_vec_with_registry as counter_vec, register_int_counter_with_registry as counter,
    register_int_gauge_vec_with_registry as gauge_vec, register_int_gauge_with_registry as gauge,
};

use crate::procfs;

/// Bucket bounds in seconds that the conventions advise for HTTP durations.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// All metrics of one service process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests served and calls out.
    pub(crate) http: HttpMetrics,
    /// The database pool and its calls.
    pub(crate) db: DbMetrics,
    /// The Redis cache.
    pub(crate) cache: CacheMetrics,
    /// Business, disk and log counts.
    pub(crate) shop: ShopMetrics,
    process: ProcessMetrics,
}

/// Durations of requests served and of calls to other services, in seconds.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    /// By method, route and status code.
    pub(crate) server: HistogramVec,
    /// By method, callee and status code (0: no answer).
    pub(crate) client: HistogramVec,
}

/// The bounded connection pool and its calls.
#[derive(Debug)]
pub(crate) struct DbMetrics {
    /// Duration of calls in seconds, by operation.
    pub(crate) duration: HistogramVec,
    /// Time spent waiting for a connection, in seconds.
    pub(crate) wait: Histogram,
    /// Waits that got no connection in time.
    pub(crate) timeouts: IntCounter,
    usage: IntGaugeVec,
    max: IntGauge,
}

/// The Redis cache.
#[derive(Debug)]
pub(crate) struct CacheMetrics {
    /// Reads that found a value.
    pub(crate) hits: IntCounter,
    /// Reads that found none.
    pub(crate) misses: IntCounter,
    /// Calls that failed.
    pub(crate) errors: IntCounter,
    /// 1 when Redis answered the last ping.
    pub(crate) up: IntGauge,
}

/// Business, disk and log counts.
#[derive(Debug)]
pub(crate) struct ShopMetrics {
    /// Orders by result: `placed`, `failed`.
    pub(crate) orders: IntCounterVec,
    /// Bytes in the service's data folder.
    pub(crate) disk_used: IntGauge,
    /// Quota of the data folder in bytes.
    pub(crate) disk_quota: IntGauge,
    /// Log records written, by level.
    pub(crate) log_records: IntCounterVec,
    /// Log records that could not be shipped.
    pub(crate) log_dropped: IntCounter,
}

#[derive(Debug)]
struct ProcessMetrics {
    memory: IntGauge,
    cpu: Counter,
    threads: IntGauge,
    open_files: IntGauge,
}

/// State of the database pool at the time of a scrape.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolReading {
    /// Connections in use, leaked ones included.
    pub(crate) used: i64,
    /// Connections at rest.
    pub(crate) idle: i64,
    /// Most the pool may hold.
    pub(crate) max: i64,
}

impl Metrics {
    /// Registers everything for one instance of a service at a version.
    pub(crate) fn new(service: &str, instance: &str, version: &str, started_unix: i64) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        let target = Opts::new("target_info", "Resource attributes of this process.")
            .const_label("service_name", service)
            .const_label("service_instance_id", instance)
            .const_label("service_version", version);
        gauge!(target, r)?.set(1);
        gauge!(Opts::new("build_info", "The release that runs.").const_label("version", version), r)?.set(1);
        gauge!("process_start_time_seconds", "Start time in unix seconds.", r)?.set(started_unix);
        // What a service does not have is kept in a registry that nobody scrapes: a zero there would be a lie.
        let absent = Registry::new();
        let if_has = |has: bool| if has { r } else { &absent };
        let db = DbMetrics::new(service, if_has(service != "storefront"))?;
        let cache = CacheMetrics::new(if_has(service == "catalog"))?;
        let shop = ShopMetrics::new(r, if_has(service == "checkout"))?;
        let (http, process) = (HttpMetrics::new(r)?, ProcessMetrics::new(r)?);
        Ok(Self { registry, http, db, cache, shop, process })
    }

    /// The text exposition, with pool and process read at this moment.
    pub(crate) fn render(&self, pool: Option<PoolReading>) -> anyhow::Result<String> {
        if let Some(pool) = pool {
            self.db.usage.with_label_values(&["used"]).set(pool.used);
            self.db.usage.with_label_values(&["idle"]).set(pool.idle);
            self.db.max.set(pool.max);
        }
        self.process.read();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

impl HttpMetrics {
    fn new(r: &Registry) -> prometheus::Result<Self> {
        let served = HistogramOpts::new("http_server_request_duration_seconds", "Duration of served requests.");
        let called = HistogramOpts::new("http_client_request_duration_seconds", "Duration of calls to services.");
        let method = "http_request_method";
        let status = "http_response_status_code";
        Ok(Self {
            server: histogram_vec!(served.buckets(SECONDS.to_vec()), &[method, "http_route", status], r)?,
            client: histogram_vec!(called.buckets(SECONDS.to_vec()), &[method, "server_address", status], r)?,
        })
    }
}

impl DbMetrics {
    fn new(service: &str, r: &Registry) -> prometheus::Result<Self> {
        let pool = |name: &str, help: &str| Opts::new(name, help).const_label("pool_name", service);
        let spent = HistogramOpts::new("db_client_operation_duration_seconds", "Duration of database calls.");
        let wait = HistogramOpts::new("db_client_connections_wait_time_seconds", "Time to obtain a connection.")
            .const_label("pool_name", service);
        let timeouts = pool("db_client_connections_timeouts_total", "Waits for a connection that timed out.");
        let usage = pool("db_client_connections_usage", "Connections in the pool, by state.");
        Ok(Self {
            duration: histogram_vec!(spent.buckets(SECONDS.to_vec()), &["db_operation_name"], r)?,
            wait: histogram!(wait.buckets(SECONDS.to_vec()), r)?,
            timeouts: counter!(timeouts, r)?,
            usage: gauge_vec!(usage, &["state"], r)?,
            max: gauge!(pool("db_client_connections_max", "Most connections the pool may hold."), r)?,
        })
    }
}

impl CacheMetrics {
    fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            hits: counter!("cache_hits_total", "Cache reads that found a value.", r)?,
            misses: counter!("cache_misses_total", "Cache reads that found none.", r)?,
            errors: counter!("cache_errors_total", "Cache calls that failed.", r)?,
            up: gauge!("redis_up", "1 when Redis answered the last ping.", r)?,
        })
    }
}

impl ShopMetrics {
    /// Orders and disk belong to checkout alone, logs to every service.
    fn new(r: &Registry, checkout: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            orders: counter_vec!(Opts::new("shop_orders_total", "Orders by result."), &["result"], checkout)?,
            disk_used: gauge!("data_volume_used_bytes", "Bytes in the service's data folder.", checkout)?,
            disk_quota: gauge!("data_volume_size_bytes", "Quota of the service's data folder.", checkout)?,
            log_records: counter_vec!(Opts::new("log_records_total", "Log records by level."), &["level"], r)?,
            log_dropped: counter!("log_records_dropped_total", "Log records that were not shipped.", r)?,
        })
    }
}

impl ProcessMetrics {
    fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            memory: gauge!("process_resident_memory_bytes", "Resident memory size in bytes.", r)?,
            cpu: counter_f64!("process_cpu_seconds_total", "User and system CPU time in seconds.", r)?,
            threads: gauge!("process_threads", "Number of threads.", r)?,
            open_files: gauge!("process_open_fds", "Number of open file descriptors.", r)?,
        })
    }

    fn read(&self) {
        let pid = std::process::id();
        if let Some(now) = procfs::read(pid) {
            self.memory.set(whole(now.resident_bytes));
            self.threads.set(whole(now.threads));
            self.cpu.inc_by((now.cpu_secs - self.cpu.get()).max(0.0));
        }
        if let Some(files) = procfs::open_files(pid) {
            self.open_files.set(whole(files as u64));
        }
    }
}

/// A count as a gauge's value; what does not fit is the largest value.
pub(crate) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_carries_the_conventional_names() {
        let metrics = Metrics::new("checkout", "checkout-1", "1.4.0", 1_700_000_000).unwrap();
        metrics.http.server.with_label_values(&["GET", "/api/orders", "200"]).observe(0.02);
        let text = metrics.render(Some(PoolReading { used: 3, idle: 2, max: 8 })).unwrap();
        for expected in [
            r#"http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/api/orders",le="0.025"} 1"#,
            r#"db_client_connections_usage{pool_name="checkout",state="used"} 3"#,
            r#"db_client_connections_max{pool_name="checkout"} 8"#,
            r#"build_info{version="1.4.0"} 1"#,
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
        ] {
            assert!(text.contains(expected), "missing {expected} in\n{text}");
        }
        assert!(!text.contains("redis_up"), "a service without a cache must not report one as down");
    }
}
