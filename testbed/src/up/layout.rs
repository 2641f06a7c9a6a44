//! Where the testbed keeps its things, and the one file by which others find it.
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::settings::write_json;

/// Contents of `testbed.json`: how to reach a running testbed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Handle {
    /// Base address of the control API.
    pub(crate) control_url: String,
    /// Bearer token of the control API and of the services' admin routes.
    pub(crate) token: String,
    /// The supervisor's process id.
    pub(crate) pid: u32,
    /// Address of the storefront.
    pub(crate) storefront_url: String,
    /// Prefix of this testbed's keys in Redis, and name of its schema in PostgreSQL.
    pub(crate) name: String,
    /// Targets file for Prometheus, when one was asked for.
    pub(crate) targets_file: Option<PathBuf>,
}

/// Folders below the testbed's own folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes the folder and resolves it, so that child processes find it from anywhere.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("create folder {}", root.display()))?;
        let root = root.canonicalize().with_context(|| format!("resolve folder {}", root.display()))?;
        Ok(Self { root })
    }

    /// Folder of one service.
    pub(crate) fn service(&self, name: &str) -> PathBuf {
        self.root.join("services").join(name)
    }

    /// Flag file of one service.
    pub(crate) fn flags(&self, name: &str) -> PathBuf {
        self.service(name).join("flags.json")
    }

    /// Flags as they were before the last reset.
    pub(crate) fn former_flags(&self, name: &str) -> PathBuf {
        self.service(name).join("flags.before-reset.json")
    }

    /// Release file of one service at a version.
    pub(crate) fn release(&self, name: &str, version: &str) -> PathBuf {
        self.root.join("releases").join(name).join(format!("{version}.json"))
    }

    /// File for the standard output of a process.
    pub(crate) fn output(&self, name: &str) -> PathBuf {
        self.root.join("output").join(format!("{name}.txt"))
    }

    /// Folder of the private Redis.
    pub(crate) fn redis(&self) -> PathBuf {
        self.root.join("redis")
    }

    /// The file by which others find this testbed.
    pub(crate) fn handle(&self) -> PathBuf {
        self.root.join("testbed.json")
    }

    /// A prefix for keys in a shared Redis that differs between folders.
    pub(crate) fn key_prefix(&self) -> String {
        let sum = self
            .root
            .to_string_lossy()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("shop-{sum:016x}")
    }
}

impl Handle {
    /// Writes the file, readable by this user only: it holds the token.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        write_json(path, self)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).context("protect testbed.json")
    }

    /// Reads the file of the testbed in a folder.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("testbed.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("read {}: does `testbed up --dir {}` run?", path.display(), folder.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }
}

/// Picks free ports on 127.0.0.1 below the range that outgoing connections use, so that a restart finds its port again.
pub(crate) fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let mut ports = Vec::new();
    // Ports held until all are picked, so that none is picked twice.
    let mut held = Vec::new();
    for _ in 0..2000 {
        if ports.len() == count {
            return Ok(ports);
        }
        let port = rand::random_range(18_000..30_000_u16);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            held.push(listener);
            ports.push(port);
        }
    }
    bail!("no {count} free ports between 18000 and 30000")
}

/// One target of Prometheus' file discovery.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// Service name.
    pub(crate) service: String,
    /// Port on 127.0.0.1.
    pub(crate) port: u16,
}

/// The targets as Prometheus' `file_sd_configs` reads them.
pub(crate) fn targets_json(targets: &[Target]) -> serde_json::Value {
    let group = |target: &Target| {
        serde_json::json!({
            "targets": [format!("127.0.0.1:{}", target.port)],
            "labels": {"job": "shop", "service": target.service, "instance": format!("{}-1", target.service)},
        })
    };
    serde_json::Value::Array(targets.iter().map(group).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_the_form_that_prometheus_reads() {
        let json = targets_json(&[Target { service: "checkout".into(), port: 19001 }]);
        assert_eq!(
            json,
            serde_json::json!([{"targets": ["127.0.0.1:19001"],
                "labels": {"job": "shop", "service": "checkout", "instance": "checkout-1"}}])
        );
    }

    #[test]
    fn ports_are_free_and_differ() {
        let ports = free_ports(5).unwrap();
        let unique: std::collections::HashSet<_> = ports.iter().collect();
        assert_eq!(unique.len(), 5);
        assert!(TcpListener::bind(("127.0.0.1", ports[0])).is_ok());
    }

    #[test]
    fn the_handle_reads_back_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::open(temp.path()).unwrap();
        let handle = Handle {
            control_url: "http://127.0.0.1:1".into(),
            token: "t".into(),
            pid: 1,
            storefront_url: "http://127.0.0.1:2".into(),
            name: layout.key_prefix(),
            targets_file: None,
        };
        handle.write(&layout.handle()).unwrap();
        assert_eq!(Handle::read(temp.path()).unwrap(), handle);
        assert_eq!(std::fs::metadata(layout.handle()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
