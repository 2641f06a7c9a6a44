//! Takes samples: the recovery criterion of every anomaly, and the policy's PromQL conditions. Unknown stays unknown.

mod prom;

pub use prom::{entity_value, substitute};

use domain::anomaly::{Anomaly, AnomalyState, Recovery};
use domain::policy::VerificationSpec;
use domain::ports::{Sources, StatusStore};
use domain::signal::{Completeness, MetricAnswer};
use domain::status::{Health, Status, StatusOf};
use domain::verification::CheckSample;
use domain::{Labels, Time};

/// Anomalies that are measured at most; those with the highest score come first.
const MAX_ANOMALIES: usize = 50;

/// Where samples come from and as of when they count.
#[derive(Clone, Copy)]
pub struct Sampler<'a> {
    /// Metric sources.
    pub sources: &'a dyn Sources,
    /// States of the monitors.
    pub status: &'a dyn StatusStore,
    /// The time of the round.
    pub now: Time,
    /// Data before this says nothing: the end of the run and the settle delay. Absent for a baseline.
    pub not_before: Option<Time>,
    /// Oldest state of a monitor that counts as known, seconds.
    pub fresh_secs: u32,
}

impl std::fmt::Debug for Sampler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler").field("now", &self.now).field("not_before", &self.not_before).finish_non_exhaustive()
    }
}

/// A sample of which nothing is known, and why.
fn unknown(check: &str, at: Time, note: impl Into<String>) -> CheckSample {
    CheckSample {
        check: check.to_owned(),
        at,
        value: None,
        healthy: None,
        holds: None,
        distance: None,
        note: note.into(),
    }
}

impl Sampler<'_> {
    /// One round: every check of `spec` on `target`, given the incident's anomalies.
    pub async fn round(&self, spec: &VerificationSpec, target: &str, anomalies: &[Anomaly]) -> Vec<CheckSample> {
        let mut samples = Vec::new();
        if spec.recovery {
            let mut chosen: Vec<&Anomaly> = anomalies.iter().collect();
            chosen.sort_by(|a, b| b.score.total_cmp(&a.score));
            for anomaly in chosen.into_iter().take(MAX_ANOMALIES) {
                if anomaly.recovery != Recovery::Told {
                    samples.push(self.recovery(anomaly).await);
                }
            }
        }
        for check in &spec.checks {
            samples.push(self.prom(check, target).await);
        }
        if spec.recovery {
            // What a sender says stands beside what is measured: it can say no, and it is never the only yes.
            let told = anomalies.iter().filter(|a| a.recovery == Recovery::Told).take(MAX_ANOMALIES);
            let told: Vec<CheckSample> = told.map(|a| self.told(a)).collect();
            let alone = samples.is_empty();
            samples.extend(told.into_iter().filter(|s| alone || s.holds == Some(false)));
        }
        samples
    }

    async fn recovery(&self, anomaly: &Anomaly) -> CheckSample {
        let name = format!("{} {}", anomaly.monitor_name, anomaly.entity);
        match &anomaly.recovery {
            Recovery::Band { source_id, query, labels, lower, upper } => {
                let answer = match self.sources.metrics(*source_id).await {
                    Ok(source) => source.instant(query, self.now).await,
                    Err(e) => Err(e),
                };
                let value = answer.map_err(|e| e.to_string()).and_then(|a| self.pick(&a, labels));
                band(&name, self.now, value, *lower, *upper)
            }
            Recovery::Told => self.told(anomaly),
            Recovery::Closed => match self.status.status(StatusOf::Monitor, anomaly.monitor_id).await {
                Ok(status) => self.closed(&name, anomaly, status.as_ref()),
                Err(e) => unknown(&name, self.now, e.to_string()),
            },
        }
    }

    /// An alert that was told as firing since the run's end is not over; anything else its sender says proves nothing.
    fn told(&self, anomaly: &Anomaly) -> CheckSample {
        let name = format!("alert {} {}", anomaly.monitor_name, anomaly.entity);
        let fires = anomaly.state == AnomalyState::Open;
        if fires && self.not_before.is_none_or(|t| anomaly.last_seen_at >= t) {
            return CheckSample { holds: Some(false), distance: Some(1.0), ..unknown(&name, self.now, "it fires") };
        }
        let note = if fires {
            "told as firing before the run ended, and not again since"
        } else {
            "the sender says that it is over; nothing of ours measured it: add a check to the policy"
        };
        unknown(&name, self.now, note)
    }

    fn closed(&self, name: &str, anomaly: &Anomaly, status: Option<&Status>) -> CheckSample {
        let Some(status) = status else { return unknown(name, self.now, "the monitor was not looked at yet") };
        let seen = status.ok_at.or((status.health == Health::Learning).then_some(status.checked_at));
        let oldest = self.now - chrono::TimeDelta::seconds(i64::from(self.fresh_secs));
        match seen {
            Some(at) if at < oldest => {
                unknown(name, self.now, format!("the monitor has had no complete data since {at}"))
            }
            Some(at) if self.not_before.is_some_and(|t| at < t) => {
                unknown(name, self.now, "the monitor has had no complete data since the run ended")
            }
            None => unknown(name, self.now, format!("the monitor has no data: {}", status.message)),
            Some(_) => {
                let holds = anomaly.state == AnomalyState::Closed;
                let distance = if holds { 0.0 } else { 1.0 };
                CheckSample { holds: Some(holds), distance: Some(distance), ..unknown(name, self.now, "") }
            }
        }
    }

    /// The value of the series with these labels: exactly these, or else the only one that carries all of them.
    fn pick(&self, answer: &MetricAnswer, labels: &Labels) -> Result<f64, String> {
        let points = self.points(answer)?;
        let plain = |l: &Labels| {
            l.iter().filter(|(k, _)| *k != "__name__").map(|(k, v)| (k.clone(), v.clone())).collect::<Labels>()
        };
        let wanted = plain(labels);
        let exact = points.iter().find(|(l, _)| plain(l) == wanted);
        let mut wider = points.iter().filter(|(l, _)| wanted.iter().all(|(k, v)| l.get(k) == Some(v)));
        let found = exact.or_else(|| match (wider.next(), wider.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        });
        found.map(|(_, v)| *v).ok_or_else(|| "the series has no data".to_owned())
    }

    /// Labels and newest value of every series; an error when any of it cannot be trusted.
    fn points<'a>(&self, answer: &'a MetricAnswer) -> Result<Vec<(&'a Labels, f64)>, String> {
        if let Completeness::Partial(why) = &answer.completeness {
            return Err(format!("the source answered only in part: {why}"));
        }
        let not_before = self.not_before.map_or(i64::MIN, |t| t.timestamp_millis());
        let newest = answer.series.iter().filter_map(|s| Some((&s.labels, s.points.last()?)));
        newest
            .filter(|(_, p)| p.value.is_finite())
            .map(|(labels, p)| {
                if p.at_ms < not_before {
                    return Err("the sample is older than the end of the run".to_owned());
                }
                Ok((labels, p.value))
            })
            .collect()
    }
}

/// A bound of this size or more is none.
const OPEN_END: f64 = 1e300;
/// Largest distance that is told apart: a band without width would make any value infinitely far.
const FARTHEST: f64 = 10.0;

/// A sample against a band; distance in units of the band's width, at most [`FARTHEST`].
fn band(name: &str, at: Time, value: Result<f64, String>, lower: f64, upper: f64) -> CheckSample {
    // JSON has no infinity: an open end is stored as the largest number.
    let lower = if lower <= -OPEN_END { f64::NEG_INFINITY } else { lower };
    let upper = if upper >= OPEN_END { f64::INFINITY } else { upper };
    let healthy = Some((lower.is_finite().then_some(lower), upper.is_finite().then_some(upper)));
    match value {
        Err(note) => CheckSample { healthy, ..unknown(name, at, note) },
        Ok(value) => {
            let outside = (lower - value).max(value - upper).max(0.0);
            let width = (upper - lower).abs();
            let scale =
                [width, upper.abs() * 0.05, lower.abs() * 0.05].into_iter().filter(|w| w.is_finite() && *w > 0.0);
            let scale = scale.fold(1e-9, f64::max);
            CheckSample {
                check: name.to_owned(),
                at,
                value: Some(value),
                healthy,
                holds: Some(outside == 0.0 && !value.is_nan()),
                distance: Some((outside / scale).min(FARTHEST)),
                note: String::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests;
