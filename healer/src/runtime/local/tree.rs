//! Finds and ends every process of a run: descendants of the supervisor, or by the run's mark in their environment.

use super::files::COOKIE;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Process ids of /proc.
fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Parent and state of a process; the name in between may hold anything, so the last `)` ends it.
fn parent(pid: i32) -> Option<(i32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Living descendants of `root`, without it. As a child subreaper it keeps those that left their session or parent.
pub(super) fn descendants(root: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<(i32, char)>> = BTreeMap::new();
    for pid in pids() {
        if let Some((parent, state)) = parent(pid) {
            children.entry(parent).or_default().push((pid, state));
        }
    }
    let mut found = BTreeSet::new();
    let mut todo = vec![root];
    while let Some(pid) = todo.pop() {
        for &(child, state) in children.get(&pid).map(Vec::as_slice).unwrap_or_default() {
            if !matches!(state, 'Z' | 'X') {
                found.insert(child);
            }
            todo.push(child);
        }
    }
    found.into_iter().collect()
}

/// Living processes that carry the run's mark.
fn marked(cookie: &str) -> Vec<i32> {
    let wanted = format!("{COOKIE}={cookie}");
    let carries = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|b| *b == 0).any(|entry| entry == wanted.as_bytes())
    };
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    pids()
        .into_iter()
        .filter(|p| *p != me && carries(p) && parent(*p).is_some_and(|(_, s)| !matches!(s, 'Z' | 'X')))
        .collect()
}

/// Sends `signal` to each; one that is gone already is fine.
pub(super) fn signal_all(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|p| Pid::from_raw(*p)) {
        match kill_process(pid, signal) {
            // It ended meanwhile, or changed its user: then the next scan still counts it.
            Ok(()) | Err(_) => {}
        }
    }
}

/// Kills until nothing is found or `limit` has passed; the number that survived.
///
/// All are stopped before any is killed, so that a process that keeps forking cannot outrun the scan.
pub(super) fn kill_until_gone(find: impl Fn() -> Vec<i32>, mut reap: impl FnMut(), limit: Duration) -> u32 {
    let until = Instant::now() + limit;
    loop {
        let found = find();
        if found.is_empty() || Instant::now() > until {
            return u32::try_from(found.len()).unwrap_or(u32::MAX);
        }
        signal_all(&found, Signal::STOP);
        signal_all(&find(), Signal::KILL);
        reap();
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends what a supervisor that died left behind; the number that survived.
pub(super) fn kill_by_cookie(cookie: &str) -> u32 {
    kill_until_gone(|| marked(cookie), || {}, Duration::from_secs(5))
}
