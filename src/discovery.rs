//! `Discovery` over the stored sources, for the API.

use async_trait::async_trait;
use domain::clock::Clock;
use domain::discovery::Discovered;
use domain::ports::{Discovery, Sources};
use domain::{Id, Result};
use std::sync::Arc;

/// Looks at stored sources through their clients.
pub(crate) struct Discoveries(pub(crate) Arc<dyn Sources>, pub(crate) Arc<dyn Clock>);

#[async_trait]
impl Discovery for Discoveries {
    async fn discover(&self, source: Id) -> Result<Discovered> {
        let client = self.0.metrics(source).await?;
        ingest::discover::propose(&*client, &crate::bootstrap::options(source, self.1.now())).await
    }
}
