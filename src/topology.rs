//! Keeps the graph of who depends on whom, and changes of deployments: reads every place, stores what it says, hands on
//! what counts.

use domain::catalog::{SourceKind, SourceSpec};
use domain::change::KEEP;
use domain::clock::Clock;
use domain::ports::{CatalogStore, ChangeStore, MetricSource, Sources, TopologyStore};
use domain::topology::{Edge, EdgeSource, KEEP_SECS, Seen, fresh};
use ingest::changes::read_deployments;
use ingest::topology::{OF_METRICS, read_file, read_metrics};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The edges that count.
pub(crate) type Edges = Arc<RwLock<Vec<Edge>>>;

/// What it takes to keep the graph.
pub(crate) struct Keeper {
    pub(crate) catalog: Arc<dyn CatalogStore<SourceSpec>>,
    pub(crate) sources: Arc<dyn Sources>,
    pub(crate) store: Arc<dyn TopologyStore>,
    pub(crate) changes: Arc<dyn ChangeStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) file: Option<PathBuf>,
    /// How often it is read.
    pub(crate) every: Duration,
    pub(crate) edges: Edges,
}

impl Keeper {
    /// Keeps the graph until `stop`. What was stored counts at once: a restart knows the graph of before.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut complained = String::new();
        self.hand_on().await;
        loop {
            if let Err(error) = self.turn(&mut complained).await {
                warn!(%error, "the graph of who depends on whom is that of before");
            }
            if stop.run_until_cancelled(tokio::time::sleep(self.every)).await.is_none() {
                return;
            }
        }
    }

    async fn turn(&self, complained: &mut String) -> domain::Result<()> {
        self.read_file(complained).await?;
        let all = self.catalog.all().await?;
        for source in all.iter().filter(|s| s.spec.enabled && s.spec.kind == SourceKind::Prometheus) {
            let Ok(client) = self.sources.metrics(source.id).await else { continue };
            for kind in OF_METRICS {
                let at = self.clock.now();
                let read = read_metrics(&*client, kind, at).await;
                match read {
                    Ok(edges) => self.see(kind, &source.name, edges, false).await?,
                    Err(error) => {
                        debug!(%error, source = %source.name, ?kind, "not read");
                        self.store.note_feed_failure(kind, &source.name, &error.message, at).await?;
                    }
                }
            }
            self.read_changes(&*client, &source.name).await?;
        }
        self.store.drop_edges(self.clock.now() - chrono::TimeDelta::seconds(KEEP_SECS)).await?;
        self.changes.drop_changes(self.clock.now() - KEEP).await?;
        self.hand_on().await;
        Ok(())
    }

    /// Changes of deployments, as a source's kube-state-metrics tells them; the same ones again are known by their key.
    async fn read_changes(&self, client: &dyn MetricSource, name: &str) -> domain::Result<()> {
        match read_deployments(client, name, self.clock.now()).await {
            Ok(found) => self.changes.record_changes(found, None).await.map(drop),
            Err(error) => {
                debug!(%error, source = name, "changes of deployments not read");
                Ok(())
            }
        }
    }

    /// A file that is wrong is told, and what it said before goes on to count.
    async fn read_file(&self, complained: &mut String) -> domain::Result<()> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        let origin = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || read_file(&path)).await.map_err(domain::Error::internal)?;
        match read {
            Ok(edges) => {
                complained.clear();
                self.see(EdgeSource::File, &origin, edges, true).await
            }
            Err(error) => {
                let message = error.to_string();
                if *complained != message {
                    warn!(%error, "topology_file: what it said before goes on to count");
                    complained.clone_from(&message);
                }
                self.store.note_feed_failure(EdgeSource::File, &origin, &message, self.clock.now()).await
            }
        }
    }

    async fn see(&self, source: EdgeSource, origin: &str, edges: BTreeSet<Edge>, whole: bool) -> domain::Result<()> {
        let seen = Seen { source, origin: origin.to_owned(), edges, at: self.clock.now(), whole };
        self.store.see_edges(seen).await
    }

    async fn hand_on(&self) {
        match self.store.edges().await {
            Ok(known) => {
                if let Ok(mut edges) = self.edges.write() {
                    *edges = fresh(&known);
                }
            }
            Err(error) => warn!(%error, "the stored graph cannot be read"),
        }
    }
}
