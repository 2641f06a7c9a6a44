//! A disk that is full and a database that another one holds: named, nothing is broken, and it goes on by itself.

use domain::Kind;
use domain::identity::Audit;
use domain::ports::RunStore as _;
use domain::testing::samples;
use std::path::Path;
use std::process::Command;
use store::Database;

/// A small disk of its own, given back at the end.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(test: &str, size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let option = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "none"]).arg(dir.path()).output();
        if done.is_ok_and(|o| o.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("skipped: {test} needs the right to mount a small disk");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !Command::new("umount").arg("-l").arg(self.path()).status().is_ok_and(|s| s.success()) {
            eprintln!("{} stays mounted", self.path().display());
        }
    }
}

async fn open(dir: &Path) -> Database {
    let db = Database::connect(&format!("sqlite://{}?mode=rwc", dir.join("a.db").display())).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn audit() -> Audit {
    Audit::new("alice", "run.start")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_named_and_heals() {
    let Some(disk) = Disk::mount("a_full_disk_is_named_and_heals", "8m") else { return };
    let db = open(disk.path()).await;
    let kept = db.enqueue(samples::run("service=a"), audit()).await.unwrap();
    let ballast = disk.path().join("ballast");
    Command::new("dd").args(["if=/dev/zero", "bs=4k", &format!("of={}", ballast.display())]).output().unwrap();
    let mut refused = None;
    for n in 0..2_000 {
        if let Err(error) = db.enqueue(samples::run(&format!("service=s{n}")), audit()).await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("the disk is full");
    assert_eq!(refused.kind, Kind::Unavailable, "{refused:?}");
    assert!(refused.message.contains("disk is full"), "{refused}");
    assert_eq!(db.run(kept.id).await.unwrap().state, kept.state, "what is stored can be read");
    std::fs::remove_file(&ballast).unwrap();
    db.enqueue(samples::run("service=b"), audit()).await.expect("room again: without a restart");
    db.close().await;
    let again = open(disk.path()).await;
    assert_eq!(again.run(kept.id).await.unwrap().id, kept.id, "the file is whole");
    again.close().await;
}

/// Another program holds the file's lock for longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_held_by_another_is_busy_and_then_free() {
    use sqlx::Connection as _;
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path()).await;
    let mut other =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", dir.path().join("a.db").display())).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = db.enqueue(samples::run("service=a"), audit()).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unavailable, "{refused:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    db.enqueue(samples::run("service=a"), audit()).await.expect("free again");
}
