//! Finds the client of a stored source and keeps it until the source changes.

use crate::source::elasticsearch::{Elasticsearch, SearchMetrics};
use crate::source::prometheus::Prometheus;
use async_trait::async_trait;
use domain::catalog::{Source, SourceKind, SourceSpec};
use domain::ports::{CatalogStore, LogSource, MetricSource, Sources};
use domain::{Error, Id, Kind, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// [`Sources`] over the catalog; one client for each version of a source.
pub struct SourceRegistry {
    catalog: Arc<dyn CatalogStore<SourceSpec>>,
    clients: Mutex<HashMap<Id, (i64, Client)>>,
}

impl std::fmt::Debug for SourceRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceRegistry").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
enum Client {
    Metrics(Arc<dyn MetricSource>),
    /// A search server gives lines, and numbers made of them.
    Search(Arc<dyn LogSource>, Arc<dyn MetricSource>),
}

impl SourceRegistry {
    /// A registry that reads sources from `catalog` at each request and builds their clients when needed.
    #[must_use]
    pub fn new(catalog: Arc<dyn CatalogStore<SourceSpec>>) -> Self {
        Self { catalog, clients: Mutex::default() }
    }

    async fn client(&self, id: Id) -> Result<(Client, String)> {
        let source = match self.catalog.get(id).await {
            Ok(source) => source,
            Err(error) => {
                if error.kind == Kind::NotFound {
                    self.lock().remove(&id);
                }
                return Err(error);
            }
        };
        usable(&source)?;
        if let Some((version, client)) = self.lock().get(&id)
            && *version == source.version
        {
            return Ok((client.clone(), source.name));
        }
        let client = build(&source.spec)?;
        self.lock().insert(id, (source.version, client.clone()));
        Ok((client, source.name))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Id, (i64, Client)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn usable(source: &Source) -> Result<()> {
    let name = &source.name;
    if source.archived_at.is_some() {
        return Err(Error::new(Kind::Invalid, format!("source {name} is archived; choose another source")));
    }
    if !source.spec.enabled {
        return Err(Error::new(Kind::Invalid, format!("source {name} is disabled; enable it to poll it")));
    }
    Ok(())
}

fn build(spec: &SourceSpec) -> Result<Client> {
    Ok(match spec.kind {
        SourceKind::Prometheus => Client::Metrics(Arc::new(Prometheus::new(spec)?)),
        SourceKind::Elasticsearch => {
            let search = Elasticsearch::new(spec)?;
            Client::Search(Arc::new(search.clone()), Arc::new(SearchMetrics::new(search)))
        }
        SourceKind::Alertmanager | SourceKind::Grafana | SourceKind::Generic => {
            let text = "this source sends alerts to us; there is nothing to ask it";
            return Err(Error::new(Kind::Invalid, text));
        }
    })
}

#[async_trait]
impl Sources for SourceRegistry {
    async fn metrics(&self, id: Id) -> Result<Arc<dyn MetricSource>> {
        match self.client(id).await? {
            (Client::Metrics(source) | Client::Search(_, source), _) => Ok(source),
        }
    }

    async fn logs(&self, id: Id) -> Result<Arc<dyn LogSource>> {
        match self.client(id).await? {
            (Client::Search(source, _), _) => Ok(source),
            (Client::Metrics(_), name) => Err(Error::new(
                Kind::Invalid,
                format!("source {name} holds metrics, not logs; choose an Elasticsearch source"),
            )),
        }
    }

    async fn probe(&self, spec: &SourceSpec) -> Result<String> {
        match build(spec)? {
            Client::Metrics(source) => source.check().await,
            Client::Search(source, _) => source.check().await,
        }
    }
}
