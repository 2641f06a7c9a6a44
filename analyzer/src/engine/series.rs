//! One series under watch: its labels, its recent rows and its judges.

use super::lane::{Lane, Setting, Subject};
use super::ring::Ring;
use super::{Scored, key, pack};
use crate::detect::ShapeModel;
use chrono::TimeDelta;
use domain::anomaly::{Anomaly, ChartPoint};
use domain::catalog::Monitor;
use domain::clock::from_millis;
use domain::ports::StateRow;
use domain::signal::Point;
use domain::{Labels, Time};

/// A memory of a series that has not come for so long is given up: it learns anew.
pub(crate) const FORGET: TimeDelta = TimeDelta::days(30);
/// Elapsed time in which a series' standing (the rows it has seen) halves.
const STANDING_HALF_DAYS: f64 = 7.0;

/// A series under watch.
#[derive(Debug)]
pub(crate) struct SeriesState {
    pub(crate) key: Box<str>,
    pub(crate) entity: Box<str>,
    /// Time of the last row, epoch milliseconds.
    pub(crate) last_ms: i64,
    pub(crate) last_value: f64,
    pub(crate) learning: bool,
    /// `last_ms` when it was stored last.
    pub(crate) stored_ms: i64,
    own: Lane,
    rules: Vec<Lane>,
    /// The labels as JSON: a map of small strings would be five times as large.
    labels: Box<str>,
    rows: Ring,
    pub(crate) seen: u32,
}

impl SeriesState {
    /// A series that has seen nothing yet, with room for `chart` rows.
    pub(crate) fn new(monitor: &Monitor, key: &str, labels: &Labels, chart: usize) -> Self {
        Self {
            key: key.into(),
            entity: key::entity(labels, &monitor.spec.entity_labels, &monitor.name).into(),
            last_ms: i64::MIN,
            last_value: f64::NAN,
            learning: true,
            stored_ms: i64::MIN,
            own: Lane::own(monitor),
            rules: Lane::rules(monitor),
            labels: serde_json::to_string(labels).unwrap_or_default().into(),
            rows: Ring::new(chart),
            seen: 0,
        }
    }

    /// Its labels.
    pub(crate) fn labels(&self) -> Labels {
        read_labels(&self.labels)
    }

    /// Scores one row by every judge; the row as the chart shows it. A row that is not newer than the last is left out.
    pub(crate) fn push(
        &mut self,
        set: &Setting<'_>,
        at_ms: i64,
        value: f64,
        scored: &mut Scored,
    ) -> Option<ChartPoint> {
        if at_ms <= self.last_ms {
            return None;
        }
        self.last_ms = at_ms;
        self.last_value = value;
        self.seen = self.seen.saturating_add(1);
        let labels = &self.labels;
        let read = || read_labels(labels);
        let subject = Subject { key: &self.key, entity: &self.entity, labels: &read, seen: self.seen };
        let (score, effect) = self.own.push(set, &subject, at_ms, value);
        self.learning = score.learning;
        scored.take(effect, self.own.severity);
        for rule in &mut self.rules {
            let (_, effect) = rule.push(set, &subject, at_ms, value);
            scored.take(effect, rule.severity);
        }
        let band = |edge: f64| (!score.learning).then_some(edge);
        let point = ChartPoint {
            at_ms,
            value: value.is_finite().then_some(score.observed),
            lower: band(score.lower),
            upper: band(score.upper),
            score: score.point,
        };
        self.rows.push(point);
        Some(self.own.seen(point))
    }

    /// History comes in long answers: their newest rows teach what is fitted off the hot path.
    pub(crate) fn learn_history(&mut self, points: &[Point]) {
        let Some(start) = points.len().checked_sub(ShapeModel::EVERY) else { return };
        let rows: Vec<(i64, f64)> = points[start..].iter().map(|p| (p.at_ms, p.value)).collect();
        self.own.learn_history(&rows);
    }

    /// The query answered without this series: the rules of absence count.
    pub(crate) fn missing(&mut self, set: &Setting<'_>, at_ms: i64, scored: &mut Scored) {
        let labels = &self.labels;
        let read = || read_labels(labels);
        let subject = Subject { key: &self.key, entity: &self.entity, labels: &read, seen: self.seen };
        let absences = std::iter::once(&mut self.own).chain(&mut self.rules).filter(|l| l.is_absence());
        for lane in absences {
            let (_, effect) = lane.push(set, &subject, at_ms, f64::NAN);
            scored.take(effect, lane.severity);
        }
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.own).chain(&self.rules)
    }

    pub(crate) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        std::iter::once(&mut self.own).chain(&mut self.rules)
    }

    pub(crate) fn has_open(&self) -> bool {
        self.lanes().any(|l| l.open.is_some())
    }

    /// Chart rows to store, those after `since_ms`, for each judge with something to show.
    pub(crate) fn chart(&mut self, since_ms: i64, scored: &mut Scored) {
        for lane in std::iter::once(&mut self.own).chain(&mut self.rules) {
            if let Some((id, first)) = lane.charts_after(since_ms) {
                let rows: Vec<_> = self.rows.after(first).map(|row| lane.seen(row)).collect();
                if !rows.is_empty() {
                    scored.points.push((id, rows));
                }
            }
        }
    }

    /// The judge that an anomaly with this key is of.
    pub(crate) fn lane_of(&mut self, series_key: &str) -> Option<&mut Lane> {
        let tail = series_key.strip_prefix(&*self.key)?;
        std::iter::once(&mut self.own).chain(&mut self.rules).find(|l| &*l.tail == tail)
    }

    /// Takes over an anomaly that was open before a restart; gives it back when it is of no judge here.
    pub(crate) fn adopt(&mut self, anomaly: Anomaly) -> Option<Anomaly> {
        match self.lane_of(&anomaly.series_key) {
            Some(lane) => {
                lane.adopt(anomaly);
                None
            }
            None => Some(anomaly),
        }
    }

    /// Versioned memory for a restart; `None` before the first row. `asked` says which question it learned from.
    pub(crate) fn memory(&mut self, monitor: &Monitor, asked: &str) -> Option<StateRow> {
        if self.last_ms == i64::MIN {
            return None;
        }
        self.stored_ms = self.last_ms;
        let rules: Vec<_> = self.rules.iter().map(|l| (&*l.tail, l.snapshot())).collect();
        let state = serde_json::json!({
            "v": 2, "asked": asked, "labels": self.labels(), "last_ms": self.last_ms, "seen": self.seen,
            "detector": self.own.snapshot(), "rules": rules,
        });
        Some(StateRow {
            monitor_id: monitor.id,
            key: self.key.to_string(),
            as_of: from_millis(self.last_ms),
            state: pack::pack(state),
        })
    }

    /// The series from a memory, aged by the time since; `None` when it is of another version, question or detector, or
    /// too old: it then learns anew.
    pub(crate) fn restore(
        monitor: &Monitor,
        asked: &str,
        saved: &serde_json::Value,
        chart: usize,
        now: Time,
    ) -> Option<Self> {
        let saved = pack::unpack(saved)?;
        if saved.get("v")?.as_i64()? != 2 || saved.get("asked")?.as_str()? != asked {
            return None;
        }
        let labels: Labels = serde_json::from_value(saved.get("labels")?.clone()).ok()?;
        let mut state = Self::new(monitor, &key::series(monitor.id, &labels), &labels, chart);
        state.last_ms = saved.get("last_ms")?.as_i64()?;
        state.stored_ms = state.last_ms;
        let age = (now - from_millis(state.last_ms)).max(TimeDelta::zero());
        if age > FORGET {
            return None;
        }
        state.seen = aged(u32::try_from(saved.get("seen")?.as_u64()?).ok()?, age);
        if !state.own.restore(saved.get("detector")?) {
            return None;
        }
        for rule in saved.get("rules").and_then(|r| r.as_array()).into_iter().flatten() {
            let (tail, memory) = (rule.get(0)?.as_str()?, rule.get(1)?);
            if let Some(lane) = state.rules.iter_mut().find(|l| &*l.tail == tail) {
                lane.restore(memory);
            }
        }
        Some(state)
    }
}

/// Rows seen, as far as they still count after `age`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is a count")]
fn aged(seen: u32, age: TimeDelta) -> u32 {
    let days = age.num_seconds().max(0) as f64 / 86_400.0;
    (f64::from(seen) * 0.5_f64.powf(days / STANDING_HALF_DAYS)).round() as u32
}

fn read_labels(json: &str) -> Labels {
    serde_json::from_str(json).unwrap_or_default()
}

/// The monitor's name with the labels that are not its entity's, for sentences.
pub(crate) fn title(monitor: &Monitor, labels: &Labels) -> String {
    let shown: Vec<String> = labels
        .iter()
        .filter(|(name, _)| !name.starts_with("__"))
        .take(4)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if shown.is_empty() { monitor.name.clone() } else { format!("{} ({})", monitor.name, shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_halves_in_a_week() {
        assert_eq!(aged(1_000, TimeDelta::days(7)), 500);
        assert_eq!(aged(1_000, TimeDelta::seconds(15)), 1_000);
    }
}
