//! Speed and size of the template miner, with masks, counters and samples on, on one thread.
//!
//! `cargo bench -p analyzer --bench mine` mines a synthetic stream. `AIOPS_BENCH_LOGS` may name a CSV file with a
//! `Content` column, or a folder of folders of such files (`*_structured.csv`). `AIOPS_BENCH_HOSTILE` may name a hostile
//! stream with its truth (`Content`, `EventId`; an empty event is noise): speed, slow-down, groups that are right,
//! templates, bytes. Speeds are of processor time. Python's Drain3, where it is installed, runs on the same lines.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use analyzer::logs::{Level, Limits, Line, TemplateId, TemplateMiner};
use std::collections::{BTreeMap, HashMap};

/// Least lines of one measurement.
const LINES: usize = 1_000_000;

/// Same lines, same masks as in the published comparison of general masking.
const DRAIN3: &str = r#"
import sys, time
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction as M
from drain3.template_miner_config import TemplateMinerConfig
c = TemplateMinerConfig(); c.profiling_enabled = False
B, E = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
c.masking_instructions = [M(B + p + E, n) for p, n in (
    (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "UUID"), (r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}", "MAC"),
    (r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?", "IP"), (r"\d{4}-\d\d-\d\d[T ]?\d\d:\d\d:\d\d(?:[.,]\d+)?Z?", "TS"),
    (r"0[xX][0-9a-fA-F]+", "HEX"), (r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}", "HEX"), (r"[-+]?\d+(?:\.\d+)?", "NUM"))]
lines = sys.stdin.read().splitlines()
m, t = TemplateMiner(config=c), time.process_time()
for x in lines: m.add_log_message(x)
print(len(lines) / max(1e-9, time.process_time() - t))
"#;

/// What is kept of a template beside the miner, as the analyzer does: a count and the newest lines.
#[derive(Default)]
struct Kept {
    count: u64,
    samples: Vec<String>,
}

/// Mines one line with a count and a sample.
fn take(miner: &mut TemplateMiner, kept: &mut HashMap<TemplateId, Kept>, line: &str, at_ms: i64) -> TemplateId {
    let mined = miner.learn_line(Line { message: line, level: Level::Unknown, at_ms });
    let kept = kept.entry(mined.template_id).or_default();
    kept.count += 1;
    if kept.samples.len() < 3 {
        kept.samples.push(line.chars().take(400).collect());
    }
    mined.template_id
}

fn main() {
    for (name, lines) in inputs() {
        if !lines.is_empty() {
            measure(&name, &lines);
        }
    }
    match std::env::var_os("AIOPS_BENCH_HOSTILE").map(PathBuf::from) {
        Some(file) => hostile(&contents(&file, "Content"), &contents(&file, "EventId")),
        None => println!("hostile stream: AIOPS_BENCH_HOSTILE is not set, skipped"),
    }
    shapes();
}

/// One pass over a hostile stream whose true groups are known.
fn hostile(lines: &[String], events: &[String]) {
    let mut speeds = Vec::new();
    let mut last = None;
    for _ in 0..3 {
        let (mut miner, mut kept) = (TemplateMiner::new(Limits::default()), HashMap::new());
        let (mut ids, mut fifths) = (Vec::with_capacity(lines.len()), Vec::new());
        let started = Stopwatch::start();
        for part in lines.chunks(lines.len().div_ceil(5).max(1)) {
            let began = Stopwatch::start();
            ids.extend(part.iter().map(|line| take(&mut miner, &mut kept, line, 0)));
            fifths.push(part.len() as f64 / began.seconds());
        }
        speeds.push(lines.len() as f64 / started.seconds());
        last = Some((miner, ids, fifths));
    }
    speeds.sort_by(f64::total_cmp);
    let Some((miner, ids, fifths)) = last else { return };
    let mut truth: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut found: BTreeMap<TemplateId, Vec<usize>> = BTreeMap::new();
    for (k, (id, event)) in ids.iter().zip(events).enumerate().filter(|(_, (_, event))| !event.is_empty()) {
        truth.entry(event).or_default().push(k);
        found.entry(miner.resolve(*id)).or_default().push(k);
    }
    let right = truth.values().filter(|lines| found.values().any(|group| group == *lines)).count();
    let stats = miner.stats();
    println!(
        "hostile stream: {:.0} lines/s (goal 300000), last fifth {:.2} of the first (goal 0.5), {right} of {} true groups (goal 7), {} templates (goal 500), {} bytes a template, {:.1} MiB",
        speeds[1],
        fifths.last().copied().unwrap_or(0.0) / fifths[0],
        truth.len(),
        stats.templates,
        miner.bytes() / stats.templates.max(1),
        miner.bytes() as f64 / f64::from(1 << 20),
    );
}

/// A million lines of a million shapes.
fn shapes() {
    let mut miner = TemplateMiner::new(Limits::default());
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letters = b"abcdefghijklmnopqrstuvwxyz";
        (0..7).map(|k| char::from(letters[(state >> (8 + k * 7)) as usize % 26])).collect::<String>()
    };
    let mut most = 0;
    for k in 0..1_000_000 {
        miner.learn(&format!("{} {} {} {}", word(), word(), word(), word()));
        if k % 50_000 == 0 {
            most = most.max(miner.bytes());
        }
    }
    most = most.max(miner.bytes());
    println!(
        "a million shapes: at most {:.1} MiB (goal 64), {} templates",
        most as f64 / f64::from(1 << 20),
        miner.stats().templates
    );
}

fn measure(name: &str, lines: &[String]) {
    let rounds = LINES.div_ceil(lines.len());
    let (mut miner, mut kept) = (TemplateMiner::new(Limits::default()), HashMap::new());
    let (started, mut fifths) = (Stopwatch::start(), Vec::new());
    for round in 0..rounds {
        for part in lines.chunks(lines.len().div_ceil(5)) {
            let began = Stopwatch::start();
            for line in part {
                std::hint::black_box(take(&mut miner, &mut kept, line, round as i64));
            }
            fifths.push(part.len() as f64 / began.seconds());
        }
    }
    let total = (rounds * lines.len()) as f64;
    let speed = total / started.seconds();
    let stats = miner.stats();
    let slowdown = fifths.get(4).map_or(1.0, |last| last / fifths[0]);
    println!(
        "{name}: {speed:.0} lines/s (goal 1500000), {} lines, {} templates, {} bytes a template, last fifth {slowdown:.2} of the first",
        stats.lines,
        stats.templates,
        miner.bytes() / stats.templates.max(1),
    );
    match drain3(&lines[..lines.len().min(20_000)]) {
        Some(other) => println!("{name}: Drain3 masked {other:.0} lines/s, ratio {:.0} (goal 40)", speed / other),
        None => println!("{name}: Drain3 is not installed, no comparison"),
    }
}

/// Processor time of this thread where the system tells it, else wall time: a shared machine halves the latter.
struct Stopwatch {
    wall: Instant,
    processor: Option<u64>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_ns() }
    }

    fn seconds(&self) -> f64 {
        match (self.processor, processor_ns()) {
            (Some(before), Some(now)) if now > before => (now - before) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

fn processor_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn drain3(lines: &[String]) -> Option<f64> {
    let python = std::env::var("AIOPS_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .args(["-c", DRAIN3])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    for line in lines {
        if writeln!(input, "{}", line.replace(['\n', '\r'], " ")).is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn inputs() -> Vec<(String, Vec<String>)> {
    let Some(root) = std::env::var_os("AIOPS_BENCH_LOGS").map(PathBuf::from) else {
        return vec![("synthetic".to_owned(), synthetic())];
    };
    if root.is_file() {
        return vec![(root.display().to_string(), contents(&root, "Content"))];
    }
    let mut all = Vec::new();
    let mut folders: Vec<_> =
        std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for file in files.filter(|file| file.to_string_lossy().ends_with("_structured.csv")) {
            all.extend(contents(&file, "Content"));
        }
    }
    vec![(root.display().to_string(), all)]
}

fn contents(file: &Path, name: &str) -> Vec<String> {
    let Ok(mut reader) = csv::Reader::from_path(file) else { return Vec::new() };
    let column = reader.headers().ok().and_then(|head| head.iter().position(|found| found == name));
    let rows = reader.byte_records().flatten();
    rows.filter_map(|row| Some(String::from_utf8_lossy(row.get(column?)?).into_owned())).collect()
}

fn synthetic() -> Vec<String> {
    (0..20_000u32)
        .map(|k| match k % 5 {
            0 => format!("Received block blk_{} of size {} from 10.0.{}.{}", k * 7919, k, k % 250, k % 199),
            1 => format!("GET /api/v1/items/{k} 200 in {} ms for client 172.16.{}.7", k % 900, k % 250),
            2 => format!("session {k:08x} opened for user u{} by (uid={})", k % 90, k % 7),
            3 => format!("cache miss key=item:{k} took={}.{}ms shard={}", k % 9, k % 97, k % 16),
            _ => format!("worker-{} finished task {} in stage {}.0 (TID {k})", k % 32, k % 400, k % 40),
        })
        .collect()
}
