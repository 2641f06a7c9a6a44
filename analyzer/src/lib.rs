//! Detectors, log templates, correlation and root cause, all pure.

pub mod detect;
