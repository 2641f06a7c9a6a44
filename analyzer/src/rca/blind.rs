//! Finds incidents in recorded telemetry without being told when they began.

use super::input::Telemetry;

/// Incidents as (start, end), ms since the epoch, in time order.
pub(crate) fn detect(_telemetry: &Telemetry) -> Vec<(i64, i64)> {
    Vec::new()
}
