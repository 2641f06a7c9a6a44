//! Prometheus' JSON answer as series: warnings kept, order and duplicates repaired, odd samples made harmless.

use crate::source::http::{Answer, one_line, refused};
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::{Error, Kind, Labels, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Item>),
    Matrix(Vec<Item>),
    Scalar((f64, String)),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    metric: Labels,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    histogram: Option<(f64, IgnoredAny)>,
    #[serde(default)]
    histograms: Vec<(f64, IgnoredAny)>,
}

/// Judges and reads one answer.
///
/// `NaN` is kept: no value at this time. So is made of an infinite value (it has no place in a baseline or a limit)
/// and of a native-histogram sample beside others; an answer of native histograms alone is an error.
/// Of two samples at one time the last is kept. `warnings` make the answer partial; `infos` do not.
pub(super) fn answer(raw: &Answer, at: &str) -> Result<MetricAnswer> {
    if raw.status / 100 == 3 {
        return Err(refused(raw, at));
    }
    let envelope: Envelope = match serde_json::from_slice(&raw.body) {
        Ok(envelope) => envelope,
        Err(_) if raw.status != 200 => return Err(refused(raw, at)),
        Err(cause) => {
            let text = format!(
                "{at} answers, but not as Prometheus does ({}); check url",
                crate::source::http::excerpt(&raw.body)
            );
            return Err(Error::unavailable(text).because(cause));
        }
    };
    if envelope.status != "success" {
        return Err(failure(&envelope, raw, at));
    }
    for info in &envelope.infos {
        tracing::debug!(source = at, info = %one_line(info), "prometheus remarks");
    }
    let series = match envelope.data {
        Some(Data::Vector(items) | Data::Matrix(items)) => all_series(items)?,
        Some(Data::Scalar(sample)) => vec![Series { labels: Labels::new(), points: vec![point(&sample)] }],
        Some(Data::String(_)) => {
            return Err(Error::new(Kind::Invalid, "query yields a string; use an expression that yields numbers"));
        }
        None => return Err(Error::unavailable(format!("{at} answers success without data; check url"))),
    };
    Ok(MetricAnswer { series, completeness: completeness(&envelope.warnings) })
}

fn failure(envelope: &Envelope, raw: &Answer, at: &str) -> Error {
    let text = one_line(&envelope.error);
    match envelope.error_type.as_str() {
        "bad_data" => Error::new(Kind::Invalid, format!("query refused: {text}; correct the PromQL")),
        "execution" => Error::new(Kind::Invalid, format!("query failed: {text}; narrow or correct the PromQL")),
        "timeout" | "canceled" => {
            Error::new(Kind::Timeout, format!("{at} gave up the query: {text}; narrow it or raise timeout_secs"))
        }
        _ if matches!(raw.status, 401 | 403 | 404 | 429) => refused(raw, at),
        kind => Error::unavailable(format!("{at} reports {kind}: {text}; check the server")),
    }
}

/// `PromQL info:` remarks came among the warnings before they had a place of their own.
fn completeness(warnings: &[String]) -> Completeness {
    let mut real = warnings.iter().filter(|w| !w.starts_with("PromQL info:"));
    match real.next() {
        None => Completeness::Complete,
        Some(first) => {
            let more = real.count();
            let tail = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Completeness::Partial(format!("{}{tail}", one_line(first)))
        }
    }
}

fn all_series(items: Vec<Item>) -> Result<Vec<Series>> {
    let total = items.len();
    let mut histograms = 0;
    let mut series = Vec::with_capacity(total);
    for item in items {
        let has_numbers = item.value.is_some() || !item.values.is_empty();
        let has_histograms = item.histogram.is_some() || !item.histograms.is_empty();
        histograms += usize::from(has_histograms && !has_numbers);
        series.push(one_series(item));
    }
    if histograms > 0 && histograms == total {
        let text =
            "query yields native histograms; wrap it in histogram_quantile(), histogram_avg() or histogram_count()";
        return Err(Error::new(Kind::Invalid, text));
    }
    if histograms > 0 {
        tracing::warn!(series = histograms, "native-histogram series carry no number and count as without value");
    }
    Ok(series)
}

fn one_series(item: Item) -> Series {
    let missing = |(at, _): &(f64, IgnoredAny)| Point { at_ms: millis(*at), value: f64::NAN };
    let mut points: Vec<Point> = item.histogram.iter().map(missing).collect();
    points.extend(item.histograms.iter().map(missing));
    points.extend(item.value.iter().map(point));
    points.extend(item.values.iter().map(point));
    Series { labels: item.metric, points: ordered(points) }
}

fn point((at, text): &(f64, String)) -> Point {
    let value = text.parse().ok().filter(|v: &f64| v.is_finite()).unwrap_or(f64::NAN);
    Point { at_ms: millis(*at), value }
}

/// Epoch seconds, as Prometheus gives them (three decimals), in milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of any sane time fit i64; others saturate")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// Sorted by time; of several at one time the last one stays.
pub(super) fn ordered(mut points: Vec<Point>) -> Vec<Point> {
    if points.windows(2).all(|w| w[0].at_ms < w[1].at_ms) {
        return points;
    }
    points.sort_by_key(|p| p.at_ms);
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        match kept.last_mut() {
            Some(last) if last.at_ms == point.at_ms => *last = point,
            _ => kept.push(point),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<MetricAnswer> {
        answer(
            &Answer { status: 200, body: body.to_string().into_bytes(), location: None, retry_after: None },
            "http://p",
        )
    }

    fn matrix(result: Value) -> Value {
        json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
    }

    #[test]
    fn odd_samples_become_no_value_and_order_is_repaired() {
        let got = read(&matrix(json!([
            {"metric": {"a": "1"}, "values": [[20, "2"], [10, "1"], [20, "3"], [30, "NaN"], [40, "+Inf"], [50.5, "0.02"]]},
            {"metric": {"a": "2"}, "histograms": [[10, {"count": "4", "sum": "9"}]]},
        ])))
        .unwrap();
        let at: Vec<i64> = got.series[0].points.iter().map(|p| p.at_ms).collect();
        assert_eq!(at, [10_000, 20_000, 30_000, 40_000, 50_500]);
        assert_eq!(got.series[0].points[1].value, 3.0);
        assert!(got.series[0].points[2].value.is_nan() && got.series[0].points[3].value.is_nan());
        assert!(got.series[1].points[0].value.is_nan());
        assert_eq!(got.completeness, Completeness::Complete);
    }

    #[test]
    fn strings_and_histograms_alone_are_named() {
        let text =
            read(&json!({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}})).unwrap_err();
        assert_eq!((text.kind, text.message.contains("string")), (Kind::Invalid, true));
        let only = read(&matrix(json!([{"metric": {}, "histograms": [[1, {}]]}]))).unwrap_err();
        assert_eq!((only.kind, only.message.contains("histogram_quantile")), (Kind::Invalid, true));
    }

    #[test]
    fn warnings_are_partial_and_remarks_are_not() {
        let with = |key: &str, list: Value| {
            let mut body = matrix(json!([]));
            body[key] = list;
            read(&body).unwrap().completeness
        };
        assert_eq!(
            with("warnings", json!(["store eu-2 unreachable", "b"])),
            Completeness::Partial("store eu-2 unreachable (and 1 more)".into())
        );
        assert_eq!(with("infos", json!(["PromQL info: might not be a counter"])), Completeness::Complete);
        assert_eq!(with("warnings", json!(["PromQL info: might not be a counter"])), Completeness::Complete);
    }
}
