//! Log templates for people: what is written of them, and what their rules do, over a restart too.

use super::tests::{START, STEP, batch, feed, monitor};
use super::*;
use domain::clock::from_millis;
use domain::signal::{LogLevel, LogLine};
use domain::template::{LogTemplate, RuleOf, TemplateRule};

fn line(row: i64, level: LogLevel, message: &str) -> LogLine {
    LogLine {
        index: "logs".to_owned(),
        id: format!("{row} {message}"),
        at: from_millis(START + row * STEP - 1_000),
        level,
        labels: [("service".to_owned(), "pay".to_owned())].into(),
        message: message.to_owned(),
        trace_id: None,
    }
}

/// Feeds rows; what was written of templates, newest state of each, and how many anomalies opened.
fn run(
    engine: &mut Engine,
    of: &Monitor,
    rows: std::ops::Range<i64>,
    text: impl Fn(i64) -> Vec<LogLine>,
) -> (Vec<LogTemplate>, usize, Vec<StateRow>) {
    let (mut written, mut opened, mut states) = (std::collections::BTreeMap::new(), 0, Vec::new());
    for row in rows {
        let payload = Payload::Logs { lines: text(row), completeness: Completeness::Complete };
        let scored = feed(engine, of, &batch(of, row, payload));
        written.extend(scored.templates.into_iter().map(|t| (t.id, t)));
        opened += scored.changes.iter().filter(|c| c.anomaly.state == AnomalyState::Open).count();
        if !scored.states.is_empty() {
            states = scored.states;
        }
    }
    (written.into_values().collect(), opened, states)
}

fn usual(row: i64) -> Vec<LogLine> {
    (0..5).map(|n| line(row, LogLevel::Info, &format!("order {} taken by a{n}b", row * 10 + n))).collect()
}

fn with_error(row: i64) -> Vec<LogLine> {
    let mut lines = usual(row);
    lines.extend(
        (0..4).map(|n| line(row, LogLevel::Error, &format!("pool of bob@example.com is full: {n} wait {row}"))),
    );
    lines
}

fn started() -> (Monitor, Engine) {
    let of = monitor(DetectorSpec::Logs);
    let mut engine = Engine::default();
    engine.load(&of, &[], from_millis(START));
    (of, engine)
}

#[test]
fn templates_are_written_with_counts_hours_and_masked_samples() {
    let (of, mut engine) = started();
    let (written, ..) = run(&mut engine, &of, 1..40, with_error);
    let pool = written.iter().find(|t| t.text.contains("pool of")).expect("written");
    assert_eq!((pool.monitor_id, pool.level, pool.merged_into), (of.id, LogLevel::Error, None));
    assert!(pool.count >= 4 * 30 && pool.hours.iter().map(|n| u64::from(*n)).sum::<u64>() == pool.count, "{pool:?}");
    assert!(!pool.samples.is_empty() && pool.samples.iter().all(|s| !s.contains("bob@") && s.contains("***@***")));
    assert_eq!(written.len(), 2, "{written:?}");
}

#[test]
fn a_muted_template_is_quiet_and_a_name_stands_in_the_sentence() {
    let known = |rule: TemplateRule| {
        let (of, mut engine) = started();
        let (first, ..) = run(&mut engine, &of, 1..8, with_error);
        let id = first.iter().find(|t| t.text.contains("pool of")).map(|t| t.id).expect("written");
        run(&mut engine, &of, 8..60, usual);
        engine.set_template_rules(vec![RuleOf { template_id: id, monitor_id: of.id, rule }]);
        (of, engine)
    };
    let burst = |row: i64| {
        let mut lines = usual(row);
        let text = |n: i64| format!("pool of bob@example.com is full: {n} wait {row}");
        lines.extend((0..48).map(|n| line(row, LogLevel::Error, &text(n))));
        lines
    };
    let sentences = |rule: TemplateRule| {
        let (of, mut engine) = known(rule);
        let mut told = Vec::new();
        for row in 60..66 {
            let payload = Payload::Logs { lines: burst(row), completeness: Completeness::Complete };
            let scored = feed(&mut engine, &of, &batch(&of, row, payload));
            told.extend(scored.changes.into_iter().map(|c| c.anomaly.evidence.en));
        }
        told
    };
    let named = sentences(TemplateRule { name: "Pool full".to_owned(), ..TemplateRule::default() });
    assert!(named.iter().any(|text| text.contains("Pool full (pool of")), "{named:?}");
    let muted = sentences(TemplateRule { muted: true, ..TemplateRule::default() });
    assert!(muted.iter().all(|text| !text.contains("pool of")), "{muted:?}");
}

#[test]
fn a_split_is_no_news_and_outlives_a_restart() {
    let (of, mut engine) = started();
    let names = ["billing", "search", "mailer", "ledger", "basket", "profile", "catalog", "pricing", "stock"];
    let jobs = |row: i64| {
        let mut lines = usual(row);
        lines.extend(
            names.iter().map(|name| line(row, LogLevel::Warn, &format!("replica {name} cannot reach its peer"))),
        );
        lines
    };
    let (first, ..) = run(&mut engine, &of, 1..40, jobs);
    let joined = first.iter().find(|t| t.text == "replica <*> cannot reach its peer").expect("joined").clone();
    let rule = TemplateRule { split: true, ..TemplateRule::default() };
    let rules = vec![RuleOf { template_id: joined.id, monitor_id: of.id, rule }];
    engine.set_template_rules(rules.clone());
    let (after, opened, states) = run(&mut engine, &of, 40..80, jobs);
    let apart = after.iter().filter(|t| t.text.starts_with("replica ") && !t.text.contains("<*>")).count();
    assert_eq!((apart, opened), (names.len(), 0), "{after:?}");
    let mut again = Engine::default();
    again.set_template_rules(rules);
    again.load(&of, &states, from_millis(START + 80 * STEP));
    let (later, opened, _) = run(&mut again, &of, 80..120, jobs);
    assert!(later.iter().all(|t| t.text != joined.text) && opened == 0, "{later:?}");
}
