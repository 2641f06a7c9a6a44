//! The free numbers of the ensemble, the same for every series; how they were chosen is in `docs/detection-log.md`.

/// Free numbers of the ensemble. Everything else is a constant with its reason beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// A value must leave the known range by this share of it.
    pub margin: f64,
    /// The same for every other view (means, differences, seasonal residual).
    pub view_margin: f64,
    /// Added to both while the range is young: times `sqrt(30 / rows)`.
    pub young: f64,
    /// Added to both for each recent episode of the same view.
    pub habit: f64,
    /// Rows in which a known range shrinks by half (30 days when that is longer).
    pub forget: f64,
    /// Weight of the newest row in the smoothed seasonal residual.
    pub drift: f64,
    /// Rows in which the bar for a further event halves.
    pub rest: f64,
    /// Rows in which the point score halves once the evidence is gone.
    pub hold: f64,
}

impl Params {
    /// The built-in set.
    pub const DEFAULT: Self = Self {
        margin: 0.01,
        view_margin: 0.06,
        young: 0.08,
        habit: 0.01,
        forget: 10_000.0,
        drift: 0.3,
        rest: 100.0,
        hold: 100.0,
    };
}
