//! The kill test: many runs of both modes while every role is killed at random, an outside ledger of effects, and a
//! checker that knows nothing of the product. `make soak` runs the same, larger, and prints what it measured.

mod cases;
mod check;
mod drive;
mod hosts;

use crate::fleet::{Fleet, Plan};
use crate::harness::needs;
use drive::{Size, Storm};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One storm at a time: each takes all processors that there are.
static STORMY: Mutex<()> = Mutex::new(());

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The size of a storm; the environment makes it larger or repeats one by its seed.
fn size(runs: usize, kills: usize) -> Size {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_micros() as usize);
    let seed = number("AIOPS_STORM_SEED", now) as u64;
    let scale = |n: usize, all: &str, of: usize| number(all, of) * n / of;
    Size {
        runs: scale(runs, "AIOPS_STORM_RUNS", 300),
        kills: scale(kills, "AIOPS_STORM_KILLS", 60),
        seed,
        crowd: number("AIOPS_STORM_CROWD", 40),
        patience: Duration::from_secs(180),
        lease: Duration::from_secs(number("AIOPS_STORM_LEASE", 3) as u64),
    }
}

fn rank(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(0)
}

/// What a storm measured, for `make soak`.
fn report(name: &str, size: Size, history: &check::History, mut times: Vec<u64>, took: Duration) {
    times.sort_unstable();
    let stops =
        history.runs.iter().filter(|r| r.state == "cancelled").filter_map(|r| Some((r.ended_us? - r.stop_us?) / 1_000));
    let mut stops: Vec<u64> = stops.filter_map(|ms| u64::try_from(ms).ok()).collect();
    stops.sort_unstable();
    let lost = history.runs.iter().filter(|r| r.state == "lost").count();
    println!(
        "storm {name}: {} runs, {} kills, lease {} s, {} s; lost after their supervisor was killed: {lost}; \
         from a process's death to the next state of its {} runs: p50 {} ms, p99 {} ms, max {} ms; from a person's stop to \
         the death of {} runs that ignore TERM (grace 5 s): p50 {} ms, max {} ms",
        history.runs.len(),
        size.kills,
        size.lease.as_secs(),
        took.as_secs(),
        times.len(),
        rank(&times, 0.5),
        rank(&times, 0.99),
        rank(&times, 1.0),
        stops.len(),
        rank(&stops, 0.5),
        rank(&stops, 1.0),
    );
}

fn storm(name: &str, plan: &Plan<'_>, size: Size) -> (Fleet, Vec<String>) {
    let lease = size.lease.as_secs().to_string();
    let env: Vec<(&str, &str)> =
        plan.env.iter().copied().chain([("AIOPS_LEASE_SECS", lease.as_str()), ("AIOPS_GRACE_SECS", "3")]).collect();
    let fleet = Fleet::start(&Plan { env: &env, ..*plan });
    let begun = Instant::now();
    let (history, times) = {
        let storm = Storm::new(&fleet, size);
        let history = storm.rage();
        let times = storm.taken_over.lock().map(|t| t.clone()).unwrap_or_default();
        (history, times)
    };
    report(name, size, &history, times, begun.elapsed());
    let mut broken = check::broken(&history);
    if history.accepted.len() < size.runs || history.ledger.len() < size.runs / 2 {
        broken.push(format!("storm: {} runs, {} effects", history.accepted.len(), history.ledger.len()));
    }
    (fleet, broken)
}

fn holds(name: &str, plan: &Plan<'_>, size: Size) {
    let _alone = STORMY.lock().unwrap_or_else(PoisonError::into_inner);
    let (fleet, broken) = storm(name, plan, size);
    if !broken.is_empty() {
        fleet.tell_logs();
    }
    assert!(broken.is_empty(), "{name}, AIOPS_STORM_SEED={}:\n{}", size.seed, broken.join("\n"));
}

/// Three processes on one database and one host: two with all roles, one healer.
#[test]
fn runs_survive_a_storm_of_kills_on_postgresql() {
    let Some(url) = needs("runs_survive_a_storm_of_kills_on_postgresql", "AIOPS_TEST_POSTGRES_URL") else { return };
    let members: &[(&str, &[&str], bool)] = &[("one", &[], false), ("two", &[], false), ("healer", &["healer"], false)];
    holds("postgresql", &Plan { postgres: Some(&url), members, env: &[] }, size(200, 40));
}

/// One process with everything.
#[test]
fn runs_survive_a_storm_of_kills_on_sqlite() {
    let members: &[(&str, &[&str], bool)] = &[("all", &[], false)];
    holds("sqlite", &Plan { postgres: None, members, env: &[] }, size(100, 20));
}

/// The test of the test: with one rule of the product broken, the same checker says which.
#[test]
fn a_broken_product_is_found_out() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a_broken_product_is_found_out needs a debug build");
        return;
    }
    let table: [(&str, &[&str]); 6] = [
        ("break.accept", &["lost"]),
        ("break.rerun", &["twice", "overlap", "end"]),
        ("break.end", &["untrue", "late"]),
        ("break.expired", &["stuck"]),
        ("break.cancel", &["late", "orphan"]),
        ("break.log", &["log"]),
    ];
    let _alone = STORMY.lock().unwrap_or_else(PoisonError::into_inner);
    let queue = Mutex::new(table.into_iter());
    let unseen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((point, words)) = queue.lock().map_or(None, |mut q| q.next()) {
                    let members: &[(&str, &[&str], bool)] = &[("all", &[], false)];
                    let env: &[(&str, &str)] = &[("AIOPS_BREAK", point)];
                    let lease = Duration::from_secs(2);
                    let patience = Duration::from_secs(10);
                    let small = Size { runs: 24, kills: 4, crowd: 24, lease, patience, ..size(1, 1) };
                    // A kill may end the one run that would have shown it: three storms have three chances.
                    let mut told = Vec::new();
                    let seen = (0..3).any(|n| {
                        let small = Size { seed: small.seed + n, ..small };
                        let (_fleet, broken) = storm(point, &Plan { postgres: None, members, env }, small);
                        let seen = broken.iter().any(|b| words.iter().any(|w| b.starts_with(&format!("{w}: "))));
                        told.extend(broken);
                        seen
                    });
                    if !seen {
                        unseen.lock().expect("a list").push(format!("{point}: {told:?}"));
                    }
                }
            });
        }
    });
    assert_eq!(*unseen.lock().expect("a list"), Vec::<String>::new(), "broken rules that the checker does not see");
}
