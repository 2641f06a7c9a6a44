//! What a monitor stores about its detector, and the detector built from it.

use serde::{Deserialize, Serialize};

use super::{Absence, Config, Detector, ErrorRate, Kind, Operator, Rate, RobustLevel, SeriesDetector, Threshold};

/// A detector as a monitor stores it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Spec {
    /// The learned ensemble.
    Series(Config),
    /// A robust level with a band.
    RobustLevel(Config),
    /// A fixed limit.
    Threshold {
        /// Comparison.
        operator: Operator,
        /// Limit in the unit of the value (per second for a counter).
        limit: f64,
        /// How long it must hold, in milliseconds.
        for_ms: i64,
        /// Gauge, or counter (then the rate is compared).
        #[serde(default)]
        kind: Kind,
    },
    /// No rows for a while.
    Absence {
        /// After how many milliseconds.
        for_ms: i64,
    },
    /// Share of error lines.
    ErrorRate {
        /// Share below which nothing fires.
        floor: f64,
        /// Settings of the learned part.
        #[serde(default)]
        config: Config,
    },
}

/// A boxed detector for a spec.
#[must_use]
pub fn build(spec: &Spec) -> Box<dyn Detector> {
    match *spec {
        Spec::Series(config) => Box::new(SeriesDetector::new(config)),
        Spec::RobustLevel(config) => Box::new(RobustLevel::new(config)),
        Spec::Threshold { operator, limit, for_ms, kind } => {
            let inner = Box::new(Threshold::new(operator, limit, for_ms));
            if kind == Kind::Counter { Box::new(Rate::new(inner)) } else { inner }
        }
        Spec::Absence { for_ms } => Box::new(Absence::new(for_ms)),
        Spec::ErrorRate { floor, config } => Box::new(ErrorRate::new(config, floor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Spec> {
        let config = Config::default();
        vec![
            Spec::Series(config),
            Spec::Series(Config { kind: Kind::Counter, ..config }),
            Spec::RobustLevel(config),
            Spec::Threshold { operator: Operator::Above, limit: 3.0, for_ms: 0, kind: Kind::Gauge },
            Spec::Threshold { operator: Operator::Above, limit: 3.0, for_ms: 0, kind: Kind::Counter },
            Spec::Absence { for_ms: 1000 },
            Spec::ErrorRate { floor: 0.01, config },
        ]
    }

    /// The contract of every detector: finite answers for any value and a snapshot that continues identically.
    #[test]
    fn every_detector_keeps_the_contract() {
        let odd = [1.0, f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5.0];
        for spec in all() {
            let (mut a, mut b) = (build(&spec), build(&spec));
            for i in 0..400_i64 {
                let x = if i % 13 == 0 { odd[(i as usize / 13) % odd.len()] } else { i as f64 % 5.0 };
                let s = a.push(i * 1000 - (i % 29) * 500, x);
                for v in [s.point, s.event, s.observed, s.expected, s.lower, s.upper] {
                    assert!(v.is_finite(), "{spec:?} row {i} {s:?}");
                }
                assert!((0.0..=1.0).contains(&s.point) && (0.0..=1.0).contains(&s.event));
                assert!(s.lower <= s.upper, "{spec:?} row {i} {s:?}");
            }
            b.restore(&a.snapshot()).expect("same kind");
            for i in 400..500_i64 {
                assert_eq!(a.push(i * 1000, i as f64 % 6.0), b.push(i * 1000, i as f64 % 6.0), "{spec:?}");
            }
        }
    }

    #[test]
    fn a_foreign_snapshot_is_refused_and_changes_nothing() {
        let mut a = build(&Spec::Absence { for_ms: 5 });
        let before = a.snapshot();
        assert!(a.restore(&build(&all()[0]).snapshot()).is_err());
        assert_eq!(before, a.snapshot());
    }
}
