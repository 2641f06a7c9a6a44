//! SQLite and PostgreSQL behind the store ports.
