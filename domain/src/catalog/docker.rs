//! Settings of a runtime manager that runs cases as containers of a Docker engine.

use super::checks::within;
use crate::error::FieldError;
use crate::resource::SECRET_MARK;
use serde::{Deserialize, Serialize};

/// When an image is fetched from its registry.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// Only what the engine has is used.
    Never,
    /// When the engine does not have it.
    #[default]
    IfMissing,
    /// Before each run; what the engine has is not enough.
    Always,
}

/// Keys for an engine that is reached by TLS. Each is PEM text, or the absolute path of a PEM file on the host of the runner.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerTls {
    /// Certificate of the authority that signed the engine's.
    pub ca: String,
    /// Our certificate.
    pub cert: String,
    /// Our key; write-only when it is PEM text.
    pub key: String,
}

impl std::fmt::Debug for DockerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DockerTls(..)")
    }
}

/// How cases run on a Docker engine. What is not allowed here cannot be asked for by a case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DockerSettings {
    /// Image of cases that name none.
    pub default_image: Option<String>,
    /// Images that cases may name; `*` stands for any characters. The default image is always allowed.
    pub images: Vec<String>,
    /// When images are fetched.
    pub pull: PullPolicy,
    /// Network that cases join whose limits ask for one, for example `bridge`; without it no case gets any network.
    pub network: Option<String>,
    /// User and group of the script, as numbers.
    pub user: String,
    /// Size of the working folder (in memory), bytes; it counts against the memory limit of a run.
    pub work_bytes: u64,
    /// Size of `/tmp` (in memory), bytes.
    pub tmp_bytes: u64,
    /// TLS towards the engine, for `tcp://` and `https://` addresses.
    pub tls: Option<DockerTls>,
}

impl Default for DockerSettings {
    fn default() -> Self {
        Self {
            default_image: None,
            images: Vec::new(),
            pull: PullPolicy::default(),
            network: None,
            user: "65534:65534".to_owned(),
            work_bytes: 256 << 20,
            tmp_bytes: 64 << 20,
            tls: None,
        }
    }
}

/// Whether `pattern`, in which `*` stands for any characters, is all of `text`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pattern.contains('*').then(|| parts.next_back()).flatten() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl DockerSettings {
    /// User and group as numbers.
    #[must_use]
    pub fn ids(&self) -> Option<(u32, u32)> {
        let (user, group) = self.user.split_once(':')?;
        Some((user.parse().ok()?, group.parse().ok()?))
    }

    /// Whether a case may run in this image.
    #[must_use]
    pub fn allows(&self, image: &str) -> bool {
        self.default_image.as_deref() == Some(image) || self.images.iter().any(|p| matches(p, image))
    }

    pub(super) fn check(&self, endpoint: &str, wrong: &mut Vec<FieldError>) {
        let mib = |bytes: u64| u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        within("docker.work_bytes (MiB)", mib(self.work_bytes), 1, 65_536, wrong);
        within("docker.tmp_bytes (MiB)", mib(self.tmp_bytes), 1, 65_536, wrong);
        if self.ids().is_none_or(|(user, _)| user == 0) {
            wrong.push(FieldError::new(
                "docker.user",
                "give a user and a group as numbers such as 65534:65534, not root",
            ));
        }
        let odd =
            |image: &str| image.trim().is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control());
        if self.default_image.as_deref().is_some_and(|i| odd(i) || i.contains('*')) {
            wrong.push(FieldError::new("docker.default_image", "give one image such as registry.example/tools:1"));
        }
        for (at, _) in self.images.iter().enumerate().filter(|(_, i)| odd(i)) {
            wrong.push(FieldError::new(format!("docker.images[{at}]"), "give an image, or a pattern with *"));
        }
        if self.network.as_deref().is_some_and(|n| n == "host" || n == "none" || n.is_empty() || n.contains(':')) {
            let text = "give the name of a network such as bridge; the host's own and those of containers are refused";
            wrong.push(FieldError::new("docker.network", text));
        }
        if let Some(tls) = &self.tls {
            tls.check(endpoint, wrong);
        }
    }

    pub(super) fn redact(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|t| t.key.starts_with("-----BEGIN")) {
            SECRET_MARK.clone_into(&mut tls.key);
        }
    }

    pub(super) fn keep_secrets(&mut self, stored: Option<&Self>) {
        if let (Some(new), Some(old)) = (self.tls.as_mut(), stored.and_then(|s| s.tls.as_ref()))
            && new.key == SECRET_MARK
        {
            new.key.clone_from(&old.key);
        }
    }
}

impl DockerTls {
    fn check(&self, endpoint: &str, wrong: &mut Vec<FieldError>) {
        if endpoint.starts_with("unix://") {
            wrong.push(FieldError::new("docker.tls", "a unix socket has no TLS; remove it or give a tcp:// address"));
        }
        for (name, value) in [("ca", &self.ca), ("cert", &self.cert), ("key", &self.key)] {
            if !value.starts_with("-----BEGIN") && !value.starts_with('/') {
                wrong.push(FieldError::new(format!("docker.tls.{name}"), "give PEM text or an absolute path"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_allowed_by_pattern() {
        let settings = DockerSettings {
            default_image: Some("busybox:1".into()),
            images: vec!["registry.example/ops/*".into(), "python:3.*-slim".into(), "alpine:3".into()],
            ..DockerSettings::default()
        };
        for (image, fine) in [
            ("busybox:1", true),
            ("busybox:12", false),
            ("registry.example/ops/tool:7", true),
            ("evil/registry.example/ops/tool:7", false),
            ("python:3.13-slim", true),
            ("python:3.13-slim-evil", false),
            ("alpine:3", true),
            ("alpine:3.1", false),
            ("", false),
        ] {
            assert_eq!(settings.allows(image), fine, "{image}");
        }
        assert!(matches("*", "anything") && matches("a*a", "aa") && !matches("a*a", "a"));
    }

    #[test]
    fn unsafe_settings_are_refused() {
        let fine = DockerSettings::default();
        let bad = |change: fn(&mut DockerSettings)| {
            let mut settings = fine.clone();
            change(&mut settings);
            let mut wrong = Vec::new();
            settings.check("unix:///run/docker.sock", &mut wrong);
            wrong.into_iter().map(|w| w.field).collect::<Vec<_>>()
        };
        assert_eq!(bad(|_| {}), Vec::<String>::new());
        assert_eq!(bad(|s| s.user = "0:0".into()), ["docker.user"]);
        assert_eq!(bad(|s| s.user = "nobody".into()), ["docker.user"]);
        for network in ["host", "container:db", "none", ""] {
            let settings = DockerSettings { network: Some(network.into()), ..fine.clone() };
            let mut wrong = Vec::new();
            settings.check("unix:///s", &mut wrong);
            assert_eq!(wrong.len(), 1, "{network}");
        }
        assert_eq!(bad(|s| s.network = Some("bridge".into())), Vec::<String>::new());
        assert_eq!(bad(|s| s.images = vec!["a b".into()]), ["docker.images[0]"]);
        let tls = bad(|s| s.tls = Some(DockerTls { ca: "x".into(), cert: "/c.pem".into(), key: "/k.pem".into() }));
        assert_eq!(tls, ["docker.tls", "docker.tls.ca"]);
    }
}
