//! Tail probabilities of counts and false discovery control.

/// Natural logarithm of the gamma function for x > 0 (Lanczos, g = 7, 9 terms; error below 1e-13).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum =
        TERMS.iter().enumerate().fold(0.999_999_999_999_809_9, |sum, (k, term)| sum + term / (x + k as f64 + 1.0));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Regularised incomplete beta function I_x(a, b) by Lentz's continued fraction (Numerical Recipes, section 6.4).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_small(b, a, 1.0 - x);
    }
    incomplete_beta_small(a, b, x)
}

fn incomplete_beta_small(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut sum = d;
    for step in 1..300 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        sum *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let change = d * c;
        sum *= change;
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    (front * sum).clamp(0.0, 1.0)
}

/// Probability that the product of `n` probabilities is as small as one whose logarithm is `ln` (Fisher's method).
pub(crate) fn combined(ln: f64, n: u32) -> f64 {
    let x = -ln.min(0.0);
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..n.min(50) {
        term *= x / f64::from(k);
        sum += term;
    }
    ((-x).exp() * sum).clamp(1e-300, 1.0)
}

/// Count whose variance is `dispersion` times its mean: a negative binomial, close to Poisson at dispersion 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CountModel {
    mean: f64,
    dispersion: f64,
}

impl CountModel {
    /// Mean is raised to 1e-6 and dispersion to 1.02, so that every count has a probability.
    pub(crate) fn new(mean: f64, dispersion: f64) -> Self {
        let mean = if mean.is_finite() { mean.max(1e-6) } else { 1e-6 };
        let dispersion = if dispersion.is_finite() { dispersion.clamp(1.02, 1e6) } else { 1.02 };
        Self { mean, dispersion }
    }

    fn size(self) -> f64 {
        self.mean / (self.dispersion - 1.0)
    }

    /// Probability of `count` or fewer, not below that of lines which come in clumps as large as the dispersion: a negative
    /// binomial of the same spread hardly ever falls to nothing, clumps often do.
    pub(crate) fn at_most_surely(self, count: u64) -> f64 {
        let clumps = Self::new(self.mean / self.dispersion, 1.0);
        self.at_most(count).max(clumps.at_most((count as f64 / self.dispersion).floor() as u64))
    }

    /// Probability of `count` or more.
    pub(crate) fn at_least(self, count: u64) -> f64 {
        if count == 0 {
            return 1.0;
        }
        incomplete_beta(count as f64, self.size(), 1.0 - 1.0 / self.dispersion)
    }

    /// Probability of `count` or fewer.
    pub(crate) fn at_most(self, count: u64) -> f64 {
        incomplete_beta(self.size(), count as f64 + 1.0, 1.0 / self.dispersion)
    }

    /// Largest count that is not improbably high, and smallest that is not improbably low, at `tail` a side.
    pub(crate) fn interval(self, tail: f64) -> (u64, u64) {
        let mut high = (self.mean as u64).saturating_add(2);
        while self.at_least(high) > tail && high < u64::MAX / 4 {
            high *= 2;
        }
        let upper = first(0, high, |count| self.at_least(count) <= tail).saturating_sub(1);
        let lower = first(0, self.mean as u64 + 1, |count| self.at_most(count) > tail);
        (lower, upper)
    }
}

/// Smallest value in `low..=high` for which a monotone test holds.
fn first(low: u64, high: u64, test: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        if test(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Largest p-value that Benjamini and Hochberg's procedure rejects at rate `q`; 0 when none.
pub(crate) fn discovery_threshold(p_values: &mut [f64], q: f64) -> f64 {
    p_values.sort_by(f64::total_cmp);
    let tests = p_values.len() as f64;
    let passing = |(rank, p): (usize, &f64)| (*p <= q * (rank + 1) as f64 / tests).then_some(*p);
    p_values.iter().enumerate().filter_map(passing).next_back().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{CountModel, combined, discovery_threshold, ln_gamma};

    #[test]
    fn products_are_combined_as_fisher_has_it() {
        // P(U1 U2 <= t) = t (1 - ln t).
        let t: f64 = 1e-4;
        assert!((combined(t.ln(), 2) - t * (1.0 - t.ln())).abs() < 1e-12);
        assert!((combined(t.ln(), 1) - t).abs() < 1e-15);
        assert_eq!(combined(0.0, 3), 1.0);
        assert!(combined(-1e9, 3) > 0.0);
    }

    #[test]
    fn gamma_matches_factorials() {
        assert!((ln_gamma(1.0)).abs() < 1e-10);
        assert!((ln_gamma(6.0) - 120f64.ln()).abs() < 1e-10);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-10);
    }

    #[test]
    fn tails_agree_with_a_direct_sum() {
        let (mean, dispersion) = (7.0f64, 2.5f64);
        let size = mean / (dispersion - 1.0);
        let p = 1.0 / dispersion;
        let mass = |k: f64| {
            (ln_gamma(k + size) - ln_gamma(size) - ln_gamma(k + 1.0) + size * p.ln() + k * (1.0 - p).ln()).exp()
        };
        let model = CountModel::new(mean, dispersion);
        for count in [1u64, 5, 7, 20, 40] {
            let below: f64 = (0..count).map(|k| mass(k as f64)).sum();
            assert!((model.at_least(count) - (1.0 - below)).abs() < 1e-9, "{count}");
            assert!((model.at_most(count) - below - mass(count as f64)).abs() < 1e-9, "{count}");
        }
        let (lower, upper) = model.interval(0.001);
        assert!(model.at_least(upper + 1) <= 0.001 && model.at_least(upper) > 0.001);
        assert!(model.at_most(lower) > 0.001);
    }

    #[test]
    fn discovery_threshold_is_step_up() {
        assert_eq!(discovery_threshold(&mut [0.9, 0.01, 0.02, 0.5], 0.05), 0.02);
        assert_eq!(discovery_threshold(&mut [0.9, 0.8], 0.05), 0.0);
        assert_eq!(discovery_threshold(&mut [], 0.05), 0.0);
    }
}
