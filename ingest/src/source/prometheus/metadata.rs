//! Prometheus' metadata answer: type and unit of each metric family.

use crate::source::http::Answer;
use domain::discovery::{MetricMeta, MetricType};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    data: BTreeMap<String, Vec<One>>,
}

#[derive(Deserialize)]
struct One {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    unit: String,
}

/// The families of an answer; `None` when the server does not tell (not every one of the API does).
pub(super) fn answer(raw: &Answer) -> Option<Vec<MetricMeta>> {
    let envelope: Envelope = serde_json::from_slice(&raw.body).ok().filter(|_| raw.status == 200)?;
    let all = envelope.data.into_iter().map(|(name, told)| {
        let first = told.into_iter().next();
        let kind = first.as_ref().map_or(MetricType::Unknown, |one| kind(&one.kind));
        MetricMeta { name, kind, unit: first.map(|one| one.unit).unwrap_or_default() }
    });
    (envelope.status == "success").then(|| all.collect())
}

fn kind(word: &str) -> MetricType {
    match word {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" | "gaugehistogram" => MetricType::Histogram,
        "summary" => MetricType::Summary,
        "info" | "stateset" => MetricType::Info,
        _ => MetricType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_read_and_other_answers_tell_nothing() {
        let read =
            |status, body: &str| answer(&Answer { status, body: body.into(), location: None, retry_after: None });
        let body = r#"{"status":"success","data":{"a_total":[{"type":"counter","unit":"","help":"x"}],
            "b":[{"type":"histogram","help":"y"},{"type":"gauge"}],"c":[]}}"#;
        let all: Vec<_> = read(200, body).unwrap().into_iter().map(|m| (m.name, m.kind)).collect();
        let expected = [("a_total", MetricType::Counter), ("b", MetricType::Histogram), ("c", MetricType::Unknown)];
        assert_eq!(all, expected.map(|(n, k)| (n.to_owned(), k)));
        assert!(read(404, "404 page not found").is_none() && read(200, "<html>").is_none());
    }
}
