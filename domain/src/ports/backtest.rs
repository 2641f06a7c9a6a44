//! Port: runs a monitor's detector over recorded history.

use crate::Time;
use crate::backtest::{BacktestLimits, BacktestReport};
use crate::catalog::Monitor;
use crate::error::Result;
use async_trait::async_trait;

/// Runs monitors over history; nothing is stored and nobody is told.
#[async_trait]
pub trait Backtest: Send + Sync {
    /// Judges the rows from `from` to `to`, at the monitor's interval, within `limits`. The monitor need not be stored.
    ///
    /// # Errors
    /// `Invalid` for a query that fails or a source that holds no metrics; `TooMany` while too many backtests run;
    /// `Timeout` or `Unavailable` for a source that fails.
    async fn backtest(&self, monitor: Monitor, from: Time, to: Time, limits: BacktestLimits) -> Result<BacktestReport>;
}
