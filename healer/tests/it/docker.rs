//! The Docker runtime on a real engine: the contract, and what only containers have.

use crate::contract::{Lab, contract_suite};
use crate::support::skipped;
use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder};
use domain::Id;
use domain::catalog::{DockerSettings, PullPolicy, RuntimeKind, RuntimeManagerSpec};
use domain::clock::SystemClock;
use healer::runtime::{Handle, ManagerContext, Runtime, docker};
use std::collections::HashMap;
use std::sync::Arc;

/// Image with a shell, python and small tools, that the development engine has.
pub(crate) const IMAGE: &str = "aiops-tools:1";

/// The engine's address; says what is missing when there is none.
pub(crate) fn endpoint(test: &str) -> Option<String> {
    let given = std::env::var("AIOPS_TEST_DOCKER_HOST").ok().filter(|e| !e.is_empty());
    if given.is_none() {
        skipped(test, "AIOPS_TEST_DOCKER_HOST");
    }
    given
}

/// Settings that every test starts from.
pub(crate) fn settings() -> DockerSettings {
    DockerSettings { default_image: Some(IMAGE.to_owned()), pull: PullPolicy::Never, ..DockerSettings::default() }
}

/// A manager of its own on the engine; everything it made is removed when the test ends.
pub(crate) struct DockerLab {
    pub(crate) endpoint: String,
    pub(crate) settings: DockerSettings,
    pub(crate) manager: Id,
    pub(crate) runtime: Arc<dyn Runtime>,
}

pub(crate) fn manager(endpoint: &str, settings: &DockerSettings) -> RuntimeManagerSpec {
    RuntimeManagerSpec {
        kind: RuntimeKind::Docker,
        endpoint: Some(endpoint.to_owned()),
        capacity: 64,
        docker: Some(settings.clone()),
        ..RuntimeManagerSpec::default()
    }
}

pub(crate) fn context(id: Id) -> ManagerContext {
    ManagerContext { id, name: "dock".to_owned(), clock: Arc::new(SystemClock) }
}

pub(crate) async fn connect(endpoint: &str, settings: &DockerSettings, id: Id) -> Arc<dyn Runtime> {
    docker::connect(&manager(endpoint, settings), context(id)).await.expect("an engine that answers")
}

impl DockerLab {
    pub(crate) async fn with(test: &str, settings: DockerSettings) -> Option<Self> {
        let endpoint = endpoint(test)?;
        let manager = domain::new_id();
        let runtime = connect(&endpoint, &settings, manager).await;
        Some(Self { endpoint, settings, manager, runtime })
    }

    pub(crate) fn engine(&self) -> Docker {
        Docker::connect_with_host(&self.endpoint).expect("a client")
    }
}

/// Removes whatever a manager left on its engine.
pub(crate) async fn purge(engine: &Docker, manager: Id) {
    let label = format!("aiops.manager={manager}");
    let filters = HashMap::from([("label", vec![label.as_str()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for container in engine.list_containers(Some(options)).await.expect("containers") {
        let options = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        drop(engine.remove_container(&container.id.unwrap_or_default(), Some(options)).await);
    }
}

impl Drop for DockerLab {
    fn drop(&mut self) {
        let (endpoint, manager) = (self.endpoint.clone(), self.manager);
        // A runtime of its own: that of the test may be the one that ends.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                purge(&Docker::connect_with_host(&endpoint).expect("a client"), manager).await;
            });
        });
        drop(work.join());
    }
}

#[async_trait]
impl Lab for DockerLab {
    fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }
    async fn again(&self) -> Arc<dyn Runtime> {
        connect(&self.endpoint, &self.settings, self.manager).await
    }
    async fn left(&self, handle: Handle) -> Vec<String> {
        let engine = self.engine();
        let label = format!("aiops.run={}", handle.run_id);
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = engine.list_containers(Some(options)).await.expect("containers");
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = engine.list_volumes(Some(options)).await.expect("volumes").volumes.unwrap_or_default();
        containers.into_iter().filter_map(|c| c.id).chain(volumes.into_iter().map(|v| v.name)).collect()
    }
    fn image(&self) -> Option<String> {
        Some(IMAGE.to_owned())
    }
    fn tells_signals(&self) -> bool {
        false
    }
}

async fn lab(test: &str) -> Option<DockerLab> {
    DockerLab::with(test, settings()).await
}

contract_suite!(lab);
