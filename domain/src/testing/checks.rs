//! Health checks of runtime managers in memory.

use crate::error::Result;
use crate::manager_health::{HealthCheck, KEPT_SECS, SLOT_SECS};
use crate::ports::HealthHistory;
use crate::status::Health;
use crate::{Id, Time};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Checks by manager and slot.
#[derive(Debug, Default)]
pub struct MemChecks(Mutex<BTreeMap<(Id, i64), HealthCheck>>);

#[async_trait]
impl HealthHistory for MemChecks {
    async fn keep_check(&self, check: HealthCheck) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, old| (check.at - old.at).num_seconds() <= KEPT_SECS);
        let slot = (check.manager_id, check.at.timestamp().div_euclid(SLOT_SECS));
        if check.health != Health::Ok || kept.get(&slot).is_none_or(|old| old.health == Health::Ok) {
            kept.insert(slot, check);
        }
        Ok(())
    }

    async fn checks(&self, manager_id: Id, from: Time, to: Time) -> Result<Vec<HealthCheck>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = kept.values().filter(|c| c.manager_id == manager_id && c.at >= from && c.at < to);
        Ok(wanted.cloned().collect())
    }
}
