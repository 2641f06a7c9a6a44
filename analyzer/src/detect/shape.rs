//! The shape of the last rows against learned shapes: k-means on differences, fitted off the hot path.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Lags of one shape, after a mean of three differences (netdata's published scheme: difference, smooth 3, lag 5).
pub(crate) const LAGS: usize = 6;
const SMOOTH: usize = 3;
/// Clusters of one model.
const CLUSTERS: usize = 2;
/// Fewest and most rows of a fit.
const ROWS: (usize, usize) = (100, 20_000);

/// Shapes of one fit: evenly spaced ones of all, so that a fit costs less than a millisecond (netdata samples a fifth).
const SAMPLE: usize = 500;

/// Two centres of six smoothed differences and the farthest distance seen in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShapeModel {
    centres: [[f32; LAGS]; CLUSTERS],
    farthest: f32,
}

impl ShapeModel {
    /// Rows between two fits, and rows that one fit looks at.
    pub const EVERY: usize = 1_000;

    /// Fits a model on a window of values (oldest first). `None` when there are too few finite or distinct values.
    /// Call it off the hot path, every [`ShapeModel::EVERY`] rows, and hand it to [`super::SeriesDetector::learn_shape`].
    #[must_use]
    pub fn fit(values: &[f64]) -> Option<Self> {
        let start = values.len().saturating_sub(ROWS.1);
        let values: Vec<f64> = values[start..].iter().copied().filter(|v| v.abs() < 1e30).collect();
        let mut track = Track::default();
        let shapes: Vec<[f64; LAGS]> = values.iter().filter_map(|v| track.push(*v)).collect();
        let first = shapes.first()?;
        if shapes.len() < ROWS.0 || shapes.iter().all(|s| s == first) {
            return None;
        }
        let stride = shapes.len().div_ceil(SAMPLE);
        let sample: Vec<[f64; LAGS]> = shapes.iter().copied().step_by(stride).collect();
        let centres = centres(&sample)?;
        let mut model = Self { centres, farthest: 0.0 };
        let farthest = shapes.iter().map(|s| model.raw(s)).fold(0.0, f64::max);
        model.farthest = farthest as f32;
        (farthest > 0.0 && farthest.is_finite()).then_some(model)
    }

    fn raw(&self, shape: &[f64; LAGS]) -> f64 {
        let distance =
            |c: &[f32; LAGS]| c.iter().zip(shape).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>().sqrt();
        self.centres.iter().map(distance).fold(f64::MAX, f64::min)
    }

    /// Distance in training ranges: above 1 is farther than anything the model was fitted on.
    fn distance(&self, shape: &[f64; LAGS]) -> f64 {
        self.raw(shape) / f64::from(self.farthest).max(1e-30)
    }
}

/// The library call, behind a guard: it can panic on odd input.
fn centres(shapes: &[[f64; LAGS]]) -> Option<[[f32; LAGS]; CLUSTERS]> {
    let table = Array2::from_shape_fn((shapes.len(), LAGS), |(i, j)| shapes[i][j]);
    let found = catch_unwind(AssertUnwindSafe(|| {
        let set = DatasetBase::new(table, Array1::<()>::default(shapes.len()));
        // the library seeds its own generator with a constant: the same rows give the same model
        KMeans::params(CLUSTERS).n_runs(1).max_n_iterations(50).fit(&set).ok()
    }));
    let model = found.ok().flatten()?;
    let centre = |r: ndarray::ArrayView1<'_, f64>| std::array::from_fn(|j| r[j] as f32);
    let found: Vec<[f32; LAGS]> = model.centroids().rows().into_iter().map(centre).collect();
    let found: [[f32; LAGS]; CLUSTERS] = found.try_into().ok()?;
    found.iter().flatten().all(|v| v.is_finite()).then_some(found)
}

/// The last smoothed differences of a series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Track {
    prev: f64,
    differences: [f64; SMOOTH],
    lags: [f64; LAGS],
    rows: u32,
}

impl Track {
    /// The shape that ends with this value, once there are enough.
    pub(crate) fn push(&mut self, x: f64) -> Option<[f64; LAGS]> {
        self.differences.rotate_left(1);
        self.differences[SMOOTH - 1] = if self.rows == 0 { 0.0 } else { x - self.prev };
        self.prev = x;
        self.lags.rotate_left(1);
        self.lags[LAGS - 1] = self.differences.iter().sum::<f64>() / SMOOTH as f64;
        self.rows = self.rows.saturating_add(1);
        (self.rows as usize > LAGS + SMOOTH).then_some(self.lags)
    }
}

/// Up to six models of one series: a shape is new only when every model says so. It makes no case by itself (measured: a
/// fifth more false alarms, `docs/detection-log.md`); it confirms one, as a range that grows does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shapes {
    track: Track,
    models: Vec<ShapeModel>,
}

impl Shapes {
    const MOST: usize = 6;
    /// Farther than training by this share counts.
    const MARGIN: f64 = 0.2;

    pub(crate) fn add(&mut self, model: ShapeModel) {
        if self.models.len() >= Self::MOST {
            self.models.remove(0);
        }
        self.models.reserve_exact(1);
        self.models.push(model);
    }

    /// Bytes on the heap, this struct included (it is boxed).
    pub(crate) fn heap_bytes(&self) -> usize {
        std::mem::size_of::<Self>() + self.models.capacity() * std::mem::size_of::<ShapeModel>()
    }

    /// Distance beyond the margin in training ranges, 0..1.
    pub(crate) fn push(&mut self, x: f64) -> f64 {
        let Some(shape) = self.track.push(x) else { return 0.0 };
        if self.models.is_empty() {
            return 0.0;
        }
        let nearest = self.models.iter().map(|m| m.distance(&shape)).fold(f64::MAX, f64::min);
        (nearest - 1.0 - Self::MARGIN).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(i: usize) -> f64 {
        (i as f64 * 0.3).sin() * 10.0
    }

    #[test]
    fn a_new_shape_inside_the_known_range_is_found() {
        let history: Vec<f64> = (0..600).map(wave).collect();
        let mut shapes = Shapes::default();
        shapes.add(ShapeModel::fit(&history).expect("fits"));
        assert!((0..200).all(|i| shapes.push(wave(i)).abs() < 1e-9));
        let found =
            (200..210).any(|i| shapes.push(if i % 2 == 0 { 9.0 } else { -9.0 }) > 0.1 || shapes.push(9.0) > 0.1);
        assert!(found);
    }

    #[test]
    fn bad_history_gives_no_model() {
        assert_eq!(ShapeModel::fit(&[]), None);
        assert_eq!(ShapeModel::fit(&[5.0; 500]), None);
        assert_eq!(ShapeModel::fit(&[f64::NAN; 500]), None);
        assert_eq!(ShapeModel::fit(&[f64::INFINITY; 500]), None);
    }
}
