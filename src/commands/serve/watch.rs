//! Keeps looking at the addresses that were given by flags: their sources, and monitors for what they hold now and later.

use super::Shared;
use crate::bootstrap;
use crate::cli::Given;
use domain::catalog::SourceKind;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Time between looks for what the given sources hold anew.
const LOOK: Duration = Duration::from_secs(300);

/// Sources, and monitors for what they hold now and later, for the addresses given by flags.
pub(super) async fn given(shared: Shared, given: Given, stop: CancellationToken) {
    let watching = async {
        for round in 0_u32.. {
            look(&shared, &given, round == 0).await;
            tokio::time::sleep(LOOK).await;
        }
    };
    stop.run_until_cancelled(watching).await;
}

async fn look(shared: &Shared, given: &Given, first: bool) {
    let wanted = [
        (SourceKind::Elasticsearch, "elasticsearch", &given.elasticsearch, Some(given.index.as_str())),
        (SourceKind::Prometheus, "prometheus", &given.prometheus, None),
    ];
    for (kind, name, url, index) in wanted {
        let Some(url) = url else { continue };
        let database = &*shared.database;
        let watched = async {
            let source = bootstrap::source(database, kind, name, url, index).await?;
            let offered = bootstrap::Offered { kind, source, url, interval: given.interval };
            if given.discover {
                bootstrap::propose(database, database, &*shared.sources, &*shared.clock, offered).await?;
            }
            anyhow::Ok(())
        };
        match watched.await {
            Err(error) if first => {
                error!(error = format!("{error:#}"), url, "no monitors proposed yet; looking again every 5 minutes");
            }
            Err(error) => tracing::debug!(error = format!("{error:#}"), url, "no look at what is new"),
            Ok(()) => {}
        }
        shared.wake.wake(domain::ports::Topic::Catalog);
    }
}
