//! Injected faults and bad input against the ensemble (see `docs/detection-log.md`).
