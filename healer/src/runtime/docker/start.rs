//! Starting: image, container, files, fence, start; each step may be repeated by anybody and nothing runs twice.

use super::engine::{failed, status, words};
use super::spec::{Plan, ROOT, container_name};
use super::state::{Known, Seen, seen};
use super::{DockerRuntime, pack, pull};
use crate::runtime::{Handle, Result, RuntimeError};
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, StartContainerOptions, UploadToContainerOptionsBuilder,
};
use domain::catalog::PullPolicy;
use std::collections::BTreeMap;

/// How often a start that others disturb is begun anew.
const TRIES: u32 = 5;

/// What became of making a container.
enum Made {
    /// Its id.
    Fresh(String),
    /// There is one of this name.
    Taken,
    /// The engine does not have the image.
    NoImage,
}

impl DockerRuntime {
    pub(super) async fn start_plan(&self, plan: &Plan, secrets: &BTreeMap<String, String>) -> Result<()> {
        let mut notes = plan.notes.clone();
        let mut fetched = false;
        if self.settings.pull == PullPolicy::Always && self.find(plan.handle).await?.is_none() {
            notes.extend(pull::fetch(&self.engine, &plan.image).await?);
            fetched = true;
        }
        for _ in 0..TRIES {
            match self.make(plan, &notes).await? {
                Made::Fresh(id) => {
                    if self.begin(plan, secrets, &id).await? {
                        return Ok(());
                    }
                }
                Made::Taken => {
                    if self.taken(plan).await? {
                        return Ok(());
                    }
                }
                Made::NoImage if fetched || self.settings.pull == PullPolicy::Never => {
                    return Err(RuntimeError::Refused(format!(
                        "image {} is not on the engine of {}; load it there, or let docker.pull fetch it",
                        plan.image, self.name
                    )));
                }
                Made::NoImage => {
                    notes.extend(pull::fetch(&self.engine, &plan.image).await?);
                    fetched = true;
                }
            }
        }
        let what = "others start and remove the same run at once".to_owned();
        Err(RuntimeError::Unavailable { what, source: None })
    }

    async fn make(&self, plan: &Plan, notes: &[String]) -> Result<Made> {
        let options = CreateContainerOptionsBuilder::new().name(&container_name(plan.handle)).build();
        match self.engine.create_container(Some(options), plan.body(notes)).await {
            Ok(made) => Ok(Made::Fresh(made.id)),
            Err(e) => match status(&e) {
                Some(409) => Ok(Made::Taken),
                Some(404) if words(&e).to_ascii_lowercase().contains("no such image") => Ok(Made::NoImage),
                Some(400 | 404) => {
                    Err(RuntimeError::Refused(format!("the engine refuses the container: {}", words(&e))))
                }
                _ => Err(failed("the engine does not make a container", e)),
            },
        }
    }

    /// Gives the container its files and starts it; false when somebody else removed it meanwhile. After an error it is gone.
    async fn begin(&self, plan: &Plan, secrets: &BTreeMap<String, String>, id: &str) -> Result<bool> {
        let begun = self.try_begin(plan, secrets, id).await;
        if begun.is_err() {
            // What is left in spite of that is found unstarted by the next start, or by the sweep.
            if let Err(e) = self.remove(id, false).await {
                tracing::warn!(run = %plan.handle.run_id, error = %e, "a container that was not started is left for the sweep");
            }
        }
        begun
    }

    async fn try_begin(&self, plan: &Plan, secrets: &BTreeMap<String, String>, id: &str) -> Result<bool> {
        fail::fail_point!("docker.made");
        let archive = pack::given(plan, secrets)?;
        // The own container can be seen by now, so the others may be looked at while the files go in.
        let (uploaded, others) = tokio::join!(self.upload(id, archive), self.list(Some(plan.handle.run_id)));
        match uploaded {
            Ok(()) => {}
            Err(e) if status(&e) == Some(404) => return Ok(false),
            Err(e) => return Err(failed("the engine does not take the run's files", e)),
        }
        self.fence(plan, others?).await?;
        self.entry(plan.handle, |e| e.cancelled = Some(false));
        fail::fail_point!("docker.before_start");
        match self.engine.start_container(id, None::<StartContainerOptions>).await {
            Ok(()) => Ok(true),
            Err(e) => self.not_started(plan, e).await,
        }
    }

    /// What an error of the start means.
    async fn not_started(&self, plan: &Plan, e: bollard::errors::Error) -> Result<bool> {
        let text = words(&e);
        let lower = text.to_ascii_lowercase();
        if status(&e) == Some(404) && lower.contains("no such container") {
            return Ok(false);
        }
        // The answer may be lost and the start not: what the engine says counts.
        if let Some(found) = self.find(plan.handle).await?
            && seen(&found.state, &found.marks, &Known::default()) != Seen::Created
        {
            return Ok(true);
        }
        for (word, why) in [
            ("docker-init", "the engine has no init program for containers (docker-init); install it there"),
            ("executable file not found", "interpreter not found"),
        ] {
            if lower.contains(word) {
                return Err(RuntimeError::Refused(format!("{why}: {text}")));
            }
        }
        match status(&e) {
            Some(400 | 404) => Err(RuntimeError::Refused(format!("the engine refuses the start: {text}"))),
            _ => Err(failed("the engine does not start a container", e)),
        }
    }

    pub(super) async fn upload(&self, id: &str, archive: Vec<u8>) -> Result<(), bollard::errors::Error> {
        let options = UploadToContainerOptionsBuilder::new().path(ROOT).build();
        self.engine.upload_to_container(id, Some(options), bollard::body_full(archive.into())).await
    }

    /// Whether the container of this name is a start; one that never was is taken out of the way.
    async fn taken(&self, plan: &Plan) -> Result<bool> {
        let Some(found) = self.find(plan.handle).await? else {
            let name = container_name(plan.handle);
            return match self.engine.inspect_container(&name, None).await {
                Ok(_) => Err(RuntimeError::Refused(format!("container {name} is not one of {}", self.name))),
                Err(_) => Ok(false),
            };
        };
        if seen(&found.state, &found.marks, &Known::default()) != Seen::Created {
            return Ok(true);
        }
        Ok(!self.disarm(&found.id).await?)
    }

    /// Takes an unstarted container out of the way, so that whoever made it can start nothing any more; false when it was started
    /// meanwhile, with its script or without.
    async fn disarm(&self, id: &str) -> Result<bool> {
        match self.upload(id, pack::mark("script", true)?).await {
            Ok(()) => {}
            Err(e) if status(&e) == Some(404) => return Ok(true),
            Err(e) => return Err(failed("the engine does not take the script of an unstarted container away", e)),
        }
        match self.engine.inspect_container(id, None).await {
            Ok(found) => {
                let state = found.state.and_then(|s| s.status);
                if state != Some(bollard::models::ContainerStateStatusEnum::CREATED) {
                    return Ok(false);
                }
            }
            Err(e) if status(&e) == Some(404) => return Ok(true),
            Err(e) => return Err(failed("the engine does not say where a run stands", e)),
        }
        // Started from here on it finds no script.
        self.remove(id, true).await?;
        Ok(true)
    }

    /// Looks at the other starts of this run, now that this one can be seen by them.
    async fn fence(&self, plan: &Plan, others: Vec<(Handle, ContainerSummary)>) -> Result<()> {
        for (other, summary) in others {
            if other.epoch == plan.handle.epoch {
                continue;
            }
            let n = other.epoch;
            let refused = |why: String| Err(RuntimeError::Refused(why));
            if n > plan.handle.epoch {
                return refused(format!("start {n} of this run is newer"));
            }
            let unstarted = summary.state == Some(State::CREATED);
            if unstarted && self.disarm(summary.id.as_deref().unwrap_or_default()).await? {
                continue;
            }
            if unstarted || lives(&summary) {
                return refused(format!("another start of this run, {n}, is alive"));
            }
            if plan.at_most_once {
                return refused(format!("start {n} of this run may have been executed, and it may run at most once"));
            }
        }
        Ok(())
    }
}

fn lives(summary: &ContainerSummary) -> bool {
    matches!(summary.state, Some(State::RUNNING | State::PAUSED | State::RESTARTING | State::STOPPING))
}
