//! The layered ensemble for one series: guard, views, combination, events, episodes.

use serde::{Deserialize, Serialize};

use super::event::{Case, Events, halving};
use super::guard::{Guard, Row};
use super::level::Level;
use super::shape::{ShapeModel, Shapes};
use super::views::{Context, VIEWS, Views};
use super::{Config, Detector, MIN_ROWS, Params, RestoreError, Score, View, pack, unpack};

/// Rows inside the band that close an episode.
const CLOSE_ROWS: u16 = 5;
/// Within an open episode something new is another event only after so many rows.
const AGAIN_ROWS: u16 = 100;
/// An episode that lasts so many rows and so long has become the new normal: it is closed, its level has been learned.
const RELEARN_ROWS: u16 = 100;
const RELEARN_MS: i64 = 2 * 3_600_000;
/// Rows after a gap on which no episode opens.
const SETTLE_ROWS: u8 = 3;
/// Signals from here on are the learned shapes.
const SHAPE: usize = VIEWS.len();
/// Strength of a row that is unusual but confirms no case.
const BELOW: f64 = 0.499_999;
/// Memory of the band in rows: level, scale.
const BAND_MEMORY: (f64, f64) = (40.0, 300.0);

/// The layered ensemble of one series.
#[derive(Debug, Clone)]
pub struct SeriesDetector {
    config: Config,
    params: &'static Params,
    rest: f64,
    window: f64,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    guard: Guard,
    views: Views,
    band: Level,
    events: Events,
    case: Case,
    shapes: Option<Box<Shapes>>,
    frozen: (f64, f64),
    open: bool,
    opened_ms: i64,
    open_rows: u16,
    inside: u16,
    settle: u8,
    last: Last,
    novelty: f32,
}

/// What a skipped row repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Last {
    observed: f64,
    point: f32,
}

impl SeriesDetector {
    const KIND: &'static str = "series/2";

    /// A fresh detector with the built-in parameters.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_params(config, &Params::DEFAULT)
    }

    /// A fresh detector with other parameters (for tuning and tests).
    #[must_use]
    pub fn with_params(config: Config, params: &'static Params) -> Self {
        let state = State { guard: Guard::new(config.step_hint_ms), ..State::default() };
        Self { config, params, rest: halving(params.rest), window: halving(params.window), state }
    }

    /// The typical distance of two rows in milliseconds, 0 while unknown.
    #[must_use]
    pub fn step_ms(&self) -> f64 {
        self.state.guard.step_ms()
    }

    /// The band a value must be in to count as recovered, `(lower, upper)`.
    #[must_use]
    pub fn baseline(&self) -> (f64, f64) {
        if self.state.open { self.state.frozen } else { self.state.band.band() }
    }

    /// Factor of the margins for the chosen sensitivity: 1 at 5, none at 10, six times as wide at 1.
    fn factor(&self) -> f64 {
        match self.config.sensitivity.clamp(1, 10) {
            s @ 1..=5 => 1.0 + 1.25 * f64::from(5 - s),
            s => 1.0 - 0.2 * f64::from(s - 5),
        }
    }

    /// Takes a shape learned from the series' recent values; the six newest are kept.
    pub fn learn_shape(&mut self, model: ShapeModel) {
        self.state.shapes.get_or_insert_default().add(model);
    }

    /// Bytes this detector holds, heap included.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        let shapes = self.state.shapes.as_deref().map_or(0, Shapes::heap_bytes);
        std::mem::size_of::<Self>() + self.state.views.season.heap_bytes() + shapes
    }

    /// Novelty of the last scored row, once the growth of the ranges backs it: 0, or 1 + the distance beyond everything
    /// seen, in ranges.
    #[must_use]
    pub fn novelty(&self) -> f64 {
        f64::from(self.state.novelty)
    }

    /// Whether an episode is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.open
    }

    fn skipped(&self, skip: super::Skip) -> Score {
        let s = &self.state;
        let (lower, upper) = s.band.band();
        Score {
            point: f64::from(s.last.point),
            open: s.open,
            expected: s.band.mean,
            lower,
            upper,
            learning: s.views.rows() < MIN_ROWS,
            skip: Some(skip),
            ..Score::quiet(s.last.observed)
        }
    }
}

/// Novelty as 0..1: half at the threshold, 0.75 a fifth of a range beyond it, 0.92 a whole range. Never saturates, so
/// that strong cases can still be ranked.
pub(super) fn strength(novelty: f64) -> f64 {
    if novelty < 1.0 { 0.5 * novelty.max(0.0) } else { 1.0 - 0.5 / (1.0 + 5.0 * (novelty - 1.0)) }
}

fn view_of(signal: usize) -> View {
    VIEWS.get(signal).copied().unwrap_or(View::Shape)
}

impl State {
    /// `(expected, lower, upper)` of a row before it is learned; `first`: the value of a series' first row.
    fn expectation(&self, first: Option<f64>, season: Option<f64>) -> (f64, f64, f64) {
        if let Some(value) = first {
            return (value, value, value);
        }
        let (lower, upper) = self.band.band();
        let Some(mean) = season else { return (self.band.mean, lower, upper) };
        let half = self.band.half_width();
        let lower = mean - half;
        (mean, if self.band.low >= 0.0 { lower.max(0.0) } else { lower }, mean + half)
    }

    /// Opens, keeps or closes the episode; true on a row that is an event.
    fn episode(&mut self, fires: bool, row: &Row, band: (f64, f64)) -> bool {
        if self.open {
            self.open_rows = self.open_rows.saturating_add(1);
            let outside = row.value < self.frozen.0 || row.value > self.frozen.1;
            self.inside = if outside { 0 } else { self.inside.saturating_add(1) };
            let lasted = row.at_ms.saturating_sub(self.opened_ms);
            let learned = self.open_rows >= RELEARN_ROWS && lasted >= RELEARN_MS;
            self.open = self.inside < CLOSE_ROWS && !learned;
        }
        let fires = fires && (!self.open || self.open_rows >= AGAIN_ROWS);
        if fires && !self.open {
            self.open = true;
            self.opened_ms = row.at_ms;
            self.frozen = band;
        }
        if fires {
            self.open_rows = 0;
            self.inside = 0;
        }
        fires
    }
}

impl Detector for SeriesDetector {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        let row = match self.state.guard.take(self.config.kind, at_ms, value) {
            Ok(row) => row,
            Err(skip) => return self.skipped(skip),
        };
        let factor = self.factor();
        let s = &mut self.state;
        let context = Context {
            local_ms: row.at_ms.saturating_add(i64::from(self.config.utc_offset_min) * 60_000 + row.turned_ms),
            step_ms: s.guard.step_ms(),
            after_gap: row.after_gap,
            steps: row.steps,
            factor,
        };
        let learning = s.views.rows() < MIN_ROWS;
        let first = s.views.rows() == 0;
        let novelty = s.views.push(self.params, row.value, &context);
        let shape = s.shapes.as_mut().map_or(0.0, |shapes| shapes.push(row.value));
        s.settle = if row.after_gap { SETTLE_ROWS } else { s.settle.saturating_sub(1) };
        let settled = !learning && s.settle == 0;
        let need = self.params.growth * factor;
        let growth = novelty.growth + shape;
        let grown = s.case.grow(self.window, if s.settle == 0 { growth } else { 0.0 });
        let evidence = s.events.push(self.rest, novelty.score, grown / self.params.growth);
        s.novelty = if grown >= need { novelty.score as f32 } else { 0.0 };
        let (expected, lower, upper) = s.expectation(first.then_some(row.value), novelty.season);
        let candidate = settled && evidence.fresh && novelty.score >= 1.0;
        let signal = if shape > novelty.growth { SHAPE } else { novelty.signal };
        let found = s.case.push(candidate.then_some((novelty.score, signal)), self.params.window, grown >= need);
        let is_event = s.episode(found.is_some(), &row, (lower, upper));
        s.band.learn(row.value, BAND_MEMORY.0, BAND_MEMORY.1);
        let squash = |e: f64| if learning { 0.0 } else { strength(e) };
        let (event, view) = match found.filter(|_| is_event) {
            Some((novelty, signal)) => (squash(novelty), view_of(signal)),
            None if learning || novelty.score < 1.0 => (0.0, View::None),
            None if s.open => (squash(novelty.score), view_of(signal)),
            // unusual, not or not yet a case
            None => (squash(novelty.score).min(BELOW), view_of(signal)),
        };
        s.last = Last { observed: row.value, point: squash(evidence.held) as f32 };
        Score {
            point: squash(evidence.held),
            event,
            is_event,
            open: s.open,
            observed: row.value,
            expected,
            lower,
            upper,
            view,
            learning,
            skip: None,
        }
    }

    fn recovered(&self, observed: f64) -> bool {
        let (lower, upper) = self.baseline();
        observed >= lower && observed <= upper
    }

    fn learn_history(&mut self, rows: &[(i64, f64)]) {
        let recent = &rows[rows.len().saturating_sub(ShapeModel::EVERY)..];
        let mut guard = Guard::new(self.config.step_hint_ms);
        let kind = self.config.kind;
        let values: Vec<f64> =
            recent.iter().filter_map(|(at, v)| Some(guard.take(kind, *at, *v).ok()?.value)).collect();
        if let Some(model) = ShapeModel::fit(&values) {
            self.learn_shape(model);
        }
    }

    fn snapshot(&self) -> serde_json::Value {
        pack(Self::KIND, &self.state)
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        self.state = unpack(Self::KIND, saved)?;
        Ok(())
    }
}
