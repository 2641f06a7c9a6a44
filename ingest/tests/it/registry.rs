//! The registry: one client a version, wrong kinds and disabled sources named.

use crate::fakes::Catalog;
use crate::{secs, spec};
use domain::Kind;
use domain::catalog::{SourceKind, SourceSpec};
use domain::ports::Sources;
use domain::resource::{Draft, Resource};
use ingest::SourceRegistry;
use std::sync::{Arc, Mutex};

fn source(kind: SourceKind) -> Resource<SourceSpec> {
    let spec = spec(kind, "http://127.0.0.1:1");
    Draft { name: format!("{kind:?}"), tags: vec![], spec }.into_resource(domain::new_id(), secs(0))
}

#[tokio::test]
async fn clients_are_kept_until_the_source_changes() {
    let (metrics, logs) = (source(SourceKind::Prometheus), source(SourceKind::Elasticsearch));
    let (metrics_id, logs_id) = (metrics.id, logs.id);
    let catalog = Arc::new(Catalog(Mutex::new(vec![metrics, logs])));
    let registry = SourceRegistry::new(catalog.clone());
    let first = registry.metrics(metrics_id).await.unwrap();
    assert!(Arc::ptr_eq(&first, &registry.metrics(metrics_id).await.unwrap()));
    catalog.0.lock().unwrap()[0].version += 1;
    assert!(!Arc::ptr_eq(&first, &registry.metrics(metrics_id).await.unwrap()));
    registry.logs(logs_id).await.unwrap();
    registry.metrics(logs_id).await.expect("a search server measures its documents");
    let wrong = registry.logs(metrics_id).await.unwrap_err();
    assert_eq!((wrong.kind, wrong.message.contains("metrics, not logs")), (Kind::Invalid, true));
    catalog.0.lock().unwrap()[0].spec.enabled = false;
    assert!(registry.metrics(metrics_id).await.unwrap_err().message.contains("disabled"));
    catalog.0.lock().unwrap().clear();
    assert_eq!(registry.metrics(metrics_id).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(
        registry.probe(&spec(SourceKind::Elasticsearch, "http://127.0.0.1:1")).await.unwrap_err().kind,
        Kind::Unavailable
    );
}
