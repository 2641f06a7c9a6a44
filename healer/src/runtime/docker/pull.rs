//! Images: fetched as the manager's policy says, with lines that tell how far it is.

use super::engine::{status, words};
use crate::runtime::{Result, RuntimeError};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time between two lines that tell the progress.
const EVERY: Duration = Duration::from_secs(5);
/// Lines that tell the progress, at most.
const MAX_LINES: usize = 20;

/// Name and tag or digest of an image; without either it is the latest.
pub(super) fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    let begin = image.rfind('/').map_or(0, |at| at + 1);
    match image[begin..].rfind(':') {
        Some(at) => (&image[..begin + at], &image[begin + at + 1..]),
        None => (image, "latest"),
    }
}

/// How far each layer is.
#[derive(Debug, Default)]
struct Layers {
    layers: BTreeMap<String, (i64, i64, bool)>,
    fresh: bool,
}

impl Layers {
    fn note(&mut self, info: &CreateImageInfo) {
        let status = info.status.as_deref().unwrap_or_default();
        self.fresh |= status.starts_with("Status: Downloaded");
        let Some(id) = info.id.as_ref().filter(|_| !status.starts_with("Pulling from")) else { return };
        let layer = self.layers.entry(id.clone()).or_default();
        let detail = info.progress_detail.as_ref();
        if status == "Downloading" {
            layer.0 = detail.and_then(|d| d.current).unwrap_or(layer.0);
            layer.1 = detail.and_then(|d| d.total).unwrap_or(layer.1);
        }
        layer.2 |= status == "Pull complete" || status == "Already exists";
    }

    fn text(&self) -> String {
        let (done, bytes, total) = self.layers.values().fold((0, 0, 0), |(done, bytes, total), layer| {
            (done + usize::from(layer.2), bytes + layer.0, total + layer.1)
        });
        format!("{done} of {} layers, {} of {} KiB", self.layers.len(), bytes >> 10, total >> 10)
    }
}

/// Why an image cannot be had: for good, or now.
fn why(image: &str, text: &str) -> RuntimeError {
    let what = format!("image {image} cannot be fetched: {text}");
    let lower = text.to_ascii_lowercase();
    let for_good =
        ["not found", "manifest unknown", "denied", "unauthorized", "invalid reference", "no matching manifest"];
    if for_good.iter().any(|w| lower.contains(w)) {
        RuntimeError::Refused(what)
    } else {
        RuntimeError::Unavailable { what, source: None }
    }
}

fn failure(image: &str, e: &Error) -> RuntimeError {
    match status(e) {
        Some(404 | 401 | 403 | 400) => RuntimeError::Refused(format!("image {image} cannot be fetched: {}", words(e))),
        _ => why(image, &words(e)),
    }
}

/// Fetches an image; gives lines for the run's log.
pub(super) async fn fetch(engine: &Docker, image: &str) -> Result<Vec<String>> {
    let (name, tag) = split(image);
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let begun = Instant::now();
    let (mut lines, mut told, mut layers) = (vec![format!("fetching image {image}")], begun, Layers::default());
    let mut progress = std::pin::pin!(engine.create_image(Some(options), None, None));
    while let Some(item) = progress.next().await {
        let info = item.map_err(|e| failure(image, &e))?;
        if let Some(text) = info.error_detail.as_ref().and_then(|d| d.message.as_deref()) {
            return Err(why(image, text));
        }
        layers.note(&info);
        if told.elapsed() >= EVERY && lines.len() < MAX_LINES {
            told = Instant::now();
            lines.push(format!("fetching image {image}: {}", layers.text()));
            tracing::info!(image, progress = layers.text(), "fetching an image");
        }
    }
    let secs = begun.elapsed().as_secs_f64();
    lines.push(if layers.fresh {
        format!("image {image} was fetched in {secs:.1} s: {}", layers.text())
    } else {
        format!("image {image} is up to date ({secs:.1} s)")
    });
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn names_are_split() {
        for (image, name, tag) in [
            ("busybox", "busybox", "latest"),
            ("busybox:1", "busybox", "1"),
            ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
            ("localhost:5000/a/b:2", "localhost:5000/a/b", "2"),
            ("a/b@sha256:abc", "a/b", "sha256:abc"),
        ] {
            assert_eq!(split(image), (name, tag));
        }
    }

    #[test]
    fn progress_is_summed_over_layers() {
        let mut layers = Layers::default();
        let info = |id: &str, status: &str, at: Option<(i64, i64)>| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: at.map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) }),
            error_detail: None,
        };
        layers.note(&info("1", "Pulling from ops/tool", None));
        layers.note(&info("a", "Downloading", Some((1 << 20, 4 << 20))));
        layers.note(&info("b", "Already exists", None));
        assert_eq!(layers.text(), "1 of 2 layers, 1024 of 4096 KiB");
        layers.note(&info("a", "Pull complete", None));
        assert_eq!(layers.text(), "2 of 2 layers, 1024 of 4096 KiB");
    }

    #[test]
    fn what_will_never_work_is_told_apart_from_what_may_later() {
        let refused = |text: &str| matches!(why("x:1", text), RuntimeError::Refused(_));
        assert!(refused("manifest for x:1 not found: manifest unknown: manifest unknown"));
        assert!(refused("pull access denied for x, repository does not exist or may require 'docker login'"));
        assert!(!refused(
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host"
        ));
        assert!(!refused("Get \"https://r/v2/\": context deadline exceeded"));
    }
}
