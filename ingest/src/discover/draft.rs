//! Monitors from a family and the labels it carries: pure text work.

use super::families::{Gauge, LATENCY, Requests, SERVICE_LABELS, Scope};
use domain::Id;
use domain::Labels;
use domain::catalog::{Comparison, DetectorSpec, Direction, MonitorSpec};
use domain::incident::Severity;
use domain::resource::Draft;
use domain::signal::SignalKind;
use std::collections::BTreeSet;

/// Series of one proposed monitor.
pub(super) const MOST_SERIES: u32 = 500;

/// What all proposed monitors share.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) source_id: Id,
    pub(super) interval_secs: u32,
    pub(super) window_secs: u64,
}

/// A part of a metric's series whose entity is named by one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) label: &'static str,
    /// Matchers with a trailing comma, or nothing when the part is the whole.
    pub(super) matchers: String,
}

/// Splits series by the best service label they carry.
pub(super) fn parts(groups: &[Labels]) -> Vec<Part> {
    let has = |labels: &Labels, name: &str| labels.get(name).is_some_and(|v| !v.is_empty());
    let mut rest: Vec<&Labels> = groups.iter().collect();
    let mut before = String::new();
    let mut parts = Vec::new();
    for label in SERVICE_LABELS {
        let (with, without): (Vec<&Labels>, Vec<&Labels>) = rest.into_iter().partition(|g| has(g, label));
        rest = without;
        if with.is_empty() {
            continue;
        }
        let own = if rest.is_empty() { String::new() } else { format!("{label}!=\"\",") };
        parts.push(Part { label, matchers: format!("{before}{own}") });
        before.push_str(&format!("{label}=\"\","));
        if rest.is_empty() {
            break;
        }
    }
    parts
}

/// Rate, errors and duration of one family.
pub(super) fn requests(
    family: &Requests,
    groups: &[Labels],
    names: &BTreeSet<String>,
    common: &Common,
) -> Vec<Draft<MonitorSpec>> {
    let (metric, what) = (family.metric, family.what);
    let (count, native) = (family.counted(names), family.is_native(names));
    let carried = |label: &str| groups.iter().any(|g| g.get(label).is_some_and(|v| !v.is_empty()));
    let along = family.along.filter(|l| carried(l)).map(|l| format!(", {l}")).unwrap_or_default();
    let failure = family.failure.iter().find(|(label, _)| carried(label));
    let mut all = Vec::new();
    for part in parts(groups) {
        let by = format!("{}{along}", part.label);
        let rate = |more: &str| {
            let each = format!("rate({count}{{{}{more}}}[§w])", part.matchers);
            let each = if native { format!("histogram_count({each})") } else { each };
            format!("sum by ({by}) ({each})")
        };
        let mut add = |title: &str, query: String, signal, unit: &str, direction| {
            let name = format!("{what} {title} by {} ({metric})", part.label);
            all.push(draft(name, &query, signal, unit, direction, vec![part.label.to_owned()], common));
        };
        if let Some((label, matcher)) = failure {
            let query = format!("({} or 0 * {}) / {}", rate(&format!("{label}{matcher}")), rate(""), rate(""));
            add("error share", query, SignalKind::Errors, "", Direction::Up);
        }
        if native {
            let query = format!("histogram_quantile(0.95, sum by ({by}) (rate({metric}{{{}}}[§w])))", part.matchers);
            add("latency p95", query, LATENCY, family.unit, Direction::Up);
        } else if names.contains(&format!("{metric}_bucket")) {
            let query =
                format!("histogram_quantile(0.95, sum by (le, {by}) (rate({metric}_bucket{{{}}}[§w])))", part.matchers);
            add("latency p95", query, LATENCY, family.unit, Direction::Up);
        } else if names.contains(&format!("{metric}_sum")) {
            let spent = format!("sum by ({by}) (rate({metric}_sum{{{}}}[§w]))", part.matchers);
            add("mean latency", format!("{spent} / {}", rate("")), LATENCY, family.unit, Direction::Up);
        }
        add("traffic", rate(""), SignalKind::Traffic, "/s", Direction::Both);
    }
    all
}

/// One value, once for each part where it is grouped by service.
pub(super) fn gauge(gauge: &Gauge, groups: &[Labels], common: &Common) -> Vec<Draft<MonitorSpec>> {
    match gauge.scope {
        Scope::Fixed(_) | Scope::Container => {
            let labels = gauge.scope.labels();
            let entity = labels.iter().map(|l| (*l).to_owned()).collect();
            let query = gauge.query.replace("§m", "");
            let name = format!("{} by {}", capital(gauge.title), labels.join(", "));
            let draft = draft(name, &query, gauge.signal, gauge.unit, gauge.direction, entity, common);
            vec![if gauge.below_one { below_one(draft, common) } else { draft }]
        }
        Scope::Service => parts(groups)
            .into_iter()
            .map(|part| {
                let query = gauge.query.replace("§m", &part.matchers).replace("§e", part.label);
                let name = format!("{} by {}", capital(gauge.title), part.label);
                let entity = vec![part.label.to_owned()];
                let draft = draft(name, &query, gauge.signal, gauge.unit, gauge.direction, entity, common);
                if gauge.below_one { below_one(draft, common) } else { draft }
            })
            .collect(),
    }
}

/// Whether the scraped targets answer; a fixed limit, as nothing is to be learned about 0 and 1.
pub(super) fn targets(groups: &[Labels], common: &Common) -> Vec<Draft<MonitorSpec>> {
    parts(groups)
        .into_iter()
        .map(|part| {
            let query = format!("min by ({}, instance) (up{{{}}})", part.label, part.matchers);
            let name = format!("Target answers by {}", part.label);
            let entity = vec![part.label.to_owned()];
            below_one(draft(name, &query, SignalKind::Availability, "", Direction::Down, entity, common), common)
        })
        .collect()
}

fn below_one(mut draft: Draft<MonitorSpec>, common: &Common) -> Draft<MonitorSpec> {
    let for_secs = common.interval_secs.saturating_mul(2);
    draft.spec.detector = DetectorSpec::Threshold { op: Comparison::Lt, value: 1.0, for_secs, clear: None };
    draft
}

pub(super) fn draft(
    name: String,
    query: &str,
    signal: SignalKind,
    unit: &str,
    direction: Direction,
    entity_labels: Vec<String>,
    common: &Common,
) -> Draft<MonitorSpec> {
    let query = query.replace("§w", &format!("{}s", common.window_secs)).replace(",}", "}").replace("{}", "");
    let severity = match signal {
        SignalKind::Errors | SignalKind::Latency | SignalKind::Availability => Severity::Critical,
        _ => Severity::Warning,
    };
    let spec = MonitorSpec {
        source_id: common.source_id,
        query,
        interval_secs: common.interval_secs,
        signal,
        entity_labels,
        detector: if signal == SignalKind::Logs { DetectorSpec::Logs } else { DetectorSpec::Learned },
        rules: Vec::new(),
        sensitivity: 5,
        direction,
        severity,
        unit: unit.to_owned(),
        max_series: MOST_SERIES,
        enabled: true,
        muted_until: None,
    };
    Draft { name, tags: vec!["discovered".to_owned()], spec }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::families::REQUESTS;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn parts_cover_every_series_once() {
        let all = [labels(&[("service", "a"), ("job", "x")]), labels(&[("service", "b")])];
        assert_eq!(parts(&all), [Part { label: "service", matchers: String::new() }]);
        let mixed = [labels(&[("service", "a"), ("job", "x")]), labels(&[("job", "y"), ("service", "")])];
        let expected = [("service", "service!=\"\","), ("job", "service=\"\",")];
        let got = parts(&mixed);
        assert_eq!(got.iter().map(|p| (p.label, p.matchers.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rate_errors_and_duration_of_a_service() {
        let common = Common { source_id: Id::nil(), interval_secs: 5, window_secs: 20 };
        let groups = [labels(&[("service", "pay"), ("job", "shop"), ("http_response_status_code", "200")])];
        let names = ["http_server_request_duration_seconds_bucket".to_owned()].into();
        let queries: Vec<String> =
            requests(&REQUESTS[0], &groups, &names, &common).into_iter().map(|d| d.spec.query).collect();
        assert_eq!(
            queries,
            [
                "(sum by (service) (rate(http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"}[20s])) \
                 or 0 * sum by (service) (rate(http_server_request_duration_seconds_count[20s]))) \
                 / sum by (service) (rate(http_server_request_duration_seconds_count[20s]))",
                "histogram_quantile(0.95, sum by (le, service) (rate(http_server_request_duration_seconds_bucket[20s])))",
                "sum by (service) (rate(http_server_request_duration_seconds_count[20s]))",
            ]
        );
    }

    #[test]
    fn a_native_histogram_is_watched_by_functions_of_its_own() {
        let common = Common { source_id: Id::nil(), interval_secs: 5, window_secs: 20 };
        let groups = [labels(&[("service", "pay"), ("http_response_status_code", "200")])];
        let names = ["http_server_request_duration_seconds".to_owned()].into();
        let queries: Vec<String> =
            requests(&REQUESTS[0], &groups, &names, &common).into_iter().map(|d| d.spec.query).collect();
        let all = "sum by (service) (histogram_count(rate(http_server_request_duration_seconds[20s])))";
        let failed = "sum by (service) (histogram_count(rate(http_server_request_duration_seconds\
                      {http_response_status_code=~\"5..\"}[20s])))";
        let p95 = "histogram_quantile(0.95, sum by (service) (rate(http_server_request_duration_seconds[20s])))";
        assert_eq!(queries, [format!("({failed} or 0 * {all}) / {all}").as_str(), p95, all]);
    }
}
