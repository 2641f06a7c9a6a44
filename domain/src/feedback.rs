//! What people and measured verdicts said of anomalies, and how much less keen it makes a monitor. Pure.
//!
//! An opinion is about one *fingerprint*: the series, the way it left its band and the view that saw it. Noise raises the
//! strength an event must have to be told, useful takes that back; opinions fade (half of one is left after 30 days), and
//! all of them together take at most four steps of the sensitivity. Rules (limits, absence) are never touched: a rule
//! does what it says, so edit or mute it.

use crate::anomaly::Anomaly;
use crate::{Id, Time};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

/// Steps of sensitivity that opinions take at most.
pub const MOST_STEPS: f64 = 4.0;
/// Steps that recoveries by themselves, which nobody judged, take at most.
pub const MOST_BY_ITSELF: f64 = 1.0;
/// An opinion counts half after so many days.
pub const HALF_LIFE_DAYS: f64 = 30.0;
/// Opinions older than this are read no more: less than 2 % of them is left.
pub const MEMORY_DAYS: i64 = 180;

/// What is said of an anomaly.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// Worth having been told.
    Useful,
    /// Not worth it.
    Noise,
}

/// Who says so.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// A person.
    Person,
    /// The verdict `fixed`: an action cured it, so it was real; or everything was healthy before the action already, so
    /// there was nothing to cure.
    Verdict,
    /// It closed before anybody acted; weak evidence of noise.
    ByItself,
}

/// One opinion on one anomaly; a voice that speaks again replaces what it said before.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// UUIDv7.
    pub id: Uuid,
    /// The anomaly.
    pub anomaly_id: Uuid,
    /// Its monitor.
    pub monitor_id: Uuid,
    /// Its series.
    pub series_key: String,
    /// What it is remembered by: series, way and view.
    pub fingerprint: String,
    /// What is said.
    pub opinion: Opinion,
    /// Who says so.
    pub voice: Voice,
    /// Login name, or the stage of the product.
    pub by: String,
    /// A remark.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an anomaly is remembered by.
#[must_use]
pub fn fingerprint(anomaly: &Anomaly) -> String {
    format!("{}|{}|{}", anomaly.series_key, anomaly.evidence.way, anomaly.evidence.view)
}

impl Feedback {
    /// An opinion on `anomaly`.
    #[must_use]
    pub fn of(anomaly: &Anomaly, opinion: Opinion, voice: Voice, by: &str, at: Time) -> Self {
        Self {
            id: crate::new_id(),
            anomaly_id: anomaly.id,
            monitor_id: anomaly.monitor_id,
            series_key: anomaly.series_key.clone(),
            fingerprint: fingerprint(anomaly),
            opinion,
            voice,
            by: by.to_owned(),
            comment: String::new(),
            at,
        }
    }

    /// The part of it that is left at `now`, 0..1.
    #[must_use]
    pub fn left(&self, now: Time) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "days, far below 2^52 milliseconds")]
        let days = (now - self.at).num_milliseconds().max(0) as f64 / 86_400_000.0;
        0.5_f64.powf(days / HALF_LIFE_DAYS)
    }
}

/// Steps that one opinion of a person on `said` takes from an event that would be remembered by `fingerprint`.
fn weight(said: &Feedback, series_key: &str, fingerprint: &str) -> f64 {
    // Everything but the view: the same series going the same way.
    let way = |f: &str| f.rsplit_once('|').map(|(head, _)| head.to_owned());
    let steps = if said.fingerprint == fingerprint {
        1.5
    } else if said.series_key != series_key {
        0.25
    } else if way(&said.fingerprint) == way(fingerprint) {
        1.0
    } else {
        0.5
    };
    match said.voice {
        Voice::Person => steps,
        Voice::Verdict => 0.5 * steps,
        Voice::ByItself => 0.1 * steps,
    }
}

/// Steps of sensitivity that `history` (all opinions on one monitor) takes from an event that would be remembered by
/// `fingerprint`: 0 for none, at most [`MOST_STEPS`]. What a person says of an anomaly counts instead of what the product
/// concluded of it.
#[must_use]
pub fn margin(history: &[Feedback], series_key: &str, fingerprint: &str, now: Time) -> f64 {
    let mut said: HashMap<Id, &Feedback> = HashMap::new();
    for one in history {
        let rank = |f: &Feedback| (f.voice == Voice::Person, f.voice == Voice::Verdict, f.at);
        let known = said.entry(one.anomaly_id).or_insert(one);
        if rank(one) > rank(known) {
            *known = one;
        }
    }
    let (mut judged, mut by_itself) = (0.0, 0.0);
    for one in said.values() {
        let steps = weight(one, series_key, fingerprint) * one.left(now);
        match (one.opinion, one.voice) {
            (Opinion::Noise, Voice::ByItself) => by_itself += steps,
            (Opinion::Noise, _) => judged += steps,
            (Opinion::Useful, _) => judged -= steps,
        }
    }
    (judged + f64::min(by_itself, MOST_BY_ITSELF)).clamp(0.0, MOST_STEPS)
}

/// The sensitivity that is left of a monitor's setting: 1..10, as a number with a fraction.
#[must_use]
pub fn effective(sensitivity: u8, margin: f64) -> f64 {
    (f64::from(sensitivity.clamp(1, 10)) - margin).clamp(1.0, 10.0)
}

/// The strength (0..1) from which an event is told at a sensitivity: 0.5 at 10, 0.75 at 5, 0.92 at 1.
///
/// A strength of 0.5 is just beyond all that was seen, 0.75 a fifth of the known range beyond it, 0.92 a whole range.
#[must_use]
pub fn bar(sensitivity: f64) -> f64 {
    if sensitivity >= 5.0 { 0.75 - 0.05 * (sensitivity - 5.0) } else { 0.75 + 0.0425 * (5.0 - sensitivity) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use chrono::TimeDelta;

    fn said(anomaly: u128, series: &str, tail: &str, opinion: Opinion, voice: Voice, at: Time) -> Feedback {
        Feedback {
            id: Uuid::from_u128(anomaly),
            anomaly_id: Uuid::from_u128(anomaly),
            monitor_id: Uuid::from_u128(1),
            series_key: series.to_owned(),
            fingerprint: format!("{series}|{tail}"),
            opinion,
            voice,
            by: "ann".to_owned(),
            comment: String::new(),
            at,
        }
    }

    fn now() -> Time {
        from_millis(1_800_000_000_000)
    }

    #[test]
    fn noise_takes_steps_useful_gives_them_back_and_both_are_bounded() {
        let noise = |n| said(n, "a", "up|record", Opinion::Noise, Voice::Person, now());
        let useful = said(99, "a", "up|record", Opinion::Useful, Voice::Person, now());
        let of = |history: &[Feedback]| margin(history, "a", "a|up|record", now());
        assert!((of(&[noise(1)]) - 1.5).abs() < 1e-9);
        assert!(of(&[noise(1), useful.clone()]).abs() < 1e-9);
        assert!(of(std::slice::from_ref(&useful)).abs() < 1e-9, "never keener than what was set");
        let many: Vec<Feedback> = (0..50).map(noise).collect();
        assert!((of(&many) - MOST_STEPS).abs() < 1e-9);
        assert!((effective(5, of(&many)) - 1.0).abs() < 1e-9 && (effective(2, 4.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_nearer_the_more_it_counts() {
        let noise = [said(1, "a", "up|record", Opinion::Noise, Voice::Person, now())];
        let of = |series: &str, print: &str| margin(&noise, series, print, now());
        let steps = [of("a", "a|up|record"), of("a", "a|up|jump"), of("a", "a|down|jump"), of("b", "b|up|record")];
        assert_eq!(steps, [1.5, 1.0, 0.5, 0.25]);
    }

    #[test]
    fn opinions_fade() {
        let old = [said(1, "a", "up|record", Opinion::Noise, Voice::Person, now() - TimeDelta::days(30))];
        assert!((margin(&old, "a", "a|up|record", now()) - 0.75).abs() < 1e-9);
        assert!(margin(&old, "a", "a|up|record", now() + TimeDelta::days(MEMORY_DAYS)) < 0.02);
    }

    #[test]
    fn a_person_outweighs_what_was_concluded_and_silence_takes_one_step_at_most() {
        let itself: Vec<Feedback> =
            (0..100).map(|n| said(n, "a", "up|record", Opinion::Noise, Voice::ByItself, now())).collect();
        assert!((margin(&itself, "a", "a|up|record", now()) - MOST_BY_ITSELF).abs() < 1e-9);
        let mut one = vec![itself[0].clone()];
        one.push(Feedback { voice: Voice::Person, opinion: Opinion::Useful, ..itself[0].clone() });
        assert!(margin(&one, "a", "a|up|record", now()).abs() < 1e-9);
    }

    #[test]
    fn the_bar_rises_as_the_sensitivity_falls() {
        let bars: Vec<f64> = (1..=10).map(|s| bar(f64::from(s))).collect();
        assert!(bars.windows(2).all(|w| w[0] > w[1]), "{bars:?}");
        assert!((bars[0] - 0.92).abs() < 1e-9 && (bars[4] - 0.75).abs() < 1e-9 && (bars[9] - 0.5).abs() < 1e-9);
    }
}
