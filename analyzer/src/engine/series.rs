//! One series under watch: its detector, its recent rows and its open anomaly.

use super::key;
use crate::detect::{self, Detector, Lang, Operator, Score, Spec, explain};
use domain::Labels;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, ChartPoint, Evidence, Recovery};
use domain::catalog::{Comparison, DetectorSpec, Direction, Monitor};
use domain::clock::from_millis;
use std::collections::VecDeque;

/// Rows kept in memory for the chart of an anomaly that may open.
const CHART_ROWS: usize = 180;
/// Healthy rows in a row that close an anomaly.
const CALM_ROWS: u32 = 3;
/// Rows after which a learned series is no longer young. A young one opens only on what is far outside its band:
/// few rows say little about the tails.
const YOUNG_ROWS: u32 = 240;
/// Strength of an event that is told by itself (`docs/detection-log.md`: weaker records are frequent on healthy noise).
const STRONG: f64 = 0.75;
/// How long a chart goes on after its anomaly closed, milliseconds.
const CHART_TAIL_MS: i64 = 300_000;

/// What one row did.
#[derive(Debug, Default)]
pub(crate) struct RowEffect {
    /// The anomaly, when it opened, changed or closed on this row.
    pub changed: Option<Anomaly>,
    /// It opened on this row.
    pub opened: bool,
    /// It closed on this row.
    pub closed: bool,
}

/// A series under watch.
#[derive(Debug)]
pub(crate) struct SeriesState {
    pub(crate) key: String,
    pub(crate) labels: Labels,
    pub(crate) entity: String,
    pub(crate) last_ms: i64,
    pub(crate) last_value: f64,
    pub(crate) learning: bool,
    detector: Box<dyn Detector>,
    rows: VecDeque<ChartPoint>,
    pub(crate) open: Option<Anomaly>,
    charted: Option<(domain::Id, i64)>,
    calm: u32,
    seen: u32,
}

/// The detector that a monitor asks for.
fn spec_of(monitor: &Monitor) -> Spec {
    let config = detect::Config {
        sensitivity: monitor.spec.sensitivity,
        step_hint_ms: i64::from(monitor.spec.interval_secs) * 1_000,
        ..detect::Config::default()
    };
    match monitor.spec.detector {
        DetectorSpec::Threshold { op, value, for_secs } => Spec::Threshold {
            operator: match op {
                Comparison::Gt => Operator::Above,
                Comparison::Ge => Operator::AtLeast,
                Comparison::Lt => Operator::Below,
                Comparison::Le => Operator::AtMost,
            },
            limit: value,
            for_ms: i64::from(for_secs) * 1_000,
            kind: detect::Kind::Gauge,
        },
        DetectorSpec::Absence { after_secs } => Spec::Absence { for_ms: i64::from(after_secs) * 1_000 },
        DetectorSpec::Learned | DetectorSpec::Logs => Spec::Series(config),
    }
}

/// The kind of anomaly that a monitor's detector reports.
fn kind_of(monitor: &Monitor) -> AnomalyKind {
    match monitor.spec.detector {
        DetectorSpec::Threshold { .. } => AnomalyKind::Threshold,
        DetectorSpec::Absence { .. } => AnomalyKind::Absence,
        DetectorSpec::Learned | DetectorSpec::Logs if monitor.spec.query.contains("rate(") => AnomalyKind::Rate,
        DetectorSpec::Learned | DetectorSpec::Logs => AnomalyKind::Level,
    }
}

impl SeriesState {
    /// A series that has seen nothing yet.
    pub(crate) fn new(monitor: &Monitor, labels: &Labels) -> Self {
        Self {
            key: key::series(monitor.id, labels),
            labels: labels.clone(),
            entity: key::entity(labels, &monitor.spec.entity_labels, &monitor.name),
            last_ms: i64::MIN,
            last_value: f64::NAN,
            learning: true,
            detector: detect::build(&spec_of(monitor)),
            rows: VecDeque::with_capacity(CHART_ROWS),
            open: None,
            charted: None,
            calm: 0,
            seen: 0,
        }
    }

    /// Scores one row and moves the anomaly along.
    pub(crate) fn push(&mut self, monitor: &Monitor, at_ms: i64, value: f64, may_open: bool) -> RowEffect {
        if at_ms <= self.last_ms {
            return RowEffect::default();
        }
        let score = self.detector.push(at_ms, value);
        self.last_ms = at_ms;
        self.last_value = value;
        self.learning = score.learning;
        self.seen = self.seen.saturating_add(1);
        self.remember(at_ms, value, &score);
        if score.skip.is_some() {
            return RowEffect::default();
        }
        if self.open.is_some() {
            return self.go_on(at_ms, &score);
        }
        let wanted = match monitor.spec.direction {
            Direction::Both => true,
            Direction::Up => score.observed >= score.expected,
            Direction::Down => score.observed <= score.expected,
        };
        if score.open && !score.learning && wanted && may_open && self.convincing(&score) {
            return self.begin(monitor, at_ms, &score);
        }
        RowEffect::default()
    }

    /// Whether an event of the ensemble is one to tell people about. Rules (threshold, absence) always are.
    fn convincing(&self, score: &Score) -> bool {
        use detect::View as V;
        if matches!(score.view, V::Threshold | V::Absence | V::ErrorRate) {
            return true;
        }
        if score.event < STRONG {
            return false;
        }
        let half = (0.5 * (score.upper - score.lower)).max(f64::EPSILON);
        let outside = (score.observed - score.upper).max(score.lower - score.observed) / half;
        if self.seen < YOUNG_ROWS { outside > 1.0 } else { outside > 0.0 || matches!(score.view, V::Spread | V::Shape) }
    }

    fn remember(&mut self, at_ms: i64, value: f64, score: &Score) {
        if self.rows.len() == CHART_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(ChartPoint {
            at_ms,
            value: value.is_finite().then_some(score.observed),
            lower: (!score.learning).then_some(score.lower),
            upper: (!score.learning).then_some(score.upper),
            score: score.point,
        });
    }

    fn begin(&mut self, monitor: &Monitor, at_ms: i64, score: &Score) -> RowEffect {
        let started_at = from_millis(at_ms);
        let name = title(monitor, &self.labels);
        let anomaly = Anomaly {
            id: key::id(started_at, &self.key),
            monitor_id: monitor.id,
            monitor_name: monitor.name.clone(),
            series_key: self.key.clone(),
            entity: self.entity.clone(),
            labels: self.labels.clone(),
            signal: monitor.spec.signal,
            kind: kind_of(monitor),
            state: AnomalyState::Open,
            started_at,
            last_seen_at: started_at,
            ended_at: None,
            score: score.event.max(score.point),
            observed: score.observed,
            expected: score.expected,
            lower: score.lower,
            upper: score.upper,
            evidence: Evidence {
                en: explain(score, &name, &monitor.spec.unit, Lang::En),
                zh: explain(score, &name, &monitor.spec.unit, Lang::Zh),
                samples: Vec::new(),
            },
            recovery: recovery(monitor, &self.labels, score),
            incident_id: None,
        };
        self.calm = 0;
        self.open = Some(anomaly.clone());
        self.charted = None;
        RowEffect { changed: Some(anomaly), opened: true, closed: false }
    }

    fn go_on(&mut self, at_ms: i64, score: &Score) -> RowEffect {
        let Some(anomaly) = self.open.as_mut() else { return RowEffect::default() };
        if within(&anomaly.recovery, score.observed).unwrap_or(!score.open) {
            self.calm += 1;
            if self.calm < CALM_ROWS {
                return RowEffect::default();
            }
            anomaly.state = AnomalyState::Closed;
            anomaly.ended_at = Some(from_millis(at_ms));
            let closed = self.open.take();
            self.charted = self.charted.map(|(id, _)| (id, at_ms + CHART_TAIL_MS));
            return RowEffect { changed: closed, opened: false, closed: true };
        }
        self.calm = 0;
        anomaly.last_seen_at = from_millis(at_ms);
        let strength = score.event.max(score.point);
        if strength > anomaly.score {
            anomaly.score = strength;
            anomaly.observed = score.observed;
        }
        RowEffect { changed: Some(anomaly.clone()), opened: false, closed: false }
    }

    /// Chart rows to store for the anomaly, those after `since_ms`; all that are kept when it just opened.
    pub(crate) fn chart_rows(&mut self, since_ms: i64) -> Option<(domain::Id, Vec<ChartPoint>)> {
        let first = match (&self.open, self.charted) {
            (Some(anomaly), None) => {
                self.charted = Some((anomaly.id, i64::MAX));
                i64::MIN
            }
            _ => since_ms,
        };
        let (id, until) = self.charted?;
        if first > until {
            self.charted = None;
            return None;
        }
        let rows: Vec<_> = self.rows.iter().filter(|r| r.at_ms > first).copied().collect();
        (!rows.is_empty()).then_some((id, rows))
    }

    /// Takes over an anomaly that was open before a restart.
    pub(crate) fn adopt(&mut self, anomaly: Anomaly) {
        self.charted = Some((anomaly.id, i64::MAX));
        self.open = Some(anomaly);
    }

    /// Versioned memory for a restart.
    pub(crate) fn snapshot(&self) -> serde_json::Value {
        serde_json::json!({
            "v": 1, "labels": self.labels, "last_ms": self.last_ms, "seen": self.seen, "detector": self.detector.snapshot(),
        })
    }

    /// The series from a memory; `None` when it is of another version or detector: it then learns anew.
    pub(crate) fn restore(monitor: &Monitor, saved: &serde_json::Value) -> Option<Self> {
        if saved.get("v")?.as_i64()? != 1 {
            return None;
        }
        let labels: Labels = serde_json::from_value(saved.get("labels")?.clone()).ok()?;
        let mut state = Self::new(monitor, &labels);
        state.last_ms = saved.get("last_ms")?.as_i64()?;
        state.seen = u32::try_from(saved.get("seen")?.as_u64()?).ok()?;
        state.detector.restore(saved.get("detector")?).ok()?;
        Some(state)
    }
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

/// When the series counts as recovered: back inside a band somewhat wider than the expected one, but clearly nearer
/// to it than to what was observed.
fn recovery(monitor: &Monitor, labels: &Labels, score: &Score) -> Recovery {
    let (mut lower, mut upper) = (f64::MIN, f64::MAX);
    match monitor.spec.detector {
        DetectorSpec::Threshold { op, value, .. } => match op {
            Comparison::Gt | Comparison::Ge => upper = value,
            Comparison::Lt | Comparison::Le => lower = value,
        },
        DetectorSpec::Absence { .. } => return Recovery::Closed,
        DetectorSpec::Learned | DetectorSpec::Logs => {
            let slack = 0.5 * (score.upper - score.lower);
            if score.observed >= score.expected {
                upper = (score.upper + slack).min(f64::midpoint(score.upper, score.observed)).max(score.upper);
                lower = if monitor.spec.direction == Direction::Up { f64::MIN } else { score.lower - 2.0 * slack };
            } else {
                lower = (score.lower - slack).max(f64::midpoint(score.lower, score.observed)).min(score.lower);
                upper = if monitor.spec.direction == Direction::Down { f64::MAX } else { score.upper + 2.0 * slack };
            }
        }
    }
    Recovery::Band {
        source_id: monitor.spec.source_id,
        query: monitor.spec.query.clone(),
        labels: labels.clone(),
        lower,
        upper,
    }
}

/// Whether `value` satisfies the criterion; `None` when the criterion is not a band.
fn within(recovery: &Recovery, value: f64) -> Option<bool> {
    match recovery {
        Recovery::Band { lower, upper, .. } => Some(value >= *lower && value <= *upper),
        Recovery::Closed => None,
    }
}
