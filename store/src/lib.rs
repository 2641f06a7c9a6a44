//! SQLite and PostgreSQL behind the store ports: one `Database`, one SQL text, one transaction per call.
//!
//! Must not do: decide anything (policies, gates and verdicts are pure functions elsewhere), send anything, or read
//! the wall clock (what depends on time takes it as a value or asks the database).

mod analyzer;
mod anomalies;
mod audit;
mod catalog;
mod connect;
mod cursor;
mod decide;
mod error;
mod events;
mod facts;
mod heal;
mod incidents;
mod lease;
mod links;
mod migrate;
mod notify;
mod outbox;
mod rows;
mod run_rows;
mod runs;
mod sessions;
mod sql;
mod status;
mod summary;
mod tx;
mod users;
mod verdict;
mod verification;

pub use connect::{Backend, Database};
