//! Layer 5: several series of one entity, one score a row. Members that become novel together make the case.

use serde::{Deserialize, Serialize};

use super::event::{Events, halving};
use super::pca::PcaModel;
use super::record::{Margin, Range};
use super::{Config, Detector, MIN_ROWS, Params, RestoreError, Score, SeriesDetector, View, pack, unpack};

/// Rows in which a member's novelty halves while it waits for others.
const TOGETHER: f64 = 3.0;
/// One member counts as at most this much.
const MOST: f64 = 3.0;
/// The case is made by this share of the members (at least one, at most four).
const SHARE: f64 = 0.1;
const LEAST: f64 = 1.0;
const ENOUGH: f64 = 4.0;
/// Most members blamed.
const BLAMED: usize = 10;

/// Settings of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EntityConfig {
    /// Settings of every member; its sensitivity is also the entity's.
    pub member: Config,
}

/// What an entity detector says about one row.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityScore {
    /// The entity's score. `observed` is the summed novelty of the members, `upper` what makes a case.
    pub score: Score,
    /// Members by novelty, strongest first, at most ten: `(column, point score)`.
    pub blame: Vec<(usize, f64)>,
}

/// Many series of one entity: the sum of the members' novelties (and of the PCA residual's, once a model is set).
#[derive(Debug)]
pub struct EntityDetector {
    config: EntityConfig,
    members: Vec<SeriesDetector>,
    pca: Option<PcaModel>,
    decays: (f64, f64),
    together: f64,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    novelty: Vec<f32>,
    residual: Range,
    events: Events,
    rows: u32,
    open: bool,
    quiet: u16,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    state: State,
    members: Vec<serde_json::Value>,
    pca: Option<PcaModel>,
}

impl EntityDetector {
    const KIND: &'static str = "entity/1";

    /// `width`: number of series.
    #[must_use]
    pub fn new(config: EntityConfig, width: usize) -> Self {
        let members = (0..width).map(|_| SeriesDetector::new(config.member)).collect();
        let state = State { novelty: vec![0.0; width + 1], ..State::default() };
        let params = Params::DEFAULT;
        Self { config, members, pca: None, decays: params.decays(), together: halving(TOGETHER), state }
    }

    /// Number of series.
    #[must_use]
    pub fn width(&self) -> usize {
        self.members.len()
    }

    /// Bytes this detector holds, heap included.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        let members: usize = self.members.iter().map(SeriesDetector::state_bytes).sum();
        std::mem::size_of::<Self>() + members + self.state.novelty.len() * 4
    }

    /// Sets (or clears) the model of how the members move together; see [`PcaModel::fit`]. A model of another width is ignored.
    pub fn set_pca(&mut self, model: Option<PcaModel>) {
        if model.as_ref().is_none_or(|m| m.width() == self.members.len()) {
            self.pca = model;
            self.state.residual = Range::default();
        }
    }

    /// Scores one row; `None` where a series has no value. Values beyond the width are ignored.
    pub fn push(&mut self, at_ms: i64, row: &[Option<f64>]) -> EntityScore {
        self.state.rows = self.state.rows.saturating_add(1);
        let learning = self.state.rows <= MIN_ROWS;
        let mut blame = Vec::new();
        for (column, member) in self.members.iter_mut().enumerate() {
            let value = row.get(column).copied().flatten().unwrap_or(f64::NAN);
            let score = member.push(at_ms, value);
            let now = if score.skip.is_some() { 0.0 } else { member.novelty().min(MOST) };
            let kept = f64::from(self.state.novelty[column]) * self.together;
            self.state.novelty[column] = if kept.max(now) > 1e-6 { kept.max(now) as f32 } else { 0.0 };
            if score.point > 0.0 {
                blame.push((column, score.point));
            }
        }
        self.push_residual(row);
        let mass: f64 = self.state.novelty.iter().map(|n| f64::from(*n)).sum();
        let needed = (SHARE * self.members.len() as f64).clamp(LEAST, ENOUGH) * self.factor();
        let score = self.judge(if learning { 0.0 } else { mass }, needed, learning);
        let order = |a: &(usize, f64), b: &(usize, f64)| {
            let novelty = |c: usize| self.state.novelty[c];
            novelty(b.0).total_cmp(&novelty(a.0)).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
        };
        blame.sort_by(order);
        blame.truncate(BLAMED);
        EntityScore { score, blame }
    }

    /// The PCA residual is one more member, held in the last place.
    fn push_residual(&mut self, row: &[Option<f64>]) {
        let Some(distance) = self.pca.as_ref().and_then(|pca| pca.residual(row)) else { return };
        let margin = Margin {
            share: 0.2,
            young: 0.1,
            memory: 1.0,
            habit: 0.01,
            unit: 1e-3,
            fade: 1e-4,
            cold: 150.0,
            factor: 1.0,
        };
        let now = self.state.residual.push(distance, &margin).min(MOST);
        if let Some(last) = self.state.novelty.last_mut() {
            *last = (f64::from(*last) * self.together).max(now) as f32;
        }
    }

    /// 1 at sensitivity 5; one step is 15 %.
    fn factor(&self) -> f64 {
        0.85_f64.powi(i32::from(self.config.member.sensitivity.clamp(1, 10)) - 5)
    }

    fn judge(&mut self, mass: f64, needed: f64, learning: bool) -> Score {
        let s = &mut self.state;
        let ratio = mass / needed;
        let evidence = s.events.push(self.decays.0, self.decays.1, ratio);
        let is_event = evidence.fresh && ratio >= 1.0;
        s.quiet = if ratio >= 0.5 { 0 } else { s.quiet.saturating_add(1) };
        let members_open = self.members.iter().any(SeriesDetector::is_open);
        s.open = is_event || (s.open && (s.quiet < 5 || members_open));
        let squash = |e: f64| e / (e + 1.0);
        Score {
            point: squash(evidence.held),
            event: squash(ratio),
            is_event,
            open: s.open,
            expected: 0.0,
            lower: 0.0,
            upper: needed,
            view: if ratio >= 1.0 { View::Entity } else { View::None },
            learning,
            ..Score::quiet(mass)
        }
    }

    /// Whether every member of this row is back inside its band.
    #[must_use]
    pub fn recovered(&self, row: &[Option<f64>]) -> bool {
        self.members.iter().zip(row).all(|(m, v)| v.is_none_or(|v| m.recovered(v)))
    }

    /// The whole state as versioned JSON.
    #[must_use]
    pub fn snapshot(&self) -> serde_json::Value {
        let members = self.members.iter().map(Detector::snapshot).collect();
        pack(Self::KIND, &Saved { state: self.state.clone(), members, pca: self.pca.clone() })
    }

    /// Replaces the state by a snapshot of the same version and width.
    ///
    /// # Errors
    /// When it is of another kind, version or width; the state is then unchanged.
    pub fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        let saved: Saved = unpack(Self::KIND, saved)?;
        let width = self.members.len();
        if saved.members.len() != width || saved.state.novelty.len() != width + 1 {
            let found = format!("an entity of {} series", saved.members.len());
            return Err(RestoreError::Kind { found, expected: "an entity of the same width" });
        }
        let mut members = self.members.clone();
        for (member, state) in members.iter_mut().zip(&saved.members) {
            member.restore(state)?;
        }
        self.members = members;
        self.state = saved.state;
        self.pca = saved.pca;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(i: i64, bad: &[usize]) -> Vec<Option<f64>> {
        (0..20_i64)
            .map(|c| {
                let base = 50.0 + ((i * (7 + c) + c * 13) % 17) as f64;
                Some(if bad.contains(&(c as usize)) { base + 200.0 } else { base })
            })
            .collect()
    }

    #[test]
    fn members_that_go_together_are_one_event_and_are_blamed() {
        let mut d = EntityDetector::new(EntityConfig::default(), 20);
        for i in 0..400 {
            assert!(!d.push(i * 60_000, &row(i, &[])).score.is_event, "row {i}");
        }
        let hit = d.push(400 * 60_000, &row(400, &[3, 8]));
        assert!(hit.score.is_event && hit.score.view == View::Entity);
        let mut blamed: Vec<usize> = hit.blame.iter().take(2).map(|b| b.0).collect();
        blamed.sort_unstable();
        assert_eq!(blamed, [3, 8]);
        assert!(!d.recovered(&row(401, &[3, 8])) && d.recovered(&row(401, &[])));
    }

    #[test]
    fn a_snapshot_continues_identically_and_missing_values_do_not_matter() {
        let mut a = EntityDetector::new(EntityConfig::default(), 20);
        for i in 0..200 {
            let mut r = row(i, &[]);
            r[i as usize % 20] = None;
            a.push(i * 60_000, &r);
        }
        let mut b = EntityDetector::new(EntityConfig::default(), 20);
        b.restore(&a.snapshot()).expect("same width");
        for i in 200..260 {
            let r = row(i, if i > 240 { &[1, 2, 3] } else { &[] });
            assert_eq!(a.push(i * 60_000, &r), b.push(i * 60_000, &r));
        }
        assert!(EntityDetector::new(EntityConfig::default(), 3).restore(&a.snapshot()).is_err());
    }
}
