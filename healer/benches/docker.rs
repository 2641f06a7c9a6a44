//! Docker runs beside the `docker run` client on the same engine and image, one by one and many at once.
//!
//! `AIOPS_TEST_DOCKER_HOST=unix:///... cargo bench -p healer --bench docker`; without an engine it says so and ends. The client runs
//! with the same limits and isolation; ours besides has its files taken in and out. `AIOPS_BENCH_PAIRS` (20) pairs are measured in
//! turn and their medians compared; `AIOPS_BENCH_AT_ONCE` (50) runs are started at once by both.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

use domain::catalog::{DockerSettings, Language, PullPolicy, RuntimeKind, RuntimeManagerSpec};
use domain::clock::SystemClock;
use domain::run::RunSpec;
use domain::testing::MemBlobs;
use healer::mask::Masker;
use healer::results::Harvest;
use healer::runtime::{Handle, LogOffset, ManagerContext, Progress, Runtime, StartRequest, docker};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCRIPT: &str = "echo hello";

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn main() {
    let Some(endpoint) = std::env::var("AIOPS_TEST_DOCKER_HOST").ok().filter(|e| !e.is_empty()) else {
        println!("docker: no engine (AIOPS_TEST_DOCKER_HOST), nothing measured");
        return;
    };
    let image = std::env::var("AIOPS_BENCH_IMAGE").unwrap_or_else(|_| "aiops-busybox:1".to_owned());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(&endpoint, &image));
}

async fn measure(endpoint: &str, image: &str) {
    let settings =
        DockerSettings { default_image: Some(image.to_owned()), pull: PullPolicy::Never, ..DockerSettings::default() };
    let spec = RuntimeManagerSpec {
        kind: RuntimeKind::Docker,
        endpoint: Some(endpoint.to_owned()),
        docker: Some(settings),
        ..RuntimeManagerSpec::default()
    };
    let context = ManagerContext { id: domain::new_id(), name: "bench".to_owned(), clock: Arc::new(SystemClock) };
    let ours = docker::connect(&spec, context).await.expect("an engine");
    for _ in 0..2 {
        run_ours(&*ours, SCRIPT).await;
        run_client(endpoint, image).await;
    }
    let pairs = number("AIOPS_BENCH_PAIRS", 20);
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        mine.push(run_ours(&*ours, SCRIPT).await);
        theirs.push(run_client(endpoint, image).await);
    }
    let (mine, theirs) = (median(mine), median(theirs));
    println!(
        "docker: one run {:.0} ms, client {:.0} ms, ratio {:.2} (goal <= 1.10; medians of {pairs} pairs, {image})",
        mine * 1e3,
        theirs * 1e3,
        mine / theirs
    );
    many(&ours, endpoint, image).await;
}

async fn many(ours: &Arc<dyn Runtime>, endpoint: &str, image: &str) {
    let count = number("AIOPS_BENCH_AT_ONCE", 50);
    let begun = Instant::now();
    let runs = (0..count).map(|_| run_ours(&**ours, SCRIPT));
    futures::future::join_all(runs).await;
    let mine = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    futures::future::join_all((0..count).map(|_| run_client(endpoint, image))).await;
    let theirs = begun.elapsed().as_secs_f64();
    println!("docker: {count} at once {mine:.1} s, client {theirs:.1} s, ratio {:.2}; all ended with 0", mine / theirs);
    // Alive at the same time, not only started so.
    let bodies: Vec<_> = (0..count).map(|_| request("echo begin; sleep 30")).collect();
    futures::future::join_all(bodies.iter().map(async |r| ours.start(r).await.expect("started"))).await;
    let running = ours.health().await.expect("health").running;
    println!("docker: {running} of {count} alive at once");
    futures::future::join_all(bodies.iter().map(async |r| {
        ours.reap(r.handle).await.expect("ended");
        ours.cleanup(r.handle).await.expect("removed");
    }))
    .await;
}

fn request(body: &str) -> StartRequest {
    let spec = RunSpec { language: Language::Sh, body: body.to_owned(), timeout_secs: 120, ..RunSpec::default() };
    StartRequest { handle: Handle { run_id: domain::new_id(), epoch: 1 }, spec, first_seq: 1, secrets: [].into() }
}

/// Everything that the runner does with a run: start, end, output, files, removal; seconds.
async fn run_ours(runtime: &dyn Runtime, body: &str) -> f64 {
    let request = request(body);
    let begun = Instant::now();
    runtime.start(&request).await.expect("started");
    let Progress::Ended(end) = runtime.wait(request.handle).await.expect("an answer") else { panic!("no end") };
    assert_eq!(end.exit_code, Some(0), "{end:?}");
    let log = runtime.logs(request.handle, LogOffset::default()).await.expect("output");
    assert_eq!(log.records.len(), 1);
    let blobs = Arc::new(MemBlobs::default());
    let mut harvest = Harvest::new(blobs, Arc::new(SystemClock), Masker::new(["x-secret-x"]), request.handle);
    runtime.collect(request.handle, &mut harvest).await.expect("files");
    runtime.cleanup(request.handle).await.expect("removed");
    begun.elapsed().as_secs_f64()
}

/// The client with the same limits; seconds.
async fn run_client(endpoint: &str, image: &str) -> f64 {
    let (endpoint, image) = (endpoint.to_owned(), image.to_owned());
    let work = move || {
        let begun = Instant::now();
        let status = Command::new("docker")
            .args(["-H", &endpoint, "run", "--rm", "--init", "--network", "none", "--memory", "512m", "--cpus", "1"])
            .args(["--pids-limit", "256", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"])
            .args(["--user", "65534:65534", "--tmpfs", "/work", "--tmpfs", "/tmp", &image, "sh", "-c", SCRIPT])
            .stdout(Stdio::null())
            .status()
            .expect("the docker client");
        assert!(status.success(), "{status}");
        begun.elapsed()
    };
    let took: Duration = tokio::task::spawn_blocking(work).await.expect("ended");
    took.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
