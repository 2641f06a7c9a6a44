//! Loads on a real `aiops serve`: one run that prints very much, many runs that print to many viewers, many runs at once.
//!
//! `cargo bench --bench load`; PostgreSQL when `AIOPS_TEST_POSTGRES_URL` is set, else SQLite. `AIOPS_LOAD_BYTES` (1 GB when
//! absent), `AIOPS_LOAD_LINES` (a second, over `AIOPS_LOAD_RUNS` runs to `AIOPS_LOAD_VIEWERS` viewers), `AIOPS_LOAD_AT_ONCE`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]
#![expect(dead_code, reason = "the harness of the tests has more than a benchmark needs")]

#[path = "../tests/it/fleet.rs"]
mod fleet;
#[path = "../tests/it/harness.rs"]
mod harness;

use fleet::{Fleet, Member, Plan};
use harness::wait_for;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(1_800);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(usual)
}

fn start(fleet: &Fleet, case: &str) -> String {
    let path = format!("/cases/{case}/runs");
    let made = wait_for("accepted", LONG, || fleet.doors().find_map(|m| fleet.post(m, &path, &json!({}))));
    made["id"].as_str().unwrap_or_default().to_owned()
}

fn case(fleet: &Fleet, name: &str, body: &str) -> String {
    let spec = json!({ "name": name, "language": "bash", "body": body, "timeout_secs": 3_600,
        "limits": { "cpu_millis": 4_000, "pids": 64 } });
    fleet.create("cases", &spec)
}

fn ended(fleet: &Fleet, id: &str) -> Value {
    wait_for("the end of a run", LONG, || fleet.ask(&format!("/runs/{id}")).filter(|r| !r["ended_at"].is_null()))
}

/// Resident memory of a process, KiB: now, or its highest.
fn memory(pid: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Seconds that the same script takes with a pipe to nobody.
fn to_null(script: &str) -> f64 {
    let begun = Instant::now();
    let mut child = Command::new("bash").args(["-c", script]).stdout(Stdio::piped()).spawn().expect("bash");
    let mut pipe = child.stdout.take().expect("a pipe");
    std::io::copy(&mut pipe, &mut std::io::sink()).expect("read");
    child.wait().expect("ended");
    begun.elapsed().as_secs_f64()
}

/// One run that prints very much: memory, and speed beside a pipe to null.
fn much(fleet: &Fleet) {
    let bytes = number("AIOPS_LOAD_BYTES", 1 << 30);
    let line = "0123456789 the quick brown fox jumps over the lazy dog, again and again and again";
    let script = format!("yes '{line}' | head -c {bytes}");
    let null = to_null(&script);
    let pid = fleet.members[0].pid().expect("it lives");
    let before = memory(pid, "VmRSS");
    let id = start(fleet, &case(fleet, "much", &script));
    let over = AtomicBool::new(false);
    let supervisor = AtomicU64::new(0);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let of_run = |p: &u32| {
                    let words = std::fs::read(format!("/proc/{p}/cmdline")).unwrap_or_default();
                    let words = String::from_utf8_lossy(&words).into_owned();
                    words.contains("supervise") && words.contains(&id)
                };
                let all = std::fs::read_dir("/proc")
                    .expect("proc")
                    .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
                for pid in all.filter(of_run) {
                    supervisor.fetch_max(memory(pid, "VmHWM"), Ordering::SeqCst);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let run = ended(fleet, &id);
        over.store(true, Ordering::SeqCst);
        run
    });
    let at = |key: &str| run[key].as_str().and_then(|t| t.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let took = at("ended_at").zip(at("started_at")).map_or(0.0, |(b, a)| (b - a).num_milliseconds() as f64 / 1_000.0);
    let grown = memory(pid, "VmHWM").saturating_sub(before);
    let info = fleet.ask(&format!("/runs/{id}/logs/info")).unwrap_or_default();
    println!(
        "one run of {} MB: {}; {took:.1} s, a pipe to null {null:.1} s, speed ratio {:.2}; memory of aiops grew by {:.1} MiB, \
         its supervisor had {:.1} MiB at most; stored {} bytes in {} lines",
        bytes / 1_000_000,
        run["state"],
        null / took,
        grown as f64 / 1024.0,
        supervisor.load(Ordering::SeqCst) as f64 / 1024.0,
        info["bytes"],
        info["last_seq"],
    );
}

/// What the viewers saw.
#[derive(Default)]
struct Seen {
    lines: AtomicU64,
    wrong: AtomicU64,
    cuts: AtomicU64,
}

fn now_us() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}

/// Follows a run to its end over streams that are cut now and then; delays in milliseconds of a sample of its lines.
fn view(fleet: &Fleet, doors: &[&Member], id: &str, seen: &Seen, which: usize) -> Vec<u64> {
    let (mut last, mut delays, mut over) = (0_i64, Vec::new(), false);
    let mut turn = which;
    while !over {
        let path = format!("/runs/{id}/logs/stream?after={last}");
        let cut_at = Instant::now() + Duration::from_millis(1_500 + (which as u64 * 37 + turn as u64 * 811) % 3_000);
        let door = doors[turn % doors.len()];
        turn += 1;
        fleet.stream(door, &path, LONG, |line| {
            over |= line.starts_with("event: end") || line.starts_with("event:end");
            let Some(data) = line.strip_prefix("data:") else { return false };
            if over {
                return true;
            }
            let data: Value = serde_json::from_str(data.trim()).unwrap_or_default();
            let seq = data["seq"].as_i64().unwrap_or(-1);
            if seq != last + 1 {
                seen.wrong.fetch_add(1, Ordering::Relaxed);
            }
            last = seq;
            seen.lines.fetch_add(1, Ordering::Relaxed);
            let sent = data["text"].as_str().and_then(|t| t.split(' ').next()?.replace('.', "").parse::<u64>().ok());
            if let Some(sent) = sent.filter(|_| seq % 50 == 0) {
                delays.push(now_us().saturating_sub(sent) / 1_000);
            }
            Instant::now() > cut_at
        });
        if !over {
            seen.cuts.fetch_add(1, Ordering::Relaxed);
        }
    }
    delays
}

/// Many runs that print at a set pace, to many viewers that come and go.
fn many_viewers(fleet: &Fleet) {
    let (rate, runs) = (number("AIOPS_LOAD_LINES", 5_000), number("AIOPS_LOAD_RUNS", 20));
    let (viewers, secs) = (number("AIOPS_LOAD_VIEWERS", 40), number("AIOPS_LOAD_SECS", 15));
    let each = (rate / runs / 10).max(1);
    let words = "a line of a usual length with some words in it, as programs print them";
    let body = format!(
        "for t in $(seq {}); do for n in $(seq {each}); do echo \"$EPOCHREALTIME {words}\"; done; sleep 0.1; done",
        secs * 10
    );
    let case = case(fleet, "talks", &body);
    let begun = Instant::now();
    let ids: Vec<String> = (0..runs).map(|_| start(fleet, &case)).collect();
    let seen = Seen::default();
    let doors: Vec<&Member> = fleet.doors().collect();
    let mut delays: Vec<u64> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..viewers as usize)
            .map(|n| {
                let (id, seen, doors) = (&ids[n % ids.len()], &seen, &doors);
                scope.spawn(move || view(fleet, doors, id, seen, n))
            })
            .collect();
        handles.into_iter().flat_map(|h| h.join().expect("a viewer")).collect()
    });
    let lasted = begun.elapsed().as_secs_f64();
    delays.sort_unstable();
    let rank = |share: f64| delays.get(((delays.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(0);
    let stored: i64 = ids.iter().filter_map(|id| ended(fleet, id)["log_lines"].as_i64()).sum();
    println!(
        "{runs} runs, {viewers} viewers: {:.0} lines a second stored, {:.0} a second seen, {} streams cut and resumed, {} lines \
         lost or doubled; delay p50 {} ms, p99 {} ms",
        stored as f64 / lasted,
        seen.lines.load(Ordering::SeqCst) as f64 / lasted,
        seen.cuts.load(Ordering::SeqCst),
        seen.wrong.load(Ordering::SeqCst),
        rank(0.5),
        rank(0.99)
    );
}

/// Many runs at once: all of them run at the same moment, and all of them end.
fn at_once(fleet: &Fleet) {
    let wanted = number("AIOPS_LOAD_AT_ONCE", 300);
    let gate = fleet.dir.path().join("gate");
    let body = format!("until [ -e {} ]; do sleep 1; done", gate.display());
    let case = case(fleet, "waits", &body);
    let begun = Instant::now();
    let ids: Vec<String> = (0..wanted).map(|_| start(fleet, &case)).collect();
    let running = || fleet.runs("&state=running").map_or(0, |all| all.len());
    let all = wait_for("all run at once", LONG, || (running() as u64 >= wanted).then_some(begun.elapsed()));
    let members = fleet.members.iter().filter_map(|m| m.pid()).map(|p| memory(p, "VmRSS") / 1024);
    let memory: Vec<u64> = members.collect();
    std::fs::write(&gate, "").expect("opened");
    let open = Instant::now();
    let good = ids.iter().filter(|id| ended(fleet, id)["state"] == "succeeded").count();
    println!(
        "{wanted} runs at once: all running after {:.1} s, {good} succeeded {:.1} s after the gate was opened; memory of \
         aiops {memory:?} MiB",
        all.as_secs_f64(),
        open.elapsed().as_secs_f64()
    );
}

fn main() {
    let url = std::env::var("AIOPS_TEST_POSTGRES_URL").ok();
    let two: &[(&str, &[&str], bool)] = &[("one", &[], false), ("two", &[], false)];
    let members = if url.is_some() { two } else { &two[..1] };
    let fleet = Fleet::start(&Plan { postgres: url.as_deref(), members, env: &[] });
    fleet.capacity(400);
    let wanted = std::env::var("AIOPS_LOAD").unwrap_or_default();
    let parts: [(&str, fn(&Fleet)); 3] = [("much", much), ("viewers", many_viewers), ("at_once", at_once)];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.split(',').any(|w| w == name) {
            part(&fleet);
        }
    }
}
