//! Roles of processes: one row a role, taken when free or when its lease has ended by the database's clock.

use crate::connect::Database;
use crate::lease::span;
use crate::sql::args;
use async_trait::async_trait;
use domain::Result;
use domain::ports::RoleStore;
use std::time::Duration;

#[async_trait]
impl RoleStore for Database {
    async fn hold_role(&self, role: &str, owner: &str, lease: Duration) -> Result<Option<i64>> {
        let mut tx = self.begin().await?;
        let now = tx.now().await?;
        let until = now + span(lease);
        let row = tx
            .row(
                "INSERT INTO role_leases (role, owner, epoch, lease_until) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (role) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until, \
                 epoch = role_leases.epoch + CASE WHEN role_leases.owner = excluded.owner THEN 0 ELSE 1 END \
                 WHERE role_leases.owner = excluded.owner OR role_leases.lease_until <= $4 RETURNING epoch",
                args![role, owner, until, now],
            )
            .await?;
        tx.commit().await?;
        row.map(|row| row.int("epoch")).transpose()
    }

    async fn leave_role(&self, role: &str, owner: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        // The row stays, so that the number of the term goes on rising.
        let sql = "UPDATE role_leases SET lease_until = 0, owner = '' WHERE role = $1 AND owner = $2";
        tx.run(sql, args![role, owner]).await?;
        tx.commit().await
    }
}
