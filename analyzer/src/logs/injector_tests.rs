//! What the injector puts in is found, and what it does not put in is left alone.

use super::injector::{Fault, Outcome, Round};
use super::{FindingKind, Level, LogStats, StatsConfig, TemplateId};

fn run(round: Round) -> Outcome {
    let mut stats = LogStats::new(StatsConfig::default());
    round.run(|start, width, counts| {
        let counts: Vec<_> = counts
            .iter()
            .map(|(k, level, n)| (TemplateId(*k), [Level::Info, Level::Warn, Level::Error][usize::from(*level)], *n))
            .collect();
        stats.push_bucket(start, width, &counts).iter().map(|f| (kind(f.kind), f.template_id.map(|id| id.0))).collect()
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

/// A day in the life of 150 templates, on minutes, after a day of learning. One false alarm a day per 1,000 templates
/// would be 0.15 here, so none is let pass.
#[test]
fn faults_put_in_are_found_and_quiet_days_stay_quiet() {
    let round = Round { seed: 11, templates: 150, width_ms: 60_000, quiet_days: 1, days: 1, faults: 40 };
    let outcome = run(round);
    assert!(outcome.recall() >= 0.95, "missed {:?}", outcome.missed);
    assert!(outcome.false_alarms.is_empty(), "{:?}", outcome.false_alarms);
}
