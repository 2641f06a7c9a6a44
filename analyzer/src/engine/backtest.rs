//! The product's own judges over recorded rows: what they would have said, and the charts. Pure; nothing is stored.

use super::key;
use super::lane::Setting;
use super::scored::Scored;
use super::series::SeriesState;
use domain::anomaly::{Anomaly, ChartPoint};
use domain::backtest::{BacktestLimits, BacktestSeries};
use domain::catalog::{DetectorSpec, Monitor, Rule};
use domain::feedback::Feedback;
use domain::signal::{MetricAnswer, Point};
use domain::{Id, Time};
use std::collections::{BTreeMap, HashMap};

/// Chart rows kept over all series; with many series each gets fewer.
const CHART_ROWS: usize = 2_000_000;
/// Chart rows of a series at least.
const FEWEST: usize = 100;

/// A backtest under way. Rows are pushed window by window, oldest first.
#[derive(Debug)]
pub struct Backtest {
    monitor: Monitor,
    feedback: Vec<Feedback>,
    limits: BacktestLimits,
    span: (i64, i64),
    tracks: BTreeMap<u128, Track>,
    events: HashMap<Id, Anomaly>,
    rows: u64,
    left_out: usize,
}

/// What a backtest found.
#[derive(Debug)]
pub struct Found {
    /// Rows judged.
    pub rows: u64,
    /// Series seen.
    pub series_total: usize,
    /// Most series of one window that were beyond the monitor's bound.
    pub left_out: usize,
    /// Events found.
    pub events_total: usize,
    /// The oldest of them, up to the bound.
    pub events: Vec<Anomaly>,
    /// Charts, those with events first.
    pub series: Vec<BacktestSeries>,
}

impl Backtest {
    /// A backtest of `monitor` over `from..=to` with what was said of its anomalies.
    #[must_use]
    pub fn new(monitor: Monitor, feedback: Vec<Feedback>, from: Time, to: Time, limits: BacktestLimits) -> Self {
        let span = (from.timestamp_millis(), to.timestamp_millis());
        let (tracks, events) = (BTreeMap::new(), HashMap::new());
        Self { monitor, feedback, limits, span, tracks, events, rows: 0, left_out: 0 }
    }

    /// Judges the rows of one window, `from..=to`.
    pub fn push(&mut self, answer: &MetricAnswer, from: Time, to: Time) {
        let most = self.monitor.spec.max_series as usize;
        self.left_out = self.left_out.max(answer.series.len().saturating_sub(most));
        let room = self.chart_rows(answer.series.len().min(most));
        let step = i64::from(self.monitor.spec.interval_secs.max(1)) * 1_000;
        let window = Window { from: from.timestamp_millis(), to: to.timestamp_millis(), step };
        let set = Setting { monitor: &self.monitor, history: &self.feedback, now: to, news: i64::MIN, muted: "" };
        let absences = watches_absence(&self.monitor);
        let mut scored = Scored::default();
        let mut came = HashMap::new();
        for series in answer.series.iter().take(most) {
            let hash = key::hash(self.monitor.id, &series.labels);
            let track = self.tracks.entry(hash).or_insert_with(|| Track {
                state: SeriesState::new(&self.monitor, &key::text(hash), &series.labels, 1),
                rows: 0,
                chart: Chart::new(self.span, room),
            });
            track.push(&set, &series.points, absences.then_some(window), &mut scored);
            self.rows += series.points.len() as u64;
            came.insert(hash, ());
            keep(&mut self.events, &mut scored);
        }
        if absences {
            for (_, track) in self.tracks.iter_mut().filter(|(hash, _)| !came.contains_key(hash)) {
                track.push(&set, &[], Some(window), &mut scored);
                keep(&mut self.events, &mut scored);
            }
        }
    }

    /// Series seen so far.
    #[must_use]
    pub fn series(&self) -> usize {
        self.tracks.len()
    }

    /// Rows judged so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Events found so far.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events.len()
    }

    fn chart_rows(&self, series: usize) -> usize {
        let share = CHART_ROWS / self.tracks.len().max(series).max(1);
        share.clamp(FEWEST.min(self.limits.points), self.limits.points.max(1))
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Found {
        let mut events: Vec<Anomaly> = self.events.into_values().collect();
        events.sort_by(|a, b| (a.started_at, &a.series_key).cmp(&(b.started_at, &b.series_key)));
        let mut of: HashMap<&str, (u64, f64)> = HashMap::new();
        for event in &events {
            let of = of.entry(event.series_key.get(..32).unwrap_or(&event.series_key)).or_default();
            *of = (of.0 + 1, of.1.max(event.score));
        }
        let mut tracks: Vec<(&Track, (u64, f64))> =
            self.tracks.values().map(|t| (t, of.get(&*t.state.key).copied().unwrap_or_default())).collect();
        let series_total = tracks.len();
        tracks.sort_by(|(a, x), (b, y)| y.1.total_cmp(&x.1).then_with(|| a.state.entity.cmp(&b.state.entity)));
        tracks.truncate(self.limits.series);
        let series = tracks.into_iter().map(|(track, (events, _))| track.told(events)).collect();
        let events_total = events.len();
        events.truncate(self.limits.events);
        Found { rows: self.rows, series_total, left_out: self.left_out, events_total, events, series }
    }
}

fn keep(events: &mut HashMap<Id, Anomaly>, scored: &mut Scored) {
    events.extend(std::mem::take(&mut scored.ongoing));
    // An episode that went on and then closed in one window is only in the changes.
    events.extend(scored.changes.drain(..).map(|c| (c.anomaly.id, c.anomaly)));
}

fn watches_absence(monitor: &Monitor) -> bool {
    matches!(monitor.spec.detector, DetectorSpec::Absence { .. })
        || monitor.spec.rules.iter().any(|r| matches!(r, Rule::Absence { .. }))
}

/// Rows of a grid, both ends inclusive.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: i64,
    to: i64,
    step: i64,
}

#[derive(Debug)]
struct Track {
    state: SeriesState,
    rows: u64,
    chart: Chart,
}

impl Track {
    /// Judges rows; with `holes`, rows of that grid that did not come count as missing.
    fn push(&mut self, set: &Setting<'_>, points: &[Point], holes: Option<Window>, scored: &mut Scored) {
        let mut due = holes.map_or(i64::MAX, |w| w.from);
        for point in points {
            due = self.missing(set, due, point.at_ms - 1, holes, scored);
            if let Some(row) = self.state.push(set, point.at_ms, point.value, scored) {
                self.chart.push(row);
                self.rows += 1;
            }
            due = holes.map_or(i64::MAX, |w| due.max(point.at_ms + w.step));
        }
        if let Some(window) = holes {
            self.missing(set, due, window.to, holes, scored);
        }
    }

    /// Tells the rules of absence of every tick from `due` to `until`; the tick after.
    fn missing(
        &mut self,
        set: &Setting<'_>,
        mut due: i64,
        until: i64,
        holes: Option<Window>,
        scored: &mut Scored,
    ) -> i64 {
        let Some(window) = holes else { return due };
        while due <= until {
            self.state.missing(set, due, scored);
            due += window.step;
        }
        due
    }

    fn told(&self, events: u64) -> BacktestSeries {
        BacktestSeries {
            key: self.state.key.to_string(),
            entity: self.state.entity.to_string(),
            labels: self.state.labels(),
            rows: self.rows,
            events,
            points: self.chart.rows.clone(),
        }
    }
}

/// A chart with a bound: of the rows that share a place the most telling one stays.
#[derive(Debug)]
struct Chart {
    rows: Vec<ChartPoint>,
    from: i64,
    width: i64,
    place: i64,
}

impl Chart {
    fn new((from, to): (i64, i64), room: usize) -> Self {
        let room = i64::try_from(room).unwrap_or(i64::MAX).max(1);
        let width = ((to - from).max(0) / room + 1).max(1);
        Self { rows: Vec::new(), from, width, place: i64::MIN }
    }

    fn push(&mut self, row: ChartPoint) {
        let place = (row.at_ms - self.from).div_euclid(self.width);
        match self.rows.last_mut() {
            Some(last) if place == self.place => {
                if telling(&row) > telling(last) {
                    *last = row;
                }
            }
            _ => self.rows.push(row),
        }
        self.place = place;
    }
}

/// How much a row tells: a score above all, then the distance from the middle of the band; no value least.
fn telling(row: &ChartPoint) -> (f64, f64) {
    let Some(value) = row.value else { return (-1.0, 0.0) };
    let off = match (row.lower, row.upper) {
        (Some(lower), Some(upper)) if upper > lower => (value - f64::midpoint(lower, upper)).abs() / (upper - lower),
        _ => 0.0,
    };
    (row.score, off)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use domain::resource::Draft;
    use domain::signal::{Completeness, Series};
    use proptest::prelude::*;
    use serde_json::json;

    const STEP: i64 = 15_000;
    const LIMITS: BacktestLimits = BacktestLimits { rows: 1_000_000, series: 10, points: 200, events: 100 };

    fn monitor(detector: &serde_json::Value, rules: &serde_json::Value) -> Monitor {
        let spec = serde_json::from_value(json!({
            "source_id": Id::from_u128(1), "query": "x", "interval_secs": 15, "signal": "latency",
            "entity_labels": ["service"], "detector": detector, "rules": rules,
        }))
        .expect("a monitor");
        Draft { name: "m".to_owned(), tags: vec![], spec }.into_resource(Id::from_u128(7), from_millis(0))
    }

    fn value(row: i64) -> f64 {
        20.0 + (row % 7) as f64 * 0.1 + if (900..930).contains(&row) { 60.0 } else { 0.0 }
    }

    fn answer(rows: std::ops::Range<i64>, hole: std::ops::Range<i64>) -> MetricAnswer {
        let point = |row: i64| Point { at_ms: row * STEP, value: value(row) };
        let points = rows.filter(|r| !hole.contains(r)).map(point).collect::<Vec<_>>();
        let labels = [("service".to_owned(), "pay".to_owned())].into();
        let series = if points.is_empty() { Vec::new() } else { vec![Series { labels, points }] };
        MetricAnswer { series, completeness: Completeness::Complete }
    }

    fn run(monitor: &Monitor, cuts: &[i64], hole: std::ops::Range<i64>) -> Found {
        let (from, to) = (from_millis(0), from_millis(1_199 * STEP));
        let mut test = Backtest::new(monitor.clone(), Vec::new(), from, to, LIMITS);
        let mut begin = 0;
        for end in cuts.iter().copied().chain([1_200]).filter(|end| *end <= 1_200) {
            if end > begin {
                let window = (from_millis(begin * STEP), from_millis((end - 1) * STEP));
                test.push(&answer(begin..end, hole.clone()), window.0, window.1);
                begin = end;
            }
        }
        test.finish()
    }

    #[test]
    fn an_event_is_found_with_its_sentence_and_its_chart() {
        let found = run(&monitor(&json!({"kind": "learned"}), &json!([])), &[], 0..0);
        assert_eq!((found.rows, found.series_total, found.events_total), (1_200, 1, 1));
        let event = &found.events[0];
        assert_eq!(event.started_at, from_millis(900 * STEP));
        assert!(event.ended_at.is_some() && event.evidence.en.contains("pay") || event.entity == "service=pay");
        let chart = &found.series[0].points;
        assert!(chart.len() <= 201 && chart.windows(2).all(|w| w[0].at_ms < w[1].at_ms), "{}", chart.len());
        assert!(chart.iter().any(|p| p.value.is_some_and(|v| v > 79.0)), "the peak is not thinned away");
        assert_eq!(found.series[0].events, 1);
    }

    #[test]
    fn absence_counts_ticks_and_not_windows() {
        let monitor = monitor(&json!({"kind": "learned"}), &json!([{"kind": "absence", "after_secs": 60}]));
        for cuts in [vec![], vec![520, 540], vec![505, 510, 515, 560]] {
            let found = run(&monitor, &cuts, 500..560);
            let absent: Vec<_> =
                found.events.iter().filter(|e| e.kind == domain::anomaly::AnomalyKind::Absence).collect();
            assert_eq!(absent.len(), 1, "{cuts:?} {:?}", found.events);
            let late = absent[0].started_at.timestamp_millis() / STEP - 499;
            assert!((3..=6).contains(&late), "{late} ticks after the last row");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn windows_do_not_matter(mut cuts in proptest::collection::vec(1i64..1_200, 0..12)) {
            let monitor = monitor(&json!({"kind": "learned"}), &json!([]));
            cuts.sort_unstable();
            let (whole, parts) = (run(&monitor, &[], 300..340), run(&monitor, &cuts, 300..340));
            prop_assert_eq!(&whole.events, &parts.events);
            prop_assert_eq!(&whole.series[0].points, &parts.series[0].points);
        }
    }
}
