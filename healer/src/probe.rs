//! Tries a runtime manager that is stored or not, and says what to do when it does not answer.

use crate::runtime::{PlatformInfo, Result, Runtimes};
use async_trait::async_trait;
use domain::Id;
use domain::catalog::{RuntimeKind, RuntimeManagerSpec};
use domain::ports::{ManagerTry, TryManager};
use std::time::{Duration, Instant};

/// Longest time that a try or a check may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Tries managers over connections of their own.
#[derive(Debug, Clone)]
pub struct Tries(pub Runtimes);

#[async_trait]
impl TryManager for Tries {
    async fn try_manager(&self, id: Id, name: &str, spec: &RuntimeManagerSpec) -> ManagerTry {
        let (answer, latency_ms) = timed(spec.kind, async { self.0.fresh(id, name, spec).await?.health().await }).await;
        match answer {
            Ok(info) => {
                let platform = serde_json::to_value(&info).unwrap_or_default();
                ManagerTry { ok: true, message: describe(&info), latency_ms, platform }
            }
            Err(message) => ManagerTry { ok: false, message, latency_ms, platform: serde_json::Value::Null },
        }
    }
}

/// Asks a runtime of this kind within [`LIMIT`]: what it says, or why it does not and what to do; and the time that took, ms.
pub(crate) async fn timed(
    kind: RuntimeKind,
    ask: impl Future<Output = Result<PlatformInfo>>,
) -> (std::result::Result<PlatformInfo, String>, i64) {
    let begun = Instant::now();
    let answer = match tokio::time::timeout(LIMIT, ask).await {
        Ok(answer) => answer.map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    };
    let latency_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    (answer.map_err(|why| advised(kind, why)), latency_ms)
}

/// What answers, in one line.
fn describe(info: &PlatformInfo) -> String {
    let mut parts: Vec<String> = [&info.engine, &info.os, &info.arch].map(ToString::to_string).into();
    if info.cpus > 0 {
        parts.push(format!("{} CPUs", info.cpus));
    }
    if info.memory_bytes > 0 {
        parts.push(format!("{} MiB memory", info.memory_bytes >> 20));
    }
    if let Some(images) = info.images {
        parts.push(format!("{images} images"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// Signs in an error's text, and what a person can do about it.
const ADVICE: [(&[&str], &str); 8] = [
    (
        &["permission denied", "os error 13"],
        "this process may not use it: add its user to the group that owns the socket or file (for Docker usually `docker`)",
    ),
    (
        &["http request to an https server", "http response to https"],
        "one side speaks TLS and the other does not: give tcp:// for plain, https:// with keys for TLS",
    ),
    (
        &["unknownissuer", "certificate", "tlsv1 alert", "handshake"],
        "the TLS keys do not fit: give the CA that signed its certificate, a client certificate that it accepts, and the name that its certificate has",
    ),
    (
        &["dns error", "failed to lookup", "name or service not known", "no such host"],
        "the host name is not known here: correct the address, or the name resolution of this host",
    ),
    (&["connection refused", "os error 111"], "nothing listens there: start it, or correct host and port"),
    (
        &["no route to host", "network is unreachable", "connection reset"],
        "it cannot be reached from this host: check the network and the firewall between them",
    ),
    (
        &["no answer within", "timed out", "timeout"],
        "it is too slow or cannot be reached: check the address, the firewall between this host and it, and its load",
    ),
    (
        &["no space left", "os error 28", "read-only file system"],
        "the data folder cannot be written: free space there, or mount it writable",
    ),
];

/// The error with what to do, unless it says so itself.
pub(crate) fn advised(kind: RuntimeKind, why: String) -> String {
    let text = why.to_ascii_lowercase();
    let known = ADVICE.iter().find(|(signs, _)| signs.iter().any(|sign| text.contains(sign)));
    match known {
        Some((_, advice)) => format!("{why}; {advice}"),
        // Other refusals and failures of ours name the setting to change.
        None if why.contains(';') || why.contains("give ") || why.contains("use another") => why,
        None => {
            let place = match kind {
                RuntimeKind::Local => "the data folder of this process",
                RuntimeKind::Docker => "the engine's address and its own log",
                RuntimeKind::Kubernetes => "the cluster's address, the kubeconfig and the namespace",
            };
            format!("{why}; check {place}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_said() {
        for (kind, why, sign) in [
            (
                RuntimeKind::Docker,
                "no engine at tcp://h:2375: tcp connect error: Connection refused (os error 111)",
                "start it",
            ),
            (RuntimeKind::Docker, "no engine at unix:///s: Permission denied (os error 13)", "group that owns"),
            (
                RuntimeKind::Docker,
                "no engine at https://h: invalid peer certificate: UnknownIssuer",
                "the CA that signed",
            ),
            (RuntimeKind::Docker, "no engine at tcp://h: client error: dns error: failed to lookup", "host name"),
            (RuntimeKind::Docker, "Client sent an HTTP request to an HTTPS server.", "speaks TLS"),
            (RuntimeKind::Kubernetes, "read the version: the cluster gave no answer within 5 s", "firewall"),
            (RuntimeKind::Kubernetes, "odd", "kubeconfig and the namespace"),
            (RuntimeKind::Local, "cannot write below /data: No space left on device (os error 28)", "free space"),
        ] {
            let said = advised(kind, why.to_owned());
            assert!(said.starts_with(why) && said.contains(sign), "{said}");
        }
        let own = "kubeconfig: it has no context x; give one that it has";
        assert_eq!(advised(RuntimeKind::Kubernetes, own.to_owned()), own);
    }

    #[tokio::test]
    async fn a_manager_is_tried_without_being_stored() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let tries = Tries(Runtimes::default());
        let mut spec = RuntimeManagerSpec { kind: RuntimeKind::Docker, ..RuntimeManagerSpec::default() };
        for (endpoint, sign) in [
            ("unix:///no/such.sock", "start the engine or correct the address"),
            ("tcp://127.0.0.1:9", "start it, or correct host and port"),
            ("https://127.0.0.1:9", "give docker.tls"),
        ] {
            spec.endpoint = Some(endpoint.to_owned());
            let found = tries.try_manager(domain::new_id(), "dock", &spec).await;
            assert!(!found.ok && found.message.contains(sign) && found.platform.is_null(), "{found:?}");
        }
        let local = tries.try_manager(domain::new_id(), "here", &RuntimeManagerSpec::default()).await;
        assert!(!local.ok && local.message.contains("runs no local scripts"), "{local:?}");
    }
}
