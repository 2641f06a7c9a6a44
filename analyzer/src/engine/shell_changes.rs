//! The changes that may be evidence, read beside the incidents that they may have caused.

use super::Analyzer;
use chrono::TimeDelta;
use domain::change::{AFTER, BEFORE};
use domain::incident::Incident;
use tracing::warn;

/// Incidents that began longer ago are ranked without the changes before them.
const LOOK_BACK: TimeDelta = TimeDelta::hours(24);

impl Analyzer {
    /// Reads the changes of the half hour before the oldest active incident and since; without an answer those of before
    /// go on to count, for evidence that is missing is no evidence against.
    pub(super) async fn take_changes(&mut self, incidents: &[Incident]) {
        let now = self.deps.clock.now();
        let oldest = incidents.iter().filter(|i| i.state.is_active()).map(|i| i.started_at).min();
        // What begins now may have begun some rows ago.
        let since = oldest.unwrap_or(now).min(now - BEFORE).max(now - LOOK_BACK) - BEFORE;
        match self.deps.changes.changes_between(since, now + AFTER, None).await {
            Ok(changes) => self.engine.set_changes(changes),
            Err(error) => warn!(%error, "changes are those of before"),
        }
    }
}
