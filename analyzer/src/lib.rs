//! Detectors, log templates, correlation and root cause: pure code, and one thin loop that feeds it.
//!
//! What is absent: no HTTP, no SQL, no wall clock. The loop in [`engine`] reads and writes through ports only.

pub mod cause;
mod correlate;
pub mod detect;
pub mod engine;
pub mod logs;
pub mod rca;
