//! Search bodies and answers of Elasticsearch and OpenSearch as values.

use super::fields::Fields;
use crate::source::http::{Answer, excerpt, one_line, place, refused};
use domain::ports::LogQuery;
use domain::signal::Completeness;
use domain::{Error, Kind, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// How long a point in time lives between two pages.
pub(super) const KEEP_ALIVE: &str = "1m";

/// Position inside one query's result; travels as the opaque cursor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Point in time; absent where the server has none.
    pub(super) pit: Option<String>,
    /// Sort values of the last hit, valid inside this point in time.
    pub(super) after: Option<Vec<Value>>,
    /// Time of the last line, floor to the millisecond: where a new point in time goes on.
    pub(super) last_ms: Option<i64>,
    /// Index and id of the hits at `last_ms`, so that none of them is given twice.
    pub(super) edge: Vec<(String, String)>,
    /// Index and id of hits at `last_ms` that are too large to be read again.
    pub(super) over: Vec<(String, String)>,
    /// Points in time that were lost on the way.
    pub(super) lost: u32,
}

impl Position {
    /// Goes past one hit: by its sort values inside a point in time, and by its time for when that is lost.
    pub(super) fn pass(&mut self, at_ms: Option<i64>, key: (String, String), sort: Vec<Value>, too_large: bool) {
        if let Some(ms) = at_ms.or_else(|| sort.first().and_then(sort_ms)) {
            if self.last_ms != Some(ms) {
                (self.last_ms, self.edge, self.over) = (Some(ms), Vec::new(), Vec::new());
            }
            if too_large {
                self.over.push(key);
            } else {
                self.edge.push(key);
            }
        }
        if self.pit.is_some() && !sort.is_empty() {
            self.after = Some(sort);
        }
    }
}

/// Sort values of dates are epoch milliseconds, of `date_nanos` nanoseconds.
fn sort_ms(value: &Value) -> Option<i64> {
    value.as_i64().map(|n| if n.abs() > 100_000_000_000_000 { n.div_euclid(1_000_000) } else { n })
}

/// Answer of `_search`, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) pit_id: Option<String>,
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards", default)]
    pub(super) shards: Shards,
    #[serde(default)]
    pub(super) hits: Hits,
    #[serde(default)]
    pub(super) aggregations: Value,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Hits {
    #[serde(default)]
    pub(super) hits: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_index", default)]
    pub(super) index: String,
    #[serde(rename = "_id", default)]
    pub(super) id: String,
    #[serde(rename = "_source", default)]
    pub(super) source: Value,
    #[serde(default)]
    pub(super) sort: Vec<Value>,
}

/// How many shards answered.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shards {
    #[serde(default)]
    total: u64,
    #[serde(default)]
    successful: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    failures: Vec<Value>,
}

impl Shards {
    /// What is missing, in one line; shards may be missing although none is called failed.
    pub(super) fn missing(&self) -> Option<String> {
        let missing = self.failed.max(self.total.saturating_sub(self.successful));
        (missing > 0).then(|| {
            let reason = self.failures.iter().find_map(|f| f.pointer("/reason/reason").and_then(Value::as_str));
            let why = reason.map(|r| format!(": {}", one_line(r))).unwrap_or_default();
            format!("{missing} of {} shards did not answer{why}", self.total)
        })
    }

    /// A query that is wrong everywhere; shards without a document of the window do not even look at it.
    pub(super) fn wrong_query(&self) -> Option<Error> {
        let reasons = self.failures.iter().filter_map(|f| f.pointer("/reason/reason").and_then(Value::as_str));
        let reason = reasons.map(one_line).find(|r| r.starts_with("Failed to parse query"))?;
        Some(query_refused(&reason))
    }

    fn lost_context(&self) -> bool {
        self.failures
            .iter()
            .any(|f| f.pointer("/reason/type").and_then(Value::as_str) == Some("search_context_missing_exception"))
    }

    pub(super) fn none(&self) -> bool {
        self.total == 0
    }
}

impl Found {
    pub(super) fn completeness(&self) -> Completeness {
        let timed_out = self.timed_out.then(|| "the search timed out on some shards".to_owned());
        self.shards.missing().or(timed_out).map_or(Completeness::Complete, Completeness::Partial)
    }

    /// Whether the answer came from no shard at all: no index matches.
    pub(super) fn no_index(&self) -> bool {
        self.shards.none()
    }

    /// Whether some shards forgot the point in time.
    pub(super) fn lost_context(&self) -> bool {
        self.shards.lost_context()
    }
}

/// Body of a search for one page.
pub(super) fn body(query: &LogQuery, fields: &Fields, at: &Position, size: usize, tie: Option<&str>) -> Value {
    let field = fields.time_field();
    let resumed = at.after.is_none().then_some(at.last_ms).flatten();
    let mut filter = vec![range(field, query.from, query.to, resumed)];
    if !query.query.trim().is_empty() {
        filter.push(json!({ "query_string": { "query": query.query } }));
    }
    let without: Vec<Value> = at.over.iter().map(|(_, id)| json!(id)).collect();
    let mut sort = vec![json!({ field: { "order": "asc", "unmapped_type": "date" } })];
    if let Some(tie) = tie {
        sort.push(json!({ tie: "asc" }));
    }
    let mut body = json!({
        "size": size,
        "track_total_hits": false,
        "query": { "bool": { "filter": filter, "must_not": [{ "ids": { "values": without } }] } },
        "sort": sort,
        "_source": { "includes": fields.wanted() },
    });
    if let Some(pit) = &at.pit {
        body["pit"] = json!({ "id": pit, "keep_alive": KEEP_ALIVE });
    }
    if let Some(after) = &at.after {
        body["search_after"] = json!(after);
    }
    body
}

/// `(from, to]`, or from the millisecond of the last line on when a result is taken up again.
pub(super) fn range(field: &str, from: Time, to: Time, resumed: Option<i64>) -> Value {
    let mut bounds = json!({ "lte": to.timestamp_millis(), "format": "epoch_millis" });
    match resumed {
        Some(ms) => bounds["gte"] = json!(ms),
        None => bounds["gt"] = json!(from.timestamp_millis()),
    }
    json!({ "range": { field: bounds } })
}

/// Why a search was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The point in time is gone.
    Expired,
    /// The server does not know this sort or call.
    Unsupported(Error),
    /// Anything else.
    Other(Error),
}

/// Reads an error answer.
pub(super) fn refusal(answer: &Answer, base: &Url, index: &str) -> Refusal {
    let at = place(base);
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = ["/error/root_cause/0/type", "/error/type"]
        .iter()
        .find_map(|p| body.pointer(p).and_then(Value::as_str))
        .unwrap_or("");
    let reason =
        ["/error/failed_shards/0/reason/caused_by/reason", "/error/root_cause/0/reason", "/error/reason", "/error"]
            .iter()
            .find_map(|p| body.pointer(p).and_then(Value::as_str))
            .map(one_line);
    match (answer.status, kind) {
        (_, "index_not_found_exception") => Refusal::Other(no_index(index)),
        // What OpenSearch says when a point in time is asked for over a pattern that nothing matches.
        (400, _) if reason.as_deref() == Some("invalid id: [null]") => Refusal::Other(no_index(index)),
        (_, "search_context_missing_exception") => Refusal::Expired,
        (404, _) if kind.is_empty() && reason.is_none() => Refusal::Unsupported(refused(answer, &at)),
        (404, _) => Refusal::Expired,
        (400, _) if reason.as_deref().is_some_and(unknown_sort) => Refusal::Unsupported(Error::new(
            Kind::Invalid,
            format!("{at} cannot page so: {}", reason.unwrap_or_default()),
        )),
        (405 | 501, _) => Refusal::Unsupported(refused(answer, &at)),
        (400, _) => Refusal::Other(query_refused(&reason.unwrap_or_else(|| excerpt(&answer.body)))),
        (429, _) => Refusal::Other(refused(answer, &at)),
        (503, _) if reason.is_some() => {
            let text = format!("{at} cannot search now: {}; check the cluster's health", reason.unwrap_or_default());
            Refusal::Other(Error::unavailable(text))
        }
        _ => Refusal::Other(refused(answer, &at)),
    }
}

fn unknown_sort(reason: &str) -> bool {
    ["_shard_doc", "field [_id]", "_id field", "id_field_data", "[_id]"].iter().any(|word| reason.contains(word))
}

/// No index has this name or matches this pattern.
pub(super) fn no_index(index: &str) -> Error {
    Error::new(
        Kind::NotFound,
        format!("no index matches {index}; check index in the source, or whether logs are shipped"),
    )
}

fn query_refused(why: &str) -> Error {
    Error::new(Kind::Invalid, format!("query refused: {why}; correct the query or the field names"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(shards: Value, timed_out: bool) -> Completeness {
        let text = json!({"_shards": shards, "timed_out": timed_out, "hits": {"hits": []}}).to_string();
        serde_json::from_str::<Found>(&text).unwrap().completeness()
    }

    #[test]
    fn missing_shards_are_partial_though_none_failed() {
        let is_partial = |shards, late| matches!(found(shards, late), Completeness::Partial(_));
        assert!(is_partial(json!({"total": 12, "successful": 9, "skipped": 0, "failed": 0}), false));
        assert!(is_partial(
            json!({"total": 12, "successful": 10, "failed": 2, "failures": [{"reason": {"reason": "x"}}]}),
            false
        ));
        assert!(is_partial(json!({"total": 1, "successful": 1, "failed": 0}), true));
        assert!(!is_partial(json!({"total": 12, "successful": 12, "skipped": 8, "failed": 0}), false));
    }

    #[test]
    fn refusals_are_told_apart() {
        let base = Url::parse("http://e:9200").unwrap();
        let of = |status, body: Value| {
            refusal(
                &Answer { status, body: body.to_string().into_bytes(), location: None, retry_after: None },
                &base,
                "logs-*",
            )
        };
        let missing = json!({"error": {"root_cause": [{"type": "index_not_found_exception", "reason": "no such index [logs]"}]}, "status": 404});
        assert!(
            matches!(of(404, missing), Refusal::Other(e) if e.kind == Kind::NotFound && e.message.contains("logs-*"))
        );
        assert!(matches!(
            of(
                404,
                json!({"error": {"type": "search_context_missing_exception", "reason": "No search context found for id [5]"}})
            ),
            Refusal::Expired
        ));
        let nothing = json!({"error": {"type": "illegal_argument_exception", "reason": "invalid id: [null]"}});
        assert!(matches!(of(400, nothing), Refusal::Other(e) if e.kind == Kind::NotFound));
        assert!(
            matches!(of(400, json!({"error": {"reason": "Failed to parse query [a:(]"}})), Refusal::Other(e) if e.kind == Kind::Invalid)
        );
        assert!(
            matches!(of(429, json!({"error": {"reason": "rejected"}})), Refusal::Other(e) if e.kind == Kind::TooMany)
        );
        assert!(
            matches!(of(503, json!({"error": {"reason": "all shards failed"}})), Refusal::Other(e) if e.message.contains("all shards failed"))
        );
        assert!(matches!(
            of(400, json!({"error": {"reason": "No mapping found for [_shard_doc] in order to sort on"}})),
            Refusal::Unsupported(_)
        ));
    }
}
