//! What the cluster is: version, nodes, CPU, memory, and how far limits reach there.

use super::client::{Said, Space, ask, need};
use super::{marks, view};
use crate::runtime::{PlatformInfo, Result, RuntimeError};
use domain::catalog::KubernetesSettings;
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::ListParams;

/// How far "stop means dead" and the limits reach in a pod, for people.
const ISOLATION: &str = "one pod a run: own processes, network and files; CPU and memory limited by the node, size of the folders by the \
                         cluster; processes and network only as far as the cluster limits and cuts them";

/// A quantity of Kubernetes as a number: `1500m`, `16Gi`, `3e9`.
pub(super) fn quantity(quantity: &Quantity) -> f64 {
    const UNITS: [(&str, f64); 12] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let text = quantity.0.trim();
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    number.parse::<f64>().map_or(0.0, |n| n * factor)
}

/// Whether a node takes pods.
fn ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    let open = node.spec.as_ref().and_then(|s| s.unschedulable) != Some(true);
    open && conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Sum over the nodes of what their pods may use.
fn sum(nodes: &[&Node], resource: &str) -> f64 {
    let allocatable = nodes.iter().filter_map(|n| n.status.as_ref()?.allocatable.as_ref()?.get(resource));
    allocatable.map(quantity).sum()
}

/// A name that stays the same for everybody who reaches this namespace.
pub(super) async fn name(space: &Space) -> Result<String> {
    let api: Api<Namespace> = Api::all(space.client.clone());
    match ask("read the namespace", api.get(&space.namespace)).await? {
        Said::Yes(namespace) => Ok(format!("{} {}", space.namespace, namespace.metadata.uid.unwrap_or_default())),
        _ => {
            let what = format!("the namespace {} is not there; make it, or name another (namespace)", space.namespace);
            Err(RuntimeError::Unavailable { what, source: None })
        }
    }
}

/// Asks the cluster what it is.
pub(super) async fn info(space: &Space, settings: &KubernetesSettings) -> Result<PlatformInfo> {
    let version = need("read the version", space.client.apiserver_version()).await?;
    let jobs = space.jobs(&space.ours()).await?;
    let alive = jobs.iter().filter(|j| !view::suspended(j) && !view::finished(j) && marks::stop(j).is_none()).count();
    let selector: Vec<String> = settings.node_selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let api: Api<Node> = Api::all(space.client.clone());
    let listed = api.list(&ListParams::default().labels(&selector.join(","))).await;
    let mut info = PlatformInfo {
        engine: format!("Kubernetes {}", version.git_version),
        running: u32::try_from(alive).unwrap_or(u32::MAX),
        isolation: ISOLATION.to_owned(),
        ..PlatformInfo::default()
    };
    match listed {
        Ok(nodes) => describe(&mut info, &nodes.items, &selector)?,
        // Rights over nodes are the cluster's to give; runs work without.
        Err(kube::Error::Api(status)) if status.code == 403 => {
            info.host = "nodes cannot be seen: the right to list them was not given".to_owned();
            (info.os, info.arch) =
                ("linux".to_owned(), version.platform.rsplit('/').next().unwrap_or_default().to_owned());
        }
        Err(e) => return Err(super::client::plain("list nodes", e)),
    }
    Ok(info)
}

fn describe(info: &mut PlatformInfo, nodes: &[Node], selector: &[String]) -> Result<()> {
    let well: Vec<&Node> = nodes.iter().filter(|n| ready(n)).collect();
    let Some(first) = well.first() else {
        let which = if selector.is_empty() { String::new() } else { format!(" of those with {}", selector.join(",")) };
        let what = format!("no node takes pods: {} known{which}, none ready", nodes.len());
        return Err(RuntimeError::Unavailable { what, source: None });
    };
    if let Some(node) = first.status.as_ref().and_then(|s| s.node_info.as_ref()) {
        info.os.clone_from(&node.os_image);
        info.kernel.clone_from(&node.kernel_version);
        info.arch.clone_from(&node.architecture);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    {
        info.cpus = sum(&well, "cpu").round().max(1.0) as u32;
        info.memory_bytes = sum(&well, "memory") as u64;
    }
    info.host = match nodes.len() {
        1 => first.metadata.name.clone().unwrap_or_default(),
        all => format!("{} of {all} nodes ready", well.len()),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, number) in
            [("4", 4.0), ("1500m", 1.5), ("16Gi", 17_179_869_184.0), ("3e9", 3e9), ("250k", 250_000.0), ("x", 0.0)]
        {
            assert!((quantity(&Quantity(text.to_owned())) - number).abs() < 1e-6, "{text}");
        }
    }
}
