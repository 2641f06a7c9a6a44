//! One judge of a series, learned or a rule, and the episode it has open.

use super::{counter, key};
use crate::detect::{self, Detector, Lang, Operator, Score, Spec, View, explain};
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, ChartPoint, Evidence, Recovery};
use domain::catalog::{Comparison, DetectorSpec, Direction, Monitor, Rule};
use domain::clock::from_millis;
use domain::feedback::{self, Feedback};
use domain::incident::Severity;
use domain::{Id, Labels, Time};

/// Healthy rows in a row that close an anomaly.
const CALM_ROWS: u32 = 3;
/// Rows after which a learned series is no longer young. A young one opens only on what is far outside its band:
/// few rows say little about the tails.
const YOUNG_ROWS: u32 = 240;
/// How long a chart goes on after its anomaly closed, milliseconds.
const CHART_TAIL_MS: i64 = 300_000;

/// What one row did.
#[derive(Debug, Default)]
pub(crate) struct RowEffect {
    /// The anomaly, when it opened, changed or closed on this row.
    pub changed: Option<Anomaly>,
    /// It opened on this row, or from this row on people may be told.
    pub opened: bool,
    /// It closed on this row.
    pub closed: bool,
}

/// What a row is judged with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) monitor: &'a Monitor,
    /// What was said of the monitor's anomalies.
    pub(crate) history: &'a [Feedback],
    pub(crate) now: Time,
    /// Rows from here on may open an anomaly, epoch milliseconds.
    pub(crate) news: i64,
    /// Why what opens is not told; empty when it is.
    pub(crate) muted: &'a str,
}

/// What the series says of itself when something opens.
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a str,
    pub(crate) entity: &'a str,
    pub(crate) labels: &'a dyn Fn() -> Labels,
    pub(crate) seen: u32,
}

/// A judge with its open episode.
#[derive(Debug)]
pub(crate) struct Lane {
    /// What its anomalies' keys end with; empty for the monitor's own detector.
    pub(crate) tail: Box<str>,
    pub(crate) severity: Severity,
    pub(crate) open: Option<Box<Anomaly>>,
    spec: DetectorSpec,
    detector: Box<dyn Detector>,
    charted: Option<(Id, i64)>,
    calm: u32,
}

/// The detector for a specification, with the monitor's settings.
fn spec_of(detector: &DetectorSpec, monitor: &Monitor) -> Spec {
    let config = detect::Config {
        kind: if counter::is_raw(monitor) { detect::Kind::Counter } else { detect::Kind::Gauge },
        sensitivity: monitor.spec.sensitivity,
        step_hint_ms: i64::from(monitor.spec.interval_secs) * 1_000,
        ..detect::Config::default()
    };
    match *detector {
        DetectorSpec::Threshold { op, value, for_secs, .. } => Spec::Threshold {
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

/// A rule's part of a key, the same as long as the rule says the same.
fn tail_of(rule: &Rule) -> String {
    match rule.detector() {
        DetectorSpec::Threshold { op, value, for_secs, .. } => {
            let op = match op {
                Comparison::Gt => "gt",
                Comparison::Ge => "ge",
                Comparison::Lt => "lt",
                Comparison::Le => "le",
            };
            format!("#{op} {value} for {for_secs}")
        }
        DetectorSpec::Absence { after_secs } => format!("#absent {after_secs}"),
        DetectorSpec::Learned | DetectorSpec::Logs => "#".to_owned(),
    }
}

impl Lane {
    /// The monitor's own detector.
    pub(crate) fn own(monitor: &Monitor) -> Self {
        Self::new(String::new(), monitor.spec.detector.clone(), monitor.spec.severity, monitor)
    }

    /// Its rules.
    pub(crate) fn rules(monitor: &Monitor) -> Vec<Self> {
        let severity = |rule: &Rule| rule.severity().unwrap_or(monitor.spec.severity);
        let all = monitor.spec.rules.iter();
        all.map(|rule| Self::new(tail_of(rule), rule.detector(), severity(rule), monitor)).collect()
    }

    fn new(tail: String, spec: DetectorSpec, severity: Severity, monitor: &Monitor) -> Self {
        let detector = detect::build(&spec_of(&spec, monitor));
        Self { tail: tail.into(), severity, open: None, spec, detector, charted: None, calm: 0 }
    }

    pub(crate) fn is_absence(&self) -> bool {
        matches!(self.spec, DetectorSpec::Absence { .. })
    }

    fn is_learned(&self) -> bool {
        matches!(self.spec, DetectorSpec::Learned | DetectorSpec::Logs)
    }

    fn kind(&self, monitor: &Monitor) -> AnomalyKind {
        match self.spec {
            DetectorSpec::Threshold { .. } => AnomalyKind::Threshold,
            DetectorSpec::Absence { .. } => AnomalyKind::Absence,
            DetectorSpec::Learned | DetectorSpec::Logs
                if monitor.spec.query.contains("rate(") || counter::is_raw(monitor) =>
            {
                AnomalyKind::Rate
            }
            DetectorSpec::Learned | DetectorSpec::Logs => AnomalyKind::Level,
        }
    }

    /// What the detector fits on history.
    pub(crate) fn learn_history(&mut self, rows: &[(i64, f64)]) {
        self.detector.learn_history(rows);
    }

    /// Scores one row and moves the episode along.
    pub(crate) fn push(&mut self, set: &Setting<'_>, of: &Subject<'_>, at_ms: i64, value: f64) -> (Score, RowEffect) {
        let score = self.detector.push(at_ms, value);
        if score.skip.is_some() {
            return (score, RowEffect::default());
        }
        if self.open.is_some() {
            return (score, self.go_on(set, at_ms, &score));
        }
        let wanted = match set.monitor.spec.direction {
            Direction::Up if self.is_learned() => score.observed >= score.expected,
            Direction::Down if self.is_learned() => score.observed <= score.expected,
            _ => true,
        };
        let news = at_ms >= set.news;
        if score.open && !score.learning && wanted && news && self.convincing(set, of, &score) {
            return (score, self.begin(set, of, at_ms, &score));
        }
        (score, RowEffect::default())
    }

    /// Whether an event of the ensemble is one to tell people about. Rules (threshold, absence) always are.
    fn convincing(&self, set: &Setting<'_>, of: &Subject<'_>, score: &Score) -> bool {
        if !self.is_learned() {
            return true;
        }
        let margin = if set.history.is_empty() {
            0.0
        } else {
            let print = format!("{}{}|{}|{}", of.key, self.tail, way(score), word(score.view));
            feedback::margin(set.history, of.key, &print, set.now)
        };
        if score.event < feedback::bar(feedback::effective(set.monitor.spec.sensitivity, margin)) {
            return false;
        }
        let half = (0.5 * (score.upper - score.lower)).max(f64::EPSILON);
        let outside = (score.observed - score.upper).max(score.lower - score.observed) / half;
        let by_form = matches!(score.view, View::Spread | View::Shape);
        if of.seen < YOUNG_ROWS { outside > 1.0 } else { outside > 0.0 || by_form }
    }

    fn begin(&mut self, set: &Setting<'_>, of: &Subject<'_>, at_ms: i64, score: &Score) -> RowEffect {
        let monitor = set.monitor;
        let started_at = from_millis(at_ms);
        let labels = (of.labels)();
        let name = super::series::title(monitor, &labels);
        let series_key = format!("{}{}", of.key, self.tail);
        let anomaly = Anomaly {
            id: key::id(started_at, &series_key),
            monitor_id: monitor.id,
            monitor_name: monitor.name.clone(),
            series_key,
            entity: of.entity.to_owned(),
            signal: monitor.spec.signal,
            kind: self.kind(monitor),
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
                view: word(score.view),
                way: way(score).to_owned(),
                untold: set.muted.to_owned(),
                ..Evidence::default()
            },
            recovery: self.recovery(monitor, &labels, score),
            labels,
            incident_id: None,
        };
        self.calm = 0;
        self.open = Some(Box::new(anomaly.clone()));
        self.charted = None;
        RowEffect { changed: Some(anomaly), opened: true, closed: false }
    }

    fn go_on(&mut self, set: &Setting<'_>, at_ms: i64, score: &Score) -> RowEffect {
        let Some(anomaly) = self.open.as_mut() else { return RowEffect::default() };
        if within(&anomaly.recovery, score.observed).unwrap_or(!score.open) {
            self.calm += 1;
            if self.calm < CALM_ROWS {
                return RowEffect::default();
            }
            return RowEffect { changed: self.close(from_millis(at_ms), ""), opened: false, closed: true };
        }
        self.calm = 0;
        anomaly.last_seen_at = from_millis(at_ms);
        let strength = score.event.max(score.point);
        if strength > anomaly.score {
            anomaly.score = strength;
            anomaly.observed = score.observed;
        }
        // The mute is over and it still goes on: now people are told.
        let told_now = !anomaly.evidence.untold.is_empty() && set.muted.is_empty() && at_ms >= set.news;
        if told_now {
            anomaly.evidence.untold.clear();
        }
        RowEffect { changed: Some((**anomaly).clone()), opened: told_now, closed: false }
    }

    /// Ends the open episode; the anomaly as it is then.
    pub(crate) fn close(&mut self, at: Time, because: &str) -> Option<Anomaly> {
        let mut anomaly = *self.open.take()?;
        anomaly.state = AnomalyState::Closed;
        anomaly.ended_at = Some(at.max(anomaly.started_at));
        because.clone_into(&mut anomaly.evidence.closed_because);
        self.charted = self.charted.map(|(id, _)| (id, at.timestamp_millis() + CHART_TAIL_MS));
        Some(anomaly)
    }

    /// The time after which rows belong on the chart, and of which anomaly; `None` when nothing is charted.
    /// `i64::MIN` when it just opened: all rows that are kept.
    pub(crate) fn charts_after(&mut self, since_ms: i64) -> Option<(Id, i64)> {
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
        Some((id, first))
    }

    /// A row of the series' chart as this judge sees it: a rule has its own limits.
    pub(crate) fn seen(&self, point: ChartPoint) -> ChartPoint {
        let DetectorSpec::Threshold { op, value, .. } = self.spec else { return point };
        let bad = point.value.is_some_and(|v| op.holds(v, value));
        let (lower, upper) = match op {
            Comparison::Gt | Comparison::Ge => (None, Some(value)),
            Comparison::Lt | Comparison::Le => (Some(value), None),
        };
        ChartPoint { lower, upper, score: f64::from(u8::from(bad)), ..point }
    }

    /// Takes over an anomaly that was open before a restart.
    pub(crate) fn adopt(&mut self, anomaly: Anomaly) {
        self.charted = Some((anomaly.id, i64::MAX));
        self.open = Some(Box::new(anomaly));
    }

    pub(crate) fn snapshot(&self) -> serde_json::Value {
        self.detector.snapshot()
    }

    /// Whether the memory was of this judge.
    pub(crate) fn restore(&mut self, saved: &serde_json::Value) -> bool {
        self.detector.restore(saved).is_ok()
    }

    /// When the series counts as recovered: back inside a band somewhat wider than the expected one, but clearly nearer
    /// to it than to what was observed; for a limit, on the healthy side of `clear`.
    fn recovery(&self, monitor: &Monitor, labels: &Labels, score: &Score) -> Recovery {
        let (mut lower, mut upper) = (f64::MIN, f64::MAX);
        match self.spec {
            DetectorSpec::Threshold { op, value, clear, .. } => match op {
                Comparison::Gt | Comparison::Ge => upper = clear.unwrap_or(value),
                Comparison::Lt | Comparison::Le => lower = clear.unwrap_or(value),
            },
            DetectorSpec::Absence { .. } => return Recovery::Closed,
            DetectorSpec::Learned | DetectorSpec::Logs => {
                let direction = monitor.spec.direction;
                let slack = 0.5 * (score.upper - score.lower);
                if score.observed >= score.expected {
                    upper = (score.upper + slack).min(f64::midpoint(score.upper, score.observed)).max(score.upper);
                    lower = if direction == Direction::Up { f64::MIN } else { score.lower - 2.0 * slack };
                } else {
                    lower = (score.lower - slack).max(f64::midpoint(score.lower, score.observed)).min(score.lower);
                    upper = if direction == Direction::Down { f64::MAX } else { score.upper + 2.0 * slack };
                }
            }
        }
        let source_id = monitor.spec.source_id;
        let mut query = monitor.spec.query.clone();
        if self.is_learned() && counter::is_raw(monitor) {
            // The band is of the rate, so the rate is what has to be back in it.
            query = counter::rate(monitor);
        }
        Recovery::Band { source_id, query, labels: labels.clone(), lower, upper }
    }
}

/// Which way a row left what was expected.
fn way(score: &Score) -> &'static str {
    if score.view == View::Absence {
        ""
    } else if score.observed >= score.expected {
        "up"
    } else {
        "down"
    }
}

/// The view as a word.
pub(crate) fn word(view: View) -> String {
    serde_json::to_value(view).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Whether `value` satisfies the criterion; `None` when the criterion is not a band.
fn within(recovery: &Recovery, value: f64) -> Option<bool> {
    match recovery {
        Recovery::Band { lower, upper, .. } => Some(value >= *lower && value <= *upper),
        Recovery::Closed | Recovery::Told => None,
    }
}
