//! The store on real databases: every contract on SQLite and on PostgreSQL, and what only a database can show.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests: a failure here is a failed test, a skip is told"
)]

mod contracts;
mod databases;
mod durability;
mod fake_s3;
mod full;
mod kept;
mod killed;
mod overdue;
mod schema;
mod tampering;
mod vault;
mod wakes;
