//! First start: the local runtime manager, and sources and monitors for the addresses given by flags.

use anyhow::Context as _;
use domain::catalog::{MonitorSpec, RuntimeKind, RuntimeManagerSpec, SourceKind, SourceSpec};
use domain::clock::Clock;
use domain::identity::Audit;
use domain::ports::{CatalogStore, Sources};
use domain::resource::Draft;
use domain::{Id, Result};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::{info, warn};

/// Tries to reach a source at start; the proposals wait for it.
const TRIES: u32 = 20;

fn audit(action: &str) -> Audit {
    Audit::new("system", action)
}

/// The runtime manager `local` exists.
pub(crate) async fn local_manager(managers: &dyn CatalogStore<RuntimeManagerSpec>) -> Result<()> {
    if !managers.all().await?.is_empty() {
        return Ok(());
    }
    let spec =
        RuntimeManagerSpec { kind: RuntimeKind::Local, endpoint: None, capacity: 4, draining: false, enabled: true };
    let draft = Draft { name: "local".to_owned(), tags: vec!["local".to_owned()], spec };
    managers.create(draft, audit("runtime_manager.create")).await.map(drop)
}

/// The source with this address exists; its id.
pub(crate) async fn source(
    sources: &dyn CatalogStore<SourceSpec>,
    kind: SourceKind,
    name: &str,
    url: &str,
    index: Option<&str>,
) -> anyhow::Result<Id> {
    let known = sources.all().await?;
    if let Some(source) =
        known.iter().find(|s| s.spec.kind == kind && s.spec.url.trim_end_matches('/') == url.trim_end_matches('/'))
    {
        return Ok(source.id);
    }
    let spec = SourceSpec {
        kind,
        url: url.to_owned(),
        credentials: domain::catalog::Credentials::None,
        index: index.map(str::to_owned),
        fields: BTreeMap::new(),
        timeout_secs: 10,
        enabled: true,
    };
    let taken = known.iter().any(|s| s.name == name);
    let name = if taken { format!("{name} {url}") } else { name.to_owned() };
    let draft = Draft { name, tags: vec!["flag".to_owned()], spec };
    draft.check().with_context(|| {
        format!("--{}", if kind == SourceKind::Prometheus { "prometheus" } else { "elasticsearch" })
    })?;
    Ok(sources.create(draft, audit("source.create")).await?.id)
}

/// Monitors for what a source offers, unless it has monitors already. Waits for a source that is still starting.
pub(crate) async fn propose(
    monitors: &dyn CatalogStore<MonitorSpec>,
    live: &dyn Sources,
    clock: &dyn Clock,
    kind: SourceKind,
    source: Id,
    interval: u32,
) -> Result<()> {
    if monitors.all().await?.iter().any(|m| m.spec.source_id == source) {
        return Ok(());
    }
    let drafts = match kind {
        SourceKind::Elasticsearch => vec![ingest::discover::log_monitor(source, "logs")],
        SourceKind::Prometheus => metric_monitors(live, clock, source).await?,
    };
    for mut draft in drafts {
        draft.spec.interval_secs = interval;
        let name = draft.name.clone();
        if let Err(error) = monitors.create(draft, audit("monitor.create")).await {
            warn!(%error, monitor = name, "proposed monitor not stored");
        }
    }
    Ok(())
}

async fn metric_monitors(live: &dyn Sources, clock: &dyn Clock, source: Id) -> Result<Vec<Draft<MonitorSpec>>> {
    let client = live.metrics(source).await?;
    for attempt in 1.. {
        match ingest::discover::propose(&*client, &options(source, clock.now())).await {
            Ok(found) if !found.monitors.is_empty() || attempt == TRIES => {
                info!(monitors = found.monitors.len(), left_out = found.left_out, "monitors proposed");
                return Ok(found.monitors);
            }
            Err(error) if attempt == TRIES => return Err(error),
            Ok(_) => info!("nothing to monitor found yet; looking again"),
            Err(error) => warn!(%error, "the source does not answer yet; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    Ok(Vec::new())
}

fn options(source_id: Id, now: domain::Time) -> ingest::discover::Options {
    ingest::discover::Options { source_id, now, scrape_interval: None, max_monitors: 60 }
}
