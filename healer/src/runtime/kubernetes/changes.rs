//! What changed: watches over the manager's pods and jobs, so that following many runs costs few questions.

use super::client::Space;
use super::marks;
use crate::runtime::Handle;
use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long "it runs" is believed while the watch says nothing new.
const BELIEVED: Duration = Duration::from_secs(5);
/// The same while there is no watch.
const UNWATCHED: Duration = Duration::from_secs(1);
/// A start that nobody asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// What is known of one start.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When it was last looked at.
    at: Instant,
    /// It ran then, and nothing was heard since.
    runs: bool,
    /// Its end was seen.
    ended: bool,
}

/// What is known of all starts.
#[derive(Debug, Default)]
struct Table {
    seen: HashMap<Handle, Seen>,
    /// Watches that are well, of the two.
    watched: [bool; 2],
}

/// The table and the watches that keep it honest.
#[derive(Debug)]
pub(super) struct Changes {
    table: Arc<Mutex<Table>>,
    watches: [JoinHandle<()>; 2],
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.watches.iter().for_each(JoinHandle::abort);
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn changed(&mut self, handle: Handle) {
        if let Some(seen) = self.seen.get_mut(&handle) {
            seen.runs = false;
        }
    }

    fn all_changed(&mut self) {
        self.seen.values_mut().for_each(|seen| seen.runs = false);
    }
}

async fn watch<K>(space: Space, table: Arc<Mutex<Table>>, which: usize)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + std::fmt::Debug + Send + Sync + 'static,
    K::DynamicType: Default,
{
    let api = space.api::<PartialObjectMeta<K>>();
    let config = watcher::Config::default().labels(&space.ours());
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        let mut table = lock(&table);
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object) | watcher::Event::InitApply(object)) => {
                if let Some(handle) = marks::handle(object.metadata.labels.as_ref()) {
                    table.changed(handle);
                }
            }
            Ok(watcher::Event::Init) => {}
            Ok(watcher::Event::InitDone) => {
                table.watched[which] = true;
                table.all_changed();
            }
            Err(e) => {
                tracing::debug!(error = %e, "a watch is opened again");
                table.watched[which] = false;
            }
        }
    }
}

impl Changes {
    /// Begins to watch.
    pub(super) fn watch(space: &Space) -> Self {
        let table = Arc::<Mutex<Table>>::default();
        let pods = tokio::spawn(watch::<Pod>(space.clone(), Arc::clone(&table), 0));
        let jobs = tokio::spawn(watch::<Job>(space.clone(), Arc::clone(&table), 1));
        Self { table, watches: [pods, jobs] }
    }

    /// Whether it ran when it was last looked at, and nothing was heard since.
    pub(super) fn runs(&self, handle: Handle) -> bool {
        let table = lock(&self.table);
        let limit = if table.watched == [true, true] { BELIEVED } else { UNWATCHED };
        table.seen.get(&handle).is_some_and(|s| s.runs && s.at.elapsed() < limit)
    }

    /// Whether its end was seen.
    pub(super) fn ended(&self, handle: Handle) -> bool {
        lock(&self.table).seen.get(&handle).is_some_and(|s| s.ended)
    }

    /// Whether it was looked at before.
    pub(super) fn known(&self, handle: Handle) -> bool {
        lock(&self.table).seen.contains_key(&handle)
    }

    /// It is about to be looked at: what is heard from now on is newer than what will be seen.
    pub(super) fn looking(&self, handle: Handle) {
        let mut table = lock(&self.table);
        let ended = table.seen.get(&handle).is_some_and(|s| s.ended);
        table.seen.insert(handle, Seen { at: Instant::now(), runs: true, ended });
    }

    /// What was seen; a change that was heard since it was looked at stays one.
    pub(super) fn saw(&self, handle: Handle, runs: bool, ended: bool) {
        if let Some(seen) = lock(&self.table).seen.get_mut(&handle) {
            seen.runs &= runs;
            seen.ended = ended;
        }
    }

    /// Nothing of it is kept any more.
    pub(super) fn forget(&self, handle: Handle) {
        lock(&self.table).seen.remove(&handle);
    }

    /// Forgets what nobody asks for.
    pub(super) fn tidy(&self) {
        lock(&self.table).seen.retain(|_, seen| seen.at.elapsed() < FORGOTTEN);
    }
}
