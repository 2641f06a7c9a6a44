//! Zero configuration: asks a Prometheus which well-known signals it has and proposes monitors for them.

mod draft;
mod families;

use domain::catalog::{Direction, MonitorSpec};
use domain::error::Result;
use domain::ports::MetricSource;
use domain::resource::Draft;
use domain::signal::SignalKind;
use domain::{Id, Labels, Time};
use draft::Common;
use families::{GAUGES, REQUESTS, SERVICE_LABELS, Scope};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a proposal is made for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Source that the monitors will ask.
    pub source_id: Id,
    /// Time of the questions.
    pub now: Time,
    /// How often targets are scraped; measured when absent.
    pub scrape_interval: Option<Duration>,
    /// Monitors at most.
    pub max_monitors: usize,
}

/// Monitors that a source can feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The monitors, the most telling first; their names are unique.
    pub monitors: Vec<Draft<MonitorSpec>>,
    /// Families that were found.
    pub families: Vec<String>,
    /// How often targets are scraped.
    pub scrape_interval: Duration,
    /// Monitors left out because of the bound.
    pub left_out: usize,
}

const DEFAULT_SCRAPE: Duration = Duration::from_secs(15);
/// Shortest rate window: below it few requests make rates jump.
const MIN_WINDOW_SECS: u64 = 20;
/// Scrapes in one rate window, so that one lost scrape does not make a gap.
const SCRAPES_A_WINDOW: u64 = 4;

/// Proposes monitors for what `source` holds: rate, errors and duration of each service, use and saturation of
/// resources, and whether targets answer.
///
/// # Errors
/// As [`MetricSource::instant`].
pub async fn propose(source: &dyn MetricSource, options: &Options) -> Result<Proposal> {
    let found = names(source, options.now).await?;
    let scrape = match options.scrape_interval {
        Some(interval) => interval,
        None => measured(source, options.now).await?.unwrap_or(DEFAULT_SCRAPE),
    };
    let common = common(options.source_id, scrape);
    let mut monitors = Vec::new();
    let mut families = Vec::new();
    for family in &REQUESTS {
        let count = if family.histogram { format!("{}_count", family.metric) } else { family.metric.to_owned() };
        let superfluous = family.unless.iter().any(|m| found.contains(&format!("{m}_count")));
        if !found.contains(&count) || superfluous {
            continue;
        }
        let mut wanted: Vec<&str> = family.failure.iter().map(|(label, _)| *label).collect();
        wanted.extend(family.along);
        let groups = groups(source, &count, &wanted, options.now).await?;
        families.push(family.metric.to_owned());
        monitors.extend(draft::requests(family, &groups, &found, &common));
    }
    if found.contains("up") {
        families.push("up".to_owned());
        monitors.extend(draft::targets(&groups(source, "up", &[], options.now).await?, &common));
    }
    for gauge in &GAUGES {
        if !gauge.needs.iter().all(|n| found.contains(*n)) {
            continue;
        }
        let groups = match gauge.scope {
            Scope::Service => shared_groups(source, gauge.needs, options.now).await?,
            Scope::Fixed(_) => Vec::new(),
        };
        families.push(gauge.needs[0].to_owned());
        monitors.extend(draft::gauge(gauge, &groups, &common));
    }
    families.dedup();
    let left_out = monitors.len().saturating_sub(options.max_monitors);
    monitors.truncate(options.max_monitors);
    Ok(Proposal { monitors, families, scrape_interval: scrape, left_out })
}

/// The monitor of all log lines of an Elasticsearch source.
#[must_use]
pub fn log_monitor(source_id: Id, name: &str) -> Draft<MonitorSpec> {
    let common = Common { source_id, interval_secs: 5, window_secs: MIN_WINDOW_SECS };
    draft::draft(name.to_owned(), "", SignalKind::Logs, "", Direction::Both, vec!["service".to_owned()], &common)
}

fn common(source_id: Id, scrape: Duration) -> Common {
    let secs = scrape.as_secs().max(1);
    let interval = u32::try_from(secs.clamp(5, 60)).unwrap_or(60);
    Common { source_id, interval_secs: interval, window_secs: (secs * SCRAPES_A_WINDOW).max(MIN_WINDOW_SECS) }
}

/// Which of the known names exist.
async fn names(source: &dyn MetricSource, now: Time) -> Result<BTreeSet<String>> {
    let query = format!("count by (__name__) ({{__name__=~\"{}\"}})", families::names().join("|"));
    let answer = source.instant(&query, now).await?;
    Ok(answer.series.into_iter().filter_map(|s| s.labels.get("__name__").cloned()).collect())
}

/// Label sets of a metric over the service labels and those `wanted`.
async fn groups(source: &dyn MetricSource, metric: &str, wanted: &[&str], now: Time) -> Result<Vec<Labels>> {
    let labels: Vec<&str> = SERVICE_LABELS.iter().copied().chain(wanted.iter().copied()).collect();
    let answer = source.instant(&format!("count by ({}) ({metric})", labels.join(", ")), now).await?;
    Ok(answer.series.into_iter().map(|s| s.labels).collect())
}

/// Label sets that all of the metrics have: a share of two metrics has series only there.
async fn shared_groups(source: &dyn MetricSource, metrics: &[&str], now: Time) -> Result<Vec<Labels>> {
    let mut shared: Option<Vec<Labels>> = None;
    for metric in metrics {
        let here = groups(source, metric, &[], now).await?;
        shared = Some(match shared {
            Some(before) => before.into_iter().filter(|labels| here.contains(labels)).collect(),
            None => here,
        });
    }
    Ok(shared.unwrap_or_default())
}

/// Median distance of raw samples of `up`.
async fn measured(source: &dyn MetricSource, now: Time) -> Result<Option<Duration>> {
    let answer = source.instant("up[3m]", now).await?;
    let mut gaps: Vec<i64> = answer
        .series
        .iter()
        .flat_map(|s| s.points.windows(2).map(|w| w[1].at_ms - w[0].at_ms))
        .filter(|g| *g > 0)
        .collect();
    gaps.sort_unstable();
    let median = gaps.get(gaps.len() / 2).copied();
    Ok(median.map(|ms| Duration::from_secs(u64::try_from((ms + 500) / 1_000).unwrap_or(1).max(1))))
}
