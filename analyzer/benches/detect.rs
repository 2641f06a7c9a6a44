//! Rows per second and bytes of state of the ensemble; `cargo bench -p analyzer --bench detect`.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use analyzer::detect::{Config, Detector, EntityConfig, EntityDetector, PcaModel, SeriesDetector, ShapeModel};

const STEP_MS: i64 = 300_000;
const SERIES: usize = 100_000;

/// A daily wave with deterministic noise.
fn value(row: i64, series: i64) -> f64 {
    let noise = ((row * 7_919 + series * 104_729) % 1_009) as f64 / 1_009.0;
    100.0 + 20.0 * (row as f64 / 288.0 * std::f64::consts::TAU).sin() + 5.0 * noise
}

/// Resident bytes of this process (Linux), 0 elsewhere.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|p| p.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Millions of rows a second of the whole ensemble, six learned shapes included, on one core.
fn speed(rows: i64) -> f64 {
    let values: Vec<f64> = (0..rows).map(|r| value(r, 1)).collect();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let mut detector = SeriesDetector::new(Config::default());
        shapes(1).into_iter().for_each(|model| detector.learn_shape(model));
        let started = Instant::now();
        for (row, value) in values.iter().enumerate() {
            black_box(detector.push(row as i64 * STEP_MS, *value));
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    let found = rows as f64 / best / 1e6;
    println!("ensemble, {rows} rows: {found:.2} M rows/s (goal 2), {:.0} ns/row", 1e3 / found);
    found
}

/// Six models of one series.
fn shapes(series: i64) -> Vec<ShapeModel> {
    let part = |k: i64| (k * 1_000..k * 1_000 + 1_000).map(|r| value(r, series)).collect::<Vec<f64>>();
    (0..6).filter_map(|k| ShapeModel::fit(&part(k))).collect()
}

/// Fits that run off the hot path.
fn fits() {
    let values: Vec<f64> = (0..ShapeModel::EVERY as i64).map(|r| value(r, 3)).collect();
    let table: Vec<Vec<f64>> = (0..PcaModel::ROWS as i64).map(|r| (0..19).map(|c| value(r, c)).collect()).collect();
    let started = Instant::now();
    (0..50).for_each(|_| {
        black_box(ShapeModel::fit(&values));
    });
    let shape = started.elapsed().as_secs_f64() / 50.0;
    let started = Instant::now();
    (0..50).for_each(|_| {
        black_box(PcaModel::fit(&table));
    });
    let plane = started.elapsed().as_secs_f64() / 50.0;
    println!(
        "off the hot path: shape fit {:.2} ms each {} rows of a series, plane fit {:.2} ms each {} rows of 19 metrics",
        shape * 1e3,
        ShapeModel::EVERY,
        plane * 1e3,
        PcaModel::EVERY
    );
}

/// Peers on the same kind of series in the same run: `AIOPS_BENCH_PEERS` is a script that takes
/// `DETECTOR DATA OUT` and prints JSON with `rows_per_s_core` and `state_bytes_median`.
fn peers(ours: f64) {
    let Ok(script) = std::env::var("AIOPS_BENCH_PEERS") else {
        println!("peers: skipped, AIOPS_BENCH_PEERS names no script");
        return;
    };
    let python = std::env::var("AIOPS_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(folder) = tempfile::tempdir() else { return };
    let data = folder.path().join("data");
    let mut text = String::from("timestamp,value\n");
    for row in 0..10_000_i64 {
        let (day, minute) = (row / 288, row % 288 * 5);
        let (month, day) = (1 + day / 28, 1 + day % 28);
        let _ok = writeln!(text, "2024-{month:02}-{day:02} {:02}:{:02}:00,{}", minute / 60, minute % 60, value(row, 1));
    }
    if std::fs::create_dir_all(&data).and_then(|()| std::fs::write(data.join("series.csv"), text)).is_err() {
        return;
    }
    for peer in ["river_hst", "netdata_kmeans"] {
        match peer_speed(&python, &script, peer, &data, &folder.path().join("out")) {
            Some((speed, state)) => println!(
                "peer {peer}: {:.0} rows/s, {state:.0} bytes a series; the ensemble is {:.0} times as fast",
                speed,
                ours * 1e6 / speed
            ),
            None => println!("peer {peer}: skipped, its Python packages are not there"),
        }
    }
}

fn peer_speed(python: &str, script: &str, peer: &str, data: &Path, out: &Path) -> Option<(f64, f64)> {
    let output = Command::new(python).arg(script).arg(peer).arg(data).arg(out).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let found: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    Some((found.get("rows_per_s_core")?.as_f64()?, found.get("state_bytes_median")?.as_f64()?))
}

fn tail(rows: i64) {
    let mut detector = SeriesDetector::new(Config::default());
    let mut nanos: Vec<u128> = (0..rows)
        .map(|row| {
            let x = value(row, 2);
            let started = Instant::now();
            black_box(detector.push(row * STEP_MS, x));
            started.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    println!("one update, clock included: p50 {} ns, p99 {} ns", nanos[nanos.len() / 2], nanos[nanos.len() * 99 / 100]);
}

fn state(rows: &[i64], with_shapes: bool, label: &str) {
    let before = resident();
    let mut detectors: Vec<SeriesDetector> = (0..SERIES).map(|_| SeriesDetector::new(Config::default())).collect();
    let models = if with_shapes { shapes(1) } else { Vec::new() };
    for (series, detector) in detectors.iter_mut().enumerate() {
        models.iter().cloned().for_each(|model| detector.learn_shape(model));
        for row in rows {
            detector.push(row * STEP_MS, value(*row, series as i64));
        }
    }
    let grown = resident().saturating_sub(before) / SERIES;
    let own = detectors.iter().map(SeriesDetector::state_bytes).max().unwrap_or(0);
    println!("state, {label}: {grown} bytes a series by resident growth over {SERIES} series, {own} by own count");
    black_box(&detectors);
}

fn sweep() {
    let mut detectors: Vec<SeriesDetector> = (0..SERIES).map(|_| SeriesDetector::new(Config::default())).collect();
    let started = Instant::now();
    for row in 0..20 {
        for (series, detector) in detectors.iter_mut().enumerate() {
            black_box(detector.push(row * STEP_MS, value(row, series as i64)));
        }
    }
    let rows = 20.0 * SERIES as f64;
    println!(
        "ensemble, {SERIES} series in turn (cold cache): {:.2} M rows/s",
        rows / started.elapsed().as_secs_f64() / 1e6
    );
}

fn entity() {
    let width = 19;
    let mut detector = EntityDetector::new(EntityConfig::default(), width);
    let started = Instant::now();
    for row in 0..8_000_i64 {
        let values: Vec<Option<f64>> = (0..width as i64).map(|c| Some(value(row, c))).collect();
        black_box(detector.push(row * STEP_MS, &values));
    }
    println!("entity of {width} metrics: {:.0} k rows/s", 8_000.0 / started.elapsed().as_secs_f64() / 1e3);
}

fn main() {
    let ours = speed(500_000);
    tail(200_000);
    let day: Vec<i64> = (0..400).collect();
    state(&day, false, "a day and a half of rows, daily bins (goal 1,024)");
    let weeks: Vec<i64> = (0..800).map(|i| i * 6).collect();
    state(&weeks, false, "16 days of rows, daily and weekly bins");
    state(&weeks, true, "16 days of rows, daily and weekly bins, six shapes (goal 2,048)");
    sweep();
    entity();
    fits();
    peers(ours);
}
