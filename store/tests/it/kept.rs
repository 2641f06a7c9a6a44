//! File storage, logs and results: every contract on both databases, over a folder and over a bucket.

use crate::databases::{sqlite, with_schema};
use crate::fake_s3;
use domain::ports::BlobStore;
use domain::testing::contracts::run_logs::Kept;
use domain::testing::contracts::{Stores, blobs, run_logs};
use domain::{Kind, Result};
use std::pin::Pin;
use std::sync::Arc;
use store::{Blobs, Bucket, Database, LogStore};

type Contract = for<'a> fn(&'a Kept) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

fn kept(db: &Database, blobs: Arc<dyn BlobStore>) -> Kept {
    let shared = Arc::new(db.clone());
    let logs = Arc::new(LogStore::new(db.clone(), Arc::clone(&blobs)));
    Kept { stores: Stores::of(&shared), logs, results: shared, blobs }
}

async fn on_sqlite(contract: Contract) {
    let (folder, db) = sqlite().await;
    let blobs = Blobs::folder(&folder.path().join("files")).unwrap();
    contract(&kept(&db, Arc::new(blobs))).await.unwrap();
    db.close().await;
}

async fn on_postgres(name: &str, contract: Contract) {
    with_schema(name, move |url| async move {
        let db = Database::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        let s3 = fake_s3::start().await;
        let outcome = contract(&kept(&db, Arc::new(s3.blobs()))).await;
        db.close().await;
        outcome.unwrap();
    })
    .await;
}

macro_rules! contracts {
    ($($contract:ident),+ $(,)?) => {
        mod sqlite_and_folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::on_sqlite(|k| Box::pin(super::run_logs::$contract(k))).await;
            })+
        }
        mod postgres_and_bucket {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::on_postgres(stringify!($contract), |k| Box::pin(super::run_logs::$contract(k))).await;
            })+
        }
    };
}

contracts! {
    lines_are_stored_once,
    long_logs_are_in_chunks,
    many_small_writes_are_sealed,
    two_writers_store_once,
    search_finds_lines,
    damage_is_told_in_its_place,
    results_come_back,
}

async fn every_blob_contract(fresh: impl AsyncFn() -> Blobs) {
    blobs::objects_come_back(&fresh().await).await.unwrap();
    blobs::absence_is_told(&fresh().await).await.unwrap();
    blobs::large_objects_appear_whole(&fresh().await).await.unwrap();
    blobs::wild_keys_are_refused(&fresh().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    every_blob_contract(async || {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Blobs::folder(&root.path().join(n.to_string())).unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_keeps_the_contract() {
    let servers = std::sync::Mutex::new(Vec::new());
    every_blob_contract(async || {
        let s3 = fake_s3::start().await;
        let blobs = s3.blobs();
        servers.lock().unwrap().push(s3);
        blobs
    })
    .await;
}

#[tokio::test]
async fn a_key_of_a_bucket_begins_with_the_prefix_and_requests_are_signed() {
    let s3 = fake_s3::start().await;
    s3.blobs().put("a/b", b"x".to_vec()).await.unwrap();
    assert_eq!(s3.keys(), ["pre/fix/a/b"]);
    assert!(s3.authorizations().iter().all(|a| a.starts_with("AWS4-HMAC-SHA256 Credential=key-id/")));
}

#[tokio::test]
async fn a_storage_that_fails_is_unavailable_and_names_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Blobs::folder(&file).unwrap_err();
    assert!(error.message.contains("give a writable folder"), "{error}");
    let bad = Bucket { prefix: "a//b".to_owned(), name: "b".to_owned(), ..Bucket::default() };
    assert_eq!(Blobs::bucket(&bad).unwrap_err().kind, Kind::Invalid);
    drop(rustls::crypto::ring::default_provider().install_default());
    let nobody = Bucket { name: "b".to_owned(), endpoint: "http://127.0.0.1:1".to_owned(), ..Bucket::default() };
    let error = Blobs::bucket(&nobody).unwrap().put("a", Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("s3://b/"), "{error}");
}

/// Lines wait in the database while file storage does not take them, and become a chunk when it does again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_wait_while_file_storage_is_away() {
    let (folder, db) = sqlite().await;
    let files = folder.path().join("files");
    let k = kept(&db, Arc::new(Blobs::folder(&files).unwrap()));
    let run = k.stores.runs.enqueue(domain::testing::samples::run("a=b"), domain::identity::Audit::new("a", "b")).await;
    let run = run.unwrap().id;
    let epoch =
        k.stores.runs.claim("w", std::time::Duration::from_secs(20)).await.unwrap().expect("queued").run.lease_epoch;
    std::fs::remove_dir_all(&files).unwrap();
    std::fs::write(&files, "no folder").unwrap();
    let line = |seq: i64| domain::run::LogRecord {
        seq,
        at: domain::testing::samples::at(seq),
        stream: domain::run::Stream::Stdout,
        text: "x".repeat(1_000),
    };
    let lines: Vec<_> = (1..=1_000).map(line).collect();
    k.logs.append(run, epoch, &lines).await.unwrap();
    let info = k.logs.info(run, true).await.unwrap();
    assert_eq!((info.chunks, info.last_seq), (0, 1_000));
    std::fs::remove_file(&files).unwrap();
    std::fs::create_dir(&files).unwrap();
    k.logs.append(run, epoch, &[line(1_001)]).await.unwrap();
    let info = k.logs.info(run, true).await.unwrap();
    assert_eq!((info.chunks, info.last_seq, info.damaged.len()), (1, 1_001, 0));
    db.close().await;
}
