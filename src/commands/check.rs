//! `aiops check`: settings, database and sources, one line each.

use super::say;
use crate::bootstrap;
use crate::settings::Settings;
use domain::catalog::{SourceKind, SourceSpec};
use domain::clock::{Clock as _, SystemClock};
use domain::ports::{CatalogStore, Sources};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    say(&format!("listen    {}", settings.listen));
    say(&format!("data      {}", settings.data_dir.display()));
    let database = Arc::new(super::open(settings).await?);
    say("database  ok");
    let catalog: Arc<dyn CatalogStore<SourceSpec>> = Arc::clone(&database) as _;
    let registry = ingest::SourceRegistry::new(Arc::clone(&catalog));
    let mut fine = true;
    for source in catalog.all().await? {
        match registry.probe(&source.spec).await {
            Ok(version) => {
                say(&format!("source    {}: {version}", source.name));
                if source.spec.kind == SourceKind::Prometheus {
                    holds(&registry, source.id).await;
                }
            }
            Err(error) => {
                fine = false;
                say(&format!("source    {}: {error}", source.name));
            }
        }
    }
    say("roles     api, ingest, analyzer, healer");
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reasons shown with an example each.
const REASONS: usize = 12;

/// What a metric source holds, what would be watched, and what is left out and why.
async fn holds(sources: &dyn Sources, id: domain::Id) {
    let look = async {
        let client = sources.metrics(id).await?;
        ingest::discover::propose(&*client, &bootstrap::options(id, SystemClock.now())).await
    };
    let found = match look.await {
        Ok(found) => found,
        Err(error) => return say(&format!("          not looked into: {error}")),
    };
    say(&format!(
        "          {} series of {} metrics, scraped every {} s; {} monitors are proposed, {} things left out",
        found.series_total,
        found.metrics_total,
        found.scrape_interval_secs,
        found.monitors.len(),
        found.left_out_total
    ));
    let mut why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for left in &found.left_out {
        why.entry(&left.why).or_default().push(&left.what);
    }
    let mut why: Vec<_> = why.into_iter().collect();
    why.sort_by_key(|(_, what)| std::cmp::Reverse(what.len()));
    for (why, what) in why.iter().take(REASONS) {
        let more = if what.len() > 1 { format!(" and {} more", what.len() - 1) } else { String::new() };
        say(&format!("          left out: {}{more}: {why}", what[0]));
    }
}
