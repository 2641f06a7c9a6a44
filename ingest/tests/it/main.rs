//! Integration tests of ingest: scripted servers for faults, fakes of the ports for the poller, real services where given.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests; a skipped test says so")]

mod contracts;
mod discover;
mod elasticsearch;
mod fakes;
mod history;
mod poller;
mod poller_logs;
mod prometheus;
mod real_discovery;
mod real_elasticsearch;
mod real_prometheus;
mod registry;
mod search;

use domain::Time;
use domain::catalog::{Credentials, SourceKind, SourceSpec};
use domain::clock::from_millis;

/// A source at `url`.
fn spec(kind: SourceKind, url: &str) -> SourceSpec {
    rustls::crypto::ring::default_provider().install_default().ok();
    SourceSpec {
        kind,
        url: url.to_owned(),
        credentials: Credentials::None,
        index: None,
        fields: std::collections::BTreeMap::new(),
        timeout_secs: 5,
        enabled: true,
        webhook: None,
        ca: None,
    }
}

fn secs(s: i64) -> Time {
    from_millis(s * 1_000)
}

/// Address of a real service, or a line that tells that the test was skipped.
fn real(test: &str, variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|u| !u.is_empty());
    if url.is_none() {
        eprintln!("skipped: {test} needs {variable}");
    }
    url
}
