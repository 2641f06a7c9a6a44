//! What is shipped for clusters: the rights of `deploy/kubernetes/rbac.yaml` and the scripts of `deploy/library/kubernetes`, on a real one.

use crate::contract::Lab as _;
use crate::kubernetes::{KubernetesLab, client, kubeconfig, settings};
use crate::support::{eventually, request, run_to_end, texts};
use domain::catalog::{KubernetesSettings, ScriptSpec};
use domain::clock::SystemClock;
use domain::testing::MemBlobs;
use healer::mask::Masker;
use healer::results::Harvest;
use healer::runtime::{ObservedEnd, Progress, StartRequest};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Image with a shell and kubectl, that the development cluster has.
const TOOLS: &str = "localhost/aiops-tools:1";

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// A namespace with the shipped rights, and an `aiops` that has these rights alone.
struct Place {
    admin: Client,
    namespace: String,
    lab: KubernetesLab,
}

/// Applies the shipped manifest for another namespace.
async fn apply_rights(admin: &Client, namespace: &str) {
    let text = std::fs::read_to_string(deploy().join("kubernetes/rbac.yaml")).expect("the manifest");
    let text = text.replace("aiops-runs", namespace).replace("aiops-nodes", &format!("{namespace}-nodes"));
    for object in serde_saphyr::from_multiple::<DynamicObject>(&text).expect("YAML") {
        let types = object.types.clone().expect("a kind");
        let kind = GroupVersionKind::try_from(&types).expect("a kind");
        let resource = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = match kind.kind.as_str() {
            "Namespace" | "ClusterRole" | "ClusterRoleBinding" => Api::all_with(admin.clone(), &resource),
            _ => Api::namespaced_with(admin.clone(), namespace, &resource),
        };
        let name = object.metadata.name.clone().expect("a name");
        api.patch(&name, &PatchParams::apply("test"), &Patch::Apply(&object)).await.expect("applied");
    }
}

/// A kubeconfig with the token of the product's account and nothing else.
async fn own_kubeconfig(admin: &Client, namespace: &str, endpoint: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
    let wanted: TokenRequest = serde_json::from_value(json!({ "spec": { "audiences": [] } })).expect("a request");
    let token = accounts.create_token_request("aiops", &PostParams::default(), &wanted).await.expect("a token");
    let token = token.status.expect("a token").token;
    let text = std::fs::read_to_string(endpoint).expect("kubeconfig");
    let old = text.split('"').skip_while(|part| !part.ends_with("token: ")).nth(1).expect("a token").to_owned();
    text.replace(&old, &token)
}

impl Place {
    async fn new(test: &str) -> Option<Self> {
        let endpoint = kubeconfig(test)?;
        let admin = client(&endpoint).await;
        let namespace = format!("aiops-test-{}", &domain::new_id().simple().to_string()[20..]);
        apply_rights(&admin, &namespace).await;
        let text = own_kubeconfig(&admin, &namespace, &endpoint).await;
        let address = text.split('"').find(|part| part.starts_with("https://")).expect("an address").to_owned();
        let settings = KubernetesSettings {
            namespace: Some(namespace.clone()),
            kubeconfig: Some(text),
            service_account: Some("aiops-heal".to_owned()),
            default_image: Some(TOOLS.to_owned()),
            ..settings()
        };
        let lab = KubernetesLab::at(&address, settings).await;
        Some(Self { admin, namespace, lab })
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.admin.clone(), &self.namespace)
    }

    /// A deployment of two sleepers whose version is in their environment.
    async fn deploy(&self, version: &str) {
        let labels = json!({ "app": "shop" });
        let container = json!({
            "name": "main", "image": "localhost/aiops-test:1", "imagePullPolicy": "Never",
            "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
            "env": [{ "name": "VERSION", "value": version }],
        });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "shop" },
            "spec": { "replicas": 2, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } } },
        });
        let params = PatchParams::apply("test");
        self.deployments().patch("shop", &params, &Patch::Apply(&deployment)).await.expect("deployed");
        eventually("the deployment is ready", async || {
            let d = self.deployments().get("shop").await.expect("deployment");
            let (wanted, status) = (d.metadata.generation, d.status?);
            let ready =
                status.ready_replicas == Some(2) && status.updated_replicas == Some(2) && status.replicas == Some(2);
            (status.observed_generation == wanted && ready).then_some(())
        })
        .await;
    }

    async fn pods(&self) -> Vec<String> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), &self.namespace);
        let all = pods.list(&ListParams::default().labels("app=shop")).await.expect("pods").items;
        let living = all.into_iter().filter(|p| p.metadata.deletion_timestamp.is_none());
        living.filter_map(|p| p.metadata.name).collect()
    }

    /// Runs a part of a shipped script; its end and its result.
    async fn run(&self, script: &str, part: &str, values: &[(&str, &str)]) -> (ObservedEnd, Value, Vec<String>) {
        let spec = shipped(script);
        let text = match part {
            "body" => Some(&spec.body),
            "precheck" => spec.precheck.as_ref(),
            "verify" => spec.verify.as_ref(),
            _ => spec.undo.as_ref(),
        };
        let mut request: StartRequest = request(text.expect("such a part"));
        request.spec.language = spec.language;
        request.spec.limits = spec.limits.clone();
        request.spec.timeout_secs = 150;
        request.spec.env = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let runtime = self.lab.runtime();
        runtime.start(&request).await.expect("start");
        // Each waits for pods and asks the cluster from within; on a busy machine that takes its time.
        let ended = tokio::time::timeout(Duration::from_secs(180), runtime.wait(request.handle)).await;
        let Progress::Ended(end) = ended.expect("in time").expect("answer") else { panic!("no end") };
        let blobs = Arc::new(MemBlobs::default());
        let mut harvest = Harvest::new(blobs, Arc::new(SystemClock), Masker::default(), request.handle);
        runtime.collect(request.handle, &mut harvest).await.expect("collected");
        (end, harvest.done().1.result.unwrap_or_default(), texts(runtime, request.handle).await)
    }

    /// As [`Place::run`], for what must end well.
    async fn fine(&self, script: &str, part: &str, values: &[(&str, &str)]) -> Value {
        let (mut end, mut result, mut output) = self.run(script, part, values).await;
        // What only reads is done again where the busy test cluster did not let it through.
        let unreached = |output: &[String]| output.iter().any(|l| l.contains("Unable to connect to the server"));
        for _ in 0..2 {
            if matches!(part, "precheck" | "verify") && unreached(&output) {
                (end, result, output) = self.run(script, part, values).await;
            }
        }
        assert_eq!(end.exit_code, Some(0), "{script} {part}: {end:?} {output:?}");
        result
    }

    async fn version(&self) -> String {
        let d = serde_json::to_value(self.deployments().get("shop").await.expect("deployment")).expect("JSON");
        d["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"].as_str().unwrap_or_default().to_owned()
    }

    async fn gone(self) {
        let namespaces: Api<Namespace> = Api::all(self.admin.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await.expect("deleted");
        for kind in ["ClusterRole", "ClusterRoleBinding"] {
            let kind = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind);
            let resource = ApiResource::from_gvk(&kind);
            let api: Api<DynamicObject> = Api::all_with(self.admin.clone(), &resource);
            api.delete(&format!("{}-nodes", self.namespace), &DeleteParams::default()).await.expect("deleted");
        }
    }
}

/// A shipped script, as the product would take it.
fn shipped(name: &str) -> ScriptSpec {
    let path = deploy().join(format!("library/kubernetes/{name}.yaml"));
    let text = std::fs::read_to_string(path).expect("the file");
    let mut all: Vec<Value> = serde_saphyr::from_str(&text).expect("YAML");
    assert_eq!(all.len(), 1);
    let object = all[0].as_object_mut().expect("an object");
    assert_eq!(object.remove("kind"), Some(json!("script")));
    assert_eq!(object.remove("name"), Some(json!(format!("kubernetes-{name}"))));
    object.remove("tags");
    let spec = ScriptSpec::deserialize(all[0].clone()).expect("a script");
    assert!(domain::resource::Spec::validate(&spec).is_empty(), "{name}");
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_rights_are_enough_and_no_more() {
    let Some(place) = Place::new("the_shipped_rights_are_enough_and_no_more").await else { return };
    let info = place.lab.runtime.health().await.expect("health");
    assert!(info.engine.starts_with("Kubernetes v") && info.cpus > 0 && info.running == 0, "{info:?}");
    let mut request = place.lab.request("echo fine; echo '{\"n\": 1}' > \"$AIOPS_RESULT\"");
    request.spec.image = None;
    request.secrets.insert("TOKEN".into(), "hunter2-Zq9".into());
    assert_eq!(run_to_end(place.lab.runtime(), &request).await.exit_code, Some(0));
    assert_eq!(texts(place.lab.runtime(), request.handle).await, ["fine"]);
    let mut living = request.clone();
    living.handle.run_id = domain::new_id();
    living.spec.body = "echo begin; sleep 100".to_owned();
    place.lab.runtime.start(&living).await.expect("start");
    eventually("it runs", async || (!texts(place.lab.runtime(), living.handle).await.is_empty()).then_some(())).await;
    place.lab.runtime.cancel(living.handle, std::time::Duration::from_secs(1)).await.expect("stopped");
    assert!(crate::support::end_of(place.lab.runtime(), living.handle).await.cancelled);
    for handle in place.lab.runtime.all().await.expect("all") {
        place.lab.runtime.cleanup(handle).await.expect("removed");
    }
    let mut asks = place.lab.request(
        "kubectl auth can-i --list --no-headers | grep -c secrets; kubectl get pods -o name | grep -c \"$(hostname)\"",
    );
    (asks.spec.image, asks.spec.limits.network) = (None, true);
    run_to_end(place.lab.runtime(), &asks).await;
    assert_eq!(texts(place.lab.runtime(), asks.handle).await, ["0", "1"], "a script sees pods and no secrets");
    place.gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_cures_cure() {
    let Some(place) = Place::new("the_shipped_cures_cure").await else { return };
    place.deploy("1").await;
    let shop = ("DEPLOYMENT", "shop");

    let before = place.pods().await;
    place.fine("restart-deployment", "precheck", &[shop]).await;
    place.fine("restart-deployment", "body", &[("TARGET_NAME", "shop")]).await;
    place.fine("restart-deployment", "verify", &[shop]).await;
    let after = place.pods().await;
    assert!(after.len() == 2 && after.iter().all(|p| !before.contains(p)), "{before:?} {after:?}");

    let result = place.fine("scale-deployment", "body", &[shop, ("REPLICAS", "3")]).await;
    assert_eq!(result, json!({ "previous_replicas": 2, "replicas": 3 }));
    let (again, _, said) = place.run("scale-deployment", "precheck", &[shop, ("REPLICAS", "3")]).await;
    assert_eq!((again.exit_code, said.join("")), (Some(3), "the deployment shop has 3 replicas already".to_owned()));
    place.fine("scale-deployment", "verify", &[shop, ("REPLICAS", "3")]).await;
    place.fine("scale-deployment", "undo", &[shop, ("REPLICAS", "3"), ("PREVIOUS_REPLICAS", "2")]).await;
    eventually("two pods", async || (place.pods().await.len() == 2).then_some(())).await;

    let victim = place.pods().await.remove(0);
    place.fine("delete-pod", "precheck", &[("POD", victim.as_str())]).await;
    place.fine("delete-pod", "body", &[("POD", victim.as_str())]).await;
    place.fine("delete-pod", "verify", &[("POD", victim.as_str())]).await;
    eventually("it was replaced", async || {
        let pods = place.pods().await;
        (pods.len() == 2 && !pods.contains(&victim)).then_some(())
    })
    .await;

    place.deploy("2").await;
    let result = place.fine("rollback-deployment", "body", &[shop]).await;
    assert_eq!(place.version().await, "1");
    let left = result["previous_revision"].to_string();
    place.fine("rollback-deployment", "verify", &[shop]).await;
    place.fine("rollback-deployment", "undo", &[shop, ("PREVIOUS_REVISION", left.as_str())]).await;
    assert_eq!(place.version().await, "2");
    let (absent, _, said) = place.run("restart-deployment", "precheck", &[("DEPLOYMENT", "none")]).await;
    assert!(absent.exit_code != Some(0) && said.join("").contains("not found"), "{said:?}");
    place.gone().await;
}
