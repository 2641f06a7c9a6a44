//! The connection to a Docker engine: unix socket, TCP, TCP with TLS; and its failures in plain words.

use crate::runtime::{PlatformInfo, Result, RuntimeError};
use bollard::errors::Error;
use bollard::models::SystemInfo;
use bollard::{API_DEFAULT_VERSION, Docker};
use domain::catalog::DockerTls;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// Longest time until an engine begins to answer, seconds. What streams may go on for longer.
const TIMEOUT: u64 = 30;

/// Keys of a TLS connection that were given as text: files without a name, which end with this process.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<File>);

impl Keys {
    /// A path under which the client can read it.
    fn path(&mut self, name: &str, value: &str) -> Result<PathBuf> {
        if value.starts_with('/') {
            return Ok(PathBuf::from(value));
        }
        let failed = |e: std::io::Error| RuntimeError::unavailable(format!("cannot hold docker.tls.{name}"), e);
        let file = rustix::fs::memfd_create("key", rustix::fs::MemfdFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        let mut file = File::from(file);
        file.write_all(value.as_bytes()).map_err(failed)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.0.push(file);
        Ok(path)
    }
}

/// A client for the endpoint; nothing is asked yet.
pub(super) fn client(endpoint: &str, tls: Option<&DockerTls>) -> Result<(Docker, Keys)> {
    let mut keys = Keys::default();
    let version = API_DEFAULT_VERSION;
    let docker = match (endpoint.split_once("://").map(|(scheme, _)| scheme), tls) {
        (Some("unix"), None) => Docker::connect_with_unix(endpoint, TIMEOUT, version),
        (Some("tcp" | "http"), None) => Docker::connect_with_http(endpoint, TIMEOUT, version),
        (Some("tcp" | "https"), Some(tls)) => {
            let key = keys.path("key", &tls.key)?;
            let (cert, ca) = (keys.path("cert", &tls.cert)?, keys.path("ca", &tls.ca)?);
            Docker::connect_with_ssl(endpoint, &key, &cert, &ca, TIMEOUT, version)
        }
        (Some("https"), None) => {
            let why = "an https:// engine wants keys; give docker.tls, or a tcp:// address";
            return Err(RuntimeError::Refused(why.to_owned()));
        }
        _ => {
            let why = format!("endpoint {endpoint} is none of unix://, tcp://, https://");
            return Err(RuntimeError::Refused(why));
        }
    };
    let docker = docker.map_err(|e| failed(&format!("no engine at {endpoint}"), e))?;
    Ok((docker, keys))
}

/// The HTTP status that the engine answered with.
pub(super) fn status(e: &Error) -> Option<u16> {
    match e {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The engine's own words.
pub(super) fn words(e: &Error) -> String {
    match e {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => format!("no answer within {TIMEOUT} s"),
        Error::SocketNotFoundError(path) => format!("{path} does not exist; start the engine or correct the address"),
        other => chain(other),
    }
}

/// An error with its causes, each once.
fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

/// The engine failed at `what`.
pub(super) fn failed(what: &str, e: Error) -> RuntimeError {
    let what = format!("{what}: {}", words(&e));
    RuntimeError::Unavailable { what, source: Some(Box::new(e)) }
}

/// A name for the engine that stays, and no other has.
pub(super) fn node(info: &SystemInfo, endpoint: &str) -> String {
    let name = info.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| endpoint.to_owned());
    let id: String =
        info.id.as_deref().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    if id.is_empty() { name } else { format!("{name}-{}", id.to_lowercase()) }
}

/// What the engine runs on.
pub(super) fn platform(info: &SystemInfo, node: &str, running: u32, api: &str, user: &str) -> PlatformInfo {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let version = info.cgroup_version.map_or_else(String::new, |v| format!(" v{v}"));
    let mut isolation = format!(
        "containers: own process tree, read-only root, no capabilities, no new privileges, user {user}, no network \
         unless allowed; control groups{version} (memory, CPU, processes)"
    );
    for (missing, what) in
        [(info.memory_limit, "memory is not limited"), (info.pids_limit, "processes are not limited")]
    {
        if missing == Some(false) {
            isolation.push_str(&format!("; {what} on this engine"));
        }
    }
    PlatformInfo {
        os: text(&info.operating_system),
        kernel: text(&info.kernel_version),
        arch: text(&info.architecture),
        host: node.to_owned(),
        cpus: info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        memory_bytes: info.mem_total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        running,
        isolation,
        engine: format!("Docker {} (API {api})", text(&info.server_version)),
        images: info.images.and_then(|n| u32::try_from(n).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_work_say_why() {
        for (endpoint, why) in [
            ("/var/run/docker.sock", "endpoint /var/run/docker.sock is none of"),
            ("ssh://host", "endpoint ssh://host is none of"),
            ("https://host:2376", "an https:// engine wants keys"),
            ("unix:///no/such.sock", "no engine at unix:///no/such.sock: /no/such.sock does not exist"),
        ] {
            let error = client(endpoint, None).expect_err(endpoint).to_string();
            assert!(error.starts_with(why), "{error}");
        }
        assert!(client("tcp://127.0.0.1:2375", None).is_ok());
    }

    #[test]
    fn keys_as_text_touch_no_disk() {
        let mut keys = Keys::default();
        let path = keys.path("key", "-----BEGIN KEY-----\n").expect("held");
        assert!(path.starts_with("/proc/self/fd"));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "-----BEGIN KEY-----\n");
        assert_eq!(keys.path("key", "/etc/key.pem").expect("a path"), PathBuf::from("/etc/key.pem"));
    }
}
