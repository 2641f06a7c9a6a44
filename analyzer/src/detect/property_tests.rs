//! Any input at all: no panic, nothing that is not a number, and the same result however it is cut.

use super::{
    Config, Detector, EntityConfig, EntityDetector, Kind, Lang, PcaModel, SeriesDetector, ShapeModel, explain,
};
use proptest::prelude::*;

const STEP: i64 = 60_000;

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3_f64,
        1 => prop::num::f64::ANY,
        1 => Just(0.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(f64::MAX),
    ]
}

fn any_table() -> impl Strategy<Value = Vec<(i64, Vec<Option<f64>>)>> {
    let at = prop_oneof![8 => 1..100_000_i64, 1 => -100_000..1_i64];
    let row = prop::collection::vec(prop::option::weighted(0.9, any_value()), 4);
    prop::collection::vec((at, row), 1..150)
}

fn any_rows() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let at = prop_oneof![6 => 1..100_000_i64, 1 => -100_000..1_i64, 1 => prop::num::i64::ANY];
    prop::collection::vec((at, any_value()), 1..300)
}

proptest! {
    #[test]
    fn never_a_panic_never_nan_and_a_snapshot_anywhere_changes_nothing(
        rows in any_rows(), counter in any::<bool>(), sensitivity in any::<u8>(), cut in 0..300_usize,
    ) {
        let kind = if counter { Kind::Counter } else { Kind::Gauge };
        let config = Config { kind, sensitivity, ..Config::default() };
        let (mut whole, mut parts) = (SeriesDetector::new(config), SeriesDetector::new(config));
        let mut at = 0_i64;
        for (i, (dt, value)) in rows.into_iter().enumerate() {
            at = at.wrapping_add(dt);
            if i == cut {
                let saved = parts.snapshot();
                parts = SeriesDetector::new(config);
                parts.restore(&saved).expect("same version");
            }
            let score = whole.push(at, value);
            prop_assert_eq!(score, parts.push(at, value));
            for v in [score.point, score.event, score.observed, score.expected, score.lower, score.upper] {
                prop_assert!(v.is_finite(), "{:?}", score);
            }
            prop_assert!((0.0..=1.0).contains(&score.point) && (0.0..=1.0).contains(&score.event));
            prop_assert!(score.lower <= score.upper, "{:?}", score);
            prop_assert!(!explain(&score, "x", "", Lang::Zh).is_empty());
        }
    }

    #[test]
    fn an_entity_never_panics_and_a_snapshot_anywhere_changes_nothing(rows in any_table(), cut in 0..150_usize) {
        let (mut whole, mut parts) =
            (EntityDetector::new(EntityConfig::default(), 4), EntityDetector::new(EntityConfig::default(), 4));
        let mut at = 0_i64;
        for (i, (dt, row)) in rows.into_iter().enumerate() {
            at = at.wrapping_add(dt);
            if i == cut {
                let saved = parts.snapshot();
                parts = EntityDetector::new(EntityConfig::default(), 4);
                parts.restore(&saved).expect("same version and width");
            }
            let found = whole.push(at, &row);
            prop_assert_eq!(&found, &parts.push(at, &row));
            for v in [found.score.point, found.score.event, found.score.observed, found.score.upper] {
                prop_assert!(v.is_finite(), "{:?}", found);
            }
        }
    }

    #[test]
    fn models_fitted_on_anything_never_panic_or_yield_nan(
        values in prop::collection::vec(any_value(), 0..400), later in prop::collection::vec(any_value(), 0..50),
    ) {
        let table: Vec<Vec<f64>> = values.chunks_exact(4).map(<[f64]>::to_vec).collect();
        if let Some(plane) = PcaModel::fit(&table) {
            for row in &table {
                let row: Vec<Option<f64>> = row.iter().copied().map(Some).collect();
                prop_assert!(plane.residual(&row).is_none_or(f64::is_finite));
            }
        }
        let mut detector = SeriesDetector::new(Config::default());
        ShapeModel::fit(&values).into_iter().for_each(|model| detector.learn_shape(model));
        for (i, value) in values.iter().chain(&later).enumerate() {
            let score = detector.push(i as i64 * STEP, *value);
            prop_assert!(score.point.is_finite() && score.event.is_finite() && score.lower <= score.upper);
        }
    }
}
