//! SQLite and PostgreSQL behind the store ports: one `Database`, one SQL text, one transaction per call.
//!
//! Must not do: decide anything (policies, gates and verdicts are pure functions elsewhere), send anything, or read
//! the wall clock (what depends on time takes it as a value or asks the database).

mod alerts;
mod analyzer;
mod anomalies;
mod api_keys;
mod artifacts;
mod audit;
mod blobs;
mod catalog;
mod changes;
mod connect;
mod cursor;
mod decide;
mod error;
mod events;
mod facts;
mod feedback;
mod heal;
mod incident_work;
mod incidents;
mod lease;
mod links;
mod log_lines;
mod log_store;
mod manager_health;
mod migrate;
mod notify;
mod outbox;
mod queue;
mod queue_claim;
mod queue_slots;
mod queue_sweep;
mod retention;
mod roles;
mod rows;
mod run_rows;
mod runs;
mod schedules;
mod sealing;
mod secrets;
mod sessions;
mod sql;
mod status;
mod summary;
mod templates;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod tx;
mod users;
mod verdict;
mod verification;
mod versions;
mod wake_link;

pub use blobs::{Blobs, Bucket};
pub use connect::{Backend, Database};
pub use log_store::LogStore;
pub use secrets::{SecretKeys, Vault};
pub use wake_link::{NotifyLink, RedisLink};
