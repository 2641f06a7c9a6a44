//! Port towards the windows of schedules: each planned time is recorded once, over all processes.

use crate::error::Result;
use crate::run::Run;
use crate::schedule::{Overlap, Window};
use crate::{Id, Time};
use async_trait::async_trait;

/// Windows of schedules.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// The newest planned time that was recorded.
    async fn last_window(&self, schedule_id: Id) -> Result<Option<Time>>;
    /// Records a window and enqueues its run, in one transaction; returns it as stored. `None` when that planned time, or
    /// a later one, was recorded before: another process was there. With [`Overlap::Skip`] and an earlier run that is
    /// not over it is stored as skipped, without a run.
    async fn record_window(&self, window: Window, run: Option<Run>, overlap: Overlap) -> Result<Option<Window>>;
    /// Windows of a schedule, newest first.
    async fn windows(&self, schedule_id: Id, limit: u32) -> Result<Vec<Window>>;
}
