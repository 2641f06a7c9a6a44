//! Injected faults and bad input against the ensemble: what must be found within how many rows, and what must not.

use super::{Config, Detector, Kind, Lang, Score, SeriesDetector, Skip, explain};

const STEP: i64 = 60_000;
const WARM: usize = 2_000;
const SEEDS: u64 = 20;

/// A small generator, so that every run sees the same noise.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 + 0.5) / f64::from(1_u32 << 31)
    }

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A healthy series: level 100, sigma 2.
fn healthy(seed: u64, rows: usize) -> Vec<f64> {
    let mut noise = Noise(seed + 1);
    (0..rows).map(|_| 100.0 + 2.0 * noise.normal()).collect()
}

/// Rows (relative to `WARM`) of the events after warming up on the first `WARM` rows.
fn events(values: &[f64]) -> Vec<usize> {
    let mut detector = SeriesDetector::new(Config::default());
    let mut found = Vec::new();
    for (i, value) in values.iter().enumerate() {
        if detector.push(i as i64 * STEP, *value).is_event && i >= WARM {
            found.push(i - WARM);
        }
    }
    found
}

/// Share of seeds for which the fault is found within `rows` rows.
fn found_within(rows: usize, fault: impl Fn(usize, f64) -> f64) -> f64 {
    let hits = (0..SEEDS).filter(|seed| {
        let mut values = healthy(*seed, WARM + rows + 1);
        for (i, value) in values.iter_mut().skip(WARM).enumerate() {
            *value = fault(i, *value);
        }
        events(&values).iter().any(|row| *row < rows)
    });
    hits.count() as f64 / SEEDS as f64
}

#[test]
fn a_spike_of_eight_sigma_is_found_at_once() {
    assert!(found_within(1, |_, x| x + 16.0) >= 0.95);
    assert!(found_within(1, |_, x| x - 16.0) >= 0.95);
}

#[test]
fn a_level_shift_of_four_sigma_is_found_within_five_rows() {
    assert!(found_within(5, |_, x| x + 8.0) >= 0.95);
    assert!(found_within(5, |_, x| x - 8.0) >= 0.95);
}

#[test]
fn a_slow_ramp_is_found_within_an_hour() {
    assert!(found_within(60, |i, x| x + 0.3 * i as f64) >= 0.95);
}

#[test]
fn a_flat_line_is_found_within_five_rows() {
    assert!(found_within(5, |_, _| 100.3) >= 0.95);
}

/// Five values cannot tell three times the noise from noise at this rate of false alarms: the sum of five squares, the best
/// possible test, exceeds what chance reaches once in 4,000 rows in eight cases of ten; twenty values can.
#[test]
fn three_times_the_noise_is_found_within_twenty_rows() {
    let noise = |_, x| 100.0 + 3.0 * (x - 100.0);
    assert!(found_within(5, noise) >= 0.65);
    assert!(found_within(10, noise) >= 0.85);
    assert!(found_within(20, noise) >= 0.95);
}

#[test]
fn nineteen_of_twenty_faults_are_found_within_five_rows() {
    let found = [
        found_within(5, |_, x| x + 16.0),
        found_within(5, |_, x| x - 16.0),
        found_within(5, |_, x| x + 8.0),
        found_within(5, |_, x| x - 8.0),
        found_within(60, |i, x| x + 0.3 * i as f64),
        found_within(60, |i, x| x - 0.3 * i as f64),
        found_within(5, |_, _| 100.3),
        found_within(5, |_, x| 100.0 + 3.0 * (x - 100.0)),
        found_within(5, |_, _| 0.0),
    ];
    let share = found.iter().sum::<f64>() / found.len() as f64;
    assert!(share >= 0.95, "{share} {found:?}");
}

#[test]
fn an_outage_to_zero_is_found_at_once() {
    assert!(found_within(1, |_, _| 0.0) >= 0.95);
}

#[test]
fn a_missing_daily_peak_is_found_within_an_hour() {
    let day = 288;
    let hits = (0..SEEDS).filter(|seed| {
        let mut noise = Noise(seed + 1);
        let mut detector = SeriesDetector::new(Config::default());
        let mut found = false;
        for i in 0..day * 8_i64 {
            let peak = if (120..180).contains(&(i % day)) { 50.0 } else { 0.0 };
            let missing = i >= day * 7;
            let value = 100.0 + if missing { 0.0 } else { peak } + 2.0 * noise.normal();
            let event = detector.push(i * 300_000, value).is_event;
            found |= event && missing && (120..132).contains(&(i % day));
        }
        found
    });
    assert!(hits.count() as f64 / SEEDS as f64 >= 0.95);
}

/// Events of a healthy series after warming up, while `push` decides what the detector is given.
fn quiet_events(kind: Kind, mut feed: impl FnMut(&mut SeriesDetector, usize, f64) -> Vec<Score>) -> usize {
    let mut count = 0;
    for seed in 0..SEEDS {
        let mut detector = SeriesDetector::new(Config { kind, ..Config::default() });
        for (i, value) in healthy(seed, WARM + 200).into_iter().enumerate() {
            let scores = feed(&mut detector, i, value);
            count += scores.iter().filter(|s| s.is_event && (WARM..WARM + 30).contains(&i)).count();
        }
    }
    count
}

fn baseline(kind: Kind) -> usize {
    let mut total = 0.0;
    quiet_events(kind, |d, i, x| {
        total += x;
        vec![d.push(i as i64 * STEP, if kind == Kind::Counter { total } else { x })]
    })
}

#[test]
fn gaps_nan_runs_clock_steps_and_restarts_are_no_events() {
    let usual = baseline(Kind::Gauge);
    let hour = 3_600_000;
    let late = |i: usize| if i >= WARM { hour } else { 0 };
    let gap = quiet_events(Kind::Gauge, |d, i, x| vec![d.push(i as i64 * STEP + late(i), x)]);
    let back = quiet_events(Kind::Gauge, |d, i, x| vec![d.push(i as i64 * STEP - late(i), x)]);
    let nan = quiet_events(Kind::Gauge, |d, i, x| {
        vec![d.push(i as i64 * STEP, if (WARM..WARM + 10).contains(&i) { f64::NAN } else { x })]
    });
    let twice = quiet_events(Kind::Gauge, |d, i, x| {
        let at = i as i64 * STEP;
        vec![d.push(at, x), d.push(at, x + 500.0), d.push(at - 1, x + 500.0)]
    });
    let restart = quiet_events(Kind::Gauge, |d, i, x| {
        if i == WARM {
            let saved = d.snapshot().to_string();
            *d = SeriesDetector::new(Config::default());
            d.restore(&serde_json::from_str(&saved).expect("json")).expect("same version");
        }
        vec![d.push(i as i64 * STEP, x)]
    });
    assert_eq!((usual, gap, back, nan, twice, restart), (0, 0, 0, 0, 0, 0));
}

/// The same on a daily wave: a gap is no jump and a clock set back does not turn the day back.
#[test]
fn on_a_daily_wave_gaps_and_clock_steps_are_no_events() {
    let hour = 3_600_000;
    let events = |gap: i64, back: i64| -> usize {
        let mut count = 0;
        for seed in 0..SEEDS {
            let mut detector = SeriesDetector::new(Config::default());
            for (i, noise) in healthy(seed, 3_060).into_iter().enumerate() {
                let late = i >= 3_000;
                let real = i as i64 * STEP + if late { gap } else { 0 };
                let wave = 30.0 * (real as f64 / (24 * hour) as f64 * std::f64::consts::TAU).sin();
                let found = detector.push(real - if late { back } else { 0 }, wave + noise).is_event;
                count += usize::from(late && found);
            }
        }
        count
    };
    assert_eq!((events(0, 0), events(hour, 0), events(0, hour)), (0, 0, 0));
}

#[test]
fn a_counter_reset_is_no_event_and_a_burst_is() {
    assert_eq!(baseline(Kind::Counter), 0);
    let mut total = 0.0;
    let reset = quiet_events(Kind::Counter, |d, i, x| {
        total = if i == WARM || i == WARM + 7 { x * 0.3 } else { total + x };
        let score = d.push(i as i64 * STEP, total);
        assert!(i != WARM || score.skip == Some(Skip::CounterReset));
        vec![score]
    });
    assert_eq!(reset, 0);
    let mut detector = SeriesDetector::new(Config { kind: Kind::Counter, ..Config::default() });
    let mut total = 0.0;
    for (i, x) in healthy(3, 500).into_iter().enumerate() {
        total += if i == 499 { 10.0 * x } else { x };
        let score = detector.push(i as i64 * STEP, total);
        assert_eq!(score.is_event, i == 499);
    }
}

#[test]
fn short_learning_is_quiet_and_still_finds_an_outage() {
    // two minutes at 2 s steps, then ten healthy minutes, then the fault
    let (mut noisy, mut found) = (0, 0);
    for seed in 0..SEEDS {
        let mut detector = SeriesDetector::new(Config::default());
        for (i, value) in healthy(seed, 360).into_iter().enumerate() {
            let score = detector.push(i as i64 * 2_000, value);
            assert_eq!(score.learning, i < 30);
            noisy += usize::from(score.is_event);
        }
        found += usize::from((360..365).any(|i| detector.push(i * 2_000, 140.0).is_event));
    }
    assert_eq!(found, 20);
    assert!(noisy <= 2, "{noisy} events in {SEEDS} healthy series");
}

/// A snapshot that is read back late has been aged by the time that passed: the same healthy values are no event, a fault is one.
#[test]
fn a_stale_snapshot_ages_by_elapsed_time() {
    let day = 86_400_000;
    let found = |days: i64, fault: f64| -> usize {
        let hits = (0..SEEDS).filter(|seed| {
            let mut old = SeriesDetector::new(Config::default());
            let values = healthy(*seed, WARM + 60);
            for (i, value) in values.iter().take(WARM).enumerate() {
                old.push(i as i64 * STEP, *value);
            }
            let mut detector = SeriesDetector::new(Config::default());
            detector.restore(&old.snapshot()).expect("same version");
            values.iter().enumerate().skip(WARM).any(|(i, value)| {
                let late = i >= WARM + 40;
                detector.push(i as i64 * STEP + days * day, value + if late { fault } else { 0.0 }).is_event
            })
        });
        hits.count()
    };
    assert_eq!((found(1, 0.0), found(30, 0.0), found(300, 0.0)), (0, 0, 0));
    assert_eq!((found(1, 40.0), found(30, 40.0)), (20, 20));
}

#[test]
fn an_episode_opens_once_and_closes_when_the_series_is_back() {
    let mut detector = SeriesDetector::new(Config::default());
    let mut opened = 0;
    for (i, value) in healthy(5, 1_200).into_iter().enumerate() {
        let bad = (1_000..1_050).contains(&i);
        let score = detector.push(i as i64 * STEP, if bad { value + 60.0 } else { value });
        opened += usize::from(score.is_event && i >= 900);
        if bad {
            assert!(score.open, "row {i}");
            assert!(!detector.recovered(160.0) && detector.recovered(101.0));
            assert!(explain(&score, "cpu", "%", Lang::En).contains("cpu"));
        }
    }
    let end = detector.push(1_200 * STEP, 100.0);
    assert_eq!((opened, end.open), (1, false));
}

#[test]
fn sensitivity_orders_the_number_of_events() {
    let count = |sensitivity| -> usize {
        (0..SEEDS)
            .map(|seed| {
                let mut detector = SeriesDetector::new(Config { sensitivity, ..Config::default() });
                healthy(seed, 4_000)
                    .into_iter()
                    .enumerate()
                    .filter(|(i, x)| detector.push(*i as i64 * 300_000, *x).is_event)
                    .count()
            })
            .sum()
    };
    let (quiet, usual, keen) = (count(1), count(5), count(10));
    assert!(quiet < usual && usual < keen, "{quiet} {usual} {keen}");
}

#[test]
fn history_teaches_shapes_to_gauges_and_counters() {
    let rows = |counter: bool| -> Vec<(i64, f64)> {
        let mut total = 0.0;
        let values = healthy(7, 1_500).into_iter().enumerate();
        values
            .map(|(i, x)| {
                total += x;
                (i as i64 * STEP, if counter { total } else { x })
            })
            .collect()
    };
    for (kind, counter) in [(Kind::Gauge, false), (Kind::Counter, true)] {
        let mut detector = SeriesDetector::new(Config { kind, ..Config::default() });
        let before = detector.state_bytes();
        detector.learn_history(&rows(counter)[..50]);
        assert_eq!(detector.state_bytes(), before);
        detector.learn_history(&rows(counter));
        assert!(detector.state_bytes() > before);
        assert!(rows(counter).iter().all(|(at, v)| !detector.push(*at, *v).is_event));
    }
}
