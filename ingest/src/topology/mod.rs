//! Reads who depends on whom: from metrics that know callers and callees, from kube-state-metrics, and from a file.

mod families;
mod file;
mod kubernetes;

pub use file::{FileError, read_file};

use domain::error::Result;
use domain::ports::MetricSource;
use domain::signal::{Completeness, MetricAnswer};
use domain::topology::{Edge, EdgeSource};
use domain::{Error, Time};
use std::collections::BTreeSet;

/// Edges of one reading at most; beyond them the reading is refused, for a graph of that size helps nobody.
pub const MAX_EDGES: usize = 50_000;

/// Kinds of places that a metric source may be.
pub const OF_METRICS: [EdgeSource; 4] =
    [EdgeSource::ServiceGraph, EdgeSource::Clients, EdgeSource::Istio, EdgeSource::Kubernetes];

/// The edges that a metric source knows in this way; none when it has no such metrics.
///
/// # Errors
/// As [`MetricSource::instant`], and `Unavailable` for an answer that is partial: what is missing in it may be there.
pub async fn read_metrics(source: &dyn MetricSource, kind: EdgeSource, at: Time) -> Result<BTreeSet<Edge>> {
    let edges = match kind {
        EdgeSource::Kubernetes => kubernetes::read(source, at).await?,
        kind => match families::query(kind) {
            Some(query) => families::edges(&ask(source, query, at).await?, kind),
            None => BTreeSet::new(),
        },
    };
    if edges.len() > MAX_EDGES {
        let text = format!("{} edges are more than {MAX_EDGES}: aggregate them at the source", edges.len());
        return Err(Error::new(domain::Kind::Invalid, text));
    }
    Ok(edges)
}

/// An answer that is complete.
async fn ask(source: &dyn MetricSource, query: &str, at: Time) -> Result<MetricAnswer> {
    let answer = source.instant(query, at).await?;
    match &answer.completeness {
        Completeness::Complete => Ok(answer),
        Completeness::Partial(why) => Err(Error::new(domain::Kind::Unavailable, format!("a partial answer: {why}"))),
    }
}

/// `kind=name` as an end of an edge; none for names that are empty, unknown to the sender, or too long.
fn entity(kind: &str, name: &str) -> Option<String> {
    let name = name.trim();
    let unknown = name.is_empty() || matches!(name, "unknown" | "<none>" | "PassthroughCluster" | "BlackHoleCluster");
    let text = format!("{kind}={name}");
    (!unknown && text.len() <= domain::topology::MAX_ENTITY).then_some(text)
}
