//! Images from a registry that the test serves: fetched when missing, progress told, refusals named.

use crate::contract::{Lab as _, why_not};
use crate::docker::{DockerLab, settings};
use crate::support::{run_to_end, whole_log};
use bollard::Docker;
use bollard::query_parameters::{RemoveImageOptions, RemoveImageOptionsBuilder};
use domain::catalog::{DockerSettings, PullPolicy};
use domain::run::Stream;
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::io::Read as _;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Configuration and layers of an image that the engine has.
async fn parts(engine: &Docker, image: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut bytes = Vec::new();
    let mut stream = std::pin::pin!(engine.export_image(image));
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece.expect("exported"));
    }
    let mut files = std::collections::HashMap::new();
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("entry");
        let name = entry.path().expect("path").to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("read");
        files.insert(name, content);
    }
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("a manifest");
    let config = files[manifest[0]["Config"].as_str().expect("config")].clone();
    let layers = manifest[0]["Layers"].as_array().expect("layers");
    (config, layers.iter().map(|l| files[l.as_str().expect("name")].clone()).collect())
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", healer::sha256_hex(bytes))
}

/// A registry with one image, `ops/tool:1`; its name for an engine on this host.
async fn registry(engine: &Docker) -> (MockServer, String) {
    let (config, layers) = parts(engine, "aiops-busybox:1").await;
    let server = MockServer::start().await;
    let describe =
        |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "size": bytes.len(), "digest": digest(bytes) });
    let layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": describe("application/vnd.docker.container.image.v1+json", &config),
        "layers": layers.iter().map(|l| describe(layer, l)).collect::<Vec<_>>(),
    })
    .to_string();
    let serve = async |at: String, kind: &str, bytes: Vec<u8>| {
        let answer = ResponseTemplate::new(200)
            .insert_header("Docker-Content-Digest", digest(&bytes).as_str())
            .insert_header("Docker-Distribution-Api-Version", "registry/2.0")
            .set_body_raw(bytes, kind);
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    };
    serve("/v2/".into(), "application/json", b"{}".to_vec()).await;
    for name in ["1".to_owned(), digest(manifest.as_bytes())] {
        serve(format!("/v2/ops/tool/manifests/{name}"), kind, manifest.clone().into_bytes()).await;
    }
    for bytes in std::iter::once(&config).chain(&layers) {
        serve(format!("/v2/ops/tool/blobs/{}", digest(bytes)), "application/octet-stream", bytes.clone()).await;
    }
    let unknown = json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404).set_body_json(unknown))
        .with_priority(9)
        .mount(&server)
        .await;
    let name = server.uri().trim_start_matches("http://").to_owned();
    (server, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn p17_an_image_is_fetched_when_it_is_missing_and_its_progress_is_told() {
    let test = "p17_an_image_is_fetched_when_it_is_missing_and_its_progress_is_told";
    let settings = DockerSettings { images: vec!["127.0.0.1:*".into()], pull: PullPolicy::IfMissing, ..settings() };
    let Some(lab) = DockerLab::with(test, settings).await else { return };
    let engine = lab.engine();
    let (_server, registry) = registry(&engine).await;
    let image = format!("{registry}/ops/tool:1");
    let mut first = lab.request("echo from the image");
    first.spec.image = Some(image.clone());
    assert_eq!(run_to_end(lab.runtime(), &first).await.exit_code, Some(0));
    let log = whole_log(lab.runtime(), first.handle).await;
    let told: Vec<&str> = log.iter().filter(|l| l.stream == Stream::System).map(|l| l.text.as_str()).collect();
    assert_eq!(told[0], format!("fetching image {image}"));
    assert!(told.last().is_some_and(|l| l.starts_with(&format!("image {image} was fetched in "))), "{told:?}");
    assert_eq!(log.last().map(|l| l.text.as_str()), Some("from the image"));
    let later = lab.again().await;
    assert_eq!(whole_log(&*later, first.handle).await, log, "whoever comes later is told the same");
    // Now the engine has it.
    let mut second = lab.request("echo again");
    second.spec.image = Some(image.clone());
    run_to_end(lab.runtime(), &second).await;
    assert_eq!(whole_log(lab.runtime(), second.handle).await.len(), 1, "nothing was fetched");
    // One that the registry does not have.
    let mut none = lab.request("echo no");
    none.spec.image = Some(format!("{registry}/ops/tool:2"));
    let why = why_not(&lab, &none).await;
    assert!(why.starts_with(&format!("image {registry}/ops/tool:2 cannot be fetched")), "{why}");
    for handle in [first.handle, second.handle] {
        lab.runtime().cleanup(handle).await.expect("cleanup");
    }
    let options: RemoveImageOptions = RemoveImageOptionsBuilder::new().force(true).build();
    engine.remove_image(&image, Some(options), None).await.expect("the image is removed");
}
