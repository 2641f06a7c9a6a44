//! `aiops backtest`: history of a live Prometheus in, events and a chart out.

use super::{complain, say, with_database};
use crate::backtest::{Progress, Question, run as judge};
use crate::bootstrap::source_draft;
use crate::cli::BacktestArgs;
use crate::plot;
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use domain::anomaly::Anomaly;
use domain::backtest::{BacktestLimits, BacktestReport};
use domain::catalog::{DetectorSpec, Monitor, MonitorSpec, Source, SourceKind};
use domain::clock::{Clock as _, SystemClock, from_millis};
use domain::feedback::{Feedback, MEMORY_DAYS};
use domain::ports::{CatalogStore as _, FeedbackStore as _, MetricSource};
use domain::resource::{Draft, Spec as _};
use domain::signal::SignalKind;
use domain::{Id, Time};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const LIMITS: BacktestLimits = BacktestLimits { rows: u64::MAX, series: 12, points: 2_000, events: 10_000 };
/// Time between two lines of progress.
const TELL: Duration = Duration::from_secs(1);

pub(crate) async fn run(settings: Settings, args: BacktestArgs) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let from = moment(&args.from, now).context("--from")?;
    let to = moment(&args.to, now).context("--to")?;
    if from >= to {
        bail!("--from: give a time before --to");
    }
    if let Some(file) = &args.output {
        writable_svg(file)?;
    }
    let (source, mut monitor, feedback) = asked(settings, &args, now).await?;
    monitor.spec.interval_secs = args.step.unwrap_or(monitor.spec.interval_secs);
    monitor.spec.sensitivity = args.sensitivity.unwrap_or(monitor.spec.sensitivity);
    if let Some(wrong) = monitor.spec.validate().first() {
        bail!("{}: {}", wrong.field, wrong.message);
    }
    let title = monitor.name.clone();
    let mut told = Instant::now();
    let mut progress = |p: Progress| {
        if told.elapsed() >= TELL || p.share >= 1.0 {
            told = Instant::now();
            let share = (p.share * 100.0).floor();
            complain(&format!("{share:>3} %  {} rows of {} series, {} events", p.rows, p.series, p.events));
        }
    };
    let began = Instant::now();
    let question = Question { monitor, feedback, from, to, limits: LIMITS, until: None };
    let report = judge(&*source, question, &mut progress).await?;
    if let Some(file) = &args.output {
        let text = plot::svg(&title, &report);
        std::fs::write(file, text).with_context(|| format!("--output: cannot write {}", file.display()))?;
    }
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, text).with_context(|| format!("--json: cannot write {}", file.display()))?;
    }
    tell(&report, began.elapsed());
    Ok(if report.rows == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn writable_svg(file: &Path) -> anyhow::Result<()> {
    if file.extension().is_none_or(|e| !e.eq_ignore_ascii_case("svg")) {
        bail!("--output: give a file that ends in .svg");
    }
    Ok(())
}

/// The source to ask, the monitor to judge by, and what was said of its anomalies.
async fn asked(
    settings: Settings,
    args: &BacktestArgs,
    now: Time,
) -> anyhow::Result<(Box<dyn MetricSource>, Monitor, Vec<Feedback>)> {
    if let (Some(url), Some(query), None) = (&args.url, &args.query, &args.monitor) {
        return Ok((prometheus(url)?, unstored(query, Id::nil(), now), Vec::new()));
    }
    let settings = with_database(settings, args.database.clone())?;
    let database = super::open(&settings).await?;
    let (mut monitor, feedback) = match &args.monitor {
        Some(name) => {
            let monitor = named(&database, name).await?;
            let feedback = database.feedback_of(monitor.id, now - chrono::TimeDelta::days(MEMORY_DAYS)).await?;
            (monitor, feedback)
        }
        None => (unstored("", only_source(&database).await?.id, now), Vec::new()),
    };
    if let Some(query) = &args.query {
        monitor.spec.query.clone_from(query);
    }
    let source = match &args.url {
        Some(url) => prometheus(url)?,
        None => {
            let source: Source = database.get(monitor.spec.source_id).await?;
            Box::new(ingest::Prometheus::new(&source.spec)?)
        }
    };
    database.close().await;
    Ok((source, monitor, feedback))
}

fn prometheus(url: &str) -> anyhow::Result<Box<dyn MetricSource>> {
    let mut draft = source_draft(SourceKind::Prometheus, "url", url, None).context("--url")?;
    draft.spec.timeout_secs = 60;
    Ok(Box::new(ingest::Prometheus::new(&draft.spec)?))
}

async fn named(database: &store::Database, name: &str) -> anyhow::Result<Monitor> {
    let all: Vec<Monitor> = database.all().await?;
    let found = all.into_iter().find(|m| m.name == name || m.id.to_string() == name);
    let monitor = found.with_context(|| {
        format!("no monitor {name:?} in this database; give its name or id, --data-dir, or --query with --url")
    })?;
    if matches!(monitor.spec.detector, DetectorSpec::Logs) {
        bail!("monitor {name:?} watches logs; give one that watches metrics");
    }
    Ok(monitor)
}

async fn only_source(database: &store::Database) -> anyhow::Result<Source> {
    let all: Vec<Source> = database.all().await?;
    let mut metrics = all.into_iter().filter(|s| s.spec.kind == SourceKind::Prometheus);
    match (metrics.next(), metrics.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => bail!("--url: give the address of a Prometheus; none is stored in this database"),
        (Some(_), Some(_)) => bail!("--url: give the address of a Prometheus; several are stored in this database"),
    }
}

/// A learned monitor of a query, as if it had just been made.
fn unstored(query: &str, source_id: Id, now: Time) -> Monitor {
    let spec = MonitorSpec {
        source_id,
        query: query.to_owned(),
        interval_secs: 15,
        signal: SignalKind::Other,
        entity_labels: Vec::new(),
        detector: DetectorSpec::Learned,
        rules: Vec::new(),
        sensitivity: 5,
        direction: domain::catalog::Direction::Both,
        severity: domain::incident::Severity::Warning,
        unit: String::new(),
        max_series: 20_000,
        enabled: true,
        muted_until: None,
    };
    Draft { name: "backtest".to_owned(), tags: Vec::new(), spec }.into_resource(Id::nil(), now)
}

fn tell(report: &BacktestReport, took: Duration) {
    report.events.iter().for_each(|event| say(&line(event)));
    if report.completeness != "complete" {
        complain(&format!("partial: {}", report.message));
    }
    if report.left_out > 0 {
        complain(&format!("{} series beyond the monitor's bound were left out", report.left_out));
    }
    if report.rows == 0 {
        complain("the query yields no row in this time; check --from, --to and the query");
    }
    let summary = serde_json::json!({
        "rows": report.rows, "series": report.series_total, "left_out": report.left_out,
        "events": report.events_total, "completeness": report.completeness,
        "seconds": (took.as_secs_f64() * 1e3).round() / 1e3,
    });
    say(&summary.to_string());
}

/// One event for people.
fn line(event: &Anomaly) -> String {
    let lasted = event
        .ended_at
        .map_or_else(|| "still open".to_owned(), |end| format!("lasted {} s", (end - event.started_at).num_seconds()));
    let at = event.started_at.format("%Y-%m-%dT%H:%M:%SZ");
    format!("{at}  score {:.2}  {lasted}  {}: {}", event.score, event.entity, event.evidence.en)
}

/// A time as people write it.
fn moment(text: &str, now: Time) -> anyhow::Result<Time> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let ago = text.trim_start_matches('-').trim_end_matches("ago").trim();
    let unit = ago.chars().last().filter(char::is_ascii_alphabetic);
    let secs: i64 = match unit {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 604_800,
        _ => 0,
    };
    let number = ago.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<i64>().ok().filter(|n| *n >= 0);
    match (number, unit) {
        (Some(epoch), None) if epoch < 100_000_000_000 => Ok(from_millis(epoch * 1_000)),
        (Some(n), Some(_)) if secs > 0 && n < 1_000_000 => Ok(now - chrono::TimeDelta::seconds(n * secs)),
        _ => bail!("give 2026-11-25T08:00:00Z, epoch seconds, now, or how long ago (90m, 24h, 7d), not {text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let now = from_millis(1_800_000_000_000);
        let is = |text: &str| moment(text, now).map(|t| t.timestamp()).ok();
        assert_eq!(is("now"), Some(1_800_000_000));
        assert_eq!(is("2026-11-25T08:00:00+01:00"), Some(1_795_590_000));
        assert_eq!(is("1795590000"), Some(1_795_590_000));
        assert_eq!((is("90m"), is("-90m"), is("90m ago")), (Some(1_799_994_600), is("90m"), is("90m")));
        assert_eq!(is("7d"), Some(1_800_000_000 - 604_800));
        for wrong in ["", "yesterday", "5x", "1e9", "99999999999999"] {
            assert_eq!(is(wrong), None, "{wrong}");
        }
    }
}
