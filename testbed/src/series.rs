//! An exporter of any number of series, for measurements of scale: steady daily shapes with noise, and none of them kept.
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;

/// Series of one block; each block is a metric's part that one monitor can hold.
const BLOCK: usize = 20_000;

/// Command line of the exporter.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SeriesArgs {
    /// Series to export.
    #[arg(long, default_value_t = 20_000)]
    count: usize,
    /// Address of `/metrics`.
    #[arg(long)]
    listen: SocketAddr,
}

/// Serves until stopped.
pub(crate) async fn run(args: SeriesArgs) -> anyhow::Result<()> {
    let listener =
        tokio::net::TcpListener::bind(args.listen).await.with_context(|| format!("--listen {}", args.listen))?;
    let count = args.count;
    let router = Router::new().route("/metrics", get(move || async move { text(count, now()) }));
    axum::serve(listener, router).await.context("serve")
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_secs_f64()).unwrap_or_default()
}

/// All series at a time, in Prometheus' text format.
fn text(count: usize, at: f64) -> String {
    let mut out = String::with_capacity(count * 80 + 128);
    out.push_str("# HELP bench_value A steady value with a daily shape and noise.\n# TYPE bench_value gauge\n");
    for n in 0..count {
        let (block, service) = (n / BLOCK, n / 20 % (BLOCK / 20));
        let _written = writeln!(
            out,
            "bench_value{{block=\"{block}\",service=\"s{service:04}\",pod=\"p{n:06}\"}} {:.3}",
            value(n as u64, at)
        );
    }
    out
}

/// Depends on the series and the time alone.
fn value(series: u64, at: f64) -> f64 {
    let level = 20.0 + (mix(series) % 1_000) as f64 / 10.0;
    let day = (at / 86_400.0 * std::f64::consts::TAU + (mix(series ^ 7) % 628) as f64 / 100.0).sin();
    let tick = (at / 5.0) as u64;
    let noise: f64 =
        (0..4).map(|k| (mix(series.wrapping_mul(31) ^ tick.wrapping_mul(4) ^ k) % 1_000) as f64 / 1_000.0 - 0.5).sum();
    level * (1.0 + 0.2 * day + 0.03 * noise)
}

/// splitmix64 (Steele, Lea and Flood 2014): a good hash of a number.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_once_and_steady() {
        let page = text(40_001, 1_800_000_000.0);
        let lines: Vec<&str> = page.lines().filter(|l| !l.starts_with('#')).collect();
        let names: std::collections::HashSet<&str> = lines.iter().filter_map(|l| l.split(' ').next()).collect();
        assert_eq!((lines.len(), names.len()), (40_001, 40_001));
        assert!(
            lines[40_000].starts_with("bench_value{block=\"2\",service=\"s0000\",pod=\"p040000\"} "),
            "{}",
            lines[40_000]
        );
        let (a, b) = (value(5, 1_800_000_000.0), value(5, 1_800_000_015.0));
        assert!(a != b && (a - b).abs() / a < 0.2 && a == value(5, 1_800_000_000.0));
    }
}
