//! A run beyond its deadline is ended by whoever is there, whatever became of its owner.

use crate::databases::{sqlite, url, with_schema};
use domain::Kind;
use domain::catalog::RuntimeKind;
use domain::identity::Audit;
use domain::ports::{Assigned, Claim, QueueStore, RunStore};
use domain::queue::Swept;
use domain::run::{RunEnd, RunState};
use domain::testing::samples;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::time::Duration;
use store::Database;

const LEASE: Duration = Duration::from_secs(600);

/// Lets every deadline in the queue pass.
async fn let_pass(address: &str) {
    let sql = "UPDATE run_queue SET deadline_at = 1 WHERE deadline_at IS NOT NULL";
    if address.starts_with("sqlite") {
        let mut raw = SqliteConnection::connect(address).await.unwrap();
        sqlx::query(sql).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
    } else {
        let mut raw = PgConnection::connect(address).await.unwrap();
        sqlx::query(sql).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
    }
}

/// The next claim; on PostgreSQL the refused renewal before it may hold its row lock until it is rolled back.
async fn taken_over(db: &Database) -> Claim {
    for _ in 0..500 {
        if let Some(claim) = db.claim("other", LEASE).await.unwrap() {
            return claim;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run was not taken over");
}

async fn a_deadline_needs_no_owner(db: Database, address: String) {
    let id = db.enqueue(samples::run("service=a"), Audit::new("alice", "run.start")).await.unwrap().id;
    let first = db.claim("stuck", LEASE).await.unwrap().unwrap().run;
    let there = db.assign(id, first.lease_epoch, domain::new_id(), RuntimeKind::Local, "the node").await.unwrap();
    assert_eq!(there, Assigned::Yes);
    assert!(db.run(id).await.unwrap().deadline_at.is_some(), "also before it has started");
    db.started(id, first.lease_epoch, samples::at(70)).await.unwrap();
    assert_eq!(db.sweep().await.unwrap(), Swept::default(), "nothing is overdue");
    assert!(db.claim("other", LEASE).await.unwrap().is_none());
    for round in 1..=3 {
        let_pass(&address).await;
        assert_eq!(db.sweep().await.unwrap(), Swept { taken: 1, ..Swept::default() }, "round {round}");
        assert_eq!(db.sweep().await.unwrap(), Swept::default(), "the next owner gets time");
        let late = db.renew(id, first.lease_epoch, LEASE).await.unwrap_err();
        assert_eq!(late.kind, Kind::Conflict, "the stuck owner is fenced");
        let taken = taken_over(&db).await;
        assert!(taken.recovered && taken.run.started_at == Some(samples::at(70)));
    }
    let_pass(&address).await;
    assert_eq!(db.sweep().await.unwrap(), Swept { lost: 1, ..Swept::default() });
    let run = db.run(id).await.unwrap();
    assert_eq!(run.state, RunState::Lost);
    assert!(run.reason.contains("the node"), "says where to look: {}", run.reason);
    assert!(db.claim("other", LEASE).await.unwrap().is_none());
    let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: String::new() };
    db.finish(id, run.lease_epoch, end, samples::at(99)).await.unwrap();
    assert_eq!(db.run(id).await.unwrap().state, RunState::Lost, "one end");
    db.close().await;
}

#[tokio::test]
async fn a_deadline_needs_no_owner_on_sqlite() {
    let (folder, db) = sqlite().await;
    a_deadline_needs_no_owner(db, url(&folder)).await;
}

#[tokio::test]
async fn a_deadline_needs_no_owner_on_postgres() {
    with_schema("a_deadline_needs_no_owner", |address| async move {
        let db = Database::connect(&address).await.unwrap();
        db.migrate().await.unwrap();
        a_deadline_needs_no_owner(db, address).await;
    })
    .await;
}
