//! Small fakes of ports: catalogs, wakes, statuses, a metric source that reads a file.

use async_trait::async_trait;
use domain::catalog::SourceSpec;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{CatalogStore, LogSource, MetricSource, Sources, StatusStore, Topic, Wake, WakeListener};
use domain::resource::{Draft, Resource, ResourceFilter, Spec};
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::status::{Status, StatusOf};
use domain::{Error, Id, Result, Time};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// Editable objects in memory.
#[derive(Debug)]
pub(crate) struct Catalog<T>(Mutex<Vec<Resource<T>>>);

impl<T: Spec> Catalog<T> {
    pub(crate) fn of(items: Vec<Resource<T>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(items)))
    }
}

/// A stored object.
pub(crate) fn resource<T>(name: &str, spec: T) -> Resource<T> {
    let now = chrono::Utc::now();
    Resource {
        id: domain::new_id(),
        version: 1,
        name: name.into(),
        tags: vec![],
        created_at: now,
        updated_at: now,
        archived_at: None,
        spec,
    }
}

fn not_here<T>() -> Result<T> {
    Err(Error::unavailable("not part of this fake"))
}

#[async_trait]
impl<T: Spec> CatalogStore<T> for Catalog<T> {
    async fn list(&self, _: &ResourceFilter, _: &PageRequest) -> Result<Page<Resource<T>>> {
        not_here()
    }
    async fn all(&self) -> Result<Vec<Resource<T>>> {
        Ok(self.0.lock().expect("lock").clone())
    }
    async fn get(&self, id: Id) -> Result<Resource<T>> {
        self.all().await?.into_iter().find(|r| r.id == id).ok_or_else(|| Error::not_found(T::KIND))
    }
    async fn by_name(&self, _: &str) -> Result<Option<Resource<T>>> {
        not_here()
    }
    async fn create(&self, _: Draft<T>, _: Audit) -> Result<Resource<T>> {
        not_here()
    }
    async fn update(&self, _: Id, _: i64, _: Draft<T>, _: Audit) -> Result<Resource<T>> {
        not_here()
    }
    async fn archive(&self, _: Id, _: i64, _: Audit) -> Result<Resource<T>> {
        not_here()
    }
}

/// Wakes everybody on every topic.
#[derive(Debug, Default)]
pub(crate) struct Bell(Arc<Notify>);

#[derive(Debug)]
struct Ear(Arc<Notify>);

impl Wake for Bell {
    fn wake(&self, _: Topic) {
        self.0.notify_waiters();
    }
    fn listen(&self, _: Topic) -> Box<dyn WakeListener> {
        Box::new(Ear(Arc::clone(&self.0)))
    }
}

#[async_trait]
impl WakeListener for Ear {
    async fn wait(&mut self, tick: Duration) {
        drop(tokio::time::timeout(tick, self.0.notified()).await);
    }
}

/// Statuses in memory.
#[derive(Debug, Default)]
pub(crate) struct Statuses(Mutex<Vec<Status>>);

#[async_trait]
impl StatusStore for Statuses {
    async fn put_status(&self, status: Status) -> Result<()> {
        let mut all = self.0.lock().expect("lock");
        all.retain(|s| (s.of, s.id) != (status.of, status.id));
        all.push(status);
        Ok(())
    }
    async fn status(&self, of: StatusOf, id: Id) -> Result<Option<Status>> {
        Ok(self.statuses(of).await?.into_iter().find(|s| s.id == id))
    }
    async fn statuses(&self, of: StatusOf) -> Result<Vec<Status>> {
        Ok(self.0.lock().expect("lock").iter().filter(|s| s.of == of).cloned().collect())
    }
}

/// A metric source whose one series has the number in a file; no file, no data.
#[derive(Debug, Clone)]
pub(crate) struct Gauge(pub(crate) PathBuf);

#[async_trait]
impl MetricSource for Gauge {
    async fn instant(&self, _: &str, at: Time) -> Result<MetricAnswer> {
        let text = std::fs::read_to_string(&self.0).map_err(|_| Error::unavailable("prometheus does not answer"))?;
        let value = text.trim().parse().map_err(|_| Error::unavailable("not a number"))?;
        let points = vec![Point { at_ms: at.timestamp_millis(), value }];
        let labels = [("service".to_owned(), "checkout".to_owned())].into();
        Ok(MetricAnswer { series: vec![Series { labels, points }], completeness: Completeness::Complete })
    }
    async fn range(&self, _: &str, _: Time, _: Time, _: Duration) -> Result<MetricAnswer> {
        not_here()
    }
    async fn check(&self) -> Result<String> {
        not_here()
    }
}

#[async_trait]
impl Sources for Gauge {
    async fn metrics(&self, _: Id) -> Result<Arc<dyn MetricSource>> {
        Ok(Arc::new(self.clone()))
    }
    async fn logs(&self, _: Id) -> Result<Arc<dyn LogSource>> {
        not_here()
    }
    async fn probe(&self, _: &SourceSpec) -> Result<String> {
        not_here()
    }
}
