//! Layers 3 and 4: novelty and growth become one point score that stays up, and sparse events.

use serde::{Deserialize, Serialize};

/// The bar for a further case and the evidence kept up. 8 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Events {
    peak: f32,
    held: f32,
}

/// Combined evidence of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Evidence {
    /// Evidence kept up while the trouble lasts; 1 is the threshold.
    pub held: f64,
    /// The novelty is above its own decayed peak: a new case, not the old one going on.
    pub fresh: bool,
}

impl Events {
    /// `rest`: factor by which the bar and the held evidence fall with each row.
    pub(crate) fn push(&mut self, rest: f64, novelty: f64, evidence: f64) -> Evidence {
        let peak = f64::from(self.peak) * rest;
        let fresh = novelty > peak;
        self.peak = peak.max(novelty) as f32;
        let held = (f64::from(self.held) * rest).max(evidence);
        self.held = held as f32;
        Evidence { held, fresh }
    }
}

/// A novelty that waits until the ranges have grown enough: one value a hair beyond the known range is chance, a range
/// that grows in several views or rows is a case. 16 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    grown: f32,
    novelty: f32,
    left: u16,
    signal: u8,
}

impl Case {
    /// Growth of the last rows after this row's (`decay`: factor by which it falls with each row).
    pub(crate) fn grow(&mut self, decay: f64, growth: f64) -> f64 {
        let grown = f64::from(self.grown) * decay + growth;
        self.grown = if grown > 1e-6 { grown as f32 } else { 0.0 };
        grown
    }

    /// Takes this row's candidate, if there is one, and answers the `(novelty, signal)` of the case that is confirmed.
    pub(crate) fn push(&mut self, candidate: Option<(f64, usize)>, rows: f64, enough: bool) -> Option<(f64, usize)> {
        self.left = self.left.saturating_sub(1);
        if let Some((novelty, signal)) = candidate {
            if self.left == 0 || novelty as f32 > self.novelty {
                (self.novelty, self.signal) = (novelty as f32, signal as u8);
            }
            self.left = rows as u16 + 1;
        }
        if self.left == 0 || !enough {
            return None;
        }
        self.left = 0;
        Some((f64::from(self.novelty), usize::from(self.signal)))
    }
}

/// Factor for one row of something that halves in `rows` rows.
pub(crate) fn halving(rows: f64) -> f64 {
    0.5_f64.powf(1.0 / rows.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_case_is_one_event_until_the_bar_has_fallen() {
        let rest = halving(100.0);
        let mut events = Events::default();
        assert!(events.push(rest, 1.5, 1.5).fresh);
        assert!(!events.push(rest, 1.2, 1.2).fresh);
        for _ in 0..100 {
            assert!(events.push(rest, 0.0, 0.0).held > 0.7);
        }
        assert!(events.push(rest, 1.2, 1.2).fresh);
    }

    #[test]
    fn a_candidate_waits_for_growth_and_is_then_forgotten() {
        let mut case = Case::default();
        assert_eq!(case.push(Some((1.01, 3)), 2.0, false), None);
        assert_eq!(case.push(Some((1.25, 4)), 2.0, false), None);
        assert_eq!(case.push(None, 2.0, true), Some((1.25, 4)));
        assert_eq!(case.push(None, 2.0, true), None);
        assert_eq!(case.push(Some((1.01, 3)), 2.0, false), None);
        assert_eq!([(); 3].map(|()| case.push(None, 2.0, false)), [None; 3]);
        assert_eq!(case.push(None, 2.0, true), None);
    }

    #[test]
    fn growth_adds_up_and_halves() {
        let mut case = Case::default();
        let decay = halving(10.0);
        assert!((case.grow(decay, 0.1) - 0.1).abs() < 1e-6);
        assert!(case.grow(decay, 0.1) > 0.19);
        for _ in 0..10 {
            case.grow(decay, 0.0);
        }
        assert!((case.grow(1.0, 0.0) - 0.0967).abs() < 1e-3);
    }
}
