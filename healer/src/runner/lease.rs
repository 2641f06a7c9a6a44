//! The lease of a run: renewed at a third, taken for lost at two thirds without renewal.

use domain::Id;
use domain::error::Kind;
use domain::ports::RunStore;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy)]
struct State {
    ok_at: Instant,
    cancel: bool,
    lost: bool,
}

/// Renews in the background until dropped.
#[derive(Debug)]
pub(super) struct Lease {
    state: watch::Receiver<State>,
    length: Duration,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// A lease that was asked for at `asked_at`.
    pub(super) fn keep(runs: Arc<dyn RunStore>, id: Id, epoch: i64, length: Duration, asked_at: Instant) -> Self {
        let (sender, state) = watch::channel(State { ok_at: asked_at, cancel: false, lost: false });
        let renewing = tokio::spawn(async move {
            loop {
                let age = sender.borrow().ok_at.elapsed();
                tokio::time::sleep((length / 3).saturating_sub(age).max(length / 20)).await;
                let asked_at = Instant::now();
                match runs.renew(id, epoch, length).await {
                    Ok(cancel) => sender.send_modify(|s| {
                        s.ok_at = asked_at;
                        s.cancel |= cancel;
                    }),
                    Err(e) if matches!(e.kind, Kind::Conflict | Kind::NotFound) => {
                        sender.send_modify(|s| s.lost = true);
                        return;
                    }
                    Err(e) => tracing::warn!(run = %id, error = %e, "cannot renew the lease of a run"),
                }
            }
        });
        Self { state, length, renewing }
    }

    /// Whether it surely still is ours.
    pub(super) fn valid(&self) -> bool {
        let state = *self.state.borrow();
        !state.lost && state.ok_at.elapsed() < self.length * 2 / 3
    }

    /// Whether a person asked to stop the run.
    pub(super) fn cancel_asked(&self) -> bool {
        self.state.borrow().cancel
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}
