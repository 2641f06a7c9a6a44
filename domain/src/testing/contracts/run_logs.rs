//! Contract of logs and results of runs: stored once, in order, by the owner alone; damage is told and nothing else lost.

use super::{Stores, by_alice, conflict, failed};
use crate::Id;
use crate::artifact::Artifact;
use crate::error::{Kind, Result};
use crate::ports::{BlobStore, LogRange, LogSearch, MAX_LINES, ResultStore, RunLogs};
use crate::results::{RunResults, TestCaseResult, TestOutcome, TestSuiteResult};
use crate::run::{LogRecord, Stream};
use crate::testing::{samples, together};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(20);

/// Logs and results of one empty database and one empty file storage.
#[expect(missing_debug_implementations, reason = "the ports of the database are not Debug")]
#[derive(Clone)]
pub struct Kept {
    /// The database.
    pub stores: Stores,
    /// The logs.
    pub logs: Arc<dyn RunLogs>,
    /// Artifacts and results.
    pub results: Arc<dyn ResultStore>,
    /// Where chunks are.
    pub blobs: Arc<dyn BlobStore>,
}

impl Kept {
    /// A claimed run and its epoch.
    async fn claimed(&self) -> Result<(Id, i64)> {
        self.stores.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?;
        let run = self.stores.runs.claim("w", LEASE).await?.expect("one is queued").run;
        Ok((run.id, run.lease_epoch))
    }

    async fn all(&self, run: Id) -> Result<Vec<LogRecord>> {
        let mut all: Vec<LogRecord> = Vec::new();
        loop {
            let after = all.last().map_or(0, |l| l.seq);
            let more = self.logs.read(run, &LogRange::after(after, 1_000)).await?;
            if more.is_empty() {
                return Ok(all);
            }
            all.extend(more);
        }
    }
}

fn line(seq: i64) -> LogRecord {
    let stream = if seq % 10 == 0 { Stream::Stderr } else { Stream::Stdout };
    LogRecord { seq, at: samples::at(seq), stream, text: format!("line {seq}") }
}

/// Lines so long that a few thousand of them make several chunks.
fn long(seq: i64) -> LogRecord {
    LogRecord { text: format!("line {seq} {}", "x".repeat(500)), ..line(seq) }
}

/// Lines are stored once, in order, however often and in whatever pieces they are sent.
pub async fn lines_are_stored_once(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    let lines: Vec<_> = (1..=120).map(line).collect();
    for (from, to) in [(0, 3), (0, 3), (1, 60), (0, 60), (59, 120)] {
        k.logs.append(id, epoch, &lines[from..to]).await?;
    }
    k.logs.append(id, epoch, &[LogRecord { text: "changed".to_owned(), ..line(5) }]).await?;
    k.logs.append(id, epoch, &[]).await?;
    assert_eq!(k.logs.read(id, &LogRange::after(0, 1_000)).await?, lines);
    assert_eq!(k.logs.read(id, &LogRange::after(100, 5)).await?, lines[100..105]);
    assert_eq!(k.stores.runs.run(id).await?.log_lines, 120);
    let odd = LogRecord { seq: 121, text: "nul \0 and 中文\t\r".to_owned(), ..line(1) };
    k.logs.append(id, epoch, &[odd]).await?;
    assert_eq!(k.logs.read(id, &LogRange::after(120, 5)).await?[0].text, "nul \u{fffd} and 中文\t\r");
    conflict(k.logs.append(id, epoch - 1, &[line(122)]).await);
    assert_eq!(failed(k.logs.append(crate::new_id(), 1, &[line(1)]).await).kind, Kind::NotFound);
    assert_eq!(k.logs.read(crate::new_id(), &LogRange::after(0, 5)).await?, []);
    Ok(())
}

/// A long log is in chunks, is read from any side, and numbers stay dense.
pub async fn long_logs_are_in_chunks(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    let lines: Vec<_> = (1..=5_000).map(long).collect();
    for piece in lines.chunks(170) {
        k.logs.append(id, epoch, piece).await?;
    }
    let info = k.logs.info(id, true).await?;
    assert_eq!((info.last_seq, info.damaged.len()), (5_000, 0));
    assert!(info.chunks >= 2 && info.bytes > 2_500_000, "{info:?}");
    let stored = k.blobs.list(&crate::blob::run_prefix(id)).await?;
    assert_eq!(stored.len(), info.chunks as usize);
    assert_eq!(k.all(id).await?, lines);
    assert_eq!(k.logs.read(id, &LogRange::tail(3)).await?, lines[4_997..]);
    assert_eq!(k.logs.read(id, &LogRange::tail(MAX_LINES)).await?, lines);
    let range = LogRange { before: Some(1_001), ..LogRange::tail(10) };
    assert_eq!(k.logs.read(id, &range).await?, lines[990..1_000]);
    let range = LogRange { stream: Some(Stream::Stderr), ..LogRange::after(4_000, 3) };
    let numbers: Vec<_> = k.logs.read(id, &range).await?.iter().map(|l| l.seq).collect();
    assert_eq!(numbers, [4_010, 4_020, 4_030]);
    Ok(())
}

/// Many small writes become chunks too, and lines sent one by one are all there.
pub async fn many_small_writes_are_sealed(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    for seq in 1..=600 {
        k.logs.append(id, epoch, &[line(seq)]).await?;
    }
    assert_eq!(k.all(id).await?, (1..=600).map(line).collect::<Vec<_>>());
    assert!(k.logs.info(id, false).await?.chunks >= 1);
    Ok(())
}

/// Two tasks that append the same lines at once store them once.
pub async fn two_writers_store_once(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    let writer = async |k: &Kept| {
        for from in 0..20 {
            let lines: Vec<_> = (1..=(from + 1) * 50).map(long).collect();
            k.logs.append(id, epoch, &lines).await?;
        }
        Ok::<_, crate::Error>(())
    };
    let (a, b) = (k.clone(), k.clone());
    type End<'a> = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
    let tasks: Vec<End<'_>> = vec![Box::pin(writer(&a)), Box::pin(writer(&b))];
    for outcome in together(tasks).await {
        outcome?;
    }
    assert_eq!(k.all(id).await?, (1..=1_000).map(long).collect::<Vec<_>>());
    Ok(())
}

/// Text and expressions are found with their numbers; a search goes on where it stopped.
pub async fn search_finds_lines(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    let mut lines: Vec<_> = (1..=3_000).map(long).collect();
    lines[1_499].text = "Fatal: no space (a+b)".to_owned();
    for piece in lines.chunks(500) {
        k.logs.append(id, epoch, piece).await?;
    }
    let search = |pattern: &str, regex, limit| LogSearch {
        pattern: pattern.to_owned(),
        regex,
        case_sensitive: false,
        range: LogRange::after(0, limit),
    };
    let found = k.logs.search(id, &search("fatal: NO space (a+b)", false, 10)).await?;
    assert_eq!((found.lines.as_slice(), found.complete), (&lines[1_499..1_500], true));
    assert_eq!(found.searched_to, 3_000);
    let sensitive = LogSearch { case_sensitive: true, ..search("fatal", false, 10) };
    assert_eq!(k.logs.search(id, &sensitive).await?.lines, []);
    let first = k.logs.search(id, &search(r"^line 2\d\d ", true, 60)).await?;
    assert_eq!((first.lines.len(), first.searched_to, first.complete), (60, 259, false));
    let range = LogRange::after(first.searched_to, 60);
    let rest = k.logs.search(id, &LogSearch { range, ..search(r"^line 2\d\d ", true, 60) }).await?;
    assert_eq!((rest.lines.len(), rest.complete), (40, true));
    assert_eq!(failed(k.logs.search(id, &search("(", true, 5)).await).kind, Kind::Invalid);
    Ok(())
}

/// A chunk that was changed or removed is told as damaged in its place; everything else is read.
pub async fn damage_is_told_in_its_place(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    let lines: Vec<_> = (1..=4_000).map(long).collect();
    for piece in lines.chunks(400) {
        k.logs.append(id, epoch, piece).await?;
    }
    let chunks = k.blobs.list(&crate::blob::run_prefix(id)).await?;
    assert!(chunks.len() >= 2, "{chunks:?}");
    let mut bytes = k.blobs.get(&chunks[0].key).await?;
    bytes[1_000] ^= 1;
    k.blobs.put(&chunks[0].key, bytes).await?;
    k.blobs.delete(&chunks[1].key).await?;
    let info = k.logs.info(id, true).await?;
    assert_eq!(info.damaged.len(), 2, "{:?}", info.damaged);
    let all = k.all(id).await?;
    assert!(all[0].text.starts_with("damaged: lines 1 to ") && all[0].text.contains("checksum"), "{}", all[0].text);
    assert!(all[1].text.contains("gone"), "{}", all[1].text);
    assert_eq!((all[0].stream, all[0].seq), (Stream::System, info.damaged[0].last_seq));
    assert_eq!(all[2..], lines[all[1].seq as usize..], "what comes after is whole");
    assert_eq!(k.logs.read(id, &LogRange::tail(5)).await?, lines[3_995..]);
    Ok(())
}

/// Artifacts and results belong to the owner's epoch and come back as they went in.
pub async fn results_come_back(k: &Kept) -> Result<()> {
    let (id, epoch) = k.claimed().await?;
    assert_eq!(k.results.results(id).await?, RunResults::default());
    assert_eq!(k.results.artifacts(id).await?, []);
    let artifact = |name: &str| Artifact {
        name: name.to_owned(),
        bytes: 5_000_000_000,
        media_type: "text/plain".to_owned(),
        sha256: "ab".to_owned(),
        stored_at: samples::at(3),
        key: format!("runs/{id}/artifacts/1"),
    };
    let case = TestCaseResult {
        class: "c".to_owned(),
        name: "n".to_owned(),
        outcome: TestOutcome::Failed,
        seconds: 0.5,
        message: "no".to_owned(),
    };
    let mut results = RunResults { result: Some(serde_json::json!({"a": [1, null]})), ..RunResults::default() };
    results.add_suites(vec![TestSuiteResult { name: "s".to_owned(), artifact: "x.xml".to_owned(), cases: vec![case] }]);
    assert_eq!((results.totals.tests, results.totals.failed), (1, 1));
    let files = [artifact("b"), artifact("a/ü %.txt"), artifact("B")];
    for _ in 0..2 {
        k.results.put_results(id, epoch, &files, &results).await?;
    }
    let names: Vec<_> = k.results.artifacts(id).await?.into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["B", "a/ü %.txt", "b"]);
    assert_eq!(k.results.artifact(id, "a/ü %.txt").await?, files[1]);
    assert_eq!(failed(k.results.artifact(id, "A").await).kind, Kind::NotFound);
    assert_eq!(k.results.results(id).await?, results);
    conflict(k.results.put_results(id, epoch - 1, &[], &RunResults::default()).await);
    Ok(())
}
