//! Secrets on both databases: write-only, sealed at rest, sealed anew after a rotation.

use crate::databases::{sqlite, with_schema};
use domain::Kind;
use domain::catalog::SourceSpec;
use domain::identity::Audit;
use domain::ports::{CatalogStore, SecretStore as _, UserStore as _};
use domain::resource::Draft;
use store::{Database, SecretKeys, Vault};

fn by_alice(action: &str) -> Audit {
    Audit::new("alice", action)
}

async fn secrets_are_kept_sealed(database: Database) {
    let (old, new) = (SecretKeys::generate().unwrap(), SecretKeys::generate().unwrap());
    let vault = Vault::new(database.clone(), SecretKeys::parse(&old).unwrap());
    let first = vault.put_secret("db", "the database", "hunter2-Zq9", by_alice("secret.put")).await.unwrap();
    let second = vault.put_secret("db", "the database", "hunter3-Zq9", by_alice("secret.put")).await.unwrap();
    assert_eq!((first.version, second.version, first.id), (1, 2, second.id));
    assert_eq!(vault.list_secrets().await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(vault.reveal(&["db".to_owned()]).await.unwrap()["db"], "hunter3-Zq9");
    let unknown = vault.reveal(&["db".to_owned(), "none".to_owned()]).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.message.as_str()), (Kind::NotFound, "secret none not found"));
    assert_eq!(vault.put_secret("x y", "", "12345", by_alice("secret.put")).await.unwrap_err().fields.len(), 2);

    let gone = Vault::new(database.clone(), SecretKeys::parse(&new).unwrap());
    assert!(gone.reveal(&["db".to_owned()]).await.unwrap_err().message.contains("AIOPS_SECRET_KEY"));
    assert!(gone.rotate().await.is_err());
    let rotated = Vault::new(database.clone(), SecretKeys::parse(&format!("{new},{old}")).unwrap());
    assert_eq!(rotated.rotate().await.unwrap(), 1);
    assert_eq!(rotated.rotate().await.unwrap(), 0, "nothing is left to do");
    assert_eq!(
        gone.reveal(&["db".to_owned()]).await.unwrap()["db"],
        "hunter3-Zq9",
        "the old key is not needed any more"
    );
    assert_ne!(gone.list_secrets().await.unwrap()[0].key_id, second.key_id);
    assert_eq!(gone.values().await.unwrap(), ["hunter3-Zq9"]);

    gone.delete_secret("db", by_alice("secret.delete")).await.unwrap();
    assert_eq!(gone.delete_secret("db", by_alice("secret.delete")).await.unwrap_err().kind, Kind::NotFound);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_on_sqlite() {
    let (folder, database) = sqlite().await;
    secrets_are_kept_sealed(database).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|w| w == b"hunter2-Zq9" || w == b"hunter3-Zq9"), "no value on disk");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_on_postgres() {
    with_schema("secrets_on_postgres", |url| async move {
        let database = Database::connect(&url).await.unwrap();
        database.migrate().await.unwrap();
        secrets_are_kept_sealed(database).await;
    })
    .await;
}

fn source(token: &str) -> Draft<SourceSpec> {
    let json =
        serde_json::json!({"kind": "prometheus", "url": "http://p", "credentials": {"kind": "bearer", "token": token}});
    Draft { name: token.to_owned(), tags: Vec::new(), spec: serde_json::from_value(json).unwrap() }
}

fn token(spec: &SourceSpec) -> String {
    spec.credentials.clone().into_secret().unwrap()
}

/// What was stored before there was a key is sealed once there is one; another key is refused, a newer one takes over.
async fn what_was_in_clear_is_sealed(database: Database) {
    let first = database.create(source("pr0m-Zq9-one"), by_alice("source.create")).await.unwrap();
    let signing = database.secret("jwt", &[7; 32]).await.unwrap();
    assert_eq!(database.sealed_by().await.unwrap(), None);
    let (old, new) = (SecretKeys::generate().unwrap(), SecretKeys::generate().unwrap());
    let keys = |text: &str| SecretKeys::parse(text).unwrap();
    let (sealed, count) = database.clone().unlocked(keys(&old)).await.unwrap();
    assert_eq!(count, 2, "the source and the signing key");
    assert_eq!(database.sealed_by().await.unwrap().as_deref(), Some(keys(&old).current()));
    let get = async |of: &Database, id| CatalogStore::<SourceSpec>::get(of, id).await;
    assert_eq!(token(&get(&sealed, first.id).await.unwrap().spec), "pr0m-Zq9-one");
    assert_eq!(sealed.secret("jwt", &[8; 32]).await.unwrap(), signing);
    assert!(get(&database, first.id).await.is_err(), "without the key it is not read");
    let second = sealed.create(source("pr0m-Zq9-two"), by_alice("source.create")).await.unwrap();
    let kept =
        sealed.update(first.id, 1, Draft { tags: vec!["x".to_owned()], ..source("********") }, by_alice("update"));
    assert_eq!(token(&kept.await.unwrap().spec), "pr0m-Zq9-one", "the mark keeps the stored one");
    let all: Vec<String> =
        CatalogStore::<SourceSpec>::all(&sealed).await.unwrap().iter().map(|s| token(&s.spec)).collect();
    assert_eq!(all.len(), 2);

    let other = database.clone().unlocked(keys(&new)).await.unwrap_err();
    assert!(other.kind == Kind::Conflict && other.message.contains("AIOPS_SECRET_KEY"), "{other}");
    let (both, count) = database.clone().unlocked(keys(&format!("{new},{old}"))).await.unwrap();
    assert_eq!(count, 4, "two sources, the signing key, the canary");
    drop(both);
    let (newer, count) = database.clone().unlocked(keys(&new)).await.unwrap();
    assert_eq!((count, token(&get(&newer, second.id).await.unwrap().spec).as_str()), (0, "pr0m-Zq9-two"));
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_clear_is_sealed_on_sqlite() {
    let (folder, database) = sqlite().await;
    what_was_in_clear_is_sealed(database).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let token = bytes.windows(20).filter(|w| w.starts_with(b"token\":\"pr0m-Zq9")).count();
        assert_eq!(token, 0, "no credential in the file, in free pages neither");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_clear_is_sealed_on_postgres() {
    with_schema("what_was_in_clear_is_sealed_on_postgres", |url| async move {
        let database = Database::connect(&url).await.unwrap();
        database.migrate().await.unwrap();
        what_was_in_clear_is_sealed(database).await;
    })
    .await;
}
