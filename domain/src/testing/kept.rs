//! File storage, logs and results of runs in memory; whoever writes is believed to be the owner.

use crate::Id;
use crate::artifact::Artifact;
use crate::blob::{BlobInfo, check_key};
use crate::clock::from_millis;
use crate::error::{Error, Result};
use crate::ports::{BlobStore, BlobWriter, LogFound, LogInfo, LogRange, LogSearch, ResultStore, RunLogs};
use crate::results::RunResults;
use crate::run::LogRecord;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Objects in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemBlobs(Objects);

#[derive(Debug)]
struct MemWriter {
    all: Objects,
    key: String,
    bytes: Vec<u8>,
}

#[async_trait]
impl BlobWriter for MemWriter {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.bytes.extend(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        open(&self.all).insert(self.key, self.bytes);
        Ok(())
    }
}

#[async_trait]
impl BlobStore for MemBlobs {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        check_key(key)?;
        open(&self.0).insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn create(&self, key: &str) -> Result<Box<dyn BlobWriter>> {
        check_key(key)?;
        Ok(Box::new(MemWriter { all: Arc::clone(&self.0), key: key.to_owned(), bytes: Vec::new() }))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        check_key(key)?;
        open(&self.0).get(key).cloned().ok_or_else(|| Error::not_found("object"))
    }

    async fn get_range(&self, key: &str, from: u64, length: u64) -> Result<Vec<u8>> {
        let all = self.get(key).await?;
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(all.len());
        Ok(all[at(from)..at(from.saturating_add(length))].to_vec())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        if let Some(folder) = prefix.strip_suffix('/') {
            check_key(folder)?;
        } else if !prefix.is_empty() {
            check_key("")?;
        }
        let all = open(&self.0);
        let wanted = all.iter().filter(|(key, _)| key.starts_with(prefix));
        let info = |(key, bytes): (&String, &Vec<u8>)| BlobInfo {
            key: key.clone(),
            bytes: bytes.len() as u64,
            modified: from_millis(0),
        };
        Ok(wanted.map(info).collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        open(&self.0).remove(key);
        Ok(())
    }
}

/// Logs and results in memory.
#[derive(Debug, Default)]
pub struct MemKept {
    /// Lines by run.
    pub logs: Mutex<BTreeMap<Id, Vec<LogRecord>>>,
    /// Artifacts and results by run.
    pub results: Mutex<BTreeMap<Id, (Vec<Artifact>, RunResults)>>,
}

#[async_trait]
impl RunLogs for MemKept {
    async fn append(&self, run: Id, _epoch: i64, lines: &[LogRecord]) -> Result<()> {
        let mut logs = open(&self.logs);
        let stored = logs.entry(run).or_default();
        let last = stored.last().map_or(0, |l| l.seq);
        stored.extend(lines.iter().filter(|l| l.seq > last).cloned());
        Ok(())
    }

    async fn read(&self, run: Id, range: &LogRange) -> Result<Vec<LogRecord>> {
        let logs = open(&self.logs);
        let all = logs.get(&run).map(Vec::as_slice).unwrap_or_default();
        let wanted: Vec<LogRecord> = all.iter().filter(|l| range.takes(l)).cloned().collect();
        let limit = range.limit as usize;
        let from = if range.newest { wanted.len().saturating_sub(limit) } else { 0 };
        Ok(wanted.into_iter().skip(from).take(limit).collect())
    }

    async fn search(&self, run: Id, search: &LogSearch) -> Result<LogFound> {
        let range = LogRange { newest: false, limit: u32::MAX, ..search.range };
        let all = self.read(run, &range).await?;
        let searched_to = all.last().map_or(search.range.after, |l| l.seq);
        let lines = all.into_iter().filter(|l| l.text.contains(&search.pattern)).collect();
        Ok(LogFound { lines, searched_to, complete: true })
    }

    async fn info(&self, run: Id, _verify: bool) -> Result<LogInfo> {
        let logs = open(&self.logs);
        let all = logs.get(&run).map(Vec::as_slice).unwrap_or_default();
        let bytes = all.iter().map(|l| l.text.len() as u64).sum();
        Ok(LogInfo { last_seq: all.last().map_or(0, |l| l.seq), bytes, ..LogInfo::default() })
    }
}

#[async_trait]
impl ResultStore for MemKept {
    async fn put_results(&self, run: Id, _epoch: i64, artifacts: &[Artifact], results: &RunResults) -> Result<()> {
        open(&self.results).insert(run, (artifacts.to_vec(), results.clone()));
        Ok(())
    }

    async fn artifacts(&self, run: Id) -> Result<Vec<Artifact>> {
        Ok(open(&self.results).get(&run).map(|r| r.0.clone()).unwrap_or_default())
    }

    async fn artifact(&self, run: Id, name: &str) -> Result<Artifact> {
        let all = self.artifacts(run).await?;
        all.into_iter().find(|a| a.name == name).ok_or_else(|| Error::not_found("artifact"))
    }

    async fn results(&self, run: Id) -> Result<RunResults> {
        Ok(open(&self.results).get(&run).map(|r| r.1.clone()).unwrap_or_default())
    }
}
