//! The API over HTTP semantics, on in-memory ports.

#![expect(clippy::unwrap_used, reason = "a broken fixture ends the test, with the line that broke")]

mod fake_alerts;
mod fake_catalog;
mod fake_changes;
mod fake_feedback;
mod fake_live;
mod fake_people;
mod fake_templates;
mod fake_topology;
mod fake_work;
mod feedback;
mod harness;

mod api_keys;
mod batches;
mod catalog;
mod changes;
mod guard;
mod http;
mod incidents;
mod jwt;
mod logs;
mod managers;
mod openapi;
mod queue;
mod secrets;
mod session;
mod stream;
mod templates;
mod topology;
mod users;
mod versions;
mod webhooks;
