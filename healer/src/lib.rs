//! Policy, gates, runtimes, verification and notification: decides what to do about an incident, does it, measures the effect.
//!
//! Decisions are pure ([`select`], [`gates`], [`plan`], [`verify::judge`], [`verify::follow`], [`choose`]); effects on the outside
//! world happen in [`runtime`] and [`notify`] only. [`run`] drives all of it over the ports of `domain`.

pub mod choose;
pub mod config;
pub mod gates;
mod health;
pub mod mask;
mod masks;
pub mod notify;
pub mod plan;
mod probe;
pub mod results;
mod runner;
pub mod runtime;
pub mod select;
pub mod stats;
mod text;
pub mod verify;
mod worker;

#[cfg(test)]
mod sample_values;

pub use config::{AdoptTrace, HealerConfig, HealerDeps};
pub use masks::Masks;
pub use probe::Tries;
pub use runtime::Runtimes;
pub use runtime::local::supervise;
pub use text::sha256_hex;

use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs every loop of the healer (decide, verify, schedules, runs, health of runtimes, notifications) until `cancel`.
///
/// Returns when all loops have stopped. Local runs go on: their supervisors own them, and the next process re-attaches.
pub async fn run(deps: HealerDeps, cancel: CancellationToken) {
    let deps = Arc::new(deps);
    let mut loops = JoinSet::new();
    loops.spawn(worker::decide::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(worker::verify::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(worker::schedule::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(runner::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(health::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(masks::run(Arc::clone(&deps), cancel.clone()));
    loops.spawn(notify::dispatch::run(deps, cancel.clone()));
    while let Some(ended) = loops.join_next().await {
        if let Err(e) = ended {
            // A loop that died takes the others down: the process must not go on with a part of its duties.
            tracing::error!(error = %e, "a loop of the healer died");
            cancel.cancel();
        }
    }
}
