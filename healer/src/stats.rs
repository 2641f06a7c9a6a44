//! Counters of the healer, for the binary to export.

use domain::decision::Outcome;
use domain::queue::QueueState;
use domain::run::RunState;
use domain::verification::Verdict;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters since the start of the process. Labels are closed sets, so their number is bounded.
#[derive(Debug, Default)]
pub struct Stats {
    decisions: [AtomicU64; 4],
    undecided: AtomicU64,
    runs: [AtomicU64; 5],
    verdicts: [AtomicU64; 5],
    reattached: AtomicU64,
    fenced: AtomicU64,
    active_runs: AtomicU64,
    queue: [AtomicU64; 4],
    claims: [AtomicU64; 2],
    notifications: [AtomicU64; 3],
    errors: AtomicU64,
}

/// One counter as it is now: name, label value, number.
pub type Row = (&'static str, &'static str, u64);

const OUTCOMES: [(Outcome, &str); 4] =
    [(Outcome::Run, "run"), (Outcome::Wait, "wait"), (Outcome::Ask, "ask"), (Outcome::Refuse, "refuse")];
const ENDS: [(RunState, &str); 5] = [
    (RunState::Succeeded, "succeeded"),
    (RunState::Failed, "failed"),
    (RunState::TimedOut, "timed_out"),
    (RunState::Cancelled, "cancelled"),
    (RunState::Lost, "lost"),
];
const VERDICTS: [(Verdict, &str); 5] = [
    (Verdict::Fixed, "fixed"),
    (Verdict::Improved, "improved"),
    (Verdict::NotFixed, "not_fixed"),
    (Verdict::Worse, "worse"),
    (Verdict::Inconclusive, "inconclusive"),
];
const QUEUE: [&str; 4] = ["ready", "held", "resting", "oldest_seconds"];
const CLAIMS: [&str; 2] = ["requests", "microseconds"];
const NOTICES: [&str; 3] = ["delivered", "failed", "dead"];

fn raise(counters: &[AtomicU64], index: Option<usize>) {
    if let Some(counter) = index.and_then(|i| counters.get(i)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Stats {
    pub(crate) fn decided(&self, outcome: Outcome) {
        raise(&self.decisions, OUTCOMES.iter().position(|(o, _)| *o == outcome));
    }
    pub(crate) fn undecided(&self) {
        self.undecided.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn ended(&self, state: RunState) {
        raise(&self.runs, ENDS.iter().position(|(s, _)| *s == state));
    }
    pub(crate) fn verdict(&self, verdict: Verdict) {
        raise(&self.verdicts, VERDICTS.iter().position(|(v, _)| *v == verdict));
    }
    pub(crate) fn reattached(&self) {
        self.reattached.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn fenced(&self) {
        self.fenced.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn active(&self, count: usize) {
        self.active_runs.store(count as u64, Ordering::Relaxed);
    }
    /// The queue as it was seen last; times in seconds.
    pub(crate) fn queue(&self, state: &QueueState) {
        let age = state.oldest.map_or(0, |since| (state.at - since).num_seconds().max(0).unsigned_abs());
        for (gauge, value) in self.queue.iter().zip([state.ready, state.held, state.resting, age]) {
            gauge.store(value, Ordering::Relaxed);
        }
    }
    /// One request for runs, and how long the database took.
    pub(crate) fn claimed(&self, took: Duration) {
        self.claims[0].fetch_add(1, Ordering::Relaxed);
        self.claims[1].fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    pub(crate) fn notified(&self, what: &str) {
        raise(&self.notifications, NOTICES.iter().position(|n| *n == what));
    }
    pub(crate) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Every counter as (family, label value, number). Families: `decisions` (by outcome, and `no_policy`), `runs` (by end),
    /// `verdicts`, `notifications` (by result), `runs_reattached`, `runs_fenced`, `errors` (of stores and runtimes), and the gauge
    /// `active_runs`, all with an empty label; `queue` (waiting runs `ready`, `held` and `resting`, and `oldest_seconds`), and
    /// `claims` (`requests` for runs, and the `microseconds` that they took).
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        let mut rows: Vec<Row> = Vec::new();
        rows.extend(OUTCOMES.iter().zip(&self.decisions).map(|((_, l), c)| ("decisions", *l, get(c))));
        rows.push(("decisions", "no_policy", get(&self.undecided)));
        rows.extend(ENDS.iter().zip(&self.runs).map(|((_, l), c)| ("runs", *l, get(c))));
        rows.extend(VERDICTS.iter().zip(&self.verdicts).map(|((_, l), c)| ("verdicts", *l, get(c))));
        rows.extend(NOTICES.iter().zip(&self.notifications).map(|(l, c)| ("notifications", *l, get(c))));
        rows.push(("runs_reattached", "", get(&self.reattached)));
        rows.push(("runs_fenced", "", get(&self.fenced)));
        rows.push(("errors", "", get(&self.errors)));
        rows.push(("active_runs", "", get(&self.active_runs)));
        rows.extend(QUEUE.iter().zip(&self.queue).map(|(l, c)| ("queue", *l, get(c))));
        rows.extend(CLAIMS.iter().zip(&self.claims).map(|(l, c)| ("claims", *l, get(c))));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_raises_its_own_row() {
        let stats = Stats::default();
        stats.decided(Outcome::Ask);
        stats.ended(RunState::Lost);
        stats.verdict(Verdict::Worse);
        stats.notified("dead");
        stats.undecided();
        let raised: Vec<Row> = stats.rows().into_iter().filter(|r| r.2 > 0).collect();
        let expected = [
            ("decisions", "ask", 1),
            ("decisions", "no_policy", 1),
            ("runs", "lost", 1),
            ("verdicts", "worse", 1),
            ("notifications", "dead", 1),
        ];
        assert_eq!(raised, expected);
    }
}
