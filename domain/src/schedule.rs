//! Schedules of cases, and the pure decision which windows start, are skipped, or were missed.

use crate::error::FieldError;
use crate::resource::{Resource, Spec};
use crate::schedule_times::Times;
use crate::{Id, Time};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// A schedule as stored.
pub type Schedule = Resource<ScheduleSpec>;

/// Missed windows that are told one by one; older ones are told together.
const TOLD: usize = 20;
/// How far back windows are looked for, days.
const BACK: i64 = 400;

/// What becomes of a window that nobody could start in time.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// It is recorded as missed.
    #[default]
    Skip,
    /// Of all that were missed, the newest is started, once.
    RunOnce,
}

/// What becomes of a window while the run of an earlier one is not over.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is recorded as skipped.
    #[default]
    Skip,
    /// It is queued beside it.
    Queue,
}

/// When a case is run by itself.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Case to run.
    pub case_id: Uuid,
    /// Five fields: minute hour day month weekday.
    pub cron: String,
    /// IANA name of the zone whose wall clock counts.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Whether it starts anything.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What becomes of windows that nobody could start in time.
    #[serde(default)]
    pub misfire: Misfire,
    /// How late a window may be started, seconds.
    #[serde(default = "minute")]
    pub misfire_grace_secs: u32,
    /// What becomes of a window while the run of an earlier one is not over.
    #[serde(default)]
    pub overlap: Overlap,
    /// Starts are spread over so many seconds, each window by an amount of its own that never changes.
    #[serde(default)]
    pub jitter_secs: u32,
    /// Parameter values over the case's own.
    #[serde(default)]
    pub values: BTreeMap<String, serde_json::Value>,
    /// Entity acted on; the case itself when absent.
    #[serde(default)]
    pub target: Option<String>,
}

impl Spec for ScheduleSpec {
    const KIND: &'static str = "schedule";
    const TABLE: &'static str = "schedules";

    fn validate(&self) -> Vec<FieldError> {
        let mut wrong = Times::parse(&self.cron, &self.time_zone).err().unwrap_or_default();
        for (field, value, low, high) in
            [("misfire_grace_secs", self.misfire_grace_secs, 5, 86_400), ("jitter_secs", self.jitter_secs, 0, 3_600)]
        {
            if !(low..=high).contains(&value) {
                wrong.push(FieldError::new(field, format!("give a number from {low} to {high}, got {value}")));
            }
        }
        if self.target.as_deref().is_some_and(|t| t.is_empty() || t.len() > 512 || t.chars().any(char::is_control)) {
            wrong.push(FieldError::new("target", "give 1 to 512 bytes without control characters, or leave it out"));
        }
        wrong
    }
}

/// What became of a window.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowOutcome {
    /// A run was queued.
    Started,
    /// Nobody could start it in time, or it could not be started at all.
    Missed,
    /// The run of an earlier window was not over.
    Skipped,
}

/// A planned time of a schedule and what became of it; each is stored once.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The schedule.
    pub schedule_id: Uuid,
    /// The planned time; of several that are told together the last.
    pub planned_at: DateTime<Utc>,
    /// What became of it.
    pub outcome: WindowOutcome,
    /// Planned times that this row stands for.
    pub windows: u32,
    /// Why, for people.
    pub reason: String,
    /// The run, when started.
    pub run_id: Option<Uuid>,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Start this window.
    Start(Time),
    /// These were missed: the last of them, how many, and why.
    Missed(Time, u32, String),
}

impl Due {
    /// The planned time.
    #[must_use]
    pub const fn planned_at(&self) -> Time {
        match self {
            Self::Start(at) | Self::Missed(at, _, _) => *at,
        }
    }
}

/// How much later than planned a window starts: always the same for the same window, in every process.
#[must_use]
pub fn jitter(id: Id, planned_at: Time, most_secs: u32) -> TimeDelta {
    // SplitMix64 (Steele, Lea, Flood 2014) over the id and the time.
    let seed = id.as_u128();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits are mixed, not counted")]
    let mut x = (seed as u64) ^ ((seed >> 64) as u64) ^ (planned_at.timestamp() as u64);
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    TimeDelta::milliseconds(i64::try_from(x % (u64::from(most_secs) * 1_000 + 1)).unwrap_or(0))
}

/// The windows after `since` whose time has come by `now`, oldest first. `since` is the last window that was recorded,
/// or the last change of the schedule if that is later: a new plan has no past.
#[must_use]
pub fn due(id: Id, spec: &ScheduleSpec, times: &Times, since: Time, now: Time) -> Vec<Due> {
    let grace = TimeDelta::seconds(i64::from(spec.misfire_grace_secs));
    let mut late: VecDeque<Time> = VecDeque::new();
    let (mut older, mut older_last) = (0_u32, None);
    let mut ready = Vec::new();
    let mut cursor = since.max(now - TimeDelta::days(BACK));
    while let Some(planned) = times.next(cursor).filter(|planned| *planned <= now) {
        let starts = planned + jitter(id, planned, spec.jitter_secs);
        if starts > now {
            break;
        }
        cursor = planned;
        if now - starts <= grace {
            ready.push(planned);
            continue;
        }
        late.push_back(planned);
        if late.len() > TOLD {
            older += 1;
            older_last = late.pop_front();
        }
    }
    let newest = if spec.misfire == Misfire::RunOnce && ready.is_empty() { late.pop_back() } else { None };
    let why = |planned: Time| format!("nobody was there to start it: found {} s late", (now - planned).num_seconds());
    let told = older_last.map(|last| Due::Missed(last, older, format!("{older} windows up to here; {}", why(last))));
    let missed = late.into_iter().map(|planned| Due::Missed(planned, 1, why(planned)));
    told.into_iter().chain(missed).chain(newest.into_iter().chain(ready).map(Due::Start)).collect()
}

fn utc() -> String {
    "UTC".to_owned()
}
const fn yes() -> bool {
    true
}
const fn minute() -> u32 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(secs: i64) -> Time {
        crate::clock::from_millis((1_767_225_600 + secs) * 1_000)
    }

    fn spec(change: impl Fn(&mut ScheduleSpec)) -> ScheduleSpec {
        let json = serde_json::json!({"case_id": Uuid::nil(), "cron": "*/5 * * * *"});
        let mut spec = serde_json::from_value(json).expect("defaults");
        change(&mut spec);
        spec
    }

    fn ask(spec: &ScheduleSpec, since: i64, now: i64) -> Vec<Due> {
        let times = Times::parse(&spec.cron, &spec.time_zone).expect("times");
        due(Uuid::from_u128(7), spec, &times, t(since), t(now))
    }

    #[test]
    fn a_window_starts_once_its_time_has_come() {
        let plain = spec(|_| {});
        assert_eq!(ask(&plain, 0, 299), []);
        assert_eq!(ask(&plain, 0, 300), [Due::Start(t(300))]);
        assert_eq!(ask(&plain, 300, 599), []);
        assert_eq!(ask(&plain, 0, 360), [Due::Start(t(300))], "within the grace");
    }

    #[test]
    fn what_was_missed_is_told_with_a_reason() {
        let late = ask(&spec(|_| {}), 0, 961);
        let missed: Vec<Time> = late.iter().map(Due::planned_at).collect();
        assert_eq!(missed, [t(300), t(600), t(900)]);
        assert!(late.iter().all(|d| matches!(d, Due::Missed(_, 1, why) if why.contains(" s late"))), "{late:?}");
        let once = ask(&spec(|s| s.misfire = Misfire::RunOnce), 0, 961);
        assert_eq!(once.last(), Some(&Due::Start(t(900))));
        assert_eq!(once.iter().filter(|d| matches!(d, Due::Start(_))).count(), 1);
        let on_time = ask(&spec(|s| s.misfire = Misfire::RunOnce), 0, 900);
        assert_eq!(on_time.iter().filter(|d| matches!(d, Due::Start(_))).count(), 1, "the one on time is enough");
    }

    #[test]
    fn a_year_of_missed_windows_is_told_in_few_rows() {
        let all = ask(&spec(|s| s.cron = "* * * * *".to_owned()), 0, 365 * 86_400 + 30);
        assert_eq!(all.len(), TOLD + 2, "the older ones together, the newer ones one by one, and the one on time");
        let Due::Missed(_, count, _) = &all[0] else { panic!("missed") };
        assert_eq!(*count as usize + TOLD + 1, 365 * 1_440);
        assert!(all.windows(2).all(|w| w[0].planned_at() < w[1].planned_at()));
    }

    #[test]
    fn jitter_spreads_and_never_changes() {
        let jittered = spec(|s| s.jitter_secs = 120);
        let by = jitter(Uuid::from_u128(7), t(300), 120);
        assert_eq!(by, jitter(Uuid::from_u128(7), t(300), 120));
        assert!(by <= TimeDelta::seconds(120));
        let starts = (t(300) + by).timestamp() - t(0).timestamp();
        assert_eq!(ask(&jittered, 0, starts - 1), []);
        assert_eq!(ask(&jittered, 0, starts + 1), [Due::Start(t(300))]);
        let spread: std::collections::BTreeSet<i64> =
            (0..50).map(|n| jitter(Uuid::from_u128(n), t(300), 120).num_seconds() / 30).collect();
        assert_eq!(spread.len(), 4, "over the whole width");
    }

    #[test]
    fn wrong_fields_are_named() {
        let wrong = spec(|s| {
            s.cron = "x".to_owned();
            s.time_zone = "Mars".to_owned();
            s.jitter_secs = 9_999;
            s.misfire_grace_secs = 1;
            s.target = Some("a\nb".to_owned());
        });
        let fields: Vec<String> = wrong.validate().into_iter().map(|w| w.field).collect();
        assert_eq!(fields, ["cron", "time_zone", "misfire_grace_secs", "jitter_secs", "target"]);
    }
}
