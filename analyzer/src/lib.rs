//! Detectors, log templates, correlation and root cause, all pure.
