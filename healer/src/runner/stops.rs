//! Runs of this process that a person asked to stop: looked for at every wake, as the next renewal may be seconds away.

use crate::config::HealerDeps;
use domain::Id;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two looks: wakes may be many.
const REST: Duration = Duration::from_millis(100);

/// What was found at the last look.
#[derive(Debug, Default)]
pub(super) struct Stops {
    asked: Mutex<HashSet<Id>>,
    looked: Mutex<Option<Instant>>,
}

impl Stops {
    /// Looks, unless that was just done.
    pub(super) async fn look(&self, deps: &HealerDeps, owner: &str) {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|at| at.elapsed() < REST) {
                return;
            }
            *looked = Some(Instant::now());
        }
        match deps.queue.stops(owner).await {
            Ok(ids) => *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = ids.into_iter().collect(),
            Err(e) => deps.failed("look for runs to stop", &e),
        }
    }

    /// Whether a stop of the run was asked for.
    pub(super) fn asked(&self, id: Id) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }
}
