//! HTTP API, authentication, live streams and the UI assets.
//!
//! Must not do: name a database, a source client or a runtime; it knows ports only. Denies by default: a route under
//! `/api/v1` without a row in the permission table stops the start.

mod auth;
mod error;
mod graph;
mod headers;
mod input;
mod openapi;
mod paging;
mod router;
mod routes;
mod serve;
mod state;
mod trace;
mod ui;

pub mod setup;

pub use auth::permissions::{Access, Permission, TABLE};
pub use axum::Router;
pub use openapi::openapi;
pub use router::router;
pub use serve::serve;
pub use state::{ApiConfig, ApiDeps, ManualHeal, MetricsText, NoiseBudget, ReadyChecks, RunFactory};
