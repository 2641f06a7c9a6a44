//! The processes of the testbed: three services and the Redis behind them, and what an operator can do to them.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::layout::Layout;
use super::process::{Process, Program};
use crate::service::{ServiceName, ServiceState};
use crate::settings::{Flags, GOOD_VERSION, Release, write_json};

/// Longest time a service may take to answer after its start.
const READY: Duration = Duration::from_secs(20);

/// Addresses of the real services the shop uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backends {
    /// PostgreSQL; `None` means a SQLite file for each service.
    pub(crate) database_url: Option<String>,
    /// A shared Redis behind a private proxy; `None` means a private redis-server.
    pub(crate) redis_url: Option<url::Url>,
    /// Elasticsearch for the logs.
    pub(crate) elasticsearch_url: Option<url::Url>,
}

/// Which release runs, which ran before, and which was rolled back.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Deployment {
    /// Version that runs.
    pub(crate) current: String,
    /// Version that ran before it.
    pub(crate) previous: Option<String>,
    /// Version that a rollback took away.
    pub(crate) rolled_back: Option<String>,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { current: GOOD_VERSION.to_owned(), previous: None, rolled_back: None }
    }
}

impl Deployment {
    /// After rolling out a version.
    pub(crate) fn deploy(&self, version: &str) -> Self {
        Self { current: version.to_owned(), previous: Some(self.current.clone()), rolled_back: None }
    }

    /// After going back to the version before; `None` when there is none.
    pub(crate) fn roll_back(&self) -> Option<Self> {
        let previous = self.previous.clone()?;
        Some(Self { current: previous, previous: None, rolled_back: Some(self.current.clone()) })
    }

    /// After undoing a rollback; `None` when nothing was rolled back.
    pub(crate) fn roll_forward(&self) -> Option<Self> {
        Some(self.deploy(self.rolled_back.as_deref()?))
    }
}

/// All processes, each behind its own lock, so that two operators never touch one at the same time.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Folders.
    pub(crate) layout: Layout,
    backends: Backends,
    token: String,
    ports: BTreeMap<&'static str, u16>,
    processes: BTreeMap<&'static str, tokio::sync::Mutex<Process>>,
    deployments: Mutex<BTreeMap<&'static str, Deployment>>,
    http: reqwest::Client,
}

/// Name of the dependency.
pub(crate) const REDIS: &str = "redis";

impl Fleet {
    /// Assigns ports; starts nothing yet. Flags and releases of an earlier life are removed.
    pub(crate) fn new(layout: Layout, backends: Backends, token: String) -> anyhow::Result<Self> {
        let names: Vec<&'static str> = ServiceName::ALL.iter().map(|name| name.as_str()).chain([REDIS]).collect();
        let ports = names.iter().copied().zip(super::layout::free_ports(names.len())?).collect();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
        let fleet = Self {
            processes: names.iter().map(|name| (*name, tokio::sync::Mutex::default())).collect(),
            deployments: Mutex::default(),
            layout,
            backends,
            token,
            ports,
            http,
        };
        for name in ServiceName::ALL {
            let name = name.as_str();
            write_json(&fleet.layout.flags(name), &Flags::default())?;
            write_json(&fleet.layout.release(name, GOOD_VERSION), &Release::good())?;
            let spool = fleet.layout.service(name).join("data").join("spool");
            if spool.exists() {
                std::fs::remove_dir_all(&spool).context("empty the spool of an earlier life")?;
            }
        }
        Ok(fleet)
    }

    /// Turns a name from outside into one of ours.
    pub(crate) fn known(&self, name: &str) -> Option<&'static str> {
        self.processes.keys().copied().find(|known| *known == name)
    }

    /// Base address of a service.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.port(name))
    }

    /// Port of a process.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports.get(name).copied().unwrap_or_default()
    }

    /// Starts everything, dependencies first, and waits until each answers.
    pub(crate) async fn start_all(&self) -> anyhow::Result<()> {
        self.start_dependency().await?;
        for name in ServiceName::ALL {
            self.start(name.as_str()).await?;
        }
        Ok(())
    }

    /// Stops everything; returns when all are dead.
    pub(crate) async fn stop_all(&self) -> anyhow::Result<()> {
        for name in ServiceName::ALL.iter().rev() {
            self.process(name.as_str())?.lock().await.stop().await?;
        }
        self.process(REDIS)?.lock().await.stop().await
    }

    /// Starts one service and waits until it answers.
    pub(crate) async fn start(&self, name: &'static str) -> anyhow::Result<()> {
        let mut process = self.process(name)?.lock().await;
        process.start(&self.program(name)?)?;
        self.wait_ready(name, &mut process).await
    }

    /// Restarts one service: a new process with what is deployed now.
    pub(crate) async fn restart(&self, name: &'static str) -> anyhow::Result<()> {
        let mut process = self.process(name)?.lock().await;
        process.stop().await?;
        process.start(&self.program(name)?)?;
        self.wait_ready(name, &mut process).await
    }

    /// Starts Redis (or the way to it) when it is down, restarts it when it is up.
    pub(crate) async fn start_dependency(&self) -> anyhow::Result<()> {
        let mut process = self.process(REDIS)?.lock().await;
        process.stop().await?;
        process.start(&self.dependency_program()?)?;
        let deadline = tokio::time::Instant::now() + READY;
        let address = ("127.0.0.1", self.port(REDIS));
        while tokio::time::Instant::now() < deadline {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = process.reap() {
                let output = self.layout.output(REDIS);
                bail!("redis ended at once ({status}); see {}", output.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("redis did not listen within {} s", READY.as_secs())
    }

    /// Kills Redis (or the way to it) as a crash would; it stays down.
    pub(crate) async fn crash_dependency(&self) -> anyhow::Result<()> {
        self.process(REDIS)?.lock().await.crash().await
    }

    /// What is deployed of a service.
    pub(crate) fn deployment(&self, name: &'static str) -> Deployment {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.get(name).cloned().unwrap_or_default()
    }

    /// Makes a deployment the current one and restarts the service with it.
    pub(crate) async fn switch(&self, name: &'static str, to: Deployment) -> anyhow::Result<()> {
        self.deployments.lock().unwrap_or_else(PoisonError::into_inner).insert(name, to);
        self.restart(name).await
    }

    /// Forgets what a rollback took away, so that an undo of a rollback that changed nothing changes nothing either.
    pub(crate) fn forget_rollback(&self, name: &'static str) {
        let mut deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.entry(name).or_default().rolled_back = None;
    }

    /// Restarts services that died. Redis has no such policy: it stays down until somebody acts.
    pub(crate) async fn revive(&self) {
        for name in ServiceName::ALL {
            let name = name.as_str();
            let Some(lock) = self.processes.get(name) else { continue };
            // A process whose lock is taken is being started or stopped by an operator.
            let Ok(mut process) = lock.try_lock() else { continue };
            let Some(status) = process.reap() else {
                if process.wanted && process.pid().is_none() {
                    self.try_start(name, &mut process);
                }
                continue;
            };
            crate::say::warn(&format!("{name} ended ({status}); starting it again"));
            self.try_start(name, &mut process);
        }
        if let Some(Ok(mut redis)) = self.processes.get(REDIS).map(|lock| lock.try_lock())
            && let Some(status) = redis.reap()
        {
            crate::say::warn(&format!("redis ended ({status}); it stays down until it is restarted"));
        }
    }

    fn try_start(&self, name: &'static str, process: &mut Process) {
        let started = self.program(name).and_then(|program| process.start(&program));
        if let Err(error) = started {
            crate::say::warn(&format!("{name} could not be started: {error:#}"));
        }
    }

    /// Pid and number of starts; `None` while somebody works on the process.
    pub(crate) fn vital(&self, name: &str) -> Option<(Option<u32>, u32)> {
        let process = self.processes.get(name)?.try_lock().ok()?;
        Some((process.pid(), process.starts))
    }

    /// What a service says of itself; `None` when it does not answer.
    pub(crate) async fn state(&self, name: &str) -> Option<ServiceState> {
        let request = self.http.get(format!("{}/admin/state", self.url(name))).bearer_auth(&self.token);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// Switches a fault inside a service; the error carries the service's own words.
    pub(crate) async fn switch_fault(
        &self,
        name: &str,
        fault: &str,
        body: &crate::service::Switch,
    ) -> anyhow::Result<()> {
        let url = format!("{}/admin/faults/{fault}", self.url(name));
        let answer = self.http.post(url).bearer_auth(&self.token).json(body).send().await;
        let answer = answer.with_context(|| format!("reach {name}"))?;
        if answer.status().is_success() {
            return Ok(());
        }
        bail!("{name} refused: {} {}", answer.status(), answer.text().await.unwrap_or_default())
    }

    fn process(&self, name: &str) -> anyhow::Result<&tokio::sync::Mutex<Process>> {
        self.processes.get(name).with_context(|| format!("no process is named {name:?}"))
    }

    async fn wait_ready(&self, name: &str, process: &mut Process) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + READY;
        let url = format!("{}/healthz", self.url(name));
        while tokio::time::Instant::now() < deadline {
            if self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = process.reap() {
                bail!("{name} ended at once ({status}); see {}", self.layout.output(name).display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{name} did not answer within {} s; see {}", READY.as_secs(), self.layout.output(name).display())
    }

    fn program(&self, name: &'static str) -> anyhow::Result<Program> {
        let folder = self.layout.service(name);
        let version = self.deployment(name).current;
        let release = self.layout.release(name, &version);
        let mut args: Vec<String> = vec!["service".into(), name.into(), "--watch-stdin".into()];
        let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
        option("port", self.port(name).to_string());
        option("dir", folder.display().to_string());
        option("release", release.display().to_string());
        option("key-prefix", self.layout.key_prefix());
        option("checkout-url", self.url("checkout"));
        option("catalog-url", self.url("catalog"));
        if let Some(url) = &self.backends.elasticsearch_url {
            option("elasticsearch-url", url.to_string());
        }
        // What holds a password or token goes by the environment, so that it is in no process list.
        let mut env = vec![("TESTBED_TOKEN".to_owned(), self.token.clone())];
        env.push(("TESTBED_REDIS_URL".to_owned(), self.redis_url()?));
        if let Some(url) = &self.backends.database_url {
            env.push(("TESTBED_DATABASE_URL".to_owned(), url.clone()));
        }
        Ok(Program { args, env, output: self.layout.output(name) })
    }

    /// The address the catalog uses: always the private port, with the shared server's user and database.
    fn redis_url(&self) -> anyhow::Result<String> {
        let mut url = self.backends.redis_url.clone().unwrap_or(url::Url::parse("redis://127.0.0.1/0")?);
        url.set_host(Some("127.0.0.1")).context("read the redis url")?;
        if url.set_port(Some(self.port(REDIS))).is_err() {
            bail!("--redis-url: {url} cannot have a port");
        }
        Ok(url.to_string())
    }

    fn dependency_program(&self) -> anyhow::Result<Program> {
        let port = self.port(REDIS).to_string();
        let args = if let Some(url) = &self.backends.redis_url {
            let host = url.host_str().context("--redis-url has no host")?;
            let upstream = format!("{host}:{}", url.port().unwrap_or(6379));
            vec!["proxy".into(), "--port".into(), port, "--upstream".into(), upstream]
        } else {
            let folder = self.layout.redis();
            std::fs::create_dir_all(&folder).context("create the folder of redis")?;
            let folder = folder.display().to_string();
            let words = [
                "exec",
                "--",
                "redis-server",
                "--bind",
                "127.0.0.1",
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                &folder,
            ];
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        Ok(Program { args, env: Vec::new(), output: self.layout.output(REDIS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_goes_back_once_and_can_be_undone() {
        let good = Deployment::default();
        assert_eq!(good.roll_back(), None);
        let bad = good.deploy("1.5.0");
        let back = bad.roll_back().unwrap();
        assert_eq!(back.current, GOOD_VERSION);
        assert_eq!(back.roll_back(), None, "a second rollback must not go back to the bad release");
        assert_eq!(back.roll_forward().unwrap().current, "1.5.0");
        assert_eq!(back.roll_forward().unwrap().roll_back().unwrap().current, GOOD_VERSION);
    }
}
