//! How a cluster is reached: in-cluster account, kubeconfig file, or kubeconfig as text.

use crate::runtime::{Result, RuntimeError};
use domain::catalog::{KubernetesSettings, RuntimeManagerSpec};
use kube::config::{AuthInfo, Cluster, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

fn refused(text: impl std::fmt::Display) -> RuntimeError {
    RuntimeError::Refused(format!("kubeconfig: {text}"))
}

/// What is not taken from a kubeconfig: commands, and for a text also files of this host.
fn unsafe_part(user: &AuthInfo, cluster: &Cluster, as_text: bool) -> Option<&'static str> {
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Some(
            "it names a command or provider for log-in, which is not run; give a token or a client certificate",
        );
    }
    let files = [&user.token_file, &user.client_certificate, &user.client_key, &cluster.certificate_authority];
    let inline = as_text && files.iter().any(|f| f.is_some());
    inline.then_some("it names files of this host; give the data itself (certificate-authority-data, token)")
}

/// The user and cluster of the chosen context.
fn chosen<'a>(kubeconfig: &'a Kubeconfig, context: Option<&str>) -> Result<(&'a AuthInfo, &'a Cluster)> {
    let name = context.or(kubeconfig.current_context.as_deref()).ok_or_else(|| refused("it has no current context"))?;
    let found = kubeconfig.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.as_ref());
    let context = found.ok_or_else(|| refused(format!("it has no context {name}")))?;
    let user = context.user.as_deref().unwrap_or_default();
    let user = kubeconfig.auth_infos.iter().find(|u| u.name == user).and_then(|u| u.auth_info.as_ref());
    let cluster = kubeconfig.clusters.iter().find(|c| c.name == context.cluster).and_then(|c| c.cluster.as_ref());
    let user = user.ok_or_else(|| refused(format!("the user of context {name} is not in it")))?;
    Ok((user, cluster.ok_or_else(|| refused(format!("the cluster of context {name} is not in it")))?))
}

async fn from_kubeconfig(kubeconfig: Kubeconfig, settings: &KubernetesSettings, as_text: bool) -> Result<Config> {
    let (user, cluster) = chosen(&kubeconfig, settings.context.as_deref())?;
    if let Some(why) = unsafe_part(user, cluster, as_text) {
        return Err(refused(why));
    }
    let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(refused)
}

/// Settings of the connection that a manager names.
pub(super) async fn config(spec: &RuntimeManagerSpec, settings: &KubernetesSettings) -> Result<Config> {
    let endpoint = spec.endpoint.as_deref().unwrap_or("in-cluster").trim();
    let mut config = match (endpoint, &settings.kubeconfig) {
        ("in-cluster", _) => Config::incluster().map_err(|e| {
            RuntimeError::Refused(format!("endpoint in-cluster: this process is in no pod of a cluster: {e}"))
        })?,
        (address, Some(text)) if address.starts_with("https://") => {
            let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| refused("it cannot be read; give it as YAML"))?;
            let mut config = from_kubeconfig(kubeconfig, settings, true).await?;
            config.cluster_url = address.parse().map_err(|e| RuntimeError::Refused(format!("endpoint: {e}")))?;
            config
        }
        (path, _) if path.starts_with('/') => {
            let kubeconfig = Kubeconfig::read_from(path);
            let kubeconfig = kubeconfig.map_err(|e| RuntimeError::unavailable("kubeconfig", e))?;
            from_kubeconfig(kubeconfig, settings, false).await?
        }
        _ => return Err(refused("give a kubeconfig with the credentials for this address")),
    };
    config.connect_timeout = Some(CONNECT);
    // What fails for a moment is asked again by the runner; a request that repeats itself would hide how long.
    config.default_retry = false;
    if let Some(namespace) = &settings.namespace {
        config.default_namespace.clone_from(namespace);
    }
    Ok(config)
}

/// A client of the cluster that a manager names.
///
/// # Errors
/// `Refused` for settings that cannot work, `Unavailable` for a kubeconfig that is not there.
pub(super) async fn client(spec: &RuntimeManagerSpec, settings: &KubernetesSettings) -> Result<(Client, String)> {
    let config = config(spec, settings).await?;
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|e| refused(format!("its credentials cannot be used: {e}")))?;
    Ok((client, namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: c, user: u, namespace: work}}, {name: b, context: {cluster: c, user: x}}]
clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}]
users: [{name: u, user: {token: secret-token}}, {name: x, user: {exec: {command: /bin/evil, apiVersion: v1}}}]
";

    async fn tried(text: &str, context: Option<&str>) -> Result<Config> {
        let settings = KubernetesSettings {
            kubeconfig: Some(text.to_owned()),
            context: context.map(str::to_owned),
            ..KubernetesSettings::default()
        };
        let spec =
            RuntimeManagerSpec { endpoint: Some("https://cluster:6443".to_owned()), ..RuntimeManagerSpec::default() };
        config(&spec, &settings).await
    }

    #[tokio::test]
    async fn a_kubeconfig_as_text() {
        let config = tried(TEXT, None).await.expect("fine");
        assert_eq!(
            (config.cluster_url.to_string().as_str(), config.default_namespace.as_str()),
            ("https://cluster:6443/", "work")
        );
        for (text, context, sign) in [
            (TEXT.to_owned(), Some("b"), "command or provider"),
            (TEXT.to_owned(), Some("c"), "no context c"),
            (TEXT.replace("token: secret-token", "tokenFile: /etc/shadow"), None, "files of this host"),
            ("token: secret-token: [".to_owned(), None, "cannot be read"),
        ] {
            let why = tried(&text, context).await.expect_err("refused").to_string();
            assert!(why.contains(sign) && !why.contains("secret-token"), "{why}");
        }
    }
}
