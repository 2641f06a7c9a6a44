//! The search of a measure's rows and its answer, as values.

use super::language::{Function, Measure};
use super::name_of;
use domain::Labels;
use domain::signal::Point;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Groups are looked for so long before the first row, at least.
const LOOK_BACK_MS: i64 = 900_000;

/// Points by labels.
pub(super) type Found = BTreeMap<Labels, Vec<Point>>;

/// Body of the search for these rows (epoch milliseconds, oldest first).
pub(super) fn body(measure: &Measure, time_field: &str, rows: &[i64]) -> Value {
    let (first, last) = (rows.first().copied().unwrap_or(0), rows.last().copied().unwrap_or(0));
    let oldest = first - measure.offset_ms - measure.over_ms - LOOK_BACK_MS.max(measure.over_ms * 10);
    let bounds = json!({ "gt": oldest, "lte": last - measure.offset_ms, "format": "epoch_millis" });
    let mut filter = vec![json!({ "range": { time_field: bounds } })];
    if !measure.filter.is_empty() {
        filter.push(json!({ "query_string": { "query": measure.filter } }));
    }
    // A bucket's lower bound is inclusive and its upper one is not; a row's are the other way round.
    let ranges: Vec<Value> = rows
        .iter()
        .map(|row| {
            let end = row - measure.offset_ms + 1;
            json!({ "key": name_of(*row), "from": (end - measure.over_ms).to_string(), "to": end.to_string() })
        })
        .collect();
    let mut rows = json!({ "date_range": { "field": time_field, "format": "epoch_millis", "ranges": ranges } });
    if let Some(value) = value(&measure.function) {
        rows["aggs"] = json!({ "value": value });
    }
    let grouped = measure.by.iter().rev().fold(
        json!({ "rows": rows }),
        |inner, group| json!({ "groups": { "terms": { "field": group.field, "size": measure.top }, "aggs": inner } }),
    );
    json!({ "size": 0, "track_total_hits": false, "query": { "bool": { "filter": filter } }, "aggs": grouped })
}

fn value(function: &Function) -> Option<Value> {
    Some(match function {
        Function::Count => return None,
        Function::Ratio(part) => json!({ "filter": { "query_string": { "query": part } } }),
        Function::Field(kind, field) => json!({ *kind: { "field": field } }),
        Function::Percentile(field, p) => {
            json!({ "percentiles": { "field": field, "percents": [p], "keyed": false } })
        }
    })
}

/// The points of an answer.
pub(super) fn read(measure: &Measure, aggregations: &Value) -> Found {
    let mut found = Found::new();
    walk(measure, aggregations, &mut Labels::new(), 0, &mut found);
    found
}

fn walk(measure: &Measure, at: &Value, labels: &mut Labels, depth: usize, found: &mut Found) {
    if let Some(group) = measure.by.get(depth) {
        for bucket in at["groups"]["buckets"].as_array().into_iter().flatten() {
            let key = bucket.get("key_as_string").or_else(|| bucket.get("key"));
            let key = key.map(|k| k.as_str().map_or_else(|| k.to_string(), str::to_owned)).unwrap_or_default();
            labels.insert(group.label.clone(), key);
            walk(measure, bucket, labels, depth + 1, found);
        }
        labels.remove(&group.label);
        return;
    }
    let buckets = at["rows"]["buckets"].as_array().into_iter().flatten();
    let mut points: Vec<Point> = buckets
        .filter_map(|bucket| {
            let at_ms = bucket["key"].as_str()?.parse().ok()?;
            Some(Point { at_ms, value: number(&measure.function, bucket) })
        })
        .collect();
    points.sort_by_key(|p| p.at_ms);
    if !points.is_empty() {
        found.insert(labels.clone(), points);
    }
}

/// The value of a row; NaN where there is nothing to measure.
fn number(function: &Function, bucket: &Value) -> f64 {
    let count = |value: &Value| value["doc_count"].as_f64().unwrap_or(0.0);
    match function {
        Function::Count => count(bucket),
        Function::Ratio(_) if count(bucket) <= 0.0 => f64::NAN,
        Function::Ratio(_) => count(&bucket["value"]) / count(bucket),
        Function::Percentile(..) => bucket.pointer("/value/values/0/value").and_then(Value::as_f64).unwrap_or(f64::NAN),
        // The least and the greatest of nothing are told as infinities by some servers.
        Function::Field(..) => bucket["value"]["value"].as_f64().filter(|v| v.is_finite()).unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::super::language::parse;
    use super::*;

    #[test]
    fn rows_end_at_their_time_less_the_offset() {
        let measure = parse("count() by (service) over 1m offset 10s where x:1").unwrap();
        let body = body(&measure, "@timestamp", &[100_000, 115_000]);
        let ranges = &body["aggs"]["groups"]["aggs"]["rows"]["date_range"]["ranges"];
        assert_eq!(ranges[0], json!({"key": "100000", "from": "30001", "to": "90001"}));
        assert_eq!(ranges[1], json!({"key": "115000", "from": "45001", "to": "105001"}));
        assert_eq!(body["query"]["bool"]["filter"][0]["range"]["@timestamp"]["lte"], 105_000);
        assert_eq!(body["query"]["bool"]["filter"][1]["query_string"]["query"], "x:1");
    }

    #[test]
    fn answers_become_points_and_nothing_becomes_nan() {
        let answer = json!({"groups": {"buckets": [
            {"key": "pay", "doc_count": 9, "rows": {"buckets": [
                {"key": "2000", "doc_count": 0, "value": {"doc_count": 0}},
                {"key": "1000", "doc_count": 8, "value": {"doc_count": 2}},
            ]}},
            {"key": 1, "key_as_string": "true", "doc_count": 1, "rows": {"buckets": [{"key": "1000", "doc_count": 1, "value": {"doc_count": 1}}]}},
        ]}});
        let found = read(&parse("ratio(level:error) by (service)").unwrap(), &answer);
        let of = |name: &str| &found[&Labels::from([("service".to_owned(), name.to_owned())])];
        assert_eq!((of("pay")[0].at_ms, of("pay")[0].value), (1_000, 0.25));
        assert!(of("pay")[1].value.is_nan());
        assert_eq!(of("true")[0].value, 1.0);
        let percentile = parse("percentile(took, 99)").unwrap();
        let answer = json!({"rows": {"buckets": [{"key": "1000", "doc_count": 3, "value": {"values": [{"key": 99.0, "value": 7.5}]}}]}});
        assert_eq!(read(&percentile, &answer)[&Labels::new()][0].value, 7.5);
    }
}
