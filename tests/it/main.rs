//! Process-level tests of the `aiops` binary on real services, and the rules of the repository.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod cli;
mod grafana;
mod harness;
mod kill;
mod lab;
mod outage;
mod signals;
mod signals_rig;
mod tidy;
mod trace;
