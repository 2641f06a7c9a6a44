//! `MetricSource` over a search server: documents counted, set in ratio or measured, by fields, over a moving window.
//!
//! The row at `t` tells of the documents of `(t - offset - over, t - offset]`, so rows of any step and single values mean
//! the same. Groups that were seen a while before the first row have rows as well: that one falls silent is a zero.

mod language;
mod rows;

use super::client::Searched;
use super::{Elasticsearch, search};
use async_trait::async_trait;
use domain::clock::from_millis;
use domain::ports::{LogSource, MetricSource};
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::{Error, Kind, Labels, Result, Time};
use language::Measure;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows asked for in one search at most; the buckets of all groups together stay below the servers' default limit.
const ROWS: usize = 200;
const BUCKETS: usize = 20_000;

/// A search server as a source of numbers.
#[derive(Debug, Clone)]
pub struct SearchMetrics(Elasticsearch);

impl SearchMetrics {
    /// Numbers from the documents of `source`.
    #[must_use]
    pub const fn new(source: Elasticsearch) -> Self {
        Self(source)
    }

    async fn measured(&self, query: &str, rows: &[i64]) -> Result<MetricAnswer> {
        let measure = language::parse(query)?;
        let groups = usize::try_from(measure.top).unwrap_or(1).saturating_pow(measure.by.len() as u32).max(1);
        let mut all: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
        let mut completeness = Completeness::Complete;
        for part in rows.chunks((BUCKETS / groups).clamp(1, ROWS)) {
            let (found, whole) = self.part(&measure, part).await?;
            for (labels, points) in found {
                all.entry(labels).or_default().extend(points);
            }
            if completeness == Completeness::Complete {
                completeness = whole;
            }
        }
        let series = all.into_iter().map(|(labels, points)| Series { labels, points }).collect();
        Ok(MetricAnswer { series, completeness })
    }

    /// The rows of one search. An index that is not there holds no documents: no series, and absence is seen as such.
    async fn part(&self, measure: &Measure, rows: &[i64]) -> Result<(rows::Found, Completeness)> {
        let none = (BTreeMap::new(), Completeness::Complete);
        let body = rows::body(measure, self.0.fields.time_field(), rows);
        let client = &self.0.client;
        match client.search(&body, false).await? {
            Searched::Found(found) if found.no_index() => Ok(none),
            Searched::Found(found) => Ok((rows::read(measure, &found.aggregations), found.completeness())),
            Searched::Refused(search::Refusal::Other(error)) if error.kind == Kind::NotFound => Ok(none),
            Searched::Refused(search::Refusal::Other(error) | search::Refusal::Unsupported(error)) => Err(error),
            Searched::Refused(search::Refusal::Expired) => {
                Err(Error::unavailable(format!("{} lost the search; it is asked again", client.at())))
            }
            Searched::TooLarge => Err(Error::new(
                Kind::Invalid,
                "the answer is too large; lower top, or group by fewer fields".to_owned(),
            )),
        }
    }
}

#[async_trait]
impl MetricSource for SearchMetrics {
    async fn instant(&self, query: &str, at: Time) -> Result<MetricAnswer> {
        self.measured(query, &[at.timestamp_millis()]).await
    }

    async fn range(&self, query: &str, from: Time, to: Time, step: Duration) -> Result<MetricAnswer> {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1_000);
        let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
        let rows: Vec<i64> = (0..).map_while(|n| from.checked_add(step * n).filter(|row| *row <= to)).collect();
        self.measured(query, &rows).await
    }

    async fn check(&self) -> Result<String> {
        LogSource::check(&self.0).await
    }
}

/// A row's bucket as it is named in the search.
fn name_of(row: i64) -> String {
    from_millis(row).timestamp_millis().to_string()
}
