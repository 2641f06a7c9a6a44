//! Links by structure, and changes as evidence.

use super::{Topology, rank};
use chrono::TimeDelta;
use domain::anomaly::Anomaly;
use domain::change::{ChangeEvent, ChangeKind};
use domain::testing::samples;
use domain::topology::{Edge, Relation};

fn topology() -> Topology {
    Topology::of(&[
        Edge::new("service=front", "service=cart", Relation::Calls),
        Edge::new("service=cart", "service=db", Relation::Calls),
        Edge::new("service=cart", "pod=cart-1", Relation::Contains),
        Edge::new("service=cart", "deployment=cart", Relation::Contains),
        Edge::new("pod=cart-1", "node=n1", Relation::RunsOn),
    ])
}

fn anomaly(entity: &str, secs: i64) -> Anomaly {
    let mut one = samples::anomaly(domain::new_id(), None);
    one.entity = entity.to_owned();
    one.score = 0.8;
    one.started_at = samples::at(secs);
    one
}

fn change(entity: &str, secs: i64) -> ChangeEvent {
    ChangeEvent {
        id: domain::new_id(),
        key: "k".to_owned(),
        at: samples::at(secs),
        kind: ChangeKind::Deployment,
        entity: entity.to_owned(),
        title: "release 4.18".to_owned(),
        author: String::new(),
        link: String::new(),
        told_by: "api ci".to_owned(),
    }
}

#[test]
fn structure_links_over_two_steps_and_calls_over_one() {
    let graph = topology();
    for (a, b, linked) in [
        ("service=front", "service=cart", true),
        ("service=cart", "service=front", true),
        ("service=front", "service=db", false),
        ("service=cart", "node=n1", true),
        ("service=front", "pod=cart-1", true),
        ("service=front", "node=n1", false),
        ("pod=cart-1", "service=db", false),
    ] {
        assert_eq!(graph.linked(a, b), linked, "{a} {b}");
    }
}

#[test]
fn a_change_just_before_speaks_for_what_was_changed() {
    let members = [anomaly("service=front", 2_000), anomaly("service=db", 2_000)];
    let apart = Topology::default();
    let share = |changes: &[ChangeEvent], topology: &Topology| {
        let causes = rank(&members, topology, changes);
        causes.into_iter().find(|c| c.entity == "service=db").map_or(0.0, |c| c.probability)
    };
    let (none, near) = (share(&[], &apart), share(&[change("service=db", 1_940)], &apart));
    assert!(near > none + 0.2, "{near} beside {none}");
    let later = share(&[change("service=db", 2_000 + 600)], &apart);
    let long_ago = share(&[change("service=db", 2_000 - 7_200)], &apart);
    let elsewhere = share(&[change("service=far", 1_940)], &apart);
    assert!([later, long_ago, elsewhere].iter().all(|p| (p - none).abs() < 1e-9));
    let causes = rank(&members, &apart, &[change("service=db", 1_940)]);
    let lines = causes.first().map(|c| c.evidence.join("\n")).unwrap_or_default();
    assert!(
        lines.contains("something was changed here shortly before: release 4.18 (api ci), 1 min before"),
        "{lines}"
    );
}

#[test]
fn a_change_of_a_part_counts_for_its_whole_and_of_a_callee_for_the_callee() {
    let graph = topology();
    let members = [anomaly("service=cart", 2_000)];
    let of_part = rank(&members, &graph, &[change("deployment=cart", 1_990)]);
    assert_eq!(of_part.first().map(|c| c.entity.as_str()), Some("service=cart"));
    assert!(of_part[0].evidence.iter().any(|line| line.contains("release 4.18")), "{:?}", of_part[0].evidence);
    let of_callee = rank(&members, &graph, &[change("service=db", 1_990)]);
    let db = of_callee.iter().find(|c| c.entity == "service=db").expect("a candidate");
    assert!(db.probability > 0.0 && db.path == ["service=cart", "service=db"], "{db:?}");
    assert_eq!(of_callee[0].entity, "service=cart", "a change alone does not outweigh what shows trouble");
}

#[test]
fn a_release_does_not_begin_the_trouble() {
    // The front was slow first; the release of the other long before must not make it the first to change.
    let members = [anomaly("service=front", 2_000), anomaly("service=db", 2_060)];
    let causes =
        rank(&members, &Topology::default(), &[change("service=db", 2_000 - TimeDelta::minutes(29).num_seconds())]);
    let lines = causes.iter().find(|c| c.entity == "service=db").map(|c| c.evidence.join("\n")).unwrap_or_default();
    assert!(lines.is_empty() || lines.contains("60 s after the first"), "{lines}");
}
