//! Zero configuration: asks a Prometheus which well-known signals it has and proposes monitors for them.

mod draft;
mod families;
mod generic;

use domain::catalog::{Direction, MonitorSpec};
use domain::discovery::{Discovered, LeftOut, Why};
use domain::error::Result;
use domain::ports::MetricSource;
use domain::resource::Draft;
use domain::signal::SignalKind;
use domain::{Id, Kind, Labels, Time};
use draft::Common;
use families::{GAUGES, REQUESTS, SERVICE_LABELS, Scope};
use std::collections::{BTreeMap, BTreeSet};
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

const DEFAULT_SCRAPE: Duration = Duration::from_secs(15);
/// Shortest rate window: below it few requests make rates jump.
const MIN_WINDOW_SECS: u64 = 20;
/// Scrapes in one rate window, so that one lost scrape does not make a gap.
const SCRAPES_A_WINDOW: u64 = 4;

/// Entries of what is left out, at most.
const LEFT_OUT: usize = 400;
/// Families that no table knows whose labels are looked at, at most.
const GENERIC: usize = 40;

/// Proposes monitors for what `source` holds: rate, errors and duration of each service, use and saturation of
/// resources, whether targets answer, and then by type what no table knows. What is left out is said.
///
/// # Errors
/// As [`MetricSource::instant`].
pub async fn propose(source: &dyn MetricSource, options: &Options) -> Result<Discovered> {
    let mut look = Look::begin(source, options).await?;
    look.requests().await?;
    look.gauges().await?;
    look.generic().await?;
    Ok(look.finish(options.max_monitors))
}

/// A look at a source under way.
struct Look<'a> {
    source: &'a dyn MetricSource,
    now: Time,
    /// Series of each metric name.
    census: BTreeMap<String, u64>,
    /// Whether the census holds all names, and not only those of the table.
    whole: bool,
    names: BTreeSet<String>,
    scrape: Duration,
    common: Common,
    monitors: Vec<Draft<MonitorSpec>>,
    families: Vec<String>,
    left: Vec<LeftOut>,
}

impl<'a> Look<'a> {
    async fn begin(source: &'a dyn MetricSource, options: &Options) -> Result<Self> {
        let now = options.now;
        let (census, whole, left) = match census(source, "__name__!=\"\"", now).await {
            Ok(all) => (all, true, Vec::new()),
            // A very large server may refuse to count everything: what the table knows is asked for by name.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Timeout) => {
                let known = format!("__name__=~\"{}\"", families::names().join("|"));
                let why = Why::NotCounted { error: error.message };
                let left = vec![LeftOut::new("metrics that no table knows", why, None)];
                (census(source, &known, now).await?, false, left)
            }
            Err(error) => return Err(error),
        };
        let scrape = match options.scrape_interval {
            Some(interval) => interval,
            None => measured(source, now).await?.unwrap_or(DEFAULT_SCRAPE),
        };
        let common = common(options.source_id, scrape);
        let names = census.keys().cloned().collect();
        let (monitors, families) = (Vec::new(), Vec::new());
        Ok(Self { source, now, census, whole, names, scrape, common, monitors, families, left })
    }

    async fn requests(&mut self) -> Result<()> {
        for family in &REQUESTS {
            let count = family.counted(&self.names);
            let has = |m: &str| self.names.contains(&format!("{m}_count")) || self.names.contains(m);
            let superfluous = family.unless.iter().any(|m| has(m));
            if !self.names.contains(&count) || superfluous {
                continue;
            }
            let mut wanted: Vec<&str> = family.failure.iter().map(|(label, _)| *label).collect();
            wanted.extend(family.along);
            let groups = groups(self.source, &count, &wanted, self.now).await?;
            self.families.push(family.metric.to_owned());
            let drafts = draft::requests(family, &groups, &self.names, &self.common);
            self.counted(&count, drafts).await?;
        }
        if self.names.contains("up") {
            self.families.push("up".to_owned());
            let groups = groups(self.source, "up", &[], self.now).await?;
            self.monitors.extend(draft::targets(&groups, &self.common));
        }
        Ok(())
    }

    async fn gauges(&mut self) -> Result<()> {
        for gauge in GAUGES {
            if !gauge.needs.iter().all(|n| self.names.contains(*n)) {
                continue;
            }
            let groups = match gauge.scope {
                Scope::Service => shared_groups(self.source, gauge.needs, self.now).await?,
                scope if self.carried(gauge.needs[0], scope).await? => Vec::new(),
                _ => continue,
            };
            self.families.push(gauge.needs[0].to_owned());
            let drafts = draft::gauge(gauge, &groups, &self.common);
            self.counted(gauge.needs[0], drafts).await?;
        }
        Ok(())
    }

    /// Whether the metric has series with the labels of the scope; says so when it has others only.
    async fn carried(&mut self, metric: &str, scope: Scope) -> Result<bool> {
        let query = format!("count({metric}{{{}}})", scope.matchers());
        let there = !self.source.instant(&query, self.now).await?.series.is_empty();
        if !there && scope != Scope::Container {
            let labels = scope.labels().iter().map(|label| (*label).to_owned()).collect();
            self.left.push(LeftOut::new(metric, Why::NoLabels { labels }, self.census.get(metric).copied()));
        }
        Ok(there)
    }

    /// Takes the monitors of a metric; of one with many series it says which monitors would have too many.
    async fn counted(&mut self, metric: &str, drafts: Vec<Draft<MonitorSpec>>) -> Result<()> {
        if self.census.get(metric).is_some_and(|n| *n > u64::from(draft::MOST_SERIES)) {
            self.count(&drafts).await?;
        }
        self.monitors.extend(drafts);
        Ok(())
    }

    /// Says which of the monitors would have more series than they may.
    async fn count(&mut self, drafts: &[Draft<MonitorSpec>]) -> Result<()> {
        for draft in drafts {
            let answer = self.source.instant(&format!("count({})", draft.spec.query), self.now).await?;
            let most = draft.spec.max_series;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let series = answer.series.first().and_then(|s| s.points.last()).map_or(0, |p| p.value.max(0.0) as u64);
            if series > u64::from(most) {
                let why = Why::SeriesCut { series, most: u64::from(most) };
                self.left.push(LeftOut::new(&draft.name, why, Some(series - u64::from(most))));
            }
        }
        Ok(())
    }

    async fn generic(&mut self) -> Result<()> {
        if !self.whole {
            return Ok(());
        }
        let metadata = self.source.metadata().await?;
        let (found, left) = generic::families(&self.census, &metadata);
        for family in found.iter().skip(GENERIC) {
            let why = Why::BeyondFamilies { most: GENERIC as u64 };
            self.left.push(LeftOut::new(&family.name, why, Some(family.series)));
        }
        for family in found.iter().take(GENERIC) {
            if family.is_native() && !self.is_histogram(&family.name).await? {
                self.left.push(LeftOut::new(&family.name, Why::NoHistogram, Some(family.series)));
                continue;
            }
            let groups = groups(self.source, &family.exists, &[], self.now).await?;
            let most = draft::MOST_SERIES as usize;
            if groups.len() > most {
                let why = Why::TooManyServices { services: groups.len() as u64, most: most as u64 };
                self.left.push(LeftOut::new(&family.name, why, Some(family.series)));
                continue;
            }
            self.families.push(family.name.clone());
            self.monitors.extend(generic::monitors(family, &groups, &self.common));
        }
        self.left.extend(left);
        Ok(())
    }

    /// Whether the metric holds native histograms now. A server that does not know them has none.
    async fn is_histogram(&self, metric: &str) -> Result<bool> {
        match self.source.instant(&format!("histogram_count({metric})"), self.now).await {
            Ok(answer) => Ok(!answer.series.is_empty()),
            Err(error) if error.kind == Kind::Invalid => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn finish(mut self, most: usize) -> Discovered {
        self.families.dedup();
        let beyond = self.monitors.split_off(most.min(self.monitors.len()));
        let why = Why::BeyondMonitors { most: most as u64 };
        let cut = beyond.into_iter().map(|d| LeftOut::new(d.name, why.clone(), None));
        let mut left_out: Vec<LeftOut> = cut.chain(self.left).collect();
        let left_out_total = left_out.len() as u64;
        left_out.truncate(LEFT_OUT);
        Discovered {
            monitors: self.monitors,
            families: self.families,
            scrape_interval_secs: self.scrape.as_secs(),
            metrics_total: self.census.len() as u64,
            series_total: self.census.values().sum(),
            left_out,
            left_out_total,
        }
    }
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

/// Series of each metric name that fits the matcher.
async fn census(source: &dyn MetricSource, matcher: &str, now: Time) -> Result<BTreeMap<String, u64>> {
    let answer = source.instant(&format!("count by (__name__) ({{{matcher}}})"), now).await?;
    let named = answer.series.into_iter().filter_map(|s| {
        let series = s.points.last().map_or(0.0, |p| p.value.max(0.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        s.labels.get("__name__").map(|name| (name.clone(), series as u64))
    });
    Ok(named.collect())
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
