//! What was accepted is there after a restart, and a claim outlives its owner.

use crate::databases::{sqlite, url};
use domain::catalog::ScriptSpec;
use domain::decision::{GateFacts, Outcome};
use domain::identity::Audit;
use domain::incident::IncidentState;
use domain::policy::Policy;
use domain::ports::{AuditStore, CatalogStore, HealStore, IncidentStore, RunStore};
use domain::testing::contracts::Stores;
use domain::testing::{samples, together};
use std::sync::Arc;
use std::time::Duration;
use store::Database;

fn go(policy: &Policy, facts: &GateFacts) -> domain::decision::Plan {
    samples::plan(policy, facts, Outcome::Run, "all gates pass")
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, db) = sqlite().await;
    let script = db.create(samples::draft("a", samples::script()), Audit::new("alice", "create")).await.unwrap();
    let incident = Stores::of(&Arc::new(db.clone())).open(samples::incident("f", "service=a")).await.unwrap();
    let plan = db.decide(incident.id, &samples::loose_policy("p"), &go).await.unwrap().unwrap();
    let claim = db.claim("before", Duration::ZERO).await.unwrap().unwrap();
    // No close: the process is gone, its connections with it.
    drop(db);
    let db = Database::connect(&url(&folder)).await.unwrap();
    db.migrate().await.unwrap();
    assert_eq!(CatalogStore::<ScriptSpec>::get(&db, script.id).await.unwrap(), script);
    assert_eq!(db.incident(incident.id).await.unwrap().state, IncidentState::Healing);
    assert_eq!(db.decisions(incident.id).await.unwrap(), [plan.decision]);
    let again = db.claim("after", Duration::from_secs(20)).await.unwrap().unwrap();
    assert_eq!((again.run.id, again.run.lease_epoch, again.recovered), (claim.run.id, claim.run.lease_epoch + 1, true));
    assert_eq!(db.verify_audit().await.unwrap(), 2);
}

#[tokio::test]
async fn an_abandoned_change_leaves_nothing() {
    let (_folder, db) = sqlite().await;
    let incident = Stores::of(&Arc::new(db.clone())).open(samples::incident("f", "service=a")).await.unwrap();
    let racer = db.clone();
    let dying = tokio::spawn(async move {
        let stop = |_: &Policy, _: &GateFacts| panic!("stopped inside the transaction");
        racer.decide(incident.id, &samples::loose_policy("p"), &stop).await.map(drop)
    });
    assert!(dying.await.unwrap_err().is_panic());
    assert_eq!(db.incident(incident.id).await.unwrap(), incident);
    assert_eq!(db.decisions(incident.id).await.unwrap(), []);
    let plan = db.decide(incident.id, &samples::loose_policy("p"), &go).await.unwrap().unwrap();
    assert!(plan.run.is_some(), "the lock was given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_one_file() {
    let (folder, first) = sqlite().await;
    let second = Database::connect(&url(&folder)).await.unwrap();
    for _ in 0..20 {
        first.enqueue(samples::run("service=a"), Audit::new("alice", "run.start")).await.unwrap();
    }
    let claims = together((0..40).map(|i| [&first, &second][i % 2].claim("w", Duration::from_secs(20)))).await;
    let mut ids: Vec<_> = claims.into_iter().filter_map(|c| c.unwrap()).map(|c| c.run.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20, "each once, and nobody was turned away as busy");
}
