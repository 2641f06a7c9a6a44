//! Metrics that know callers and callees: which labels name them.

use super::entity;
use domain::signal::{MetricAnswer, Series};
use domain::topology::{Edge, EdgeSource, Relation};
use std::collections::BTreeSet;

/// The query of a family; none for places that are read in another way.
pub(super) const fn query(kind: EdgeSource) -> Option<&'static str> {
    match kind {
        // https://opentelemetry.io/docs/collector: the connector "servicegraph"; Tempo and Alloy use the same names.
        EdgeSource::ServiceGraph => Some("sum by (client, server) (traces_service_graph_request_total)"),
        // https://opentelemetry.io/docs/specs/semconv/http/http-metrics: metrics of HTTP clients.
        EdgeSource::Clients => Some(
            "sum by (service, service_name, job, server_address, peer_service) (http_client_request_duration_seconds_count)",
        ),
        // https://istio.io/latest/docs/reference/config/metrics: the standard metrics of a mesh.
        EdgeSource::Istio => Some(
            "sum by (source_workload, source_canonical_service, destination_workload, destination_canonical_service) (istio_requests_total)",
        ),
        EdgeSource::Kubernetes | EdgeSource::File => None,
    }
}

/// The edges of an answer.
pub(super) fn edges(answer: &MetricAnswer, kind: EdgeSource) -> BTreeSet<Edge> {
    answer.series.iter().filter_map(|series| edge(series, kind)).filter(|e| e.from != e.to).collect()
}

fn edge(series: &Series, kind: EdgeSource) -> Option<Edge> {
    let label = |name: &str| series.labels.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let first = |names: &[&str]| names.iter().find_map(|n| label(n));
    let (from, to) = match kind {
        EdgeSource::ServiceGraph => (entity("service", label("client")?), entity("service", label("server")?)),
        EdgeSource::Clients => {
            let named = |name: &'static str| label(name).map(|value| (name, value));
            let (name, caller) = named("service").or_else(|| named("service_name")).or_else(|| named("job"))?;
            // A callee is named as its own metrics name it, for which the caller's label is the best guess.
            let callee = first(&["peer_service", "server_address"])?;
            (entity(name, caller), entity(name, host(callee)))
        }
        EdgeSource::Istio => {
            let from = first(&["source_canonical_service", "source_workload"])?;
            (
                entity("service", from),
                entity("service", first(&["destination_canonical_service", "destination_workload"])?),
            )
        }
        EdgeSource::Kubernetes | EdgeSource::File => return None,
    };
    Some(Edge::new(from?, to?, Relation::Calls))
}

/// The host of an address, without its port; of `checkout.shop.svc.cluster.local` the service.
fn host(address: &str) -> &str {
    let host =
        address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(address, |(host, _)| host);
    match host.split_once(".svc") {
        Some((name, rest)) if rest.is_empty() || rest.starts_with('.') => name.split('.').next().unwrap_or(name),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signal::Completeness;

    fn answer(rows: &[&[(&str, &str)]]) -> MetricAnswer {
        let series = rows.iter().map(|row| Series {
            labels: row.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            points: Vec::new(),
        });
        MetricAnswer { series: series.collect(), completeness: Completeness::Complete }
    }

    fn ends(kind: EdgeSource, rows: &[&[(&str, &str)]]) -> Vec<String> {
        edges(&answer(rows), kind).into_iter().map(|e| format!("{} -> {}", e.from, e.to)).collect()
    }

    #[test]
    fn client_metrics_give_edges_between_services() {
        let found = ends(
            EdgeSource::Clients,
            &[
                &[("service", "storefront"), ("server_address", "checkout:8080"), ("job", "shop")],
                &[("service_name", "cart"), ("server_address", "stock.shop.svc.cluster.local:80")],
                &[("job", "cart"), ("peer_service", "stock"), ("server_address", "10.0.0.1")],
                &[("job", "cart")],
                &[("job", "cart"), ("peer_service", "cart")],
            ],
        );
        assert_eq!(
            found,
            [
                "job=cart -> job=stock",
                "service=storefront -> service=checkout",
                "service_name=cart -> service_name=stock"
            ]
        );
    }

    #[test]
    fn service_graphs_name_client_and_server() {
        let found = ends(
            EdgeSource::ServiceGraph,
            &[
                &[("client", "front"), ("server", "cart")],
                &[("client", "cart"), ("server", "postgres"), ("connection_type", "database")],
                &[("client", "unknown"), ("server", "cart")],
                &[("client", ""), ("server", "cart")],
                &[("server", "cart")],
            ],
        );
        assert_eq!(found, ["service=cart -> service=postgres", "service=front -> service=cart"]);
    }

    #[test]
    fn istio_names_services_before_workloads_and_its_black_holes_are_nobody() {
        let found = ends(
            EdgeSource::Istio,
            &[
                &[
                    ("source_workload", "front-v2"),
                    ("source_canonical_service", "front"),
                    ("destination_workload", "cart"),
                ],
                &[("source_workload", "front"), ("destination_workload", "unknown")],
                &[("source_workload", "front"), ("destination_workload", "PassthroughCluster")],
            ],
        );
        assert_eq!(found, ["service=front -> service=cart"]);
    }
}
