//! The verdict, as a pure function of baseline, rounds and specification.
//!
//! Rules. A round is *healthy* when every check holds, *unknown* when it is empty or any check is unknown, else *bad*.
//! - `fixed`: the last `samples` rounds are healthy, all of them in a row. A round that is unknown breaks the row; missing data
//!   therefore only ever delays, it never cures.
//! - Rounds go on until the deadline (`deadline_secs` after the first sample is due). Three things extend it, at most to
//!   twice that time: the time that unknown rounds took does not count (after an outage the system gets its time back), the
//!   newest round is unknown (the outcome so far is `inconclusive`, which is not final), or a row of healthy rounds has
//!   begun that could still become `fixed`.
//! - At the end the verdict is what was seen: `inconclusive` when the newest rounds are unknown; else by distance from the healthy
//!   band against the baseline: `worse` when the last `samples` known rounds are all above 1.5 x baseline, `improved`
//!   at or below 0.7 x baseline, else `not_fixed`.
//! - `worse` may come early, after half of `deadline_secs` (time without data counts here), so that harm is undone soon.
//! - A cure of what was measured healthy before the run is `fixed` too, and its reason says that there was nothing to cure.
//! - Without a known baseline nothing is called `improved` or `worse`.

use domain::policy::VerificationSpec;
use domain::verification::{CheckSample, Verdict};
use domain::{Time, verification::Verification};

/// Growth of the distance that counts as worse.
const WORSE: f64 = 1.5;
/// Share of the baseline's distance at which it counts as improved.
const IMPROVED: f64 = 0.7;
/// Smallest distance that is taken as a baseline, in units of the band.
const FLOOR: f64 = 0.1;

/// What a round says as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundState {
    /// Every check holds.
    Healthy,
    /// All are known, not all hold.
    Bad,
    /// Something is not known.
    Unknown,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// One more round then.
    Continue {
        /// When.
        next_at: Time,
    },
    /// Over.
    Verdict {
        /// The verdict.
        verdict: Verdict,
        /// One line for people.
        reason: String,
    },
}

/// State of one round.
#[must_use]
pub fn round_state(round: &[CheckSample]) -> RoundState {
    if round.is_empty() || round.iter().any(|s| s.holds.is_none()) {
        RoundState::Unknown
    } else if round.iter().all(|s| s.holds == Some(true)) {
        RoundState::Healthy
    } else {
        RoundState::Bad
    }
}

/// Mean distance of a round's checks from health; absent when any is unknown.
#[must_use]
pub fn distance(round: &[CheckSample]) -> Option<f64> {
    let each: Option<Vec<f64>> = round
        .iter()
        .map(|s| match s.holds? {
            true => Some(0.0),
            false => s.distance.filter(|d| d.is_finite()),
        })
        .collect();
    let each = each.filter(|e| !e.is_empty())?;
    let count = f64::from(u32::try_from(each.len()).unwrap_or(u32::MAX));
    Some(each.iter().sum::<f64>() / count)
}

/// When the first sample was due: the run's end and the settle delay. Once samples are stored it is the time of the first
/// of them; in no case later than the settle delay after the verification began.
#[must_use]
pub fn first_due(v: &Verification) -> Time {
    let latest = v.started_at + secs(v.spec.settle_secs);
    v.rounds.first().and_then(|round| taken_at(round)).or(v.next_at).map_or(latest, |at| at.min(latest))
}

/// Judges `v` whose stored rounds are followed by `latest`.
#[must_use]
pub fn judge(v: &Verification, latest: &[CheckSample], now: Time) -> Judgement {
    let rounds: Vec<&[CheckSample]> = v.rounds.iter().map(Vec::as_slice).chain([latest]).collect();
    decide(&v.spec, &v.baseline, &rounds, first_due(v), now)
}

/// Judges `rounds`, oldest first, of which the first was due at `first`.
#[must_use]
pub fn decide(
    spec: &VerificationSpec,
    baseline: &[CheckSample],
    rounds: &[&[CheckSample]],
    first: Time,
    now: Time,
) -> Judgement {
    let states: Vec<RoundState> = rounds.iter().map(|r| round_state(r)).collect();
    let need = usize::try_from(spec.samples.max(1)).unwrap_or(usize::MAX);
    let healthy = trailing(&states, RoundState::Healthy);
    if healthy >= need {
        let before = round_state(baseline) == RoundState::Healthy;
        let nothing = if before { ", and before the run already: there was nothing for it to cure" } else { "" };
        let reason = format!("healthy in {healthy} samples in a row{nothing}");
        return Judgement::Verdict { verdict: Verdict::Fixed, reason };
    }
    let limit = secs(spec.deadline_secs);
    let hard_end = first + limit * 2;
    let deadline = (first + limit + blind(rounds, &states, now)).min(hard_end);
    let unknown = trailing(&states, RoundState::Unknown);
    let seen = Seen::new(baseline, rounds, need);
    if now >= first + limit / 2 && seen.worse() && unknown == 0 {
        return Judgement::Verdict { verdict: Verdict::Worse, reason: seen.text("worse than before the run") };
    }
    let extended = (unknown > 0 || healthy > 0 || states.is_empty()) && now < hard_end;
    if now < deadline || extended {
        return Judgement::Continue { next_at: now + secs(spec.interval_secs.max(1)) };
    }
    if unknown > 0 || states.is_empty() {
        let reason = format!("data was missing in the last {unknown} samples; nothing can be said about the effect");
        return Judgement::Verdict { verdict: Verdict::Inconclusive, reason };
    }
    seen.final_verdict()
}

/// Distances before and after.
struct Seen {
    before: Option<f64>,
    after: Vec<f64>,
    enough: bool,
}

/// The samples of `round` that the baseline has too: what began to be measured after the run says nothing about before.
fn comparable(round: &[CheckSample], baseline: &[CheckSample]) -> Vec<CheckSample> {
    round.iter().filter(|s| baseline.is_empty() || baseline.iter().any(|b| b.check == s.check)).cloned().collect()
}

impl Seen {
    fn new(baseline: &[CheckSample], rounds: &[&[CheckSample]], need: usize) -> Self {
        let known: Vec<f64> = rounds.iter().filter_map(|r| distance(&comparable(r, baseline))).collect();
        let after: Vec<f64> = known.iter().rev().take(need).copied().collect();
        Self { before: distance(baseline), enough: after.len() >= need, after }
    }

    fn worse(&self) -> bool {
        self.enough && self.before.is_some_and(|b| self.after.iter().all(|&d| d > b.max(FLOOR) * WORSE))
    }

    fn median(&self) -> Option<f64> {
        let mut sorted = self.after.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    fn final_verdict(&self) -> Judgement {
        let (verdict, what) = match (self.before, self.median()) {
            _ if self.worse() => (Verdict::Worse, "worse than before the run"),
            (Some(before), Some(after)) if before > 0.0 && after <= before * IMPROVED => {
                (Verdict::Improved, "better than before the run, not healthy")
            }
            _ => (Verdict::NotFixed, "no better than before the run"),
        };
        Judgement::Verdict { verdict, reason: self.text(what) }
    }

    fn text(&self, what: &str) -> String {
        let number = |n: Option<f64>| n.map_or_else(|| "unknown".to_owned(), |d| format!("{d:.2}"));
        format!(
            "{what}: distance from the healthy band {} before, {} after",
            number(self.before),
            number(self.median())
        )
    }
}

/// When a round was taken; absent when it has no sample.
fn taken_at(round: &[CheckSample]) -> Option<Time> {
    round.first().map(|sample| sample.at)
}

/// Time in which nothing was known: from each unknown round to the next one that has a time, or to now.
fn blind(rounds: &[&[CheckSample]], states: &[RoundState], now: Time) -> chrono::TimeDelta {
    let timed: Vec<(Time, RoundState)> =
        rounds.iter().zip(states).filter_map(|(round, &state)| Some((taken_at(round)?, state))).collect();
    let ends = timed.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let unknown = timed.iter().zip(ends).filter(|((_, state), _)| *state == RoundState::Unknown);
    unknown.map(|((at, _), end)| (end - *at).max(chrono::TimeDelta::zero())).sum()
}

fn trailing(states: &[RoundState], what: RoundState) -> usize {
    states.iter().rev().take_while(|&&s| s == what).count()
}

fn secs(n: u32) -> chrono::TimeDelta {
    chrono::TimeDelta::seconds(i64::from(n))
}

#[cfg(test)]
mod tests;
