//! First start: the local runtime manager, and sources and monitors for the addresses given by flags.

use anyhow::Context as _;
use domain::catalog::{Monitor, MonitorSpec, RuntimeManagerSpec, SourceKind, SourceSpec};
use domain::clock::Clock;
use domain::identity::Audit;
use domain::page::PageRequest;
use domain::ports::{CatalogStore, Sources, StatusStore};
use domain::resource::{Draft, ResourceFilter};
use domain::status::{Health, Status, StatusOf};
use domain::{Id, Result};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::{info, warn};

/// Tries to reach a source at start; the proposals wait for it.
const TRIES: u32 = 20;
/// Monitors proposed for a source at most.
const MOST: usize = 60;

fn audit(action: &str) -> Audit {
    Audit::new("system", action)
}

/// The runtime manager `local` exists.
pub(crate) async fn local_manager(managers: &dyn CatalogStore<RuntimeManagerSpec>) -> Result<()> {
    if !managers.all().await?.is_empty() {
        return Ok(());
    }
    let spec = RuntimeManagerSpec::default();
    let draft = Draft { name: "local".to_owned(), tags: vec!["local".to_owned()], spec };
    match managers.create(draft, audit("runtime_manager.create")).await {
        // Another process of this database started at the same moment.
        Err(e) if e.kind == domain::Kind::Conflict => Ok(()),
        other => other.map(drop),
    }
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
    let taken = known.iter().any(|s| s.name == name);
    let name = if taken { format!("{name} {url}") } else { name.to_owned() };
    let draft = source_draft(kind, &name, url, index)?;
    Ok(sources.create(draft, audit("source.create")).await?.id)
}

/// A source as a flag gives it.
///
/// # Errors
/// One line that names the flag.
pub(crate) fn source_draft(
    kind: SourceKind,
    name: &str,
    url: &str,
    index: Option<&str>,
) -> anyhow::Result<Draft<SourceSpec>> {
    let spec = SourceSpec {
        kind,
        url: url.to_owned(),
        credentials: domain::catalog::Credentials::None,
        index: index.map(str::to_owned),
        fields: BTreeMap::new(),
        timeout_secs: 10,
        enabled: true,
        webhook: None,
        ca: None,
    };
    let draft = Draft { name: name.to_owned(), tags: vec!["flag".to_owned()], spec };
    draft.check().with_context(|| {
        let flag = if kind == SourceKind::Prometheus { "prometheus" } else { "elasticsearch" };
        format!("--{flag} {url:?}")
    })?;
    Ok(draft)
}

/// A source whose offers become monitors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered<'a> {
    pub kind: SourceKind,
    pub source: Id,
    /// Address; tells monitors of two sources apart when their names are the same.
    pub url: &'a str,
    /// Time between polls, seconds.
    pub interval: u32,
}

/// Monitors for what a source offers and never had one for, archived ones counted: what a person removed stays away.
/// Waits for a source that is still starting when nothing of it is known yet.
pub(crate) async fn propose(
    monitors: &dyn CatalogStore<MonitorSpec>,
    status: &dyn StatusStore,
    live: &dyn Sources,
    clock: &dyn Clock,
    offered: Offered<'_>,
) -> Result<()> {
    let known = ever(monitors).await?;
    let told = Told { status, clock, source: offered.source };
    let tries = if known.iter().any(|m| m.spec.source_id == offered.source) { 1 } else { TRIES };
    let drafts = match offered.kind {
        SourceKind::Elasticsearch => vec![ingest::discover::log_monitor(offered.source, "logs")],
        SourceKind::Prometheus => metric_monitors(live, told, tries).await?,
        SourceKind::Alertmanager | SourceKind::Grafana | SourceKind::Generic => Vec::new(),
    };
    let mut stored = 0;
    for draft in missing(drafts, &known, offered) {
        let name = draft.name.clone();
        match monitors.create(draft, audit("monitor.create")).await {
            Ok(_) => stored += 1,
            Err(error) => warn!(%error, monitor = name, "proposed monitor not stored"),
        }
    }
    if stored > 0 {
        info!(monitors = stored, url = offered.url, "monitors proposed");
    }
    Ok(())
}

/// All monitors that there are and were.
async fn ever(monitors: &dyn CatalogStore<MonitorSpec>) -> Result<Vec<Monitor>> {
    let filter = ResourceFilter { archived: true, ..ResourceFilter::default() };
    let mut page = PageRequest { limit: 200, cursor: None };
    let mut all = Vec::new();
    loop {
        let found = monitors.list(&filter, &page).await?;
        all.extend(found.items);
        page.cursor = found.next_cursor;
        if page.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// The drafts that are new for their source, at most [`MOST`] monitors of it together.
fn missing(drafts: Vec<Draft<MonitorSpec>>, known: &[Monitor], offered: Offered<'_>) -> Vec<Draft<MonitorSpec>> {
    let living = known.iter().filter(|m| m.archived_at.is_none());
    let room = MOST.saturating_sub(living.clone().filter(|m| m.spec.source_id == offered.source).count());
    let fresh = drafts.into_iter().filter_map(|mut draft| {
        let longer = format!("{} at {}", draft.name, offered.url);
        let had = known.iter().any(|m| {
            m.spec.source_id == offered.source
                && (m.name == draft.name || m.name == longer || m.spec.query == draft.spec.query)
        });
        if living.clone().any(|m| m.name == draft.name) {
            draft.name = longer;
        }
        draft.spec.interval_secs = offered.interval;
        (!had).then_some(draft)
    });
    fresh.take(room).collect()
}

/// Where a look at a source is told: without monitors nobody else says that it does not answer.
#[derive(Clone, Copy)]
struct Told<'a> {
    status: &'a dyn StatusStore,
    clock: &'a dyn Clock,
    source: Id,
}

impl Told<'_> {
    async fn tell(self, error: Option<&domain::Error>) {
        let now = self.clock.now();
        let state = Status {
            of: StatusOf::Source,
            id: self.source,
            health: if error.is_some() { Health::SourceError } else { Health::Ok },
            message: error.map(|e| e.message.clone()).unwrap_or_default(),
            checked_at: now,
            ok_at: error.is_none().then_some(now),
            latency_ms: 0,
            details: serde_json::json!({ "asked_by": "discovery" }),
        };
        if let Err(error) = self.status.put_status(state).await {
            warn!(%error, "state of the source not stored");
        }
    }
}

async fn metric_monitors(live: &dyn Sources, told: Told<'_>, tries: u32) -> Result<Vec<Draft<MonitorSpec>>> {
    let client = live.metrics(told.source).await?;
    for attempt in 1.. {
        let found = ingest::discover::propose(&*client, &options(told.source, told.clock.now())).await;
        told.tell(found.as_ref().err()).await;
        match found {
            Ok(found) if !found.monitors.is_empty() || attempt == tries => {
                if found.left_out_total > 0 {
                    info!(
                        left_out = found.left_out_total,
                        "not everything is monitored; `aiops check` says what and why"
                    );
                }
                return Ok(found.monitors);
            }
            Err(error) if attempt == tries => return Err(error),
            Ok(_) => info!("nothing to monitor found yet; looking again"),
            Err(error) => warn!(%error, "the source does not answer yet; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    Ok(Vec::new())
}

pub(crate) fn options(source_id: Id, now: domain::Time) -> ingest::discover::Options {
    ingest::discover::Options { source_id, now, scrape_interval: None, max_monitors: MOST }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::resource::Resource;

    fn draft(name: &str, query: &str) -> Draft<MonitorSpec> {
        let mut draft = ingest::discover::log_monitor(Id::from_u128(1), name);
        query.clone_into(&mut draft.spec.query);
        draft
    }

    fn stored(source: u128, name: &str, query: &str, archived: bool) -> Monitor {
        let mut spec = draft(name, query).spec;
        spec.source_id = Id::from_u128(source);
        let now = domain::clock::SystemClock.now();
        Resource {
            id: domain::new_id(),
            version: 1,
            name: name.to_owned(),
            tags: Vec::new(),
            created_at: now,
            updated_at: now,
            archived_at: archived.then_some(now),
            spec,
        }
    }

    #[test]
    fn only_what_a_source_never_had_is_proposed() {
        let known = [
            stored(1, "renamed by a person", "a", false),
            stored(1, "removed by a person", "old", true),
            stored(2, "of another source", "c", false),
        ];
        let drafts = ["x a", "removed by a person b", "of another source c", "new d"].map(|text| {
            let (name, query) = text.rsplit_once(' ').unwrap();
            draft(name, query)
        });
        let offered =
            Offered { kind: SourceKind::Prometheus, source: Id::from_u128(1), url: "http://p:9090", interval: 7 };
        let found = missing(drafts.to_vec(), &known, offered);
        let names: Vec<&str> = found.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["of another source at http://p:9090", "new"]);
        assert!(found.iter().all(|d| d.spec.interval_secs == 7));
        let full: Vec<Monitor> = (0..MOST).map(|n| stored(1, &format!("m{n}"), &format!("q{n}"), false)).collect();
        assert!(missing(drafts.to_vec(), &full, offered).is_empty(), "the bound holds over rounds");
    }
}
