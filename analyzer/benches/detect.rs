//! Rows per second and bytes of state of the ensemble; `cargo bench -p analyzer --bench detect`.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::hint::black_box;
use std::time::Instant;

use analyzer::detect::{Config, Detector, EntityConfig, EntityDetector, SeriesDetector};

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

fn speed(rows: i64) {
    let values: Vec<f64> = (0..rows).map(|r| value(r, 1)).collect();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let mut detector = SeriesDetector::new(Config::default());
        let started = Instant::now();
        for (row, value) in values.iter().enumerate() {
            black_box(detector.push(row as i64 * STEP_MS, *value));
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!("ensemble, {rows} rows: {:.2} M rows/s, {:.0} ns/row", rows as f64 / best / 1e6, best / rows as f64 * 1e9);
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

fn state(rows: &[i64], label: &str) {
    let before = resident();
    let mut detectors: Vec<SeriesDetector> = (0..SERIES).map(|_| SeriesDetector::new(Config::default())).collect();
    for (series, detector) in detectors.iter_mut().enumerate() {
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
    speed(500_000);
    tail(200_000);
    let day: Vec<i64> = (0..400).collect();
    state(&day, "a day and a half of rows, daily bins");
    let weeks: Vec<i64> = (0..800).map(|i| i * 6).collect();
    state(&weeks, "16 days of rows, daily and weekly bins");
    sweep();
    entity();
}
