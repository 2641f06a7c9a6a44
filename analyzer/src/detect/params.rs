//! The free numbers of the ensemble, the same for every series; how they were chosen is in `docs/detection-log.md`.

/// Free numbers of the ensemble. Everything else is a constant taken from its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Rows of memory of the scales.
    pub memory: f64,
    /// Rows over which event evidence is averaged.
    pub window: f64,
    /// Weight of the second best view.
    pub second: f64,
    /// Event threshold, in powers of ten of the calibrated evidence.
    pub threshold: f64,
    /// Rows in which the running peak of the evidence halves.
    pub peak_half: f64,
    /// Rows in which the point score halves once the evidence is gone.
    pub hold: f64,
}

impl Params {
    /// The built-in set.
    pub const DEFAULT: Self =
        Self { memory: 500.0, window: 5.0, second: 0.5, threshold: 3.0, peak_half: 300.0, hold: 60.0 };
}
