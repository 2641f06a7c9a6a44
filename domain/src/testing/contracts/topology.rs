//! Contracts of [`crate::ports::TopologyStore`].

use super::Stores;
use crate::anomaly::{Anomaly, AnomalyState};
use crate::error::Result;
use crate::ports::AnalyzerCommit;
use crate::testing::samples::{self, at};
use crate::topology::{Edge, EdgeSource, FRESH_SECS, Relation, Seen, fresh};

fn seen(source: EdgeSource, secs: i64, pairs: &[(&str, &str)]) -> Seen {
    let edges = pairs.iter().map(|(from, to)| Edge::new(*from, *to, Relation::Calls)).collect();
    Seen { source, origin: "main".to_owned(), edges, at: at(secs), whole: source == EdgeSource::File }
}

/// Edges are known by their place, keep their first sight, age by good readings alone, and are dropped in the end.
///
/// # Errors
/// As the store's.
pub async fn edges_age_by_good_readings(s: &Stores) -> Result<()> {
    let graph = EdgeSource::ServiceGraph;
    s.topology.see_edges(seen(graph, 0, &[("a", "b"), ("b", "c")])).await?;
    s.topology.see_edges(seen(EdgeSource::Istio, 0, &[("a", "b")])).await?;
    s.topology.see_edges(seen(graph, 3_000, &[("a", "b")])).await?;
    let known = s.topology.edges().await?;
    assert_eq!(known.len(), 3, "one row a place");
    let ab = known.iter().find(|k| k.source == graph && k.edge.to == "b").cloned();
    assert_eq!(ab.map(|k| (k.first_seen_at, k.last_seen_at)), Some((at(0), at(3_000))));
    let late = FRESH_SECS + 100;
    s.topology.note_feed_failure(graph, "main", "connection refused", at(late)).await?;
    assert!(s.topology.edges().await?.iter().all(|k| !k.stale), "a place that does not answer takes nothing away");
    s.topology.see_edges(seen(graph, late, &[("a", "b")])).await?;
    let stale: Vec<_> = s.topology.edges().await?.into_iter().filter(|k| k.stale).map(|k| k.edge.to).collect();
    assert_eq!(stale, ["c"]);
    assert_eq!(fresh(&s.topology.edges().await?).len(), 1);
    let feeds = s.topology.feeds().await?;
    assert_eq!(feeds.iter().map(|f| (f.source, f.edges)).collect::<Vec<_>>(), [(EdgeSource::Istio, 1), (graph, 1)]);
    s.topology.drop_edges(at(10)).await?;
    assert_eq!(s.topology.edges().await?.len(), 1);
    assert_eq!(s.topology.feeds().await?.len(), 1);
    Ok(())
}

/// A reading that is whole replaces what its place said before, and a failed one is told beside the last good one.
///
/// # Errors
/// As the store's.
pub async fn a_whole_reading_replaces(s: &Stores) -> Result<()> {
    let file = EdgeSource::File;
    s.topology.see_edges(seen(EdgeSource::Istio, 0, &[("x", "y")])).await?;
    s.topology.see_edges(seen(file, 0, &[("a", "b"), ("b", "c")])).await?;
    s.topology.see_edges(seen(file, 1, &[("b", "c"), ("c", "d")])).await?;
    s.topology.note_feed_failure(file, "main", "line 3: what is this", at(2)).await?;
    let known = s.topology.edges().await?;
    let ends: Vec<_> = known.iter().map(|k| format!("{}{}", k.edge.from, k.edge.to)).collect();
    assert_eq!(ends, ["bc", "cd", "xy"]);
    assert_eq!(known[0].first_seen_at, at(0));
    let feed = s.topology.feeds().await?.into_iter().find(|f| f.source == file).unwrap_or_else(|| panic!("no feed"));
    assert_eq!((feed.edges, feed.message.as_str()), (2, "line 3: what is this"));
    assert_eq!((feed.read_at, feed.ok_at), (at(2), Some(at(1))));
    s.topology.see_edges(seen(file, 3, &[])).await?;
    assert_eq!(s.topology.edges().await?.len(), 1);
    assert!(s.topology.open_anomalies().await?.is_empty());
    let incident = s.open(samples::incident("a|latency", "service=checkout")).await?.id;
    let open = samples::anomaly(crate::new_id(), Some(incident));
    let anomalies = vec![open.clone(), Anomaly { id: crate::new_id(), state: AnomalyState::Closed, ..open.clone() }];
    s.analyzer.commit(AnalyzerCommit { anomalies, ..AnalyzerCommit::default() }).await?;
    assert_eq!(s.topology.open_anomalies().await?.into_iter().collect::<Vec<_>>(), [(open.entity, 1)]);
    Ok(())
}
