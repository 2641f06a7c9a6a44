//! Keeps the service graph: asks every metric source for who calls whom.

use domain::catalog::{SourceKind, SourceSpec};
use domain::clock::Clock;
use domain::ports::{CatalogStore, Sources};
use domain::signal::{MetricAnswer, Series};
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the graph is read.
const EVERY: Duration = Duration::from_secs(30);

/// A family of metrics that knows callers and callees: the query, the caller's labels, the callee's labels.
struct Family {
    query: &'static str,
    caller: &'static [&'static str],
    callee: &'static [&'static str],
}

/// OpenTelemetry client metrics, the collector's service graph, Istio.
const FAMILIES: [Family; 3] = [
    Family {
        query: "sum by (service, service_name, job, server_address, peer_service) (http_client_request_duration_seconds_count)",
        caller: &["service", "service_name", "job"],
        callee: &["peer_service", "server_address"],
    },
    Family {
        query: "sum by (client, server) (traces_service_graph_request_total)",
        caller: &["client"],
        callee: &["server"],
    },
    Family {
        query: "sum by (source_workload, destination_workload) (istio_requests_total)",
        caller: &["source_workload"],
        callee: &["destination_workload"],
    },
];

/// Edges (caller, callee) as entities.
pub(crate) type Edges = Arc<RwLock<Vec<(String, String)>>>;

/// Reads the graph until `stop`.
pub(crate) async fn keep(
    catalog: Arc<dyn CatalogStore<SourceSpec>>,
    sources: Arc<dyn Sources>,
    clock: Arc<dyn Clock>,
    edges: Edges,
    stop: CancellationToken,
) {
    loop {
        let (mut found, complete) = read(&*catalog, &*sources, &*clock).await;
        if !found.is_empty()
            && let Ok(mut kept) = edges.write()
        {
            // A source that does not answer takes nothing away.
            if !complete {
                found.extend(kept.drain(..));
            }
            *kept = found.into_iter().collect();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// The edges that the sources name, and whether all of them answered.
async fn read(
    catalog: &dyn CatalogStore<SourceSpec>,
    sources: &dyn Sources,
    clock: &dyn Clock,
) -> (BTreeSet<(String, String)>, bool) {
    let (mut found, mut complete) = (BTreeSet::new(), true);
    let Ok(all) = catalog.all().await else { return (found, false) };
    for source in all.iter().filter(|s| s.spec.enabled && s.spec.kind == SourceKind::Prometheus) {
        let Ok(client) = sources.metrics(source.id).await else {
            complete = false;
            continue;
        };
        for family in &FAMILIES {
            match client.instant(family.query, clock.now()).await {
                Ok(answer) => found.extend(edges_of(&answer, family)),
                Err(error) => {
                    complete = false;
                    tracing::debug!(%error, source = %source.name, "service graph not read");
                }
            }
        }
    }
    (found, complete)
}

fn edges_of(answer: &MetricAnswer, family: &Family) -> Vec<(String, String)> {
    let label = |series: &Series, names: &[&str]| -> Option<(String, String)> {
        names.iter().find_map(|n| series.labels.get(*n).filter(|v| !v.is_empty()).map(|v| ((*n).to_owned(), v.clone())))
    };
    // A callee is named as its own metrics name it, for which the caller's label name is the best guess.
    answer
        .series
        .iter()
        .filter_map(|series| {
            let (name, caller) = label(series, family.caller)?;
            let (_, callee) = label(series, family.callee)?;
            let name = if matches!(name.as_str(), "client" | "source_workload") { "service".to_owned() } else { name };
            let host = callee.split(':').next().unwrap_or_default().to_owned();
            Some((format!("{name}={caller}"), format!("{name}={host}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signal::Completeness;

    #[test]
    fn client_metrics_give_edges_between_services() {
        let labels = [("service", "storefront"), ("server_address", "checkout:8080"), ("job", "shop")];
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let answer =
            MetricAnswer { series: vec![Series { labels, points: vec![] }], completeness: Completeness::Complete };
        let edges = edges_of(&answer, &FAMILIES[0]);
        assert_eq!(edges, [("service=storefront".to_owned(), "service=checkout".to_owned())]);
    }
}
