//! Roles that one process has at a time, by lease.

use crate::error::Result;
use async_trait::async_trait;
use std::time::Duration;

/// Leases of roles, judged by the clock of the database.
#[async_trait]
pub trait RoleStore: Send + Sync {
    /// Takes a free role, or renews what `owner` has, until `lease` from now. The number of the term, which rises with
    /// every change of the owner; `None` while another one has the role.
    async fn hold_role(&self, role: &str, owner: &str, lease: Duration) -> Result<Option<i64>>;

    /// Gives the role back when `owner` has it, so that another one need not wait for the end of the lease.
    async fn leave_role(&self, role: &str, owner: &str) -> Result<()>;
}
