//! Process-level tests of the `aiops` binary on real services, and the rules of the repository.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod cli;
mod containers;
mod grafana;
mod harness;
mod kill;
mod lab;
mod library;
mod outage;
mod pods;
mod remote;
mod tidy;
mod trace;
