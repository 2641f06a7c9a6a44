//! Logs of runs: recent lines as rows, everything older as chunks in file storage with an index of rows.

use crate::connect::Database;
use crate::log_lines::{decode, encode};
use crate::sql::{Row, args};
use async_trait::async_trait;
use domain::error::FieldError;
use domain::ports::{BlobStore, LogDamage, LogFound, LogInfo, LogRange, LogSearch, MAX_LINES, RunLogs};
use domain::run::{LogRecord, Stream};
use domain::{Error, Id, Result, Time, blob};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes from which on what waits in the database becomes a chunk.
const SEAL_BYTES: i64 = 512 << 10;
/// Pieces from which on they become a chunk.
const SEAL_PIECES: i64 = 256;
/// Parts that one query reads.
const PARTS: u32 = 32;
/// Bytes that one search looks at.
const SEARCH_BYTES: u64 = 16 << 20;
/// Chunks that are kept in memory, so that reading one in pages fetches it once.
const KEPT: usize = 8;

/// Chunks by key, oldest first.
type Kept = VecDeque<(String, Arc<str>)>;

/// Logs over a database and file storage.
#[derive(Debug, Clone)]
pub struct LogStore {
    db: Database,
    blobs: Arc<dyn BlobStore>,
    kept: Arc<Mutex<Kept>>,
}

/// A part of a log as its row says it.
struct Part {
    first: i64,
    last: i64,
    bytes: u64,
    at: Time,
    chunk: Option<(String, String)>,
    body: Option<String>,
}

impl Part {
    fn of(row: &Row) -> Result<Self> {
        let chunk = row.opt_text("blob_key")?.zip(row.opt_text("sha256")?);
        Ok(Self {
            first: row.int("first_seq")?,
            last: row.int("last_seq")?,
            bytes: u64::try_from(row.int("bytes")?).unwrap_or(0),
            at: row.opt_time("last_at")?.unwrap_or_default(),
            chunk,
            body: row.opt_text("body")?,
        })
    }

    /// What stands in place of lines that cannot be read.
    fn damaged(&self, why: &str) -> LogRecord {
        let text = format!("damaged: lines {} to {} cannot be read: {why}", self.first, self.last);
        LogRecord { seq: self.last, at: self.at, stream: Stream::System, text }
    }
}

/// Whether an append was done, or has to be planned again because another one came first.
enum Appended {
    Done,
    Again,
}

/// A chunk that is in file storage already and has no row yet.
struct Chunk {
    first: i64,
    last: i64,
    bytes: usize,
    at: Time,
    key: String,
    sha256: String,
    pieces: u64,
}

impl LogStore {
    /// Logs in this database, with chunks in this storage.
    #[must_use]
    pub fn new(db: Database, blobs: Arc<dyn BlobStore>) -> Self {
        Self { db, blobs, kept: Arc::default() }
    }

    async fn try_append(&self, run: Id, epoch: i64, lines: &[LogRecord]) -> Result<Appended> {
        let row = self.db.row("SELECT lease_epoch, log_lines FROM test_runs WHERE id = $1", args![run]).await?;
        let row = row.ok_or_else(|| Error::not_found("run"))?;
        fenced(row.int("lease_epoch")?, epoch)?;
        let stored = row.int("log_lines")?;
        let fresh: Vec<&LogRecord> = lines.iter().filter(|l| l.seq > stored).collect();
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { return Ok(Appended::Done) };
        let body = encode(&fresh);
        let chunk = self.seal(run, first.seq, last, &body).await?;
        let mut tx = self.db.begin().await?;
        let row = tx.lock_row("SELECT lease_epoch, log_lines FROM test_runs WHERE id = $1", args![run]).await?;
        let row = row.ok_or_else(|| Error::not_found("run"))?;
        fenced(row.int("lease_epoch")?, epoch)?;
        if row.int("log_lines")? != stored {
            return Ok(Appended::Again);
        }
        if let Some(c) = chunk {
            let gone = tx.run("DELETE FROM run_log_pieces WHERE run_id = $1", args![run]).await?;
            if gone != c.pieces {
                return Ok(Appended::Again);
            }
            let sql = "INSERT INTO run_log_chunks (run_id, first_seq, last_seq, bytes, last_at, blob_key, sha256) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7)";
            tx.run(sql, args![run, c.first, c.last, size(c.bytes), c.at, c.key, c.sha256]).await?;
        } else {
            let sql =
                "INSERT INTO run_log_pieces (run_id, first_seq, last_seq, bytes, body) VALUES ($1, $2, $3, $4, $5)";
            tx.run(sql, args![run, first.seq, last.seq, size(body.len()), body]).await?;
        }
        tx.run("UPDATE test_runs SET log_lines = $2 WHERE id = $1", args![run, last.seq]).await?;
        tx.commit().await?;
        Ok(Appended::Done)
    }

    /// Puts the waiting pieces and `body` into file storage when they are many; absent when they are few, and when the
    /// storage does not take it (then they wait on).
    async fn seal(&self, run: Id, first: i64, last: &LogRecord, body: &str) -> Result<Option<Chunk>> {
        let sql = "SELECT count(*) AS n, CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM run_log_pieces \
                   WHERE run_id = $1";
        let row = self.db.row(sql, args![run]).await?.ok_or_else(|| Error::internal("no count"))?;
        if row.int("bytes")? + size(body.len()) < SEAL_BYTES && row.int("n")? < SEAL_PIECES {
            return Ok(None);
        }
        let sql = "SELECT first_seq, body FROM run_log_pieces WHERE run_id = $1 ORDER BY last_seq";
        let rows = self.db.rows(sql, args![run]).await?;
        let first = rows.first().map_or(Ok(first), |r| r.int("first_seq"))?;
        let mut text = String::new();
        for row in &rows {
            text.push_str(&row.text("body")?);
        }
        text.push_str(body);
        let sha256 = hex::encode(Sha256::digest(&text));
        // The content is in the name: two owners of one run never write different things under one key.
        let key = format!("{}log/{first:012}-{:012}-{}.tsv", blob::run_prefix(run), last.seq, &sha256[..12]);
        let (bytes, pieces) = (text.len(), rows.len() as u64);
        match self.blobs.put(&key, text.into_bytes()).await {
            Ok(()) => Ok(Some(Chunk { first, last: last.seq, bytes, at: last.at, key, sha256, pieces })),
            Err(e) => {
                tracing::warn!(run = %run, error = %e, "log lines stay in the database: file storage does not take them");
                Ok(None)
            }
        }
    }

    /// Rows of parts that have lines in range: the first ones, or the last ones.
    async fn parts(&self, run: Id, range: &LogRange) -> Result<Vec<Part>> {
        let order = if range.newest { "DESC" } else { "ASC" };
        let before = range.before.unwrap_or(i64::MAX);
        // One statement sees one moment: what moves from pieces to a chunk meanwhile is in exactly one of them.
        let sql = format!(
            "SELECT first_seq, last_seq, bytes, last_at, blob_key, sha256, CAST(NULL AS TEXT) AS body \
             FROM run_log_chunks WHERE run_id = $1 AND last_seq > $2 AND first_seq < $3 \
             UNION ALL SELECT first_seq, last_seq, bytes, CAST(NULL AS BIGINT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), \
             body FROM run_log_pieces WHERE run_id = $1 AND last_seq > $2 AND first_seq < $3 \
             ORDER BY last_seq {order} LIMIT {PARTS}"
        );
        self.db.rows_of(sql, args![run, range.after, before]).await?.iter().map(Part::of).collect()
    }

    /// The lines of a part, or what is wrong with it. An error is a storage that does not answer.
    async fn lines(&self, part: &Part) -> Result<Result<Vec<LogRecord>, String>> {
        if let Some(body) = &part.body {
            return Ok(decode(body, part.first, part.last));
        }
        let Some((key, sha256)) = &part.chunk else { return Ok(Err("it has no content".to_owned())) };
        Ok(match self.chunk(key, sha256).await? {
            Ok(text) => decode(&text, part.first, part.last),
            Err(why) => Err(why),
        })
    }

    /// The text of a chunk whose checksum fits.
    async fn chunk(&self, key: &str, sha256: &str) -> Result<Result<Arc<str>, String>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = kept().iter().find(|(k, _)| k == key) {
            return Ok(Ok(Arc::clone(text)));
        }
        let bytes = match self.blobs.get(key).await {
            Ok(bytes) => bytes,
            Err(e) if e.kind == domain::Kind::NotFound => return Ok(Err("their file is gone".to_owned())),
            Err(e) => return Err(e),
        };
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Ok(Err("their file was changed (its checksum does not fit)".to_owned()));
        }
        let Ok(text) = String::from_utf8(bytes) else { return Ok(Err("their file is no text".to_owned())) };
        let text: Arc<str> = text.into();
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((key.to_owned(), Arc::clone(&text)));
        Ok(Ok(text))
    }

    /// Hands lines in range to `take`, in order (or backwards), until it wants no more.
    async fn walk(&self, run: Id, range: &LogRange, mut take: impl FnMut(LogRecord) -> bool + Send) -> Result<()> {
        let mut range = *range;
        loop {
            let parts = self.parts(run, &range).await?;
            let Some(end) = parts.last() else { return Ok(()) };
            let (next_after, next_before) = (end.last, end.first);
            for part in &parts {
                let mut lines = match self.lines(part).await? {
                    Ok(lines) => lines,
                    Err(why) => vec![part.damaged(&why)],
                };
                if range.newest {
                    lines.reverse();
                }
                for line in lines {
                    if range.takes(&line) && !take(line) {
                        return Ok(());
                    }
                }
            }
            if parts.len() < PARTS as usize {
                return Ok(());
            }
            if range.newest {
                range.before = Some(next_before);
            } else {
                range.after = next_after;
            }
        }
    }
}

fn fenced(stored: i64, epoch: i64) -> Result<()> {
    if stored == epoch {
        return Ok(());
    }
    Err(Error::conflict(format!("the run was taken over (epoch {stored}, yours {epoch}): stop at once")))
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn matcher(search: &LogSearch) -> Result<regex::Regex> {
    let pattern = if search.regex { search.pattern.clone() } else { regex::escape(&search.pattern) };
    regex::RegexBuilder::new(&pattern).case_insensitive(!search.case_sensitive).size_limit(1 << 20).build().map_err(
        |e| {
            let text = e.to_string();
            let last = text.lines().last().unwrap_or("it cannot be read").trim();
            Error::invalid(vec![FieldError::new("q", format!("this is no regular expression: {last}"))])
        },
    )
}

#[async_trait]
impl RunLogs for LogStore {
    async fn append(&self, run: Id, epoch: i64, lines: &[LogRecord]) -> Result<()> {
        for _ in 0..8 {
            if matches!(self.try_append(run, epoch, lines).await?, Appended::Done) {
                return Ok(());
            }
        }
        Err(Error::unavailable("the log of the run is being written by another task: try again"))
    }

    async fn read(&self, run: Id, range: &LogRange) -> Result<Vec<LogRecord>> {
        let limit = range.limit.clamp(1, MAX_LINES) as usize;
        let mut out = Vec::new();
        self.walk(run, range, |line| {
            out.push(line);
            out.len() < limit
        })
        .await?;
        if range.newest {
            out.reverse();
        }
        Ok(out)
    }

    async fn search(&self, run: Id, search: &LogSearch) -> Result<LogFound> {
        let regex = matcher(search)?;
        let limit = search.range.limit.clamp(1, MAX_LINES) as usize;
        let mut found = LogFound { searched_to: search.range.after, complete: true, ..LogFound::default() };
        let mut budget = SEARCH_BYTES;
        let range = LogRange { newest: false, ..search.range };
        self.walk(run, &range, |line| {
            found.searched_to = line.seq;
            budget = budget.saturating_sub(line.text.len() as u64 + 1);
            if regex.is_match(&line.text) {
                found.lines.push(line);
            }
            let more = found.lines.len() < limit && budget > 0;
            found.complete = more;
            more
        })
        .await?;
        Ok(found)
    }

    async fn info(&self, run: Id, verify: bool) -> Result<LogInfo> {
        let mut info = LogInfo::default();
        let mut range = LogRange::after(0, MAX_LINES);
        loop {
            let parts = self.parts(run, &range).await?;
            for part in &parts {
                info.last_seq = part.last;
                info.bytes += part.bytes;
                info.chunks += u32::from(part.chunk.is_some());
                range.after = part.last;
                if verify && let Err(reason) = self.lines(part).await? {
                    info.damaged.push(LogDamage { first_seq: part.first, last_seq: part.last, reason });
                }
            }
            if parts.len() < PARTS as usize {
                return Ok(info);
            }
        }
    }
}
