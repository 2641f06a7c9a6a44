//! Opening and migrating: addresses, repeats, races, newer schemas.

use crate::databases::{sqlite, url, with_schema};
use domain::Kind;
use domain::catalog::ScriptSpec;
use domain::identity::Audit;
use domain::ports::{AuditStore as _, CatalogStore};
use domain::testing::{samples, together};
use sqlx::{Connection, SqliteConnection};
use store::{Backend, Database};

#[tokio::test]
async fn wrong_addresses_say_what_is_right() {
    for address in ["", "mysql://host/db", "store.db", "postgres://:bad:port/x"] {
        let error = Database::connect(address).await.unwrap_err();
        assert_eq!((error.kind, error.fields[0].field.as_str()), (Kind::Invalid, "database.url"), "{address}");
    }
    let folder = tempfile::tempdir().unwrap();
    let absent = format!("sqlite://{}", folder.path().join("no/such/file.db").display());
    assert_eq!(Database::connect(&absent).await.unwrap_err().kind, Kind::Unavailable);
}

#[tokio::test]
async fn migrating_again_and_at_once_is_harmless() {
    let (folder, db) = sqlite().await;
    let second = Database::connect(&url(&folder)).await.unwrap();
    let racers = [&db, &second, &db, &second];
    assert!(together(racers.map(Database::migrate)).await.into_iter().all(|r| r.is_ok()));
    assert_eq!(db.backend(), Backend::Sqlite);
    db.ping().await.unwrap();
}

#[tokio::test]
async fn postgres_migrates_under_a_race() {
    with_schema("postgres_migrates_under_a_race", |url| async move {
        let db = Database::connect(&url).await.unwrap();
        let racers = (0..6).map(|_| db.migrate());
        assert!(together(racers).await.into_iter().all(|r| r.is_ok()));
        assert_eq!(db.backend(), Backend::Postgres);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_one_line() {
    let (folder, db) = sqlite().await;
    let mut raw = SqliteConnection::connect(&url(&folder)).await.unwrap();
    sqlx::query("INSERT INTO schema_steps (version, name, sha256, applied_at) VALUES (99, 'x', 'x', 0)")
        .execute(&mut raw)
        .await
        .unwrap();
    let error = db.migrate().await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(error.message.starts_with("the database has schema 99, this program knows "), "{error}");
    assert!(!error.message.contains('\n'));
}

#[tokio::test]
async fn a_changed_step_is_refused() {
    let (folder, db) = sqlite().await;
    let mut raw = SqliteConnection::connect(&url(&folder)).await.unwrap();
    sqlx::query("UPDATE schema_steps SET sha256 = 'x' WHERE version = 2").execute(&mut raw).await.unwrap();
    let error = db.migrate().await.unwrap_err();
    assert!(error.message.contains("0002_incidents"), "{error}");
}

#[tokio::test]
async fn a_database_in_memory_works() {
    let db = Database::connect("sqlite::memory:").await.unwrap();
    db.migrate().await.unwrap();
    let made = db.create(samples::draft("a", samples::script()), Audit::new("alice", "create")).await.unwrap();
    let all: Vec<domain::catalog::Script> = CatalogStore::<ScriptSpec>::all(&db).await.unwrap();
    assert_eq!(all, [made]);
    let other = Database::connect("sqlite::memory:").await.unwrap();
    other.migrate().await.unwrap();
    assert_eq!(CatalogStore::<ScriptSpec>::all(&other).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_sound_while_others_write() {
    let (folder, db) = sqlite().await;
    let writer = db.clone();
    let writing = tokio::spawn(async move {
        for n in 0..200 {
            writer.create(samples::draft(&format!("s{n}"), samples::script()), Audit::new("ann", "x")).await.unwrap();
        }
    });
    let file = folder.path().join("copy.db");
    db.copy_to(file.to_str().unwrap()).await.unwrap();
    let copy = Database::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let rows = copy.verify_audit().await.unwrap();
    writing.await.unwrap();
    assert!(rows <= db.verify_audit().await.unwrap());
    let scripts = CatalogStore::<ScriptSpec>::all(&copy).await.unwrap();
    assert_eq!(i64::try_from(scripts.len()).unwrap(), rows, "one moment, not two");
    assert!(db.copy_to(file.to_str().unwrap()).await.is_err(), "what is there is never overwritten");
}
