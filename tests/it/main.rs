//! Process-level tests of the `aiops` binary on real services, and the rules of the repository.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a skipped test says so, and a storm what it measured")]

mod alerts;
mod cli;
mod containers;
mod fleet;
mod grafana;
mod harness;
mod kill;
mod lab;
mod library;
mod outage;
mod pods;
mod remote;
mod remote_more;
mod replicas;
mod storm;
mod tidy;
mod topology;
mod trace;
