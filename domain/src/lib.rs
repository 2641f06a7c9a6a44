//! Words of the product: its types and the ports between its stages. No I/O, no clock but the injected one.
//!
//! Every other crate imports this one and none of its siblings. Decisions elsewhere are functions from these
//! values to these values; effects go through the traits in [`ports`].

pub mod alert;
pub mod anomaly;
pub mod api_key;
pub mod artifact;
pub mod backtest;
pub mod blob;
pub mod catalog;
pub mod change;
pub mod clock;
pub mod decision;
pub mod discovery;
pub mod error;
pub mod expect;
pub mod feedback;
pub mod identity;
pub mod incident;
pub mod incident_work;
pub mod limits;
pub mod manager_health;
pub mod outbox;
pub mod page;
pub mod policy;
pub mod ports;
pub mod queue;
pub mod resource;
pub mod results;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod schedule_times;
pub mod schema;
pub mod secret;
pub mod signal;
pub mod status;
pub mod template;
pub mod topology;
pub mod trace;
pub mod verification;
pub mod version;

#[cfg(feature = "testing")]
pub mod testing;

/// Identifier of every stored object: a UUIDv7, so that ids sort by creation time.
pub type Id = uuid::Uuid;

/// UTC wall-clock time, kept to the millisecond.
pub type Time = chrono::DateTime<chrono::Utc>;

/// Label set of a series, an entity or an alert, sorted by name.
pub type Labels = std::collections::BTreeMap<String, String>;

/// A fresh UUIDv7.
#[must_use]
pub fn new_id() -> Id {
    uuid::Uuid::now_v7()
}

pub use error::{Error, Kind, Result};
