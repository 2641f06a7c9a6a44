//! The Kubernetes runtime on a real cluster: the contract.

use crate::contract::{Lab, contract_suite};
use crate::support::skipped;
use async_trait::async_trait;
use domain::Id;
use domain::catalog::{KubernetesSettings, PullPolicy, RuntimeKind, RuntimeManagerSpec};
use domain::clock::SystemClock;
use healer::runtime::{Handle, ManagerContext, Runtime, kubernetes};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

/// Image with a shell, python and small tools, that the development cluster has.
pub(crate) const IMAGE: &str = "localhost/aiops-test:1";

/// The cluster's kubeconfig; says what is missing when there is none.
pub(crate) fn kubeconfig(test: &str) -> Option<String> {
    let given = std::env::var("AIOPS_TEST_KUBECONFIG").ok().filter(|e| !e.is_empty());
    match &given {
        None => skipped(test, "AIOPS_TEST_KUBECONFIG"),
        Some(_) => drop(rustls::crypto::ring::default_provider().install_default()),
    }
    given
}

/// Settings that every test starts from.
pub(crate) fn settings() -> KubernetesSettings {
    KubernetesSettings {
        default_image: Some(IMAGE.to_owned()),
        images: vec!["localhost/*".to_owned()],
        pull: PullPolicy::Never,
        grace_secs: 1,
        ..KubernetesSettings::default()
    }
}

pub(crate) fn manager(endpoint: &str, settings: &KubernetesSettings) -> RuntimeManagerSpec {
    RuntimeManagerSpec {
        kind: RuntimeKind::Kubernetes,
        endpoint: Some(endpoint.to_owned()),
        capacity: 64,
        kubernetes: Some(settings.clone()),
        ..RuntimeManagerSpec::default()
    }
}

pub(crate) async fn client(kubeconfig: &str) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("settings");
    Client::try_from(config).expect("a client")
}

/// A manager of its own on the cluster; everything it made is removed when the test ends.
pub(crate) struct KubernetesLab {
    pub(crate) endpoint: String,
    pub(crate) settings: KubernetesSettings,
    pub(crate) manager: Id,
    pub(crate) runtime: Arc<dyn Runtime>,
}

impl KubernetesLab {
    pub(crate) async fn with(test: &str, settings: KubernetesSettings) -> Option<Self> {
        let endpoint = kubeconfig(test)?;
        let manager = domain::new_id();
        let runtime = connect(&endpoint, &settings, manager).await;
        Some(Self { endpoint, settings, manager, runtime })
    }

    /// On an address, with the kubeconfig of the settings.
    pub(crate) async fn at(endpoint: &str, settings: KubernetesSettings) -> Self {
        let manager = domain::new_id();
        let runtime = connect(endpoint, &settings, manager).await;
        Self { endpoint: endpoint.to_owned(), settings, manager, runtime }
    }

    pub(crate) async fn client(&self) -> Client {
        client(&self.endpoint).await
    }
}

async fn connect(endpoint: &str, settings: &KubernetesSettings, id: Id) -> Arc<dyn Runtime> {
    let context = ManagerContext { id, name: "cluster".to_owned(), clock: Arc::new(SystemClock) };
    kubernetes::connect(&manager(endpoint, settings), context).await.expect("a cluster that answers")
}

impl Drop for KubernetesLab {
    fn drop(&mut self) {
        let (endpoint, manager) = (self.endpoint.clone(), self.manager);
        if !endpoint.starts_with('/') {
            // Its namespace is removed as a whole.
            return;
        }
        // A runtime of its own: that of the test may be the one that ends.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                let jobs: Api<Job> = Api::default_namespaced(client(&endpoint).await);
                let ours = ListParams::default().labels(&format!("aiops.dev/manager={manager}"));
                drop(jobs.delete_collection(&DeleteParams::background(), &ours).await);
            });
        });
        drop(work.join());
    }
}

async fn names<K>(client: &Client, selector: &str) -> Vec<String>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::default_namespaced(client.clone());
    let list = api.list(&ListParams::default().labels(selector)).await.expect("a list");
    let name =
        |object: K| format!("{} {}", K::kind(&Default::default()), object.meta().name.clone().unwrap_or_default());
    list.items.into_iter().map(name).collect()
}

#[async_trait]
impl Lab for KubernetesLab {
    fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }
    async fn again(&self) -> Arc<dyn Runtime> {
        connect(&self.endpoint, &self.settings, self.manager).await
    }
    async fn left(&self, handle: Handle) -> Vec<String> {
        let (client, selector) = (self.client().await, format!("aiops.dev/run={}", handle.run_id));
        let mut all = names::<Job>(&client, &selector).await;
        all.extend(names::<Pod>(&client, &selector).await);
        all.extend(names::<Secret>(&client, &selector).await);
        all.extend(names::<NetworkPolicy>(&client, &selector).await);
        all
    }
    fn image(&self) -> Option<String> {
        Some(IMAGE.to_owned())
    }
    fn tells_signals(&self) -> bool {
        false
    }
    fn tells_streams(&self) -> bool {
        false
    }
}

async fn lab(test: &str) -> Option<KubernetesLab> {
    KubernetesLab::with(test, settings()).await
}

contract_suite!(lab);
