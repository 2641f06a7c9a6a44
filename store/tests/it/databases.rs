//! Empty databases for tests: a file each on SQLite, a schema each on PostgreSQL.

use domain::Result;
use domain::testing::contracts::Stores;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use store::Database;

/// A contract: an async function of the ports of an empty database.
pub(crate) type Contract = for<'a> fn(&'a Stores) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A fresh, migrated SQLite file; it lives as long as the folder.
pub(crate) async fn sqlite() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::connect(&url(&folder)).await.unwrap();
    db.migrate().await.unwrap();
    (folder, db)
}

pub(crate) fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}?mode=rwc", folder.path().join("store.db").display())
}

pub(crate) async fn on_sqlite(contract: Contract) {
    let (_folder, db) = sqlite().await;
    contract(&Stores::of(&Arc::new(db.clone()))).await.unwrap();
    db.close().await;
}

/// Runs `test` with the address of an empty PostgreSQL schema that is dropped at the end, also after a panic.
pub(crate) async fn with_schema<F>(name: &str, test: impl FnOnce(String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(url) = std::env::var("AIOPS_TEST_POSTGRES_URL") else {
        eprintln!("skipped: {name} needs AIOPS_TEST_POSTGRES_URL");
        return;
    };
    let schema = format!("it_{}", domain::new_id().simple());
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
    let mark = if url.contains('?') { '&' } else { '?' };
    let outcome = tokio::spawn(test(format!("{url}{mark}options[search_path]={schema}"))).await;
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut admin).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

pub(crate) async fn on_postgres(name: &str, contract: Contract) {
    with_schema(name, move |url| async move {
        let db = Database::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        let outcome = contract(&Stores::of(&Arc::new(db.clone()))).await;
        db.close().await;
        outcome.unwrap();
    })
    .await;
}
