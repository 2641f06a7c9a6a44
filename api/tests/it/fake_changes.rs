//! Changes in memory.

use async_trait::async_trait;
use domain::change::ChangeEvent;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{ChangeFilter, ChangeStore};
use domain::{Id, Result, Time};
use std::sync::Mutex;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Changes(pub(crate) Mutex<Vec<ChangeEvent>>);

#[async_trait]
impl ChangeStore for Changes {
    async fn record_changes(&self, changes: Vec<ChangeEvent>, _audit: Option<Audit>) -> Result<u64> {
        let mut all = self.0.lock().unwrap();
        let before = all.len();
        for change in changes {
            if all.iter().all(|c| c.key != change.key) {
                all.push(change);
            }
        }
        Ok((all.len() - before) as u64)
    }

    async fn change_by_key(&self, key: &str) -> Result<Option<ChangeEvent>> {
        Ok(self.0.lock().unwrap().iter().find(|c| c.key == key).cloned())
    }

    async fn list_changes(&self, filter: &ChangeFilter, _page: &PageRequest) -> Result<Page<ChangeEvent>> {
        let fits = |c: &&ChangeEvent| {
            filter.entity.as_ref().is_none_or(|e| c.entity == *e) && filter.kind.is_none_or(|k| c.kind == k)
        };
        Ok(Page { items: self.0.lock().unwrap().iter().filter(fits).cloned().collect(), next_cursor: None })
    }

    async fn changes_between(&self, from: Time, to: Time, _except: Option<Id>) -> Result<Vec<ChangeEvent>> {
        Ok(self.0.lock().unwrap().iter().filter(|c| (from..=to).contains(&c.at)).cloned().collect())
    }

    async fn drop_changes(&self, _before: Time) -> Result<()> {
        Ok(())
    }
}
