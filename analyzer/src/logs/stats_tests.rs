//! Replays of synthetic counts: what must be found, how fast, and how much must not be.

use super::{FindingKind, Level, LogFinding, LogStats, StatsConfig, TemplateId};

/// Small fixed random numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            let normal: f64 = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
            return (mean + normal * mean.sqrt()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

const WIDTH: i64 = 5_000;

fn id(k: u64) -> TemplateId {
    TemplateId(k)
}

/// Rates of a seasonal service: info templates of all sizes, a few warnings and errors.
fn usual(dice: &mut Dice, bucket: i64, period: f64) -> Vec<(TemplateId, Level, u64)> {
    let swing = 1.0 + 0.5 * (bucket as f64 / period * std::f64::consts::TAU).sin();
    let rates = [200.0, 40.0, 12.0, 5.0, 1.0, 0.3, 0.05];
    let info = rates.iter().enumerate().map(|(k, rate)| (id(k as u64), Level::Info, *rate));
    let trouble = [(id(100), Level::Warn, 2.0), (id(101), Level::Error, 0.5), (id(102), Level::Error, 0.02)];
    info.chain(trouble)
        .map(|(id, level, rate)| (id, level, dice.poisson(rate * swing)))
        .filter(|count| count.2 > 0)
        .collect()
}

/// Runs `buckets` buckets; `change` may edit the counts of each.
fn replay(
    seed: u64,
    buckets: i64,
    period: f64,
    mut change: impl FnMut(i64, &mut Vec<(TemplateId, Level, u64)>, &mut Dice),
) -> Vec<(i64, LogFinding)> {
    let mut stats = LogStats::new(StatsConfig::default());
    let mut dice = Dice(seed);
    let mut found = Vec::new();
    for bucket in 0..buckets {
        let mut counts = usual(&mut dice, bucket, period);
        change(bucket, &mut counts, &mut dice);
        found.extend(stats.push_bucket(bucket * WIDTH, WIDTH, &counts).into_iter().map(|finding| (bucket, finding)));
    }
    found
}

#[test]
fn steady_seasonal_load_raises_nothing_but_rare_first_sights() {
    for (seed, period) in [(1, 120.0), (2, 720.0), (3, 17_280.0), (4, 1e12)] {
        let found = replay(seed, 17_280, period, |_, _, _| {});
        let false_alarms: Vec<_> = found.iter().filter(|(_, f)| f.template_id != Some(id(102))).collect();
        assert!(false_alarms.is_empty(), "period {period}: {false_alarms:?}");
    }
}

#[test]
fn an_error_template_never_seen_is_found_at_once_and_recovers() {
    let mut stats = LogStats::new(StatsConfig::default());
    let mut dice = Dice(7);
    let mut first = None;
    for bucket in 0..120i64 {
        let mut counts = usual(&mut dice, bucket, 1e12);
        if (30..60).contains(&bucket) {
            counts.push((id(999), Level::Error, 4));
        }
        for finding in stats.push_bucket(bucket * WIDTH, WIDTH, &counts) {
            if finding.template_id == Some(id(999)) {
                assert_eq!(finding.kind, FindingKind::NewTemplate);
                assert!(finding.score > 0.5, "{finding:?}");
                first.get_or_insert(bucket);
            }
        }
        if (30..60).contains(&bucket) {
            assert!(!stats.is_recovered(FindingKind::NewTemplate, Some(id(999))));
        }
    }
    assert_eq!(first, Some(30));
    assert!(stats.is_recovered(FindingKind::NewTemplate, Some(id(999))));
}

#[test]
fn bursts_drops_and_shares_are_found_within_two_buckets() {
    let (mut hits, mut tries) = (0, 0);
    for seed in 0..40 {
        let kind = seed % 4;
        let found = replay(100 + seed, 400, 720.0, |bucket, counts, dice| {
            if bucket < 300 {
                return;
            }
            match kind {
                0 => counts.push((id(101), Level::Error, dice.poisson(20.0))),
                1 => counts.retain(|count| count.0 != id(1)),
                2 => counts.push((id(100), Level::Warn, dice.poisson(25.0))),
                _ => (0..6).for_each(|k| counts.push((id(101 + k % 2), Level::Error, 4))),
            }
        });
        let expected: &[FindingKind] = match kind {
            0 | 2 => &[FindingKind::Burst],
            1 => &[FindingKind::Drop, FindingKind::Silence],
            _ => &[FindingKind::ErrorShare],
        };
        tries += 1;
        hits += u32::from(found.iter().any(|(at, f)| (300..=301).contains(at) && expected.contains(&f.kind)));
    }
    assert!(hits * 100 >= tries * 95, "{hits} of {tries}");
}

#[test]
fn a_source_that_stops_is_one_silence_and_no_drops() {
    let mut stats = LogStats::new(StatsConfig::default());
    let mut dice = Dice(3);
    for bucket in 0..100 {
        let counts = usual(&mut dice, bucket, 1e12);
        assert!(stats.push_bucket(bucket * WIDTH, WIDTH, &counts).iter().all(|f| f.template_id == Some(id(102))));
    }
    assert!(stats.push_bucket(100 * WIDTH, WIDTH, &[]).is_empty());
    let found = stats.push_bucket(101 * WIDTH, WIDTH, &[]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].template_id), (FindingKind::Silence, None));
    assert!(!stats.is_recovered(FindingKind::Silence, None));
    stats.push_bucket(102 * WIDTH, WIDTH, &usual(&mut dice, 102, 1e12));
    assert!(stats.is_recovered(FindingKind::Silence, None));
}

#[test]
fn nothing_is_said_while_learning_and_merges_are_not_new() {
    let mut stats = LogStats::new(StatsConfig::default());
    for bucket in 0..20 {
        assert!(stats.push_bucket(bucket * WIDTH, WIDTH, &[(id(bucket as u64), Level::Error, 50)]).is_empty());
    }
    assert!(stats.is_learning(0));
    for bucket in 20..60 {
        stats.push_bucket(bucket * WIDTH, WIDTH, &[(id(5), Level::Error, 50)]);
    }
    stats.merge(id(5), id(77));
    let found = stats.push_bucket(60 * WIDTH, WIDTH, &[(id(77), Level::Error, 50)]);
    assert!(found.iter().all(|f| f.kind != FindingKind::NewTemplate), "{found:?}");
}

#[test]
fn odd_input_is_survived() {
    let mut stats = LogStats::new(StatsConfig { templates: 3, ..StatsConfig::default() });
    for (start, width) in [(0, 0), (i64::MAX, 5), (i64::MIN, -3), (5, i64::MAX)] {
        for k in 0..10 {
            let found =
                stats.push_bucket(start, width, &[(id(k), Level::Fatal, u64::MAX / 16), (id(k + 1), Level::Info, 0)]);
            assert!(found.iter().all(|f| (0.0..=1.0).contains(&f.score)));
        }
    }
}
