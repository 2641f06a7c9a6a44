//! Layers 3 and 4: the views' surprises become one point score and sparse events.

use serde::{Deserialize, Serialize};

use super::calibrate::Tail;
use super::views::VIEWS;
use super::{Params, View};

/// State of the combination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Events {
    window: f32,
    peak: f32,
    held: f32,
    tail: Tail,
    rows: u32,
    view: View,
}

/// Combined evidence of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Evidence {
    /// Instantaneous combined surprise.
    pub now: f64,
    /// Surprise kept up while the trouble lasts.
    pub held: f64,
    /// Calibrated evidence of the window, in powers of ten.
    pub event: f64,
    /// The evidence is above its own decayed peak.
    pub fresh: bool,
    /// The strongest view of now.
    pub view: View,
}

impl Events {
    pub(crate) fn push(&mut self, p: &Params, by_view: &[f64; 6]) -> Evidence {
        self.rows = self.rows.saturating_add(1);
        let (mut best, mut second, mut at) = (0.0_f64, 0.0_f64, 0);
        for (i, s) in by_view.iter().copied().enumerate() {
            if s > best {
                (second, best, at) = (best, s, i);
            } else if s > second {
                second = s;
            }
        }
        let now = best + p.second * second;
        let n = f64::from(self.rows);
        let before = f64::from(self.window);
        let window = before + (now - before) / p.window.min(n);
        self.window = window as f32;
        let event = self.tail.surprise(window);
        self.tail.learn(window, n, p.memory);
        let peak = f64::from(self.peak) * 0.5_f64.powf(1.0 / p.peak_half);
        let fresh = event > peak;
        self.peak = peak.max(event) as f32;
        let held = f64::from(self.held) * 0.5_f64.powf(1.0 / p.hold);
        let held = held.max(event);
        self.held = held as f32;
        let view = if best > 1.5 { VIEWS[at] } else { View::None };
        Evidence { now, held, event, fresh, view }
    }
}
