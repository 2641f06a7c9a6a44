//! Contract of the sources: sorted times, every line once, and a failure is never an empty answer.

use super::failed;
use crate::Time;
use crate::error::{Error, Kind, Result};
use crate::ports::{LogQuery, LogSource, MetricSource};
use crate::signal::{Completeness, LogLine};
use chrono::TimeDelta;
use std::collections::BTreeSet;
use std::time::Duration;

/// PromQL that no server reads.
const WRONG_PROMQL: &str = "rate(up[";
/// A Lucene query string that no server reads.
const WRONG_LUCENE: &str = "n:[100 TO";

/// An instant query has one sample a series, at the time asked for, which may be cut to its second.
pub async fn an_instant_is_one_sample_a_series(source: &dyn MetricSource, at: Time) -> Result<()> {
    let answer = source.instant("vector(time())", at).await?;
    assert_eq!((answer.series.len(), &answer.completeness), (1, &Completeness::Complete));
    let points = &answer.series[0].points;
    assert_eq!(points.len(), 1, "{points:?}");
    assert!(points[0].at_ms <= at.timestamp_millis(), "a sample of the future: {points:?} for {at}");
    assert_eq!((points[0].at_ms / 1_000, points[0].value.floor()), (at.timestamp(), at.timestamp() as f64));
    assert_eq!(source.instant("vector(1) > 2", at).await?.series, [], "no series is an answer");
    Ok(())
}

/// A range has a sample at each step from the first to the last, each time once, however many the server gives at a time.
pub async fn a_range_is_sorted_and_whole(source: &dyn MetricSource, to: Time) -> Result<()> {
    let to = to - TimeDelta::milliseconds(to.timestamp_millis() % 1_000);
    for steps in [0, 1, 25_000] {
        let from = to - TimeDelta::seconds(steps);
        let answer = source.range("vector(time())", from, to, Duration::from_secs(1)).await?;
        assert_eq!((answer.series.len(), &answer.completeness), (1, &Completeness::Complete));
        let times = answer.series[0].points.iter().map(|p| p.at_ms / 1_000);
        let wanted = from.timestamp()..=to.timestamp();
        assert!(times.eq(wanted), "{steps} steps: {} samples", answer.series[0].points.len());
    }
    Ok(())
}

/// Wrong PromQL is the fault of who wrote it.
pub async fn wrong_promql_is_invalid(source: &dyn MetricSource, at: Time) -> Result<()> {
    let range = source.range(WRONG_PROMQL, at - TimeDelta::minutes(1), at, Duration::from_secs(1)).await;
    for error in [failed(source.instant(WRONG_PROMQL, at).await), failed(range)] {
        assert_eq!(error.kind, Kind::Invalid, "{error}");
    }
    Ok(())
}

/// A metric source that is not there fails, and says so as such.
pub async fn a_dead_metric_source_fails(source: &dyn MetricSource, at: Time) -> Result<()> {
    absent(&failed(source.instant("up", at).await));
    absent(&failed(source.range("up", at - TimeDelta::minutes(1), at, Duration::from_secs(1)).await));
    absent(&failed(source.check().await));
    Ok(())
}

#[track_caller]
fn absent(error: &Error) {
    assert!(matches!(error.kind, Kind::Unavailable | Kind::Timeout), "{:?}: {error}", error.kind);
}

/// Whatever the size of a page, the `count` lines of `query` come once each, by time, within the window.
pub async fn pages_hold_every_line_once(source: &dyn LogSource, query: &LogQuery, count: usize) -> Result<()> {
    let mut before: Option<BTreeSet<(String, String)>> = None;
    for page_size in [7, 33, 1_000] {
        let lines = read(source, &LogQuery { page_size, ..query.clone() }).await?;
        assert!(lines.iter().all(|l| query.from < l.at && l.at <= query.to), "from is exclusive, to is inclusive");
        assert!(lines.is_sorted_by_key(|l| l.at), "by time");
        let ids: BTreeSet<_> = lines.iter().map(|l| (l.index.clone(), l.id.clone())).collect();
        assert_eq!((lines.len(), ids.len()), (count, count), "pages of {page_size}");
        assert!(before.replace(ids.clone()).is_none_or(|b| b == ids), "the same lines in pages of {page_size}");
    }
    Ok(())
}

/// All pages of `query`.
async fn read(source: &dyn LogSource, query: &LogQuery) -> Result<Vec<LogLine>> {
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.page(query, cursor).await?;
        assert_eq!((page.completeness, page.malformed), (Completeness::Complete, 0));
        assert!(page.lines.len() <= query.page_size as usize, "{} lines in a page", page.lines.len());
        lines.extend(page.lines);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(lines);
        }
    }
}

/// A wrong query is the fault of who wrote it.
pub async fn a_wrong_log_query_is_invalid(source: &dyn LogSource, query: &LogQuery) -> Result<()> {
    let error = failed(source.page(&LogQuery { query: WRONG_LUCENE.to_owned(), ..query.clone() }, None).await);
    assert_eq!(error.kind, Kind::Invalid, "{error}");
    Ok(())
}

/// A log source that is not there fails, and says so as such.
pub async fn a_dead_log_source_fails(source: &dyn LogSource, query: &LogQuery) -> Result<()> {
    absent(&failed(source.page(query, None).await));
    absent(&failed(source.check().await));
    Ok(())
}
