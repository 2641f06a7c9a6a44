//! `MetricSource` over the Prometheus HTTP API, through the `prometheus-http-query` crate.
//!
//! Requests are the crate's; answers are read raw, because it drops warnings and knows no native histograms.

mod metadata;
mod parse;
mod windows;

use super::MAX_ANSWER;
use super::http::{self, Answer, Fault};
use async_trait::async_trait;
use domain::catalog::SourceSpec;
use domain::discovery::MetricMeta;
use domain::ports::MetricSource;
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::{Error, Kind, Labels, Result, Time};
use prometheus_http_query as prom;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;
use url::Url;

/// Queries longer than this go by POST, as some proxies cut long addresses.
const LONG_QUERY: usize = 1_500;

/// Families whose metadata is asked for.
const METADATA: i32 = 20_000;

/// A Prometheus server, or anything that answers its HTTP API (Thanos, Mimir, VictoriaMetrics).
#[derive(Clone)]
pub struct Prometheus {
    client: prom::Client,
    base: Url,
    limit: u32,
    cap: usize,
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prometheus").field("at", &http::place(&self.base)).finish_non_exhaustive()
    }
}

impl Prometheus {
    /// A client for `spec`; asks nothing yet.
    ///
    /// # Errors
    /// `Invalid` for a wrong address or credentials that fit no header.
    pub fn new(spec: &SourceSpec) -> Result<Self> {
        let base = http::base_url(spec)?;
        let client =
            prom::Client::from(http::client(spec)?, base.as_str().trim_end_matches('/')).map_err(Error::internal)?;
        Ok(Self { client, base, limit: spec.timeout_secs, cap: MAX_ANSWER })
    }

    /// The same client with another limit for one answer, bytes.
    #[must_use]
    pub fn with_cap(mut self, cap: usize) -> Self {
        self.cap = cap;
        self
    }

    async fn read(&self, sent: std::result::Result<reqwest::Response, prom::Error>) -> Result<Answer, Fault> {
        let response = sent.map_err(|error| self.fault(&error))?;
        http::read(response, self.cap, &self.base, self.limit).await
    }

    fn fault(&self, error: &prom::Error) -> Error {
        match error {
            prom::Error::Client(e) => match e.inner() {
                Some(inner) if inner.is_decode() => {
                    Error::unavailable(format!("{} answers, but not as Prometheus does; check url", self.at()))
                }
                Some(inner) => http::transport(inner, &self.base, self.limit),
                None => Error::unavailable(format!("{} cannot be asked: {e}; check url", self.at())),
            },
            other => Error::unavailable(format!("{} reports {other}; check the server", self.at())),
        }
    }

    fn at(&self) -> String {
        http::place(&self.base)
    }

    fn too_large(&self) -> Error {
        let text =
            format!("the answer of {} exceeds {} MiB; narrow the query or aggregate it", self.at(), self.cap >> 20);
        Error::new(Kind::Invalid, text)
    }

    async fn one_range(&self, query: &str, span: windows::Span, step: i64) -> Result<MetricAnswer, Fault> {
        #[expect(clippy::cast_precision_loss, reason = "a step in seconds is far below 2^53")]
        let request =
            self.client.query_range(query, span.start, span.end, step as f64).timeout(i64::from(self.limit) * 1000);
        let sent = if query.len() > LONG_QUERY { request.post_raw().await } else { request.get_raw().await };
        let raw = self.read(sent).await?;
        Ok(parse::answer(&raw, &self.at())?)
    }
}

#[async_trait]
impl MetricSource for Prometheus {
    async fn instant(&self, query: &str, at: Time) -> Result<MetricAnswer> {
        let request = self.client.query(query).at(at.timestamp()).timeout(i64::from(self.limit) * 1000);
        let sent = if query.len() > LONG_QUERY { request.post_raw().await } else { request.get_raw().await };
        match self.read(sent).await {
            Ok(raw) => parse::answer(&raw, &self.at()),
            Err(Fault::TooLarge) => Err(self.too_large()),
            Err(Fault::Other(error)) => Err(error),
        }
    }

    async fn range(&self, query: &str, from: Time, to: Time, step: Duration) -> Result<MetricAnswer> {
        let step = windows::step_secs(step);
        let mut todo: VecDeque<windows::Span> = windows::split(from, to, step).into();
        let mut merged = Merge::default();
        let mut one = todo.len() == 1;
        while let Some(span) = todo.pop_front() {
            match self.one_range(query, span, step).await {
                // Nothing to join: the usual poll of many series, each read and ordered already.
                Ok(answer) if one => return Ok(answer),
                Ok(answer) => merged.add(answer),
                Err(Fault::Other(error)) => return Err(error),
                Err(Fault::TooLarge) => {
                    one = false;
                    let [first, second] = windows::halve(span, step).ok_or_else(|| self.too_large())?;
                    todo.push_front(second);
                    todo.push_front(first);
                }
            }
        }
        Ok(merged.finish())
    }

    async fn metadata(&self) -> Result<Vec<MetricMeta>> {
        let sent = self.client.metric_metadata().limit(METADATA).get_raw().await;
        match self.read(sent).await {
            Ok(raw) => Ok(metadata::answer(&raw).unwrap_or_default()),
            Err(Fault::TooLarge) => Ok(Vec::new()),
            Err(Fault::Other(error)) => Err(error),
        }
    }

    async fn check(&self) -> Result<String> {
        match self.client.build_information().await {
            Ok(info) => Ok(format!(
                "Prometheus {}",
                if info.version().is_empty() { "of unknown version" } else { info.version() }
            )),
            Err(prom::Error::Client(e)) if e.inner().is_some_and(|i| i.is_connect() || i.is_timeout()) => {
                Err(self.fault(&prom::Error::Client(e)))
            }
            // Not every server of the API tells its version: any sensible answer to a query will do.
            Err(_) => {
                self.instant("vector(1)", domain::clock::from_millis(0)).await?;
                Ok("Prometheus API, version not told".to_owned())
            }
        }
    }
}

/// Joins the answers of several windows, series by series.
#[derive(Debug, Default)]
struct Merge {
    series: BTreeMap<Labels, Vec<Point>>,
    partial: Option<String>,
}

impl Merge {
    fn add(&mut self, answer: MetricAnswer) {
        for series in answer.series {
            self.series.entry(series.labels).or_default().extend(series.points);
        }
        if let Completeness::Partial(why) = answer.completeness {
            self.partial.get_or_insert(why);
        }
    }

    fn finish(self) -> MetricAnswer {
        let series =
            self.series.into_iter().map(|(labels, points)| Series { labels, points: parse::ordered(points) }).collect();
        MetricAnswer { series, completeness: self.partial.map_or(Completeness::Complete, Completeness::Partial) }
    }
}
