//! Layer 5: several series of one entity, one score a row.

use super::{Config, Detector, Score, SeriesDetector, View};

/// Settings of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EntityConfig {
    /// Settings of every member.
    pub member: Config,
}

/// What an entity detector says about one row.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityScore {
    /// The entity's score; `observed` is the strength, `view` is [`View::Entity`] when it fired.
    pub score: Score,
    /// Members by their share of the blame, strongest first: `(column, point score)`.
    pub blame: Vec<(usize, f64)>,
}

/// Mean of the members' evidence.
#[derive(Debug)]
pub struct EntityDetector {
    members: Vec<SeriesDetector>,
    inner: SeriesDetector,
}

impl EntityDetector {
    /// `width`: number of series.
    #[must_use]
    pub fn new(config: EntityConfig, width: usize) -> Self {
        Self {
            members: (0..width).map(|_| SeriesDetector::new(config.member)).collect(),
            inner: SeriesDetector::new(config.member),
        }
    }

    /// Scores one row; `None` where a series has no value. Values beyond the width are ignored.
    pub fn push(&mut self, at_ms: i64, row: &[Option<f64>]) -> EntityScore {
        let mut blame = Vec::with_capacity(self.members.len());
        let mut sum = 0.0;
        for (column, member) in self.members.iter_mut().enumerate() {
            let value = row.get(column).copied().flatten().unwrap_or(f64::NAN);
            let score = member.push(at_ms, value);
            sum += score.event;
            blame.push((column, score.point));
        }
        blame.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mean = sum / self.members.len().max(1) as f64;
        let mut score = self.inner.push(at_ms, mean);
        if score.view != View::None {
            score.view = View::Entity;
        }
        EntityScore { score, blame }
    }
}
