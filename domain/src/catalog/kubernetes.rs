//! Settings of a runtime manager that runs cases as jobs of a Kubernetes cluster.

use super::checks::within;
use super::docker::{PullPolicy, matches};
use crate::error::FieldError;
use crate::resource::SECRET_MARK;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How cases run in a cluster. What is not allowed here cannot be asked for by a case.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesSettings {
    /// A kubeconfig as text, for an `https://` endpoint; write-only. Commands that it names for log-in are refused.
    pub kubeconfig: Option<String>,
    /// Context of the kubeconfig; absent: its current one.
    pub context: Option<String>,
    /// Namespace of the jobs; absent: that of the context, or of the pod that the runner is in.
    pub namespace: Option<String>,
    /// Image of cases that name none.
    pub default_image: Option<String>,
    /// Images that cases may name; `*` stands for any characters. The default image is always allowed.
    pub images: Vec<String>,
    /// When images are fetched.
    pub pull: PullPolicy,
    /// Names of secrets of the namespace that hold the registry's credentials.
    pub pull_secrets: Vec<String>,
    /// Service account whose token the scripts get; absent: none. With it, a script may do in the cluster what the account may.
    pub service_account: Option<String>,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// User and group of the script, as numbers.
    pub user: String,
    /// Size of the working folder, bytes.
    pub work_bytes: u64,
    /// Size of `/tmp`, bytes.
    pub tmp_bytes: u64,
    /// Whether a run without network gets a network policy that forbids all traffic. Needs a network that enforces policies.
    pub network_policy: bool,
    /// How long a pod may take until its script runs, seconds: scheduling, fetching the image.
    pub start_limit_secs: u32,
    /// Time between TERM and KILL, seconds.
    pub grace_secs: u32,
    /// How long the cluster keeps a job that ended and that nobody removed, seconds.
    pub keep_secs: u32,
}

impl Default for KubernetesSettings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            namespace: None,
            default_image: None,
            images: Vec::new(),
            pull: PullPolicy::default(),
            pull_secrets: Vec::new(),
            service_account: None,
            node_selector: BTreeMap::new(),
            user: "65534:65534".to_owned(),
            work_bytes: 256 << 20,
            tmp_bytes: 64 << 20,
            network_policy: true,
            start_limit_secs: 120,
            grace_secs: 5,
            keep_secs: 86_400,
        }
    }
}

impl std::fmt::Debug for KubernetesSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubernetesSettings")
            .field("context", &self.context)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl KubernetesSettings {
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
        within("kubernetes.work_bytes (MiB)", mib(self.work_bytes), 1, 65_536, wrong);
        within("kubernetes.tmp_bytes (MiB)", mib(self.tmp_bytes), 1, 65_536, wrong);
        within("kubernetes.start_limit_secs", self.start_limit_secs, 5, 3_600, wrong);
        within("kubernetes.grace_secs", self.grace_secs, 1, 600, wrong);
        within("kubernetes.keep_secs", self.keep_secs, 600, 2_592_000, wrong);
        let mut bad = |field: &str, text: &str| wrong.push(FieldError::new(format!("kubernetes.{field}"), text));
        if self.ids().is_none_or(|(user, _)| user == 0) {
            bad("user", "give a user and a group as numbers such as 65534:65534, not root");
        }
        let odd =
            |image: &str| image.trim().is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control());
        if self.default_image.as_deref().is_some_and(|i| odd(i) || i.contains('*')) {
            bad("default_image", "give one image such as registry.example/tools:1");
        }
        for (at, _) in self.images.iter().enumerate().filter(|(_, i)| odd(i)) {
            bad(&format!("images[{at}]"), "give an image, or a pattern with *");
        }
        if self.namespace.as_deref().is_some_and(|n| !name(n)) {
            bad("namespace", "give lower-case letters, digits and -, at most 63");
        }
        if self.service_account.as_deref().is_some_and(|n| !n.split('.').all(name)) {
            bad("service_account", "give the name of a service account of the namespace");
        }
        for (at, _) in self.pull_secrets.iter().enumerate().filter(|(_, n)| !n.split('.').all(name)) {
            bad(&format!("pull_secrets[{at}]"), "give the name of a secret of the namespace");
        }
        if endpoint.starts_with("https://") && self.kubeconfig.as_deref().is_none_or(|k| k.trim().is_empty()) {
            bad("kubeconfig", "give a kubeconfig with the credentials for this address");
        }
        if !endpoint.starts_with("https://") && self.kubeconfig.is_some() {
            bad(
                "kubeconfig",
                "a kubeconfig as text belongs to an https:// endpoint; remove it, or change the endpoint",
            );
        }
    }

    pub(super) fn redact(&mut self) {
        self.kubeconfig = self.kubeconfig.as_ref().map(|_| SECRET_MARK.to_owned());
    }

    pub(super) fn keep_secrets(&mut self, stored: Option<&Self>) {
        if self.kubeconfig.as_deref() == Some(SECRET_MARK) {
            self.kubeconfig = stored.and_then(|s| s.kubeconfig.clone());
        }
    }
}

/// Whether it is an address that says how to reach a cluster.
pub(super) fn endpoint_fine(endpoint: &str) -> bool {
    endpoint == "in-cluster"
        || (endpoint.starts_with('/') && endpoint.len() > 1)
        || endpoint.strip_prefix("https://").is_some_and(|rest| !rest.trim().is_empty())
}

/// Whether it can name an object of Kubernetes.
fn name(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| fine(c) || c == '-')
        && text.starts_with(fine)
        && text.ends_with(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(endpoint: &str, settings: &KubernetesSettings) -> Vec<String> {
        let mut wrong = Vec::new();
        settings.check(endpoint, &mut wrong);
        wrong.into_iter().map(|w| w.field).collect()
    }

    #[test]
    fn unsafe_settings_are_refused() {
        let fine = KubernetesSettings::default;
        assert_eq!(wrong("in-cluster", &fine()), Vec::<String>::new());
        type Change = fn(&mut KubernetesSettings);
        let rows: [(&str, Change); 6] = [
            ("kubernetes.user", |s| s.user = "0:0".into()),
            ("kubernetes.namespace", |s| s.namespace = Some("a/../b".into())),
            ("kubernetes.service_account", |s| s.service_account = Some("A b".into())),
            ("kubernetes.pull_secrets[0]", |s| s.pull_secrets = vec!["-".into()]),
            ("kubernetes.images[0]", |s| s.images = vec!["a b".into()]),
            ("kubernetes.kubeconfig", |s| s.kubeconfig = Some("apiVersion: v1".into())),
        ];
        for (field, change) in rows {
            let mut settings = fine();
            change(&mut settings);
            assert_eq!(wrong("/etc/kubeconfig", &settings), [field]);
        }
        assert_eq!(wrong("https://cluster:6443", &fine()), ["kubernetes.kubeconfig"]);
    }

    #[test]
    fn a_kubeconfig_is_never_shown_and_kept_when_it_is_not_sent() {
        let stored = KubernetesSettings { kubeconfig: Some("token: x".into()), ..KubernetesSettings::default() };
        let mut shown = stored.clone();
        shown.redact();
        assert_eq!(shown.kubeconfig.as_deref(), Some(SECRET_MARK));
        assert!(!format!("{stored:?}").contains("token"));
        shown.keep_secrets(Some(&stored));
        assert_eq!(shown, stored);
        shown.redact();
        shown.keep_secrets(None);
        assert_eq!(shown.kubeconfig, None);
    }

    #[test]
    fn endpoints() {
        for (endpoint, fine) in [
            ("in-cluster", true),
            ("/etc/aiops/kubeconfig", true),
            ("https://cluster.example:6443", true),
            ("http://cluster.example", false),
            ("/", false),
            ("", false),
            ("cluster.example", false),
        ] {
            assert_eq!(endpoint_fine(endpoint), fine, "{endpoint}");
        }
    }
}
