//! Settings of the process: defaults, then a TOML file, then `AIOPS_*` variables, then flags.

use anyhow::{Context as _, bail};
use serde::{Deserialize, Deserializer};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set; unknown keys in the file are errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Folder for the database, run folders and artifacts.
    pub data_dir: PathBuf,
    /// `sqlite://...` or `postgres://...`; empty: SQLite in `data_dir`.
    pub database_url: String,
    /// `redis://HOST:PORT/NUMBER` over which processes wake each other; empty: PostgreSQL's own notifications.
    pub redis_url: String,
    /// Where chunks of logs and artifacts are kept: `s3://BUCKET[/PREFIX]` or `file:///FOLDER`, which processes on one
    /// database share; empty: folder `files` in `data_dir`.
    pub blob_url: String,
    /// Address of an S3-compatible service; empty: Amazon's own.
    pub blob_endpoint: String,
    /// Region of the bucket.
    pub blob_region: String,
    /// Address of API and UI.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// Lease of a run, seconds.
    pub lease_secs: u64,
    /// Age an incident must have before a policy decides on it, seconds: evidence gathers meanwhile.
    pub observe_secs: u64,
    /// History that a new metric monitor learns from, and the longest gap that is made up for, minutes.
    pub backfill_mins: u64,
    /// Days that closed incidents, ended runs and their logs are kept; 0: for ever.
    pub keep_days: u32,
    /// Time that running work gets at shutdown, seconds.
    pub grace_secs: u64,
    /// Logs as JSON; else as text for people.
    pub log_json: bool,
    /// Send `Strict-Transport-Security`; set it behind TLS.
    pub hsts: bool,
    /// Proxies whose `X-Forwarded-For` is believed, separated by commas.
    pub trusted_proxies: String,
    /// YAML or JSON file of who depends on whom, for what no source knows; empty: none.
    pub topology_file: String,
    /// How often the graph of who depends on whom is read, seconds.
    pub topology_secs: u64,
    /// File with the keys that secrets are sealed with, newest first; empty: `secret.key` in `data_dir`, made when absent.
    /// `AIOPS_SECRET_KEY` holds the keys themselves and goes before.
    pub secret_key_file: String,
}

impl Settings {
    /// Loads the settings.
    ///
    /// # Errors
    /// One line that names the key, or the file, and what to do.
    pub(crate) fn load(file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder()
            .set_default("data_dir", "./data")?
            .set_default("database_url", "")?
            .set_default("redis_url", "")?
            .set_default("blob_url", "")?
            .set_default("blob_endpoint", "")?
            .set_default("blob_region", "")?
            .set_default("listen", "127.0.0.1:3030")?
            .set_default("lease_secs", 20)?
            .set_default("observe_secs", 10)?
            .set_default("backfill_mins", 1_440)?
            .set_default("keep_days", 90)?
            .set_default("grace_secs", 10)?
            .set_default("log_json", true)?
            .set_default("hsts", false)?
            .set_default("trusted_proxies", "")?
            .set_default("topology_file", "")?
            .set_default("topology_secs", 30)?
            .set_default("secret_key_file", "")?;
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path.as_path()).format(config::FileFormat::Toml));
        }
        for key in KEYS {
            if let Ok(value) = std::env::var(format!("AIOPS_{}", key.to_uppercase())) {
                builder = builder.set_override(key, value)?;
            }
        }
        let settings: Self = builder
            .build()
            .and_then(config::Config::try_deserialize)
            .context("the settings (file and AIOPS_* variables) are wrong")?;
        settings.checked()
    }

    /// The settings, when they can be used; asked again when flags have changed them.
    ///
    /// # Errors
    /// One line that names the key and says what to do.
    pub(crate) fn checked(self) -> anyhow::Result<Self> {
        if self.data_dir.as_os_str().is_empty() {
            bail!("data_dir: give a writable folder");
        }
        if self.lease_secs < 2 {
            bail!("lease_secs: give at least 2 seconds");
        }
        if !(1..=100_000).contains(&self.backfill_mins) {
            bail!("backfill_mins: give 1 to 100000 minutes");
        }
        if (1..7).contains(&self.keep_days) {
            bail!("keep_days: give at least 7 days, or 0 to keep everything");
        }
        let fine = ["", "sqlite:", "postgres:", "postgresql:"];
        if !fine
            .iter()
            .any(|p| if p.is_empty() { self.database_url.is_empty() } else { self.database_url.starts_with(p) })
        {
            bail!("database_url: give sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE, or leave it out");
        }
        if !self.redis_url.is_empty() && !self.redis_url.starts_with("redis://") {
            bail!("redis_url: give redis://HOST:PORT/NUMBER, or leave it out");
        }
        self.bucket()?;
        self.proxies()?;
        if !(1..=3_600).contains(&self.topology_secs) {
            bail!("topology_secs: give 1 to 3600 seconds");
        }
        if let Some(path) = self.topology() {
            ingest::topology::read_file(&path).context("topology_file")?;
        }
        Ok(self)
    }

    /// The bucket that `blob_url` names; its keys come from `AIOPS_BLOB_ACCESS_KEY` and `AIOPS_BLOB_SECRET_KEY`, so that they
    /// stand in no file.
    ///
    /// # Errors
    /// One line that says what to give.
    pub(crate) fn bucket(&self) -> anyhow::Result<Option<store::Bucket>> {
        if self.blob_url.is_empty() || self.blob_url.starts_with("file:///") {
            return Ok(None);
        }
        let rest = self.blob_url.strip_prefix("s3://").map(|r| r.trim_end_matches('/')).filter(|r| !r.is_empty());
        let rest = rest.context("blob_url: give s3://BUCKET, s3://BUCKET/PREFIX or file:///FOLDER, or leave it out")?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !self.blob_endpoint.is_empty() && !self.blob_endpoint.starts_with("http") {
            bail!("blob_endpoint: give http://HOST:PORT or https://HOST");
        }
        let key = |name: &str| std::env::var(name).unwrap_or_default();
        Ok(Some(store::Bucket {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: self.blob_endpoint.clone(),
            region: self.blob_region.clone(),
            access_key: key("AIOPS_BLOB_ACCESS_KEY"),
            secret_key: key("AIOPS_BLOB_SECRET_KEY"),
        }))
    }

    /// The folder of file storage, when it is no bucket.
    pub(crate) fn blob_folder(&self) -> PathBuf {
        self.blob_url.strip_prefix("file://").map_or_else(|| self.data_dir.join("files"), PathBuf::from)
    }

    /// How long what has ended is kept.
    pub(crate) fn keep(&self) -> Duration {
        match self.keep_days {
            0 => Duration::MAX,
            days => Duration::from_secs(u64::from(days) * 86_400),
        }
    }

    /// The proxies that are believed.
    ///
    /// # Errors
    /// One that is no IP address, by name.
    pub(crate) fn proxies(&self) -> anyhow::Result<Vec<IpAddr>> {
        let names = self.trusted_proxies.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|n| n.parse().with_context(|| format!("trusted_proxies: {n} is no IP address"))).collect()
    }

    /// The file of who depends on whom, if there is one.
    pub(crate) fn topology(&self) -> Option<PathBuf> {
        (!self.topology_file.is_empty()).then(|| PathBuf::from(&self.topology_file))
    }

    /// The database to use.
    pub(crate) fn database(&self) -> String {
        if self.database_url.is_empty() {
            format!("sqlite://{}?mode=rwc", self.data_dir.join("aiops.db").display())
        } else {
            self.database_url.clone()
        }
    }
}

/// An address to listen at.
///
/// # Errors
/// What to give instead.
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("give an IP address and a port, for example 127.0.0.1:3030, not {text:?}"))
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    socket_address(&text).map_err(|e| serde::de::Error::custom(format!("listen: {e}")))
}

const KEYS: [&str; 18] = [
    "data_dir",
    "database_url",
    "redis_url",
    "blob_url",
    "blob_endpoint",
    "blob_region",
    "listen",
    "lease_secs",
    "observe_secs",
    "backfill_mins",
    "keep_days",
    "grace_secs",
    "log_json",
    "hsts",
    "trusted_proxies",
    "topology_file",
    "topology_secs",
    "secret_key_file",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> anyhow::Result<Settings> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("aiops.toml");
        std::fs::write(&path, text)?;
        Settings::load(Some(&path))
    }

    #[test]
    fn defaults_serve_a_laptop() {
        let settings = file("").expect("defaults");
        assert_eq!(settings.listen.port(), 3030);
        assert!(settings.database().starts_with("sqlite://"));
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        let unknown = format!("{:#}", file("listn = '127.0.0.1:1'").expect_err("unknown key"));
        assert!(unknown.contains("unknown field `listn`"), "{unknown}");
        let listen = format!("{:#}", file("listen = 'localhost'").expect_err("no port"));
        assert!(listen.contains("listen: give an IP address and a port"), "{listen}");
        let folder = format!("{:#}", file("data_dir = ''").expect_err("no folder"));
        assert!(folder.starts_with("data_dir: give"), "{folder}");
        let database = format!("{:#}", file("database_url = 'mysql://x'").expect_err("wrong scheme"));
        assert!(database.starts_with("database_url"), "{database}");
        let shared = file("blob_url = 'file:///srv/aiops'").expect("a folder");
        assert_eq!((shared.bucket().expect("no bucket").is_none(), shared.blob_folder()), (true, "/srv/aiops".into()));
        let redis = format!("{:#}", file("redis_url = 'localhost'").expect_err("no scheme"));
        assert!(redis.starts_with("redis_url: give redis://"), "{redis}");
        let bucket = format!("{:#}", file("blob_url = 'files'").expect_err("wrong scheme"));
        assert!(bucket.starts_with("blob_url: give s3://"), "{bucket}");
        let graph = format!("{:#}", file("topology_file = '/no/such/graph.yaml'").expect_err("absent"));
        assert!(graph.starts_with("topology_file: /no/such/graph.yaml: cannot be read"), "{graph}");
        let proxy = format!("{:#}", file("trusted_proxies = '10.0.0.1, traefik'").expect_err("a name"));
        assert!(proxy.starts_with("trusted_proxies: traefik"), "{proxy}");
    }
}
