//! The store on real databases: every contract on SQLite and on PostgreSQL, and what only a database can show.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

mod contracts;
mod databases;
mod durability;
mod killed;
mod schema;
mod tampering;
