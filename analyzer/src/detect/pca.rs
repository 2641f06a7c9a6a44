//! How an entity's metrics move together: a PCA fitted off the hot path, and a row's distance from it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_reduction::Pca;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Fewest and most rows of a fit, fewest and most metrics.
const ROWS: (usize, usize) = (100, 20_000);
const WIDTH: (usize, usize) = (3, 256);
/// Components kept: a third of the metrics.
const KEEP: usize = 3;
/// A standardised value counts as at most this many sigma.
const CLIP: f64 = 30.0;

/// Mean, scale and principal directions of the rows of one entity (linfa-reduction's PCA). A constant column has no
/// direction. The residual is the squared distance from the plane, per metric (Jackson and Mudholkar 1979, Q statistic).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PcaModel {
    mean: Vec<f64>,
    scale: Vec<f64>,
    directions: Vec<Vec<f64>>,
}

impl PcaModel {
    /// Rows one fit looks at, and rows between two fits.
    pub const ROWS: usize = 300;
    /// See [`PcaModel::ROWS`].
    pub const EVERY: usize = 100;

    /// Fits the rows (oldest first, equally wide). `None` when there are too few usable rows or metrics, or when the
    /// decomposition fails; rows with a value that is not finite are left out. Call it off the hot path.
    #[must_use]
    pub fn fit(rows: &[Vec<f64>]) -> Option<Self> {
        let width = rows.first()?.len();
        let usable: Vec<&Vec<f64>> =
            rows.iter().filter(|r| r.len() == width && r.iter().all(|v| v.abs() < 1e30)).take(ROWS.1).collect();
        if usable.len() < ROWS.0 || !(WIDTH.0..=WIDTH.1).contains(&width) {
            return None;
        }
        let n = usable.len() as f64;
        let mean: Vec<f64> = (0..width).map(|c| usable.iter().map(|r| r[c]).sum::<f64>() / n).collect();
        let scale: Vec<f64> = (0..width)
            .map(|c| {
                let var = usable.iter().map(|r| (r[c] - mean[c]).powi(2)).sum::<f64>() / n;
                let floor = (1e-3 * mean[c].abs()).max(1e-9);
                var.sqrt().max(floor)
            })
            .collect();
        let table = Array2::from_shape_fn((usable.len(), width), |(i, c)| {
            ((usable[i][c] - mean[c]) / scale[c]).clamp(-CLIP, CLIP)
        });
        let distinct = (0..width).filter(|c| table.column(*c).iter().any(|v| v.abs() > 1e-6)).count();
        if distinct < WIDTH.0 {
            return None;
        }
        let directions = directions(table, (width / KEEP).max(1))?;
        Some(Self { mean, scale, directions })
    }

    /// Number of metrics.
    #[must_use]
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Mean squared standardised residual of a row; `None` when more than half of the values are missing.
    #[must_use]
    pub fn residual(&self, row: &[Option<f64>]) -> Option<f64> {
        let mut missing = 0;
        let mut z: Vec<f64> = (0..self.width())
            .map(|c| match row.get(c).copied().flatten() {
                Some(v) if v.is_finite() => ((v - self.mean[c]) / self.scale[c]).clamp(-CLIP, CLIP),
                _ => {
                    missing += 1;
                    0.0
                }
            })
            .collect();
        if missing * 2 > self.width() {
            return None;
        }
        for direction in &self.directions {
            let along: f64 = z.iter().zip(direction).map(|(a, b)| a * b).sum();
            z.iter_mut().zip(direction).for_each(|(a, b)| *a -= along * b);
        }
        let mean = z.iter().map(|v| v * v).sum::<f64>() / self.width() as f64;
        mean.is_finite().then_some(mean)
    }
}

/// The library call, behind a guard: it can panic on odd input.
fn directions(table: Array2<f64>, keep: usize) -> Option<Vec<Vec<f64>>> {
    let rows = table.nrows();
    let fitted = catch_unwind(AssertUnwindSafe(|| {
        let set = DatasetBase::new(table, Array1::<()>::default(rows));
        Pca::params(keep).fit(&set).ok()
    }));
    let model = fitted.ok().flatten()?;
    let found: Vec<Vec<f64>> = model.components().rows().into_iter().map(|r| r.to_vec()).collect();
    found.iter().flatten().all(|v| v.is_finite()).then_some(found).filter(|f| !f.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Vec<Vec<f64>> {
        (0..n)
            .map(|i| {
                let load = (i as f64 * 0.1).sin();
                let noise = |k: usize| ((i * (7 + k)) % 11) as f64 * 0.01;
                vec![load + noise(1), 2.0 * load + noise(2), -load + noise(3), 5.0]
            })
            .collect()
    }

    #[test]
    fn a_row_against_the_usual_correlation_is_far() {
        let model = PcaModel::fit(&rows(500)).expect("fits");
        let usual = model.residual(&[Some(0.5), Some(1.0), Some(-0.5), Some(5.0)]).expect("complete");
        let odd = model.residual(&[Some(0.5), Some(-1.5), Some(-0.5), Some(5.0)]).expect("complete");
        assert!(odd > 10.0 * usual, "{odd} {usual}");
    }

    #[test]
    fn bad_input_gives_no_model() {
        assert_eq!(PcaModel::fit(&[]), None);
        assert_eq!(PcaModel::fit(&rows(20)), None);
        assert_eq!(PcaModel::fit(&vec![vec![f64::NAN; 5]; 500]), None);
        assert_eq!(PcaModel::fit(&vec![vec![1.0; 5]; 500]), None);
        let model = PcaModel::fit(&rows(500)).expect("fits");
        assert_eq!(model.residual(&[None, None, None, Some(1.0)]), None);
        assert!(model.residual(&[Some(f64::INFINITY), Some(1e300), Some(0.0), Some(5.0)]).is_some());
    }
}
