//! A storm: runs are asked for, people cancel, and all the while processes are killed at random.

use super::cases::{KINDS, install};
use super::check::{Entry, History, Shown, Struck, terminal};
use super::hosts;
use crate::fleet::{Fleet, Member};
use crate::harness::wait_for;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Small numbers without a pattern, the same ones for the same seed (SplitMix64, Steele and others 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }
}

/// How large and how wild.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) runs: usize,
    pub(crate) kills: usize,
    pub(crate) seed: u64,
    /// Runs that may be under way or wait.
    pub(crate) crowd: usize,
    /// How long everything may take to end after the last kill.
    pub(crate) patience: Duration,
    /// Lease of the processes.
    pub(crate) lease: Duration,
}

/// How a process is taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fall {
    Killed,
    /// Stands still longer than its leases, and goes on.
    Frozen,
    /// Asked to end in order.
    Stopped,
}

/// A process that was killed and the runs it had.
struct Fallen {
    at: Instant,
    runs: HashMap<String, i64>,
}

/// Ends the other threads when it goes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What the threads of a storm share.
pub(crate) struct Storm<'a> {
    fleet: &'a Fleet,
    size: Size,
    ledger: PathBuf,
    cases: Vec<String>,
    /// Runs and their kinds.
    accepted: Mutex<HashMap<String, usize>>,
    to_cancel: Mutex<Vec<(Instant, String)>>,
    struck: Mutex<HashMap<String, Struck>>,
    told: Mutex<Vec<(String, String)>>,
    active: AtomicUsize,
    asked: AtomicUsize,
    kills: AtomicUsize,
    over: AtomicBool,
    fallen: Mutex<Vec<Fallen>>,
    /// Milliseconds from the death of a process to the next step of each of its runs.
    pub(crate) taken_over: Mutex<Vec<u64>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl<'a> Storm<'a> {
    pub(crate) fn new(fleet: &'a Fleet, size: Size) -> Self {
        let ledger = fleet.dir.path().join("ledger");
        fleet.capacity(24);
        let cases = install(fleet, &ledger);
        Self {
            fleet,
            size,
            ledger,
            cases,
            accepted: Mutex::default(),
            to_cancel: Mutex::default(),
            struck: Mutex::default(),
            told: Mutex::default(),
            active: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            fallen: Mutex::default(),
            taken_over: Mutex::default(),
        }
    }

    /// Runs to its end; what was seen.
    pub(crate) fn rage(&self) -> History {
        std::thread::scope(|scope| {
            // Also when a thread fails: the others end.
            let _over = Over(&self.over);
            scope.spawn(|| self.watch());
            scope.spawn(|| self.cancel());
            let asking = scope.spawn(|| self.ask());
            self.strike();
            asking.join().expect("asking does not fail");
            for member in &self.fleet.members {
                self.fleet.begin(member);
            }
            self.settle();
        });
        self.history()
    }

    /// Asks for runs, at the pace of the kills, never too many at once.
    fn ask(&self) {
        let mut random = Random::new(self.size.seed);
        let shares: u64 = KINDS.iter().map(|k| u64::from(k.share)).sum();
        for n in 0..self.size.runs {
            let due = n * self.size.kills / self.size.runs.max(1);
            let until = Instant::now() + Duration::from_secs(30);
            while Instant::now() < until
                && (self.kills.load(Ordering::SeqCst) < due || self.active.load(Ordering::SeqCst) > self.size.crowd)
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            let mut at = i64::try_from(random.below(shares)).unwrap_or(0);
            let chosen = KINDS.iter().position(|k| {
                at -= i64::from(k.share);
                at < 0
            });
            // One of each first, so that a small storm has them all.
            let kind = if n < KINDS.len() { n } else { chosen.unwrap_or(0) };
            self.ask_one(kind, n, &mut random);
            self.asked.store(n + 1, Ordering::SeqCst);
        }
    }

    fn ask_one(&self, kind: usize, n: usize, random: &mut Random) {
        let path = format!("/cases/{}/runs", self.cases[kind]);
        let body = json!({ "target": format!("service=t{}", n % 7) });
        let doors: Vec<&Member> = self.fleet.doors().collect();
        let id = wait_for("a run is accepted", Duration::from_secs(120), || {
            let door = doors[usize::try_from(random.below(doors.len() as u64)).unwrap_or(0)];
            self.fleet.post(door, &path, &body).map(|run| text(&run["id"]))
        });
        locked(&self.accepted).insert(id.clone(), kind);
        self.active.fetch_add(1, Ordering::SeqCst);
        if KINDS[kind].cancelled {
            let at = Instant::now() + Duration::from_millis(200 + random.below(2_500));
            locked(&self.to_cancel).push((at, id));
        }
    }

    /// Passes on the wishes of people who want to stop a run.
    fn cancel(&self) {
        while !self.over.load(Ordering::SeqCst) {
            let due: Vec<String> = {
                let mut all = locked(&self.to_cancel);
                let (now, later) = all.drain(..).partition(|(at, _)| *at <= Instant::now());
                *all = later;
                let now: Vec<(Instant, String)> = now;
                now.into_iter().map(|(_, id)| id).collect()
            };
            for id in due {
                let path = format!("/runs/{id}/cancel");
                // A run that has ended refuses; a door that is shut is tried again.
                let ended = || self.fleet.ask(&format!("/runs/{id}")).is_some_and(|r| terminal(&text(&r["state"])));
                if !self.fleet.doors().any(|d| self.fleet.post(d, &path, &json!({})).is_some()) && !ended() {
                    locked(&self.to_cancel).push((Instant::now() + Duration::from_millis(300), id));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Looks at the runs all the while: what is told of their ends, and who goes on with those of a process that died.
    fn watch(&self) {
        let mut ended: HashSet<String> = HashSet::new();
        while !self.over.load(Ordering::SeqCst) {
            if let Some(page) = self.fleet.ask("/runs?limit=200") {
                let runs = page["items"].as_array().cloned().unwrap_or_default();
                for run in &runs {
                    let (id, state) = (text(&run["id"]), text(&run["state"]));
                    if terminal(&state) {
                        ended.insert(id.clone());
                        locked(&self.told).push((id, state));
                    }
                }
                self.note_taken_over(&runs);
            }
            let known = locked(&self.accepted).len();
            self.active.store(known.saturating_sub(ended.len()), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    fn note_taken_over(&self, runs: &[Value]) {
        let mut fallen = locked(&self.fallen);
        for dead in fallen.iter_mut() {
            for run in runs {
                let id = text(&run["id"]);
                let epoch = run["lease_epoch"].as_i64().unwrap_or(0);
                let on = terminal(&text(&run["state"])) || dead.runs.get(&id).is_some_and(|at| epoch > *at);
                if on && dead.runs.remove(&id).is_some() {
                    let took = dead.at.elapsed().as_millis();
                    locked(&self.taken_over).push(u64::try_from(took).unwrap_or(u64::MAX));
                }
            }
        }
        fallen.retain(|dead| !dead.runs.is_empty());
    }

    /// Kills at random until there were enough; whoever was killed starts again soon.
    fn strike(&self) {
        let mut random = Random::new(self.size.seed ^ 0xdead);
        let mut back: Vec<(Instant, &Member, bool)> = Vec::new();
        while self.kills.load(Ordering::SeqCst) < self.size.kills {
            std::thread::sleep(Duration::from_millis(50 + random.below(700)));
            self.bring_back(&mut back);
            let n = self.kills.load(Ordering::SeqCst);
            // Ahead of the requests there is nothing to kill.
            if n * self.size.runs > (self.asked.load(Ordering::SeqCst) + self.size.crowd) * self.size.kills {
                continue;
            }
            let done = match random.below(20) {
                0..=2 => hosts::strike(self.fleet.dir.path(), Struck::Supervisor, &mut random),
                3..=4 => hosts::strike(self.fleet.dir.path(), Struck::Script, &mut random),
                throw => {
                    let how = match throw {
                        5 => Fall::Frozen,
                        6 => Fall::Stopped,
                        _ => Fall::Killed,
                    };
                    let at = usize::try_from(random.below(self.fleet.members.len() as u64)).unwrap_or(0);
                    let member = &self.fleet.members[at];
                    let away = back.iter().any(|(_, m, _)| std::ptr::eq(*m, member));
                    if !away && self.fell(member, how, random.below(4) == 0) {
                        let frozen = how == Fall::Frozen;
                        let still = if frozen { self.size.lease * 3 / 2 } else { Duration::ZERO };
                        back.push((Instant::now() + still + Duration::from_millis(random.below(900)), member, frozen));
                        self.kills.fetch_add(1, Ordering::SeqCst);
                    }
                    continue;
                }
            };
            if let Some((id, what)) = done {
                let mut struck = locked(&self.struck);
                let worse = struck.get(&id).copied().map_or(what, |before| before.max(what));
                struck.insert(id, worse);
                self.kills.fetch_add(1, Ordering::SeqCst);
            }
        }
        while !back.is_empty() {
            self.bring_back(&mut back);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn bring_back(&self, back: &mut Vec<(Instant, &Member, bool)>) {
        back.retain(|(at, member, frozen)| {
            if Instant::now() < *at {
                return true;
            }
            if *frozen {
                member.thaw();
            } else {
                self.fleet.begin(member);
            }
            false
        });
    }

    /// Takes a process down; whether it lived, and had runs when it has to have some.
    fn fell(&self, member: &Member, how: Fall, even_idle: bool) -> bool {
        let had = self.fleet.runs("&state=running&state=leased").unwrap_or_default();
        let mine = had.iter().filter(|r| text(&r["lease_owner"]).starts_with(&member.owner()));
        let runs: HashMap<_, _> = mine.map(|r| (text(&r["id"]), r["lease_epoch"].as_i64().unwrap_or(0))).collect();
        if runs.is_empty() && !even_idle {
            return false;
        }
        match how {
            Fall::Frozen => return member.freeze(),
            Fall::Stopped => {
                member.stop();
                return true;
            }
            Fall::Killed if !member.kill() => return false,
            Fall::Killed => {}
        }
        locked(&self.fallen).push(Fallen { at: Instant::now(), runs });
        true
    }

    /// Waits until all has ended and nothing is left; what does not end is for the checker.
    fn settle(&self) {
        let until = Instant::now() + self.size.patience;
        let active = "&state=queued&state=leased&state=running&state=cancelling";
        while Instant::now() < until {
            let waits = !locked(&self.to_cancel).is_empty();
            if !waits && self.fleet.runs(active).is_some_and(|all| all.is_empty()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        // What is left of runs that ended is looked for at a change of the settings, too.
        let until = Instant::now() + self.size.patience / 2;
        let mut round = 0;
        while Instant::now() < until && !hosts::left(self.fleet.dir.path()).is_empty() {
            round += 1;
            self.fleet.capacity(24 + round % 2);
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn history(&self) -> History {
        let runs = wait_for("all runs", Duration::from_secs(60), || self.fleet.runs(""));
        let repeatable = |run: &Value| run["spec"]["mode"] == "at_least_once";
        let micros = |v: &Value| Some(v.as_str()?.parse::<chrono::DateTime<chrono::Utc>>().ok()?.timestamp_micros());
        let shown = |run: &Value| Shown {
            id: text(&run["id"]),
            key: text(&run["run_key"]),
            case: text(&run["case_name"]),
            state: text(&run["state"]),
            repeatable: repeatable(run),
            reason: text(&run["reason"]),
            stop_us: micros(&run["cancel_requested_at"]),
            ended_us: micros(&run["ended_at"]),
        };
        let ledger = std::fs::read_to_string(&self.ledger).unwrap_or_default();
        let accepted = locked(&self.accepted);
        let struck = locked(&self.struck).clone();
        let talks = accepted.iter().filter(|(id, kind)| KINDS[**kind].lines > 0 && !struck.contains_key(*id));
        let logs = talks.filter_map(|(id, kind)| {
            let lines = self.fleet.ask(&format!("/runs/{id}/logs?limit=5000"))?;
            let line = |l: &Value| Some((l["seq"].as_i64()?, text(&l["text"])));
            Some((id.clone(), (KINDS[*kind].lines, lines.as_array()?.iter().filter_map(line).collect())))
        });
        let died = self.fleet.members.iter().filter(|m| m.has_died()).map(|m| m.name.to_owned());
        History {
            died: died.collect(),
            logs: logs.collect(),
            accepted: accepted.keys().cloned().collect(),
            runs: runs.iter().map(shown).collect(),
            told: locked(&self.told).clone(),
            ledger: ledger.lines().filter_map(Entry::parse).collect(),
            struck,
            ends: KINDS.iter().map(|k| (k.name.to_owned(), k.ends.to_vec())).collect(),
            orphans: hosts::alive(self.fleet.dir.path()),
            folders: hosts::left(self.fleet.dir.path()),
        }
    }
}
