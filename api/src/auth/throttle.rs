//! Slows guessing down: failures are counted per account and per address, in the database.

use crate::error::{ApiError, ApiResult};
use crate::state::AppState;
use domain::Kind;

/// Failures of one account in 15 minutes.
const PER_ACCOUNT: u32 = 10;
/// Failures from one address in 15 minutes; higher, because many people may share one.
const PER_ADDRESS: u32 = 30;
/// Width of the window, seconds.
const WINDOW_SECS: u64 = 15 * 60;

/// The keys one attempt counts under.
pub(crate) struct Attempt {
    account: String,
    address: String,
}

impl Attempt {
    /// A login to `account` from `address`.
    pub(crate) fn login(account: &str, address: &str) -> Self {
        Self { account: format!("user:{account}"), address: format!("address:{address}") }
    }

    /// Refuses when there were too many failures.
    pub(crate) async fn allow(&self, app: &AppState) -> ApiResult<()> {
        let now = app.deps.clock.now();
        for (key, most) in [(&self.account, PER_ACCOUNT), (&self.address, PER_ADDRESS)] {
            if app.deps.users.login_failures(key, now).await? >= most {
                let detail = "too many failed attempts: wait 15 minutes";
                return Err(ApiError { retry_after: Some(WINDOW_SECS), ..ApiError::new(Kind::TooMany, detail) });
            }
        }
        Ok(())
    }

    /// Counts a failure.
    pub(crate) async fn failed(&self, app: &AppState) -> ApiResult<()> {
        let now = app.deps.clock.now();
        app.deps.users.login_failed(&self.account, now).await?;
        app.deps.users.login_failed(&self.address, now).await?;
        Ok(())
    }
}
