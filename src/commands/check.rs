//! `aiops check`: settings, database and sources, one line each.

use super::say;
use crate::settings::Settings;
use domain::catalog::SourceSpec;
use domain::ports::{CatalogStore, Sources as _};
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
            Ok(version) => say(&format!("source    {}: {version}", source.name)),
            Err(error) => {
                fine = false;
                say(&format!("source    {}: {error}", source.name));
            }
        }
    }
    say("roles     api, ingest, analyzer, healer");
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
