//! Stopping: TERM to the script's process group, after the grace KILL of the container's whole process tree.

use super::engine::{failed, status, words};
use super::state::{Known, Seen, seen};
use super::{DockerRuntime, pack};
use crate::runtime::{Handle, Progress, Result};
use bollard::Docker;
use bollard::query_parameters::{ContainerArchiveInfoOptions, KillContainerOptionsBuilder, LogsOptionsBuilder};
use futures::StreamExt as _;
use std::time::{Duration, Instant};

/// Time between TERM and KILL at the run's own time limit.
const GRACE: Duration = Duration::from_secs(5);
/// How long a killed container is waited for.
const DEATH: Duration = Duration::from_secs(5);

/// Sends a signal; a container that does not run is fine.
async fn signal(engine: &Docker, id: &str, signal: &str) -> Result<()> {
    let options = KillContainerOptionsBuilder::new().signal(signal).build();
    match engine.kill_container(id, Some(options)).await {
        Ok(()) => Ok(()),
        Err(e) => match status(&e) {
            Some(404) => Ok(()),
            Some(409 | 500) if words(&e).contains("is not running") => Ok(()),
            _ => Err(failed("the engine does not stop a container", e)),
        },
    }
}

/// Kills after `grace`, again and again until the engine has taken it.
fn kill_later(engine: Docker, id: String, grace: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        for _ in 0..30 {
            match signal(&engine, &id, "SIGKILL").await {
                Ok(()) => return,
                Err(e) => tracing::warn!(container = id, error = %e, "a container is not killed yet"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

impl DockerRuntime {
    /// The run's own time limit was reached.
    pub(super) fn stop_at_limit(&self, handle: Handle, id: &str) {
        if self.entry(handle, |e| std::mem::replace(&mut e.stopping, true)) {
            return;
        }
        let (engine, id) = (self.engine.clone(), id.to_owned());
        tokio::spawn(async move {
            if let Err(e) = signal(&engine, &id, "SIGTERM").await {
                tracing::warn!(container = id, error = %e, "a container at its time limit did not get its TERM");
            }
            kill_later(engine, id, GRACE);
        });
    }

    /// Stops on request. That it was sent is written into the run's volume first, for whoever observes the end.
    pub(super) async fn stop_on_request(&self, handle: Handle, grace: Duration) -> Result<()> {
        let Some(found) = self.find(handle).await? else { return Ok(()) };
        if !matches!(seen(&found.state, &found.marks, &Known::default()), Seen::Running(_)) {
            return Ok(());
        }
        let first = !self.entry(handle, |e| std::mem::replace(&mut e.stopping, true));
        if self.peek(handle, |e| e.cancelled) != Some(true) {
            match self.upload(&found.id, pack::mark("stop", false)?).await {
                Err(e) if status(&e) != Some(404) => {
                    self.entry(handle, |e| e.stopping = !first);
                    return Err(failed("the engine does not take the mark of a stop", e));
                }
                _ => self.entry(handle, |e| e.cancelled = Some(true)),
            }
        }
        if first && let Err(e) = signal(&self.engine, &found.id, "SIGTERM").await {
            self.entry(handle, |e| e.stopping = false);
            return Err(e);
        }
        self.entry(handle, |e| e.alive = None);
        kill_later(self.engine.clone(), found.id, grace);
        Ok(())
    }

    /// Ends whatever still runs of a start.
    pub(super) async fn kill_now(&self, handle: Handle) -> Result<()> {
        let Some(found) = self.find(handle).await? else { return Ok(()) };
        let until = Instant::now() + DEATH;
        signal(&self.engine, &found.id, "SIGKILL").await?;
        self.entry(handle, |e| e.alive = None);
        while self.look(handle).await? == Progress::Running && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Whether a stop was sent to it by anybody.
    pub(super) async fn was_stopped(&self, id: &str) -> Result<bool> {
        let options = ContainerArchiveInfoOptions { path: pack::stop_path() };
        match self.engine.get_container_archive_info(id, Some(options)).await {
            Ok(_) => Ok(true),
            Err(e) if status(&e) == Some(404) => Ok(false),
            Err(e) => Err(failed("the engine does not say whether a run was stopped", e)),
        }
    }

    /// The end of what a container wrote to its standard error.
    pub(super) async fn last_words(&self, id: &str) -> Result<String> {
        let options = LogsOptionsBuilder::new().stderr(true).tail("5").build();
        let mut text = String::new();
        let mut stream = std::pin::pin!(self.engine.logs(id, Some(options)));
        while let Some(item) = stream.next().await {
            let item = item.map_err(|e| failed("the engine does not give the output of a container", e))?;
            text.push_str(&String::from_utf8_lossy(item.as_ref()));
        }
        Ok(text)
    }
}
