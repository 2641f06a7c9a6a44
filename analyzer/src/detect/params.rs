//! The free numbers of the ensemble, the same for every series; how they were chosen is in `docs/detection-log.md`.

/// Free numbers of the ensemble. Everything else is a constant with its reason beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// A view must leave its known range by this share of it (the value itself need only leave it).
    pub margin: f64,
    /// What a young range explains, as a share of it: times `sqrt(30 / independent values seen)`.
    pub young: f64,
    /// Rows that one independent value of the seasonal residual takes.
    pub bin: f64,
    /// Rows in which a known range shrinks by half (30 days when that is longer).
    pub forget: f64,
    /// Weight of the newest row in the smoothed seasonal residual.
    pub drift: f64,
    /// Rows in which the bar for a further event, and the point score, halve once the evidence is gone.
    pub rest: f64,
    /// An event needs its ranges to have grown by this share of themselves, summed over the views.
    pub growth: f64,
    /// Rows in which that sum halves, and in which a novelty may wait for it.
    pub window: f64,
}

impl Params {
    /// The built-in set.
    pub const DEFAULT: Self = Self {
        margin: 0.07,
        young: 0.1,
        bin: 16.0,
        forget: 10_000.0,
        drift: 0.3,
        rest: 50.0,
        growth: 0.12,
        window: 10.0,
    };
}
