//! Log anomalies against faults put into days of counts: recall, and false alarms a day per 1,000 templates.
//!
//! `cargo bench -p analyzer --bench log_anomalies`; no files needed.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

#[path = "../src/logs/injector.rs"]
mod injector;

use analyzer::logs::{FindingKind, Level, LogStats, StatsConfig, TemplateId};
use injector::{Fault, Outcome, Round};

fn main() {
    for (name, width_ms, templates, days) in
        [("60 s buckets", 60_000, 1_000, 1), ("15 s buckets", 15_000, 300, 1), ("5 s buckets", 5_000, 300, 1)]
    {
        let (mut all, mut alarms) = (Outcome::default(), Vec::new());
        let mut template_days = 0.0;
        for seed in 0..3 {
            let round = Round { seed, templates, width_ms, quiet_days: 1, days, faults: 80 * days as usize };
            let outcome = run(round);
            (0..4).for_each(|k| {
                all.hits[k] += outcome.hits[k];
                all.tries[k] += outcome.tries[k];
            });
            template_days += templates as f64 * days as f64;
            alarms.extend(outcome.false_alarms);
            all.missed.extend(outcome.missed);
        }
        println!(
            "{name}: recall {:.3} (burst {}/{}, drop {}/{}, new {}/{}, error share {}/{}), {:.2} false alarms a day per 1,000 templates ({} in {:.0} template days)",
            all.recall(),
            all.hits[0],
            all.tries[0],
            all.hits[1],
            all.tries[1],
            all.hits[2],
            all.tries[2],
            all.hits[3],
            all.tries[3],
            alarms.len() as f64 * 1_000.0 / template_days,
            alarms.len(),
            template_days,
        );
        if std::env::var_os("AIOPS_BENCH_VERBOSE").is_some() {
            alarms.iter().for_each(|alarm| println!("    false: {alarm:?}"));
            all.missed.iter().for_each(|missed| println!("    missed: {missed:?}"));
        }
    }
}

fn run(round: Round) -> Outcome {
    let mut stats = LogStats::new(StatsConfig::default());
    round.run(|start, width, counts| {
        let level = |level: u8| [Level::Info, Level::Warn, Level::Error][usize::from(level)];
        let counts: Vec<_> = counts.iter().map(|(k, l, n)| (TemplateId(*k), level(*l), *n)).collect();
        let found = stats.push_bucket(start, width, &counts);
        found.iter().map(|f| (kind(f.kind), f.template_id.map(|id| id.0))).collect()
    })
}

fn kind(kind: FindingKind) -> Option<Fault> {
    match kind {
        FindingKind::Burst => Some(Fault::Burst),
        FindingKind::Drop | FindingKind::Silence => Some(Fault::Drop),
        FindingKind::NewTemplate => Some(Fault::New),
        FindingKind::ErrorShare => Some(Fault::Share),
    }
}
