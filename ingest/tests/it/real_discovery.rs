//! Discovery of recorded metric pages through real servers: what is proposed, for which entities, and what is left out.

use crate::real_prometheus::sources;
use domain::catalog::DetectorSpec;
use domain::clock::{Clock, SystemClock};
use domain::discovery::{Discovered, Why};
use domain::ports::MetricSource;
use domain::signal::SignalKind;
use ingest::Prometheus;
use ingest::discover::{Options, propose};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const PAGES: [(&str, &str); 4] = [
    ("disco-node", include_str!("pages/node_exporter.prom")),
    ("disco-cadvisor", include_str!("pages/cadvisor.prom")),
    ("disco-kube", include_str!("pages/kube_state_metrics.prom")),
    ("disco-shop", include_str!("pages/shop.prom")),
];

/// A metric of more services than a monitor may hold, and one known metric of more series than that.
fn wide() -> String {
    let mut page = String::from("# TYPE aa_wide_failures_total counter\n");
    for n in 0..600 {
        let _written = writeln!(page, "aa_wide_failures_total{{service=\"disco-w{n:03}\"}} {n}");
    }
    page.push_str("# TYPE node_filesystem_avail_bytes gauge\n");
    for n in 0..520 {
        let labels = format!("{{device=\"/dev/v{n}\",fstype=\"ext4\",mountpoint=\"/v{n}\"}}");
        let _written =
            writeln!(page, "node_filesystem_avail_bytes{labels} 4e+09\nnode_filesystem_size_bytes{labels} 5e+09");
    }
    page
}

/// Where the project's own servers read scrape targets; `None`, said so, when others are used.
fn targets() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let state = std::env::var_os("AIOPS_DEV_DIR").map_or_else(|| root.join(".dev"), PathBuf::from);
    let dir = state.join("prometheus/targets");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!(
        "skipped: the pages need the Prometheus of deploy/dev/services (AIOPS_TEST_PROMETHEUS_URL is another one)"
    );
    None
}

/// A file of scrape targets that goes with the test.
struct Registered(PathBuf);

impl Drop for Registered {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

async fn serve() -> MockServer {
    let server = MockServer::start().await;
    let pages = PAGES.iter().map(|(name, page)| ((*name).to_owned(), (*page).to_owned()));
    for (name, page) in pages.chain([("disco-wide".to_owned(), wide())]) {
        let template = ResponseTemplate::new(200).set_body_raw(page, "text/plain; version=0.0.4");
        Mock::given(path(format!("/{name}"))).respond_with(template).mount(&server).await;
    }
    server
}

fn register(dir: &Path, address: &str) -> Registered {
    let names = PAGES.iter().map(|(name, _)| *name).chain(["disco-wide"]);
    let list: Vec<_> = names
        .map(|name| {
            let labels = serde_json::json!({"job": name, "instance": name, "__metrics_path__": format!("/{name}")});
            serde_json::json!({"targets": [address], "labels": labels})
        })
        .collect();
    let file = dir.join(format!("disco-{}.json", domain::new_id().simple()));
    let part = file.with_extension("part");
    std::fs::write(&part, serde_json::json!(list).to_string()).unwrap();
    std::fs::rename(&part, &file).unwrap();
    Registered(file)
}

/// Until every page was scraped some times, so that rates have a value.
async fn scraped(source: &Prometheus) {
    let end = Instant::now() + Duration::from_secs(90);
    let query = "count(sum_over_time(up{job=~\"disco-.*\"}[20s]) >= 4)";
    loop {
        let answer = source.instant(query, SystemClock.now()).await.unwrap();
        if answer.series.first().and_then(|s| s.points.last()).is_some_and(|p| p.value >= 5.0) {
            return;
        }
        assert!(Instant::now() < end, "the pages are not scraped: {answer:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Title, what it measures, the labels of its entity, and a value of each that its answer has.
type Expected = (&'static str, SignalKind, &'static [(&'static str, &'static str)]);

const NODE: &[(&str, &str)] = &[("instance", "disco-node")];
const POD: &[(&str, &str)] = &[("namespace", "disco"), ("pod", "cart-7d9f")];
const DOCKER: &[(&str, &str)] = &[("name", "disco-postgres")];
const SHOP: &[(&str, &str)] = &[("service", "disco-checkout")];

#[rustfmt::skip]
const EXPECTED: [Expected; 40] = {
    use SignalKind::{Availability, Errors, Latency, Saturation, Traffic};
    [
        ("HTTP server error share by service", Errors, SHOP),
        ("HTTP server latency p95 by service", Latency, SHOP),
        ("HTTP server traffic by service", Traffic, SHOP),
        ("Node CPU share", Saturation, NODE),
        ("Node memory share", Saturation, NODE),
        ("Node file system share", Saturation, NODE),
        ("Node disk busy share", Saturation, NODE),
        ("Node network received", Traffic, NODE),
        ("Node network sent", Traffic, NODE),
        ("Node network errors", Errors, NODE),
        ("Node load per core", Saturation, NODE),
        ("Node waiting for CPU share", Saturation, NODE),
        ("Node stalled on memory share", Saturation, NODE),
        ("Node stalled on I/O share", Saturation, NODE),
        ("Node swapping", Saturation, NODE),
        ("Node inode share", Saturation, NODE),
        ("Node file handle share", Saturation, NODE),
        ("Node out-of-memory kills", Errors, NODE),
        ("Pod CPU by", Saturation, POD),
        ("Pod memory by", Saturation, POD),
        ("Pod memory of limit share", Saturation, POD),
        ("Pod CPU throttled share", Saturation, POD),
        ("Pod out-of-memory kills", Errors, POD),
        ("Pod network errors", Errors, POD),
        ("Container CPU by", Saturation, DOCKER),
        ("Container memory by", Saturation, DOCKER),
        ("Container memory of limit share", Saturation, DOCKER),
        ("Pod restarts", Availability, POD),
        ("Deployment available share", Availability, &[("namespace", "disco"), ("deployment", "cart")]),
        ("Stateful set ready share", Availability, &[("namespace", "disco"), ("statefulset", "orders-db")]),
        ("Daemon set pods unavailable", Availability, &[("namespace", "disco"), ("daemonset", "agent")]),
        ("Pods not running", Availability, &[("namespace", "disco")]),
        ("Jobs failed", Errors, &[("namespace", "disco")]),
        ("Kubernetes node is ready", Availability, &[("node", "disco-worker")]),
        ("Autoscaler of its limit share", Saturation, &[("namespace", "disco"), ("horizontalpodautoscaler", "cart")]),
        ("Volume share", Saturation, &[("namespace", "disco"), ("persistentvolumeclaim", "orders-data")]),
        ("aa_orders_failed_total rate", Errors, SHOP),
        ("aa_pack_seconds p95", Latency, SHOP),
        ("aa_rpc_seconds mean", Latency, SHOP),
        ("aa_mail_queue_depth by", Saturation, SHOP),
    ]
};

async fn judge(source: &Prometheus, found: &Discovered) {
    let now = SystemClock.now();
    for (title, signal, entity) in EXPECTED {
        let of = |labels: &[String]| labels.iter().eq(entity.iter().map(|(label, _)| label));
        let drafts: Vec<_> =
            found.monitors.iter().filter(|m| m.name.starts_with(title) && of(&m.spec.entity_labels)).collect();
        let [draft] = drafts.as_slice() else { panic!("{title}: {drafts:?}") };
        assert_eq!(draft.spec.signal, signal, "{title}");
        draft.check().unwrap();
        let answer = source.instant(&draft.spec.query, now).await.unwrap_or_else(|e| panic!("{title}: {e}"));
        let about = |labels: &domain::Labels| entity.iter().all(|(l, v)| labels.get(*l).is_some_and(|x| x == v));
        assert!(answer.series.iter().any(|s| about(&s.labels)), "{title}: {} has {answer:?}", draft.spec.query);
    }
    let ready = found.monitors.iter().find(|m| m.name.starts_with("Kubernetes node is ready")).unwrap();
    assert!(matches!(ready.spec.detector, DetectorSpec::Threshold { .. }), "there is nothing to learn of it");
}

fn left_out(found: &Discovered) {
    let why = |what: &str| found.left_out.iter().find(|l| l.what == what).map(|l| (&l.told, l.series));
    assert_eq!(why("node_boot_time_seconds"), Some((&Why::KnownExporter, Some(1))));
    assert_eq!(why("container_last_seen"), Some((&Why::KnownExporter, Some(1))));
    assert_eq!(why("aa_build_info"), Some((&Why::Constant, Some(1))));
    assert!(matches!(why("go_gc_cycles_total"), Some((Why::Internal { of }, _)) if of == "go"));
    let Some((Why::TooManyServices { services: 600, most: 500 }, Some(600))) = why("aa_wide_failures_total") else {
        panic!("{:?}", why("aa_wide_failures_total"))
    };
    let cut = found.left_out.iter().find(|l| l.what.starts_with("Node file system share")).unwrap();
    let Why::SeriesCut { series, most: 500 } = cut.told else { panic!("{cut:?}") };
    assert!(series >= 521 && cut.series == Some(series - 500), "{cut:?}");
    assert!(found.left_out.iter().all(|l| l.why == l.told.en()));
}

#[tokio::test]
async fn real_pages_of_known_exporters_become_monitors_of_their_entities() {
    let sources = sources("real_pages_of_known_exporters_become_monitors_of_their_entities");
    let Some(dir) = targets().filter(|_| !sources.is_empty()) else { return };
    let server = serve().await;
    let _registered = register(&dir, &server.address().to_string());
    for source in sources {
        scraped(&source).await;
        let now = SystemClock.now();
        let options = Options { source_id: domain::new_id(), now, scrape_interval: None, max_monitors: 1_000 };
        let found = propose(&source, &options).await.unwrap();
        judge(&source, &found).await;
        left_out(&found);
        let few = propose(&source, &Options { max_monitors: 10, ..options }).await.unwrap();
        let cut = few.left_out.iter().filter(|l| l.told == Why::BeyondMonitors { most: 10 }).count();
        assert_eq!((few.monitors.len(), cut), (10, found.monitors.len() - 10), "what is cut is said");
    }
}
