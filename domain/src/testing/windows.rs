//! Windows of schedules in memory, with the runs that were queued for them.

use crate::error::Result;
use crate::ports::ScheduleStore;
use crate::run::Run;
use crate::schedule::{Overlap, Window, WindowOutcome};
use crate::{Id, Time};
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Windows and runs, oldest first. No run ever ends here.
#[derive(Debug, Default)]
pub struct MemWindows(Mutex<(Vec<Window>, Vec<Run>)>);

impl MemWindows {
    fn rows(&self) -> MutexGuard<'_, (Vec<Window>, Vec<Run>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs that were queued.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.rows().1.clone()
    }
}

#[async_trait]
impl ScheduleStore for MemWindows {
    async fn last_window(&self, schedule_id: Id) -> Result<Option<Time>> {
        let rows = self.rows();
        Ok(rows.0.iter().filter(|w| w.schedule_id == schedule_id).map(|w| w.planned_at).max())
    }

    async fn record_window(&self, mut window: Window, run: Option<Run>, overlap: Overlap) -> Result<Option<Window>> {
        let mut rows = self.rows();
        let of = |w: &&Window| w.schedule_id == window.schedule_id;
        if rows.0.iter().filter(of).any(|w| w.planned_at >= window.planned_at) {
            return Ok(None);
        }
        let before = rows.1.iter().any(|r| r.schedule_id == Some(window.schedule_id));
        let run = run.filter(|_| !(before && overlap == Overlap::Skip));
        if run.is_none() && window.outcome == WindowOutcome::Started {
            (window.outcome, window.reason) = (WindowOutcome::Skipped, "an earlier run is not over".to_owned());
        }
        window.run_id = run.as_ref().map(|run| run.id);
        rows.0.push(window.clone());
        rows.1.extend(run);
        Ok(Some(window))
    }

    async fn windows(&self, schedule_id: Id, limit: u32) -> Result<Vec<Window>> {
        let rows = self.rows();
        Ok(rows.0.iter().rev().filter(|w| w.schedule_id == schedule_id).take(limit as usize).cloned().collect())
    }
}
