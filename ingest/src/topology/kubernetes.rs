//! Owners, nodes and services of pods, from kube-state-metrics.
//!
//! Source of the series: <https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics>.

use super::{ask, entity};
use domain::Time;
use domain::error::Result;
use domain::ports::MetricSource;
use domain::signal::{MetricAnswer, Series};
use domain::topology::{Edge, Relation};
use std::collections::{BTreeMap, BTreeSet};

const PODS: &str = "max by (namespace, pod, pod_ip, node, created_by_kind, created_by_name) (kube_pod_info)";
const REPLICA_SETS: &str = "max by (namespace, replicaset, owner_kind, owner_name) (kube_replicaset_owner)";
const OWNERS: &str = "max by (namespace, pod, owner_kind, owner_name) (kube_pod_owner)";
const ENDPOINTS: &str = "max by (namespace, endpoint, ip) (kube_endpoint_address)";

/// The edges that kube-state-metrics tells: service and workload to pod, pod to node.
pub(super) async fn read(source: &dyn MetricSource, at: Time) -> Result<BTreeSet<Edge>> {
    let pods = ask(source, PODS, at).await?;
    let owners = ask(source, OWNERS, at).await?;
    if pods.series.is_empty() && owners.series.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sets = ask(source, REPLICA_SETS, at).await?;
    let endpoints = ask(source, ENDPOINTS, at).await?;
    Ok(edges(&pods, &owners, &sets, &endpoints))
}

fn label<'a>(series: &'a Series, name: &str) -> &'a str {
    series.labels.get(name).map_or("", String::as_str)
}

fn edges(pods: &MetricAnswer, owners: &MetricAnswer, sets: &MetricAnswer, endpoints: &MetricAnswer) -> BTreeSet<Edge> {
    let sets: BTreeMap<(&str, &str), &Series> =
        sets.series.iter().map(|s| ((label(s, "namespace"), label(s, "replicaset")), s)).collect();
    let by_ip: BTreeMap<&str, &Series> = pods.series.iter().map(|s| (label(s, "pod_ip"), s)).collect();
    let mut found = BTreeSet::new();
    let mut add = |from: Option<String>, to: Option<String>, relation| {
        if let (Some(from), Some(to)) = (from, to) {
            found.insert(Edge { from, to, relation });
        }
    };
    let owned = owners.series.iter().map(|s| (s, "owner_kind", "owner_name"));
    let created = pods.series.iter().map(|s| (s, "created_by_kind", "created_by_name"));
    for (series, kind, name) in owned.chain(created) {
        let namespace = label(series, "namespace");
        add(workload(&sets, namespace, label(series, kind), label(series, name)), pod(series), Relation::Contains);
    }
    for series in &pods.series {
        add(pod(series), entity("node", label(series, "node")), Relation::RunsOn);
    }
    // A service is known by the addresses behind it.
    for series in &endpoints.series {
        let behind = by_ip.get(label(series, "ip")).filter(|_| !label(series, "ip").is_empty());
        let same = behind.filter(|p| label(p, "namespace") == label(series, "namespace"));
        let service = entity("service", label(series, "endpoint"));
        add(service.clone(), same.and_then(|p| pod(p)), Relation::Contains);
        let made_by = |p: &&&Series| {
            let (kind, name) = (label(p, "created_by_kind"), label(p, "created_by_name"));
            workload(&sets, label(p, "namespace"), kind, name)
        };
        add(service, same.as_ref().and_then(made_by), Relation::Contains);
    }
    found
}

fn pod(series: &Series) -> Option<String> {
    entity("pod", label(series, "pod"))
}

/// The workload that people know: of a replica set its deployment. Pods of a node itself have none.
fn workload(sets: &BTreeMap<(&str, &str), &Series>, namespace: &str, kind: &str, name: &str) -> Option<String> {
    match kind {
        "" | "<none>" | "Node" => None,
        "ReplicaSet" => match sets.get(&(namespace, name)) {
            Some(set) if label(set, "owner_kind") == "Deployment" => entity("deployment", label(set, "owner_name")),
            _ => entity("replicaset", name),
        },
        kind => entity(&kind.to_ascii_lowercase(), name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signal::Completeness;

    fn answer(rows: &[&str]) -> MetricAnswer {
        let labels = |row: &str| {
            let pairs = row.split_whitespace().filter_map(|pair| pair.split_once('='));
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        };
        let series = rows.iter().map(|row| Series { labels: labels(row), points: Vec::new() }).collect();
        MetricAnswer { series, completeness: Completeness::Complete }
    }

    #[test]
    fn owners_are_followed_to_what_people_know() {
        let pods = answer(&[
            "namespace=shop pod=cart-5f-x node=n1 pod_ip=10.1.0.4 created_by_kind=ReplicaSet created_by_name=cart-5f",
            "namespace=shop pod=db-0 node=n2 pod_ip=10.1.0.5 created_by_kind=StatefulSet created_by_name=db",
            "namespace=kube-system pod=etcd-n1 node=n1 created_by_kind=Node created_by_name=n1",
            "namespace=shop pod=waiting created_by_kind=<none> created_by_name=<none>",
        ]);
        let owners = answer(&["namespace=shop pod=cart-5f-x owner_kind=ReplicaSet owner_name=cart-5f"]);
        let sets = answer(&["namespace=shop replicaset=cart-5f owner_kind=Deployment owner_name=cart"]);
        let endpoints =
            answer(&["namespace=shop endpoint=cart-svc ip=10.1.0.4", "namespace=other endpoint=x ip=10.1.0.5"]);
        let found: Vec<_> = edges(&pods, &owners, &sets, &endpoints)
            .into_iter()
            .map(|e| format!("{} {:?} {}", e.from, e.relation, e.to))
            .collect();
        assert_eq!(
            found,
            [
                "deployment=cart Contains pod=cart-5f-x",
                "pod=cart-5f-x RunsOn node=n1",
                "pod=db-0 RunsOn node=n2",
                "pod=etcd-n1 RunsOn node=n1",
                "service=cart-svc Contains deployment=cart",
                "service=cart-svc Contains pod=cart-5f-x",
                "statefulset=db Contains pod=db-0",
            ]
        );
    }

    #[test]
    fn a_replica_set_of_its_own_stays_one() {
        let pods = answer(&["namespace=a pod=p node=n created_by_kind=ReplicaSet created_by_name=rs"]);
        let found = edges(&pods, &answer(&[]), &answer(&[]), &answer(&[]));
        assert!(found.contains(&Edge::new("replicaset=rs", "pod=p", Relation::Contains)), "{found:?}");
    }
}
