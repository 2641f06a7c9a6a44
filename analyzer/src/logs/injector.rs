//! A service's log counts over days with faults put in: bursts, drops, new templates, shifted shares of errors.
//!
//! Used by the tests and by `cargo bench -p analyzer --bench log_anomalies`. Templates have rates over five decades,
//! a daily swing, counts of three kinds of spread, even heartbeats and hourly jobs. Fixed seeds: every run is the same.

/// Count of one template: its number, its level (0 info, 1 warning, 2 error), its lines.
pub(crate) type Count = (u64, u8, u64);
/// What was found: a kind of [`Fault`], or another kind, and the template.
pub(crate) type Found = (Option<Fault>, Option<u64>);

/// What is put in, and what must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Far more lines of a template.
    Burst,
    /// A template that all but stops.
    Drop,
    /// A warning or error template that was never there.
    New,
    /// All error templates together.
    Share,
}

/// How one round is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Seed of everything.
    pub(crate) seed: u64,
    /// Templates of the service.
    pub(crate) templates: u64,
    /// Width of a bucket, ms.
    pub(crate) width_ms: i64,
    /// Days that are learned from before faults are put in and alarms are counted.
    pub(crate) quiet_days: i64,
    /// Days that count.
    pub(crate) days: i64,
    /// Faults put in over the days that count.
    pub(crate) faults: usize,
}

/// What a round came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Faults found within two buckets after the one they began in, by kind.
    pub(crate) hits: [usize; 4],
    /// Faults put in, by kind.
    pub(crate) tries: [usize; 4],
    /// Faults that were not found in time: which, of what template, from which bucket on.
    pub(crate) missed: Vec<(Fault, u64, i64)>,
    /// Episodes told that belong to no fault.
    pub(crate) false_alarms: Vec<(i64, Found)>,
}

/// Small fixed random numbers (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 up to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Poisson count, by a normal above 50.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            return (mean + self.normal() * mean.sqrt()).round().max(0.0) as u64;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.uniform() * n as f64) as u64
    }
}

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// One template's habits.
#[derive(Debug, Clone, Copy)]
struct Habit {
    level: u8,
    per_minute: f64,
    manner: u64,
}

fn habit(k: u64) -> Habit {
    let level = match k % 10 {
        7 => 1,
        8 => 2,
        _ => 0,
    };
    let scale = [1.0, 0.2, 0.05][usize::from(level)];
    let per_minute = (3_000.0 * scale / (k as f64 + 1.0).powf(1.1)).max(0.05);
    Habit { level, per_minute, manner: k % 33 }
}

impl Habit {
    fn expected(&self, start_ms: i64, width_ms: i64) -> f64 {
        let swing = 1.0 + 0.5 * (start_ms as f64 / DAY_MS as f64 * std::f64::consts::TAU).sin();
        self.per_minute * swing * width_ms as f64 / 60_000.0
    }

    fn count(&self, dice: &mut Dice, start_ms: i64, width_ms: i64) -> u64 {
        let expected = self.expected(start_ms, width_ms);
        match self.manner {
            // Heartbeats come evenly, whatever the load.
            30 => (((start_ms + width_ms) / 30_000) - (start_ms / 30_000)) as u64,
            // A job of every hour writes its lines at once.
            31 => {
                let due = start_ms.div_euclid(HOUR_MS) != (start_ms + width_ms).div_euclid(HOUR_MS);
                dice.poisson(if due { 40.0 } else { 0.01 })
            }
            // Clumps: a request writes several lines.
            20..30 => 4 * dice.poisson(expected / 4.0),
            // A load that wanders from minute to minute.
            10..20 => {
                let wander = (0.2 * dice.normal()).exp();
                dice.poisson(expected * wander)
            }
            _ => dice.poisson(expected),
        }
    }
}

/// One fault put in.
#[derive(Debug, Clone, Copy)]
struct Planned {
    fault: Fault,
    template: u64,
    from: i64,
    until: i64,
    seen: bool,
}

fn plan(round: &Round, dice: &mut Dice) -> Vec<Planned> {
    let (first, buckets) = (round.quiet_days * DAY_MS / round.width_ms, round.days * DAY_MS / round.width_ms);
    let length = (600_000 / round.width_ms).max(4);
    let mut all = Vec::new();
    for n in 0..round.faults {
        let fault = [Fault::Burst, Fault::Drop, Fault::New, Fault::Share][n % 4];
        let from = first + (n as i64 * buckets) / round.faults as i64 + 5;
        let at = from * round.width_ms;
        let fits = |k: u64| {
            let h = habit(k);
            let regular = h.manner < 30;
            let events = h.expected(at, round.width_ms) / if h.manner >= 20 { 4.0 } else { 1.0 };
            match fault {
                Fault::Drop => regular && h.level == 0 && events >= 12.0,
                _ => regular,
            }
        };
        let template = match fault {
            Fault::New => 1_000_000 + n as u64,
            Fault::Share => 0,
            _ => (0..10_000).map(|_| dice.below(round.templates)).find(|k| fits(*k)).unwrap_or(0),
        };
        all.push(Planned { fault, template, from, until: from + length, seen: false });
    }
    all
}

/// Changes the counts of a bucket by what is put in.
fn inject(one: &Planned, start: i64, width: i64, counts: &mut Vec<Count>, dice: &mut Dice) {
    match one.fault {
        Fault::Burst => {
            let h = habit(one.template);
            let more = dice.poisson((h.expected(start, width) * 4.0).max(24.0));
            counts.push((one.template, h.level, more));
        }
        Fault::Drop => counts.iter_mut().filter(|c| c.0 == one.template).for_each(|c| c.2 /= 20),
        Fault::New => counts.push((one.template, 1 + (one.template % 2) as u8, 3 + dice.poisson(2.0))),
        Fault::Share => {
            let usual: u64 = counts.iter().filter(|c| c.1 == 2).map(|c| c.2).sum();
            let total: u64 = counts.iter().map(|c| c.2).sum();
            let more = (usual * 3).max(total / 12) + 10;
            let errors: Vec<u64> = (0..400).filter(|k| habit(*k).level == 2 && habit(*k).manner < 30).collect();
            for k in &errors {
                counts.push((*k, 2, more.div_ceil(errors.len() as u64)));
            }
        }
    }
}

impl Round {
    /// Runs the round; `judge` takes a bucket (start, width, counts) and says what is unusual in it.
    pub(crate) fn run(&self, mut judge: impl FnMut(i64, i64, &[Count]) -> Vec<Found>) -> Outcome {
        let mut dice = Dice(self.seed);
        let mut planned = plan(self, &mut dice);
        let first = self.quiet_days * DAY_MS / self.width_ms;
        let mut outcome = Outcome::default();
        let mut last: std::collections::BTreeMap<(Option<u64>, Option<u64>), i64> = std::collections::BTreeMap::new();
        for bucket in 0..(self.quiet_days + self.days) * DAY_MS / self.width_ms {
            let start = bucket * self.width_ms;
            let mut counts: Vec<Count> = (0..self.templates)
                .map(|k| (k, habit(k).level, habit(k).count(&mut dice, start, self.width_ms)))
                .filter(|c| c.2 > 0)
                .collect();
            for one in planned.iter().filter(|p| (p.from..p.until).contains(&bucket)) {
                inject(one, start, self.width_ms, &mut counts, &mut dice);
            }
            for found in judge(start, self.width_ms, &counts) {
                let key = (found.0.map(|f| f as u64), found.1);
                let again = last.insert(key, bucket).is_some_and(|before| bucket - before <= 5);
                let explained = claim(&mut planned, bucket, self.width_ms, found);
                if !explained && !again && bucket >= first {
                    outcome.false_alarms.push((bucket, found));
                }
            }
        }
        for one in &planned {
            outcome.tries[one.fault as usize] += 1;
            outcome.hits[one.fault as usize] += usize::from(one.seen);
            if !one.seen {
                outcome.missed.push((one.fault, one.template, one.from));
            }
        }
        outcome
    }
}

/// Whether a finding belongs to a fault that is or was put in; the right one in time is a hit.
fn claim(planned: &mut [Planned], bucket: i64, width_ms: i64, found: Found) -> bool {
    let grace = 1_800_000 / width_ms;
    let mut explained = false;
    for one in planned.iter_mut().filter(|p| (p.from..p.until + grace).contains(&bucket)) {
        let same = match one.fault {
            Fault::Share => found.0 == Some(Fault::Share) || found.1.is_some_and(|k| k < 400 && habit(k).level == 2),
            _ => found.1 == Some(one.template),
        };
        // A burst of errors shifts the share as well.
        let shifts = found.0 == Some(Fault::Share) && matches!(one.fault, Fault::Burst | Fault::New);
        one.seen |= same && found.0 == Some(one.fault) && bucket - one.from <= 2;
        explained |= same || shifts;
    }
    explained
}

impl Outcome {
    /// Share of the faults that were found.
    pub(crate) fn recall(&self) -> f64 {
        let sum = |of: &[usize; 4]| of.iter().sum::<usize>() as f64;
        sum(&self.hits) / sum(&self.tries).max(1.0)
    }
}
