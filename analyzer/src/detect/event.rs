//! Layers 3 and 4: novelty becomes one point score that stays up, and sparse events.

use serde::{Deserialize, Serialize};

use super::Params;

/// State of the combination. 8 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Events {
    peak: f32,
    held: f32,
}

/// Combined evidence of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// Novelty kept up while the trouble lasts.
    pub held: f64,
    /// Novelty of this row: 0, or at least 1.
    pub event: f64,
    /// The novelty is above its own decayed peak: a new case, not the old one going on.
    pub fresh: bool,
}

impl Events {
    /// `rest` and `hold`: factor by which the bar and the held score fall with each row.
    pub(crate) fn push(&mut self, rest: f64, hold: f64, novelty: f64) -> Evidence {
        let peak = f64::from(self.peak) * rest;
        let fresh = novelty > peak;
        self.peak = peak.max(novelty) as f32;
        let held = (f64::from(self.held) * hold).max(novelty);
        self.held = held as f32;
        Evidence { held, event: novelty, fresh }
    }
}

/// Factor for one row of something that halves in `rows` rows.
pub(crate) fn halving(rows: f64) -> f64 {
    0.5_f64.powf(1.0 / rows.max(1.0))
}

impl Params {
    /// The two factors of [`Events::push`].
    pub(crate) fn decays(&self) -> (f64, f64) {
        (halving(self.rest), halving(self.hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_case_is_one_event_until_the_bar_has_fallen() {
        let (rest, hold) = Params::DEFAULT.decays();
        let mut events = Events::default();
        assert!(events.push(rest, hold, 1.5).fresh);
        assert!(!events.push(rest, hold, 1.2).fresh);
        for _ in 0..100 {
            assert!(events.push(rest, hold, 0.0).held > 0.7);
        }
        assert!(events.push(rest, hold, 1.2).fresh);
    }
}
