//! `LogSource` over Elasticsearch 7.10 and newer, and OpenSearch: pages by time inside a point in time.
//!
//! Where the point in time is lost between two pages, or the server has none, paging goes on from the last line's
//! millisecond without those lines of it that were already given.

mod client;
mod fields;
mod level;
mod measure;
mod search;
mod untimed;

use async_trait::async_trait;
use client::{Client, Searched, Server};
use domain::catalog::SourceSpec;
use domain::ports::{LogCursor, LogPage, LogQuery, LogSource};
use domain::signal::{Completeness, LogLine};
use domain::{Error, Kind, Result, Time};
use fields::Fields;
pub use fields::MAX_MESSAGE;
pub use measure::SearchMetrics;
use search::{Found, Position, Refusal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OnceCell;
use untimed::Untimed;

/// Points in time that may be lost on the way through one result.
const MAX_LOST: u32 = 8;
/// Largest page that both servers allow by default.
const MAX_PAGE: usize = 10_000;

/// An Elasticsearch or OpenSearch cluster.
#[derive(Clone)]
pub struct Elasticsearch {
    client: Client,
    fields: Fields,
    server: Arc<OnceCell<Server>>,
    /// Whether pages go without a point in time, because the server has none or refuses it.
    plain: Arc<AtomicBool>,
    untimed: Arc<Untimed>,
}

impl std::fmt::Debug for Elasticsearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elasticsearch")
            .field("at", &self.client.at())
            .field("index", &self.client.index)
            .finish_non_exhaustive()
    }
}

/// Exact number of lines of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCount {
    /// Lines.
    pub lines: u64,
    /// How much of the index answered.
    pub completeness: Completeness,
}

/// One page as found: the lines, and where the next one begins.
struct Read {
    lines: Vec<LogLine>,
    malformed: u64,
    completeness: Completeness,
    next: Option<Position>,
}

/// What one try of a page came to.
enum Tried {
    Read(Read),
    Again(Position),
    Smaller,
}

impl Elasticsearch {
    /// A client for `spec` (index pattern `logs-*` unless given); asks nothing yet.
    ///
    /// # Errors
    /// `Invalid` for a wrong address or credentials that fit no header.
    pub fn new(spec: &SourceSpec) -> Result<Self> {
        Ok(Self {
            client: Client::new(spec)?,
            fields: Fields::new(&spec.fields),
            server: Arc::default(),
            plain: Arc::default(),
            untimed: Arc::default(),
        })
    }

    /// The same client with another limit for one answer, bytes.
    #[must_use]
    pub fn with_cap(mut self, cap: usize) -> Self {
        self.client.cap = cap;
        self
    }

    /// Exact number of lines in `(from, to]`, however many; searches themselves stop counting at 10,000.
    ///
    /// # Errors
    /// As [`LogSource::page`].
    pub async fn count(&self, query: &str, from: Time, to: Time) -> Result<LogCount> {
        let mut filter = vec![search::range(self.fields.time_field(), from, to, None)];
        if !query.trim().is_empty() {
            filter.push(json!({ "query_string": { "query": query } }));
        }
        let (lines, missing) = self.client.count(json!({ "query": { "bool": { "filter": filter } } })).await?;
        Ok(LogCount { lines, completeness: missing.map_or(Completeness::Complete, Completeness::Partial) })
    }

    async fn server(&self) -> Result<&Server> {
        self.server
            .get_or_try_init(|| async {
                match self.client.server().await {
                    // An account that may read logs only need not see the front page.
                    Err(error) if error.kind == Kind::Forbidden => {
                        Ok(Server { opensearch: false, version: "of unknown version".to_owned() })
                    }
                    other => other,
                }
            })
            .await
    }

    /// Makes sure that the position has a point in time, where the server has them.
    async fn ready(&self, mut at: Position) -> Result<Position> {
        if at.pit.is_some() || self.plain.load(Ordering::Relaxed) {
            return Ok(at);
        }
        match self.client.open(self.server().await?.opensearch).await? {
            Ok(id) => at.pit = Some(id),
            Err(Refusal::Other(error)) if error.kind != Kind::Forbidden => return Err(error),
            Err(refusal) => {
                tracing::info!(source = %self.client.at(), ?refusal, "no point in time; pages go by time alone");
                self.plain.store(true, Ordering::Relaxed);
            }
        }
        Ok(at)
    }

    async fn tried(&self, query: &LogQuery, at: &Position, size: usize) -> Result<Tried> {
        let opensearch = self.server().await?.opensearch;
        let tie = at.pit.as_ref().map(|_| if opensearch { "_id" } else { "_shard_doc" });
        let skipped = if at.after.is_none() { at.edge.len() } else { 0 };
        let asked = (size + skipped).min(MAX_PAGE);
        let body = search::body(query, &self.fields, at, asked, tie);
        match self.client.search(&body, at.pit.is_some()).await? {
            Searched::TooLarge if size > 1 => Ok(Tried::Smaller),
            Searched::TooLarge => self.step_over(query, at, tie).await.map(Tried::Read),
            Searched::Found(found) if found.lost_context() => self.lost(at).map(Tried::Again),
            Searched::Found(found) => self.read(found, at, asked).map(Tried::Read),
            Searched::Refused(Refusal::Expired) if at.pit.is_some() => self.lost(at).map(Tried::Again),
            Searched::Refused(Refusal::Unsupported(reason)) if at.pit.is_some() => {
                tracing::info!(source = %self.client.at(), %reason, "no tie-breaker; pages go by time alone");
                self.plain.store(true, Ordering::Relaxed);
                self.close(at).await;
                self.lost(at).map(Tried::Again)
            }
            Searched::Refused(Refusal::Other(error) | Refusal::Unsupported(error)) => Err(error),
            Searched::Refused(Refusal::Expired) => {
                Err(Error::unavailable(format!("{} lost the search; it is asked again", self.client.at())))
            }
        }
    }

    /// The position from which a new point in time goes on.
    fn lost(&self, at: &Position) -> Result<Position> {
        if at.lost >= MAX_LOST {
            let text =
                format!("{} loses its points in time; check its load and search.max_keep_alive", self.client.at());
            return Err(Error::unavailable(text));
        }
        Ok(Position { pit: None, after: None, lost: at.lost + 1, ..at.clone() })
    }

    fn read(&self, found: Found, at: &Position, asked: usize) -> Result<Read> {
        if found.no_index() {
            return Err(search::no_index(&self.client.index));
        }
        if let Some(wrong) = found.shards.wrong_query() {
            return Err(wrong);
        }
        let completeness = found.completeness();
        let full = found.hits.hits.len() >= asked;
        let mut next = Position { pit: found.pit_id.or_else(|| at.pit.clone()), lost: at.lost, ..Position::default() };
        (next.last_ms, next.edge, next.over) = (at.last_ms, at.edge.clone(), at.over.clone());
        let (mut lines, mut malformed) = (Vec::new(), 0);
        for hit in found.hits.hits {
            let key = (hit.index, hit.id);
            if at.after.is_none() && at.edge.contains(&key) {
                continue;
            }
            let line = self.fields.line(&key.0, &key.1, &hit.source);
            next.pass(line.as_ref().map(|l| l.at.timestamp_millis()), key, hit.sort, false);
            match line {
                Some(line) => lines.push(line),
                None => malformed += 1,
            }
        }
        if full && next.after.is_none() && next.edge.len() == at.edge.len() && next.last_ms == at.last_ms {
            // More lines in one millisecond than a page without a tie-breaker can hold: go past it, and say so.
            let why = format!("more than {MAX_PAGE} lines in one millisecond; the rest of them is left out");
            let past = at.last_ms.map(|ms| Position { last_ms: Some(ms + 1), edge: Vec::new(), ..next });
            return Ok(Read { lines, malformed, completeness: Completeness::Partial(why), next: past });
        }
        Ok(Read { lines, malformed, completeness, next: full.then_some(next) })
    }

    /// A single document is above the cap: takes its sort values without its body and goes past it.
    async fn step_over(&self, query: &LogQuery, at: &Position, tie: Option<&str>) -> Result<Read> {
        let skipped = if at.after.is_none() { at.edge.len() } else { 0 };
        let mut body = search::body(query, &self.fields, at, skipped + 1, tie);
        body["_source"] = Value::Bool(false);
        let Searched::Found(found) = self.client.search(&body, at.pit.is_some()).await? else {
            return Err(Error::unavailable(format!(
                "{} answers more than is read even without documents; check url",
                self.client.at()
            )));
        };
        let over = found
            .hits
            .hits
            .into_iter()
            .rfind(|h| at.after.is_some() || !at.edge.contains(&(h.index.clone(), h.id.clone())));
        let next = over.map(|hit| {
            tracing::warn!(index = %hit.index, id = %hit.id, cap = self.client.cap, "document above the size limit is left out");
            let mut next = at.clone();
            next.pass(None, (hit.index, hit.id), hit.sort, true);
            next
        });
        Ok(Read { lines: Vec::new(), malformed: u64::from(next.is_some()), completeness: Completeness::Complete, next })
    }

    async fn close(&self, at: &Position) {
        if let (Some(id), Some(server)) = (&at.pit, self.server.get()) {
            self.client.close(server.opensearch, id).await;
        }
    }
}

#[async_trait]
impl LogSource for Elasticsearch {
    async fn page(&self, query: &LogQuery, cursor: Option<LogCursor>) -> Result<LogPage> {
        let first = cursor.is_none();
        let mut at: Position = match cursor {
            Some(LogCursor(value)) => serde_json::from_value(value).map_err(Error::internal)?,
            None => Position::default(),
        };
        let mut size = usize::try_from(query.page_size).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        loop {
            at = self.ready(at).await?;
            match self.tried(query, &at, size).await {
                Ok(Tried::Read(read)) => {
                    if read.next.is_none() {
                        self.close(&at).await;
                    }
                    let next = read.next.map(serde_json::to_value).transpose().map_err(Error::internal)?.map(LogCursor);
                    let untimed =
                        if first { self.untimed.grown(&self.client, self.fields.time_field()).await } else { 0 };
                    return Ok(LogPage {
                        lines: read.lines,
                        next,
                        completeness: read.completeness,
                        malformed: read.malformed + untimed,
                    });
                }
                Ok(Tried::Again(from)) => at = from,
                Ok(Tried::Smaller) => size = (size / 2).max(1),
                Err(error) => {
                    self.close(&at).await;
                    return Err(error);
                }
            }
        }
    }

    async fn check(&self) -> Result<String> {
        let server = self.client.server().await?;
        let name = if server.opensearch { "OpenSearch" } else { "Elasticsearch" };
        let health = match self.client.health().await {
            Ok((colour, shards)) if colour == "red" => {
                format!(", cluster red: {shards} shards have no place, searches may be partial")
            }
            Ok((colour, _)) if !colour.is_empty() => format!(", cluster {colour}"),
            _ => String::new(),
        };
        Ok(format!("{name} {}{health}", server.version))
    }
}
