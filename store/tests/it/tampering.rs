//! The audit log refuses changes, and shows those made around it.

use crate::databases::{sqlite, url, with_schema};
use domain::identity::Audit;
use domain::ports::{AuditStore, CatalogStore};
use domain::testing::samples;
use sqlx::{Connection, PgConnection, SqliteConnection};
use store::Database;

async fn fill(db: &Database) {
    for i in 0..10 {
        db.create(samples::draft(&format!("s{i}"), samples::script()), Audit::new("alice", "script.create"))
            .await
            .unwrap();
    }
    assert_eq!(db.verify_audit().await.unwrap(), 10);
}

const FORBIDDEN: [&str; 4] = [
    "UPDATE audit_events SET actor = 'mallory' WHERE seq = 4",
    "DELETE FROM audit_events WHERE seq = 10",
    "DELETE FROM audit_head",
    "UPDATE audit_head SET seq = 3",
];

/// What someone with the file could do, and the row that the walk must name.
const TAMPERED: [(&str, &str); 6] = [
    ("UPDATE audit_events SET actor = 'mallory' WHERE seq = 4", "row 4: it was changed"),
    ("UPDATE audit_events SET at = at + 1 WHERE seq = 7", "row 7: it was changed"),
    ("UPDATE audit_events SET actor = 'al', action = 'icescript.create' WHERE seq = 2", "row 2: it was changed"),
    ("DELETE FROM audit_events WHERE seq = 5", "row 5: it is missing"),
    ("DELETE FROM audit_events WHERE seq > 8", "row 9: it is missing"),
    (
        "INSERT INTO audit_events SELECT 11, at, actor, action, object_kind, object_id, origin, hash FROM audit_events WHERE seq = 10",
        "row 11: rows stand outside the chain",
    ),
];

#[tokio::test]
async fn sqlite_refuses_changes() {
    let (folder, db) = sqlite().await;
    fill(&db).await;
    let mut raw = SqliteConnection::connect(&url(&folder)).await.unwrap();
    for sql in FORBIDDEN {
        assert!(sqlx::query(sql).execute(&mut raw).await.is_err(), "{sql}");
    }
    assert_eq!(db.verify_audit().await.unwrap(), 10);
}

#[tokio::test]
async fn postgres_refuses_changes() {
    with_schema("postgres_refuses_changes", |url| async move {
        let db = Database::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        fill(&db).await;
        let mut raw = PgConnection::connect(&url).await.unwrap();
        for sql in FORBIDDEN.into_iter().chain(["TRUNCATE audit_events"]) {
            assert!(sqlx::query(sql).execute(&mut raw).await.is_err(), "{sql}");
        }
        assert_eq!(db.verify_audit().await.unwrap(), 10);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn every_change_around_the_guard_shows() {
    for (sql, expected) in TAMPERED {
        let (folder, db) = sqlite().await;
        fill(&db).await;
        let mut raw = SqliteConnection::connect(&url(&folder)).await.unwrap();
        for trigger in ["audit_events_no_update", "audit_events_no_delete"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut raw).await.unwrap();
        }
        sqlx::query(sql).execute(&mut raw).await.unwrap();
        let error = db.verify_audit().await.unwrap_err();
        assert!(error.message.ends_with(expected), "{sql}: {error}");
    }
}
