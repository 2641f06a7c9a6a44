//! Monitors that ask for a raw counter: told by the name, judged by the increase a second.

use domain::catalog::Monitor;

/// Scrapes in the rate window of a raw counter's recovery.
const RATE_STEPS: u32 = 4;
/// Shortest rate window, seconds.
const SHORTEST: u32 = 60;

/// Whether the monitor asks for a raw counter: a selector alone, of a name that ends as counters' do. Its increase per
/// second is judged, never the count itself: a restart of its process is no event.
pub(crate) fn is_raw(monitor: &Monitor) -> bool {
    let query = monitor.spec.query.trim();
    let name = query.split('{').next().unwrap_or_default().trim_end();
    let whole = query.len() == name.len() || query.ends_with('}');
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    whole && name.chars().all(word) && ["_total", "_bucket"].iter().any(|end| name.ends_with(end))
}

/// The query of what is judged: the counter's increase a second.
pub(crate) fn rate(monitor: &Monitor) -> String {
    let window = monitor.spec.interval_secs.saturating_mul(RATE_STEPS).max(SHORTEST);
    format!("rate({}[{window}s])", monitor.spec.query)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{START, STEP, batch, feed, monitor};
    use super::*;
    use crate::engine::Engine;
    use domain::anomaly::{AnomalyKind, Recovery};
    use domain::catalog::DetectorSpec;
    use domain::clock::from_millis;
    use domain::signal::{Completeness, MetricAnswer, Payload, Point, Series};

    fn asking(query: &str) -> Monitor {
        let mut monitor = monitor(DetectorSpec::Learned);
        query.clone_into(&mut monitor.spec.query);
        monitor
    }

    #[test]
    fn raw_counters_are_told_by_their_name() {
        for counter in ["orders_total", " orders_total{service=\"a\"} ", "x_seconds_bucket{le=\"1\"}"] {
            assert!(is_raw(&asking(counter)), "{counter}");
        }
        for other in ["rate(orders_total[1m])", "orders", "orders_total / 2", "sum(orders_total)", "pool_total{} > 0"] {
            assert!(!is_raw(&asking(other)), "{other}");
        }
    }

    #[test]
    fn p05_a_counter_that_starts_again_is_no_event_and_its_burst_is() {
        let monitor = asking("orders_total");
        let mut engine = Engine::default();
        engine.load(&monitor, &[], from_millis(START));
        let (mut count, mut found) = (1_000.0, Vec::new());
        for row in 0..400_i64 {
            // Twice the process restarts, once at the edge of a batch's window; at the end it runs away.
            count = if row == 150 || row == 300 { 4.0 } else { count + 10.0 + (row % 3) as f64 };
            count += if row >= 380 { 5_000.0 } else { 0.0 };
            let series = Series {
                labels: [("service".to_owned(), "a".to_owned())].into(),
                points: vec![Point { at_ms: START + row * STEP, value: count }],
            };
            let answer = MetricAnswer { series: vec![series], completeness: Completeness::Complete };
            found.extend(feed(&mut engine, &monitor, &batch(&monitor, row, Payload::Metrics(answer))).changes);
        }
        assert_eq!(found.len(), 1, "{found:?}");
        let anomaly = &found[0].anomaly;
        assert_eq!((anomaly.started_at, anomaly.kind), (from_millis(START + 380 * STEP), AnomalyKind::Rate));
        assert!(anomaly.observed > 900.0 && anomaly.upper < 10.0, "per second: {anomaly:?}");
        assert!(matches!(&anomaly.recovery, Recovery::Band { query, .. } if query == "rate(orders_total[60s])"));
    }
}
