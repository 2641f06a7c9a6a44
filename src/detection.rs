//! Detection (polling and analysis) in one process at a time: it has its memory in that process, so it is leased as one
//! role. Another process takes it over when the lease ends, with what is stored.

use crate::commands::serve::Shared;
use crate::{local, telemetry, topology};
use analyzer::engine::{Analyzer, AnalyzerDeps, AnalyzerStats};
use domain::ports::{Bus, BusReceiver, RoleStore as _};
use ingest::{IngestStats, Poller, PollerConfig};
use std::collections::HashSet;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use store::Backend;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// The role's name in the database.
const ROLE: &str = "detection";

/// Monitors that are still learning.
type Learning = Arc<RwLock<HashSet<domain::Id>>>;

/// Polling and analysis, with what outlives their terms.
pub(crate) struct Detection {
    shared: Shared,
    edges: topology::Edges,
    pub(crate) ingest: Arc<IngestStats>,
    pub(crate) analyzer: Arc<AnalyzerStats>,
}

impl Detection {
    pub(crate) fn new(shared: &Shared, edges: topology::Edges) -> Self {
        Self { shared: shared.clone(), edges, ingest: Arc::default(), analyzer: Arc::default() }
    }

    /// Works until `stop`, in the terms that this process has the role. SQLite has one process, which has it always.
    pub(crate) async fn run(self, stop: CancellationToken) {
        if self.shared.database.backend() == Backend::Sqlite {
            return self.term(&stop).await;
        }
        let owner = format!("{} {}", self.shared.settings.listen, domain::new_id().simple());
        let lease = Duration::from_secs(self.shared.settings.lease_secs);
        let mut waits = false;
        while !stop.is_cancelled() {
            let asked_at = Instant::now();
            match self.shared.database.hold_role(ROLE, &owner, lease).await {
                Ok(Some(term)) => {
                    info!(term, "this process detects");
                    waits = false;
                    self.one_term(&owner, lease, asked_at, &stop).await;
                }
                Ok(None) => {
                    if !waits {
                        info!("another process detects; this one takes over when that one is gone");
                    }
                    waits = true;
                }
                Err(error) => warn!(%error, "cannot ask for the role of detection"),
            }
            stop.run_until_cancelled(tokio::time::sleep(lease / 4)).await;
        }
    }

    /// Works until the role is lost or `stop`; gives the role back at the stop.
    async fn one_term(&self, owner: &str, lease: Duration, asked_at: Instant, stop: &CancellationToken) {
        let over = stop.child_token();
        let keep = async {
            self.keep(owner, lease, asked_at, &over).await;
            over.cancel();
        };
        tokio::join!(self.term(&over), keep);
        if stop.is_cancelled()
            && let Err(error) = self.shared.database.leave_role(ROLE, owner).await
        {
            warn!(%error, "the role of detection is free only when its lease ends");
        }
    }

    /// Renews at a third of the lease; returns when the role is lost, or may be: at two thirds without an answer.
    async fn keep(&self, owner: &str, lease: Duration, asked_at: Instant, over: &CancellationToken) {
        let mut ok_at = asked_at;
        loop {
            if over.run_until_cancelled(tokio::time::sleep(lease / 3)).await.is_none() {
                return;
            }
            let asked_at = Instant::now();
            let left = (lease * 2 / 3).saturating_sub(ok_at.elapsed());
            let ask = self.shared.database.hold_role(ROLE, owner, lease);
            match tokio::time::timeout(left, ask).await {
                Ok(Ok(Some(_))) => ok_at = asked_at,
                Ok(Ok(None)) => {
                    warn!("another process detects now");
                    return;
                }
                Ok(Err(_)) if ok_at.elapsed() < lease * 2 / 3 => {}
                Ok(Err(_)) | Err(_) => {
                    warn!("the role of detection could not be renewed: given up until the database answers");
                    return;
                }
            }
        }
    }

    /// One poller and one analyzer, from what is stored.
    async fn term(&self, over: &CancellationToken) {
        let (bus, receiver) = local::bus();
        let learning = Learning::default();
        let poller = self.poller(Arc::new(bus), &learning);
        let analyzer = self.analyzer(learning);
        let receiver: Box<dyn BusReceiver> = Box::new(receiver);
        let analysis = async {
            if let Err(error) = analyzer.run(receiver, over.clone()).await {
                error!(%error, "the analyzer stopped");
            }
        };
        tokio::join!(poller.run(over.clone()), analysis);
    }

    fn poller(&self, bus: Arc<dyn Bus>, learning: &Learning) -> Poller {
        let (shared, learning) = (&self.shared, Arc::clone(learning));
        let backfill = Duration::from_secs(shared.settings.backfill_mins * 60);
        let config = PollerConfig {
            limits: ingest::poller::plan::Limits { backfill, ..Default::default() },
            trace: Arc::new(telemetry::current),
            learning: Arc::new(move |id| learning.read().is_ok_and(|set| set.contains(&id))),
            stats: Arc::clone(&self.ingest),
            ..PollerConfig::default()
        };
        Poller::new(
            Arc::clone(&shared.database) as _,
            Arc::clone(&shared.sources),
            Arc::clone(&shared.database) as _,
            Arc::clone(&shared.database) as _,
            bus,
            Arc::clone(&shared.wake),
            Arc::clone(&shared.clock),
            config,
        )
    }

    fn analyzer(&self, learning: Learning) -> Analyzer {
        let shared = &self.shared;
        let deps = AnalyzerDeps {
            store: Arc::clone(&shared.database) as _,
            alerts: Arc::clone(&shared.database) as _,
            feedback: Arc::clone(&shared.database) as _,
            templates: Arc::clone(&shared.database) as _,
            memory: Arc::clone(&shared.database) as _,
            monitors: Arc::clone(&shared.database) as _,
            wake: Arc::clone(&shared.wake),
            clock: Arc::clone(&shared.clock),
            adopt: telemetry::adopt,
            topology: Arc::clone(&self.edges),
            changes: Arc::clone(&shared.database) as _,
            learning,
        };
        Analyzer::new(deps).counting(Arc::clone(&self.analyzer))
    }
}
