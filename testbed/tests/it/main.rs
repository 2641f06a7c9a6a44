//! Integration tests of the testbed: real processes, real faults, real cures.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]
mod bench;
mod faults;
mod harness;
mod lifecycle;
mod product;
mod signals;
