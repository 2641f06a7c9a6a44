//! Process-level tests of the `aiops` binary on real services, and the rules of the repository.

mod grafana;
mod harness;
mod kill;
mod lab;
mod outage;
mod tidy;
