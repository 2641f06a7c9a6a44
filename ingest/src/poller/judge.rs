//! What a poll says about its monitor and its source: pure functions from answers to states.

use super::plan::Window;
use domain::signal::{Completeness, MetricAnswer, Series};
use domain::status::Health;
use domain::{Error, Kind, Time};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// State, sentence and facts for a status row.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The state.
    pub health: Health,
    /// Why, and what to do; empty when healthy.
    pub message: String,
    /// Facts.
    pub details: Value,
}

/// Keeps at most `max` series, those known before first, then by labels; returns how many were left out. The order is
/// that of the answer when none is.
pub fn cap(series: &mut Vec<Series>, max: usize, known: &mut HashSet<u64>) -> usize {
    let excess = series.len().saturating_sub(max);
    if excess > 0 {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series.sort_by_key(|s| !known.contains(&key(s)));
        series.truncate(max);
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    known.clear();
    known.extend(series.iter().map(key));
    excess
}

fn key(series: &Series) -> u64 {
    let mut hasher = DefaultHasher::new();
    series.labels.hash(&mut hasher);
    hasher.finish()
}

/// Judges a metric answer from which `left_out` series were cut.
#[must_use]
pub fn metrics(answer: &MetricAnswer, left_out: usize, window: &Window, now: Time) -> Judgement {
    let valued = answer.series.iter().filter(|s| s.points.iter().any(|p| !p.value.is_nan())).count();
    let mut details = facts(window, now);
    details["series"] = json!(answer.series.len());
    details["series_without_value"] = json!(answer.series.len() - valued);
    details["left_out"] = json!(left_out);
    let (health, message) = match &answer.completeness {
        Completeness::Partial(why) => {
            (Health::Partial, format!("partial answer: {why}; nothing is concluded from what is missing"))
        }
        Completeness::Complete if answer.series.is_empty() => (
            Health::NoData,
            "the query yields no series; check that its metric is scraped and that something matches its filter"
                .to_owned(),
        ),
        Completeness::Complete if valued == 0 => {
            (Health::NoData, "the query yields no value (NaN); there may be no traffic".to_owned())
        }
        Completeness::Complete => (Health::Ok, String::new()),
    };
    Judgement { health, message, details }
}

/// Judges a log answer of `lines` lines.
#[must_use]
pub fn logs(lines: usize, malformed: u64, completeness: &Completeness, window: &Window, now: Time) -> Judgement {
    let mut details = facts(window, now);
    details["lines"] = json!(lines);
    details["malformed"] = json!(malformed);
    let (health, message) = match completeness {
        Completeness::Partial(why) => {
            (Health::Partial, format!("partial answer: {why}; nothing is concluded from what is missing"))
        }
        Completeness::Complete => (Health::Ok, String::new()),
    };
    Judgement { health, message, details }
}

/// Judges a log search whose index does not exist: there is no data, the source is well.
#[must_use]
pub fn no_index(error: &Error, window: &Window, now: Time) -> Judgement {
    Judgement { health: Health::NoData, message: error.message.clone(), details: facts(window, now) }
}

/// Judges a poll that waits because the clock was set back by `secs` seconds.
#[must_use]
pub fn clock_set_back(secs: i64) -> Judgement {
    let text =
        "the clock was set back: what was read last lies ahead of it; the poll waits until then, check the time here";
    Judgement { health: Health::NoData, message: text.to_owned(), details: json!({ "ahead_secs": secs }) }
}

/// A monitor that waits for its turn to read history.
#[must_use]
pub fn waits_for_history() -> Judgement {
    let message = "waits for its turn to learn from history".to_owned();
    Judgement { health: Health::Learning, message, details: json!({ "history_share": 0.0 }) }
}

/// A monitor that reads history and has read `share` of it; `partial` windows taught nothing.
#[must_use]
pub fn history(share: f64, partial: u64, series: usize, window: &Window, now: Time) -> Judgement {
    let percent = (share * 100.0).floor();
    let mut message = format!("learning from history: {percent} %");
    if partial > 0 {
        message.push_str(&format!("; {partial} windows were answered in part and teach nothing"));
    }
    let mut details = facts(window, now);
    details["history_share"] = json!(share);
    details["series"] = json!(series);
    Judgement { health: Health::Learning, message, details }
}

/// Judges a failed poll.
#[must_use]
pub fn failed(error: &Error) -> Judgement {
    Judgement { health: Health::SourceError, message: error.message.clone(), details: json!({ "kind": error.kind }) }
}

/// State of the source after an answer (`None`) or an error; a wrong query is not the source's fault.
#[must_use]
pub fn source(error: Option<&Error>, monitor: Health) -> Option<Health> {
    match error.map(|e| e.kind) {
        None if monitor == Health::Partial => Some(Health::Partial),
        None | Some(Kind::Invalid | Kind::NotFound) => Some(Health::Ok),
        Some(Kind::Timeout | Kind::Unavailable | Kind::Unauthenticated | Kind::Forbidden | Kind::TooMany) => {
            Some(Health::SourceError)
        }
        Some(Kind::Conflict | Kind::Internal) => None,
    }
}

fn facts(window: &Window, now: Time) -> Value {
    json!({
        "lag_ms": (now - window.to).num_milliseconds().max(0),
        "covered_to": window.to,
        "gap_skipped_secs": window.skipped_secs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use domain::signal::Point;

    fn one(name: &str, value: f64) -> Series {
        Series { labels: [("a".to_owned(), name.to_owned())].into(), points: vec![Point { at_ms: 1, value }] }
    }

    fn window() -> Window {
        Window { from: from_millis(0), to: from_millis(1_000), skipped_secs: 0 }
    }

    fn judged(series: Vec<Series>, completeness: Completeness) -> Judgement {
        metrics(&MetricAnswer { series, completeness }, 0, &window(), from_millis(3_000))
    }

    #[test]
    fn unknown_is_told_apart() {
        assert_eq!(judged(vec![one("x", 1.0)], Completeness::Complete).health, Health::Ok);
        assert_eq!(judged(vec![one("x", f64::NAN)], Completeness::Complete).health, Health::NoData);
        assert_eq!(judged(vec![], Completeness::Complete).health, Health::NoData);
        let partial = judged(vec![], Completeness::Partial("store eu-2 unreachable".into()));
        assert_eq!((partial.health, partial.message.contains("store eu-2 unreachable")), (Health::Partial, true));
        assert_eq!(partial.details["lag_ms"], 2_000);
    }

    #[test]
    fn the_cap_keeps_known_series() {
        let mut known = HashSet::new();
        let mut first = vec![one("b", 1.0), one("c", 1.0)];
        assert_eq!(cap(&mut first, 2, &mut known), 0);
        let mut second = vec![one("a", 1.0), one("b", 1.0), one("c", 1.0), one("d", 1.0)];
        assert_eq!(cap(&mut second, 2, &mut known), 2);
        assert_eq!(second, first);
    }

    #[test]
    fn a_wrong_query_leaves_the_source_well() {
        let of = |kind| source(Some(&Error::new(kind, "x")), Health::SourceError);
        assert_eq!(of(Kind::Invalid), Some(Health::Ok));
        assert_eq!(of(Kind::Timeout), Some(Health::SourceError));
        assert_eq!(of(Kind::Internal), None);
        assert_eq!(source(None, Health::NoData), Some(Health::Ok));
        assert_eq!(source(None, Health::Partial), Some(Health::Partial));
    }
}
