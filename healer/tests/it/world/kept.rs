//! Logs of the store in memory, under the epoch of the owner.

use super::World;
use async_trait::async_trait;
use domain::ports::{LogFound, LogInfo, LogRange, LogSearch, RunLogs};
use domain::run::LogRecord;
use domain::{Error, Id, Result};

#[async_trait]
impl RunLogs for World {
    async fn append(&self, id: Id, epoch: i64, lines: &[LogRecord]) -> Result<()> {
        let mut fresh = Vec::new();
        self.guarded(id, epoch, |r| {
            fresh = lines.iter().filter(|l| l.seq > r.log_lines).cloned().collect();
            r.log_lines = fresh.last().map_or(r.log_lines, |l| l.seq);
        })?;
        self.tables().logs.entry(id).or_default().extend(fresh);
        self.die("after append");
        Ok(())
    }

    async fn read(&self, id: Id, range: &LogRange) -> Result<Vec<LogRecord>> {
        let all = self.tables().logs.get(&id).cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|l| range.takes(l)).collect())
    }

    async fn search(&self, _: Id, _: &LogSearch) -> Result<LogFound> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn info(&self, _: Id, _: bool) -> Result<LogInfo> {
        Err(Error::unavailable("not part of this fake"))
    }
}
