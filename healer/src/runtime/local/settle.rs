//! The end of a run: reaping, killing what is left of the tree, draining the last output, and what is recorded.

use super::cgroup::Group;
use super::supervise::Supervisor;
use super::tree;
use crate::runtime::ObservedEnd;
use domain::clock::{Clock as _, SystemClock};
use rustix::process::{WaitOptions, WaitStatus, wait};
use std::time::{Duration, Instant};

/// How long the last output is read after the script ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How long the tree is killed before survivors are told.
const KILL: Duration = Duration::from_secs(5);

/// A stop under way.
#[derive(Debug)]
pub(super) struct Stop {
    timed_out: bool,
    /// When TERM has had its time.
    pub(super) kill_at: Instant,
}

impl Stop {
    pub(super) fn cancel(kill_at: Instant) -> Self {
        Self { timed_out: false, kill_at }
    }

    pub(super) fn timeout(kill_at: Instant) -> Self {
        Self { timed_out: true, kill_at }
    }

    /// A cancel during the stop may only shorten its grace.
    pub(super) fn hurry(&mut self, kill_at: Option<Instant>) {
        if let Some(at) = kill_at {
            self.kill_at = self.kill_at.min(at);
        }
    }
}

/// The processes of the run.
#[derive(Debug)]
pub(super) struct Tree {
    child: i32,
    me: i32,
    group: Group,
    /// How the script's main process ended.
    pub(super) exit: Option<WaitStatus>,
}

impl Tree {
    pub(super) fn new(child: u32, group: Group) -> Self {
        let id = |n: u32| i32::try_from(n).unwrap_or(0);
        Self { child: id(child), me: id(std::process::id()), group, exit: None }
    }

    /// Reaps every child that ended, also orphans that came to us; keeps the main one's status.
    pub(super) fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid.as_raw_nonzero().get() == self.child {
                self.exit = Some(status);
            }
        }
    }

    /// Living processes of the run.
    pub(super) fn living(&self) -> Vec<i32> {
        let mut all = tree::descendants(self.me);
        all.extend(self.group.processes().into_iter().filter(|p| *p != self.me));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Kills all of them; the number that survived.
    pub(super) fn kill(&mut self) -> u32 {
        let finder = Self { exit: None, group: self.group.clone(), ..*self };
        let survivors = tree::kill_until_gone(|| finder.living(), || self.reap(), KILL);
        self.reap();
        survivors
    }
}

/// Ends the run: survivors of the script are killed, the last output is written, and the end is described.
pub(super) fn settle(mut run: Supervisor<'_>) -> ObservedEnd {
    let survivors = run.tree.kill();
    let until = Instant::now() + DRAIN;
    while Instant::now() < until && run.pump(Duration::from_millis(50)) {}
    run.take_rings();
    if survivors > 0 {
        run.log.system(&format!("{survivors} processes of this run could not be ended"));
    }
    for _ in 0..60 {
        if run.log.end().is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let status = run.tree.exit;
    let cause = run.tree.group.cause(&run.spec.run_limits);
    run.tree.group.remove();
    let start_error = std::fs::read_to_string(run.dir.exec_error()).ok();
    ObservedEnd {
        exit_code: status.and_then(WaitStatus::exit_status).filter(|_| start_error.is_none()),
        signal: status.and_then(WaitStatus::terminating_signal),
        timed_out: run.stop.as_ref().is_some_and(|s| s.timed_out),
        cancelled: run.stop.as_ref().is_some_and(|s| !s.timed_out),
        started_at: start_error.is_none().then_some(run.started_at),
        start_error,
        ended_at: Some(SystemClock.now()),
        survivors,
        cause,
    }
}
