//! Secrets on both databases: write-only, sealed at rest, sealed anew after a rotation.

use crate::databases::{sqlite, with_schema};
use domain::Kind;
use domain::identity::Audit;
use domain::ports::SecretStore as _;
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
