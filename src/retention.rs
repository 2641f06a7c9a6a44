//! Removes what is older than the product is told to keep: rows first, then the files that belonged to them.

use domain::clock::Clock;
use domain::ports::{BlobStore, Expired, RetentionStore};
use domain::{Result, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Between two passes.
const EVERY: Duration = Duration::from_secs(3_600);
/// Before the first pass: a start has better things to do.
const FIRST: Duration = Duration::from_secs(60);
/// Between two steps of a pass, so that it takes no turn away from work.
const PAUSE: Duration = Duration::from_millis(100);
/// Rows of a kind in one step.
const STEP: u32 = 50;
/// Prefixes of files in one step.
const FILES: u32 = 200;

/// What was removed since the start.
#[derive(Debug, Default)]
pub(crate) struct RetentionStats {
    pub(crate) incidents: AtomicU64,
    pub(crate) runs: AtomicU64,
    pub(crate) anomalies: AtomicU64,
    pub(crate) alerts: AtomicU64,
    pub(crate) files: AtomicU64,
}

impl RetentionStats {
    fn add(&self, gone: Expired) {
        self.incidents.fetch_add(gone.incidents, Ordering::Relaxed);
        self.runs.fetch_add(gone.runs, Ordering::Relaxed);
        self.anomalies.fetch_add(gone.anomalies, Ordering::Relaxed);
        self.alerts.fetch_add(gone.alerts, Ordering::Relaxed);
    }
}

/// What the removal works on.
#[derive(Clone)]
pub(crate) struct Retention {
    pub(crate) store: Arc<dyn RetentionStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep: Duration,
    pub(crate) stats: Arc<RetentionStats>,
}

impl Retention {
    /// Works until the stop. What fails is told and tried again with the next pass.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut wait = FIRST;
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            wait = EVERY;
            match stop.run_until_cancelled(self.pass()).await {
                Some(Ok(0)) | None => {}
                Some(Ok(rows)) => info!(rows, "old rows were removed"),
                Some(Err(error)) => warn!(%error, "old rows were not all removed; the next try is in an hour"),
            }
        }
    }

    /// Removes all that is due; the number of rows.
    ///
    /// # Errors
    /// As the store and the file storage; what was removed before stays removed.
    pub(crate) async fn pass(&self) -> Result<u64> {
        let before = cutoff(self.clock.now(), self.keep);
        let mut rows = 0;
        loop {
            let gone = self.store.expire(before, STEP).await?;
            self.stats.add(gone);
            rows += gone.total();
            self.files().await?;
            if gone.total() == 0 {
                return Ok(rows);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn files(&self) -> Result<()> {
        for prefix in self.store.orphaned_files(FILES).await? {
            for file in self.blobs.list(&prefix).await? {
                self.blobs.delete(&file.key).await?;
                self.stats.files.fetch_add(1, Ordering::Relaxed);
            }
            self.store.files_are_gone(&prefix).await?;
        }
        Ok(())
    }
}

fn cutoff(now: Time, keep: Duration) -> Time {
    chrono::TimeDelta::from_std(keep).ok().and_then(|k| now.checked_sub_signed(k)).unwrap_or(Time::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::blob::run_prefix;
    use domain::clock::SystemClock;
    use domain::identity::Audit;
    use domain::ports::RunStore as _;
    use domain::run::{RunEnd, RunState};
    use domain::testing::samples;

    #[test]
    fn a_span_beyond_all_time_keeps_everything() {
        assert_eq!(cutoff(samples::at(0), Duration::MAX), Time::UNIX_EPOCH);
        assert_eq!(cutoff(samples::at(86_400), Duration::from_secs(86_400)), samples::at(0));
    }

    #[tokio::test]
    async fn rows_go_with_their_files_and_others_keep_theirs() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = store::Database::connect("sqlite::memory:").await.expect("a database");
        db.migrate().await.expect("a schema");
        let blobs = store::Blobs::folder(folder.path()).expect("file storage");
        let run = db.enqueue(samples::run("service=a"), Audit::new("ann", "run.start")).await.expect("queued").id;
        let claim = db.claim("w", Duration::from_secs(20)).await.expect("asked").expect("one");
        let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: "exit code 0".to_owned() };
        db.finish(run, claim.run.lease_epoch, end, samples::at(90)).await.expect("ended");
        let other = domain::new_id();
        for id in [run, other] {
            blobs.put(&format!("{}log/1.tsv", run_prefix(id)), b"text".to_vec()).await.expect("stored");
        }
        let db = Arc::new(db);
        let of = |keep| Retention {
            store: Arc::clone(&db) as _,
            blobs: Arc::new(blobs.clone()),
            clock: Arc::new(SystemClock),
            keep,
            stats: Arc::default(),
        };
        assert_eq!(of(Duration::from_secs(100 * 365 * 86_400)).pass().await.expect("a pass"), 0);
        let soon = of(Duration::ZERO);
        assert_eq!(soon.pass().await.expect("a pass"), 1);
        assert_eq!(soon.stats.files.load(Ordering::Relaxed), 1);
        let left: Vec<String> = blobs.list("runs/").await.expect("listed").into_iter().map(|b| b.key).collect();
        assert_eq!(left, [format!("{}log/1.tsv", run_prefix(other))]);
        assert_eq!(db.orphaned_files(10).await.expect("asked"), [""; 0]);
    }
}
