//! The store on real databases: every contract on SQLite and on PostgreSQL, and what only a database can show.

mod contracts;
mod databases;
mod durability;
mod killed;
mod schema;
mod tampering;
