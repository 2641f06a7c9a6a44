//! The container of a run: image, command, environment, limits and isolation, as the manager's settings allow. Pure.

use super::labels::{self, Marks};
use crate::runtime::local::files::{clean, script_text};
use crate::runtime::{Handle, Result, RuntimeError, StartRequest};
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use domain::Id;
use domain::catalog::{DockerSettings, Language};
use domain::limits::Limits;
use domain::run::RunMode;
use std::collections::{BTreeMap, HashMap};

/// Folder of the run's volume: the script, the secrets, what is kept. Only `out` can be written by the script.
pub(super) const ROOT: &str = "/aiops";
/// Folder in the volume that the script may write.
pub(super) const OUT: &str = "/aiops/out";
/// Working folder, in memory.
const WORK: &str = "/work";
/// Open files of one process.
const OPEN_FILES: i64 = 1_024;
/// Bytes of the engine's log of a run for each byte of output that is kept, so that the part that is kept from the start
/// is never rotated away, whatever the length of its lines; and the bounds of it.
const LOG_FACTOR: u64 = 40;
const LOG_BYTES: (u64, u64) = (64 << 20, 2 << 30);
/// Output kept from the end, bytes.
pub(super) const TAIL: u64 = 256 << 10;

/// What is started. It holds values of secrets, so it is never printed.
#[derive(Clone)]
pub(super) struct Plan {
    /// Run and epoch.
    pub(super) handle: Handle,
    /// The image.
    pub(super) image: String,
    /// The script's text.
    pub(super) text: String,
    /// User and group that run it.
    pub(super) ids: (u32, u32),
    /// Remarks for the log.
    pub(super) notes: Vec<String>,
    /// A start that may have run forbids another.
    pub(super) at_most_once: bool,
    marks: Marks,
    env: BTreeMap<String, String>,
    command: Vec<String>,
    limits: Limits,
    network: String,
    sizes: (u64, u64),
}

/// Name of the container: the engine refuses a second one of the same name.
pub(super) fn container_name(handle: Handle) -> String {
    format!("aiops-{}-{}", handle.run_id.simple(), handle.epoch)
}

fn refused<T>(why: impl Into<String>) -> Result<T> {
    Err(RuntimeError::Refused(why.into()))
}

/// The image that the run gets.
fn image(settings: &DockerSettings, wanted: Option<&str>, manager: &str) -> Result<String> {
    let Some(image) = wanted.map(str::trim).filter(|i| !i.is_empty()).or(settings.default_image.as_deref()) else {
        return refused(format!(
            "the case names no image and {manager} has no docker.default_image; set one of the two"
        ));
    };
    if settings.allows(image) {
        Ok(image.to_owned())
    } else {
        refused(format!(
            "image {image} is not among those that {manager} allows; add it to docker.images or change the case"
        ))
    }
}

fn network(settings: &DockerSettings, wanted: bool, manager: &str) -> Result<String> {
    match (&settings.network, wanted) {
        (_, false) => Ok("none".to_owned()),
        (Some(network), true) => Ok(network.clone()),
        (None, true) => refused(format!(
            "the case asks for the network and {manager} gives none; set docker.network, or limits.network to false"
        )),
    }
}

/// Plans the container, or says why the run can never start on this manager.
pub(super) fn plan(settings: &DockerSettings, manager: (Id, &str), request: &StartRequest) -> Result<Plan> {
    let spec = &request.spec;
    let text = script_text(spec)?;
    let image = image(settings, spec.image.as_deref(), manager.1)?;
    let network = network(settings, spec.limits.network, manager.1)?;
    let Some(ids) = settings.ids().filter(|ids| ids.0 != 0) else {
        return refused(format!("docker.user of {} is no user and group as numbers", manager.1));
    };
    let mut command = spec.interpreter.clone();
    if command.is_empty() {
        command.push(spec.language.interpreter().to_owned());
    }
    if command[0].is_empty() {
        return refused("the script's language has no interpreter of its own; name one in interpreter");
    }
    let (env, left_out) = environment(request);
    let notes = left_out.iter().map(|name| format!("the environment name {name} is reserved and was left out"));
    let marks = Marks {
        manager: manager.0,
        handle: request.handle,
        first_seq: request.first_seq,
        timeout_secs: spec.timeout_secs,
        output_bytes: spec.limits.output_bytes,
        memory_bytes: spec.limits.memory_bytes,
        interpreter: command[0].clone(),
    };
    Ok(Plan {
        handle: request.handle,
        image,
        text,
        ids,
        notes: notes.collect(),
        at_most_once: spec.mode == RunMode::AtMostOnce,
        marks,
        env,
        command,
        limits: spec.limits.clone(),
        network,
        sizes: (settings.work_bytes, settings.tmp_bytes),
    })
}

/// The environment, and names that could change how an interpreter behaves and were left out.
fn environment(request: &StartRequest) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut env, left_out) = clean(&request.spec.env);
    let (secrets, _) = clean(&request.secrets);
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    if !secrets.is_empty() {
        set("AIOPS_SECRETS", format!("{ROOT}/secrets"));
    }
    set("AIOPS_ARTIFACTS", format!("{OUT}/artifacts"));
    set("AIOPS_RESULT", format!("{OUT}/result.json"));
    set("AIOPS_RUN", format!("{}.{}", request.handle.run_id, request.handle.epoch));
    set("HOME", WORK.to_owned());
    set("TMPDIR", "/tmp".to_owned());
    set("LANG", "C.UTF-8".to_owned());
    // The engine's init hands a stop on to the whole group of the script, as a terminal would.
    set("TINI_KILL_PROCESS_GROUP", "1".to_owned());
    if request.spec.language == Language::Python {
        set("PYTHONUNBUFFERED", "1".to_owned());
        set("PYTHONDONTWRITEBYTECODE", "1".to_owned());
    }
    env.extend(secrets);
    (env, left_out)
}

impl Plan {
    /// What the engine is asked to make; `notes` are those that came up until now.
    pub(super) fn body(&self, notes: &[String]) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(self.command.clone()),
            cmd: Some(vec![format!("{ROOT}/script")]),
            env: Some(self.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(labels::write(&self.marks, notes)),
            user: Some(format!("{}:{}", self.ids.0, self.ids.1)),
            working_dir: Some(WORK.to_owned()),
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            stop_signal: Some("SIGTERM".to_owned()),
            tty: Some(false),
            open_stdin: Some(false),
            network_disabled: Some(self.network == "none"),
            host_config: Some(self.host()),
            ..ContainerCreateBody::default()
        }
    }

    fn host(&self) -> HostConfig {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let memory = signed(self.limits.memory_bytes);
        let ulimit = |name: &str, value: i64| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(value),
            hard: Some(value),
        };
        let (user, group) = self.ids;
        let (work, tmp) = self.sizes;
        let work = format!("rw,exec,nosuid,nodev,size={work},uid={user},gid={group},mode=0700");
        let tmp = format!("rw,noexec,nosuid,nodev,size={tmp},uid={user},gid={group},mode=1777");
        HostConfig {
            memory: Some(memory),
            memory_swap: Some(memory),
            nano_cpus: Some(i64::from(self.limits.cpu_millis) * 1_000_000),
            pids_limit: Some(i64::from(self.limits.pids)),
            ulimits: Some(vec![
                ulimit("core", 0),
                ulimit("fsize", signed(self.limits.file_bytes)),
                ulimit("nofile", OPEN_FILES),
            ]),
            init: Some(true),
            log_config: Some(log_config(self.limits.output_bytes)),
            network_mode: Some(self.network.clone()),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            auto_remove: Some(false),
            mounts: Some(vec![volume(&self.marks)]),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(true),
            ipc_mode: Some("private".to_owned()),
            tmpfs: Some(HashMap::from([(WORK.to_owned(), work), ("/tmp".to_owned(), tmp)])),
            ..HostConfig::default()
        }
    }
}

/// The engine's own volume of the run, removed with the container. Nothing of the host is mounted.
fn volume(marks: &Marks) -> Mount {
    Mount {
        target: Some(ROOT.to_owned()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(labels::write(marks, &[])),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// Raw bytes are kept as they are by this driver; the usual one replaces what is not UTF-8.
fn log_config(output_bytes: u64) -> HostConfigLogConfig {
    let bytes = output_bytes.saturating_mul(LOG_FACTOR).clamp(LOG_BYTES.0, LOG_BYTES.1);
    let config = [("max-size", format!("{}k", bytes >> 10)), ("max-file", "2".into()), ("compress", "false".into())];
    HostConfigLogConfig {
        typ: Some("local".to_owned()),
        config: Some(config.map(|(name, value)| (name.to_owned(), value)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::run::RunSpec;

    fn request(change: impl FnOnce(&mut StartRequest)) -> StartRequest {
        let spec =
            RunSpec { body: "echo".into(), timeout_secs: 9, image: Some("tools:1".into()), ..RunSpec::default() };
        let handle = Handle { run_id: Id::from_u128(7), epoch: 3 };
        let mut request = StartRequest { handle, spec, first_seq: 1, secrets: [].into() };
        request.spec.language = Language::Sh;
        change(&mut request);
        request
    }

    fn settings() -> DockerSettings {
        DockerSettings { images: vec!["tools:*".into()], ..DockerSettings::default() }
    }

    fn planned(settings: &DockerSettings, request: &StartRequest) -> Result<Plan> {
        plan(settings, (Id::from_u128(1), "dock"), request)
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_what_to_change() {
        let networked = |r: &mut StartRequest| r.spec.limits.network = true;
        let rows: [(StartRequest, &str); 6] = [
            (request(|r| r.spec.image = Some("evil:1".into())), "image evil:1 is not among those that dock allows"),
            (request(|r| r.spec.image = None), "the case names no image and dock has no docker.default_image"),
            (request(networked), "the case asks for the network and dock gives none; set docker.network"),
            (request(|r| r.spec.body = " \r\n".into()), "the script is empty"),
            (request(|r| r.spec.body = "\0".into()), "the script has NUL bytes"),
            (request(|r| r.spec.language = Language::Other), "the script's language has no interpreter of its own"),
        ];
        for (request, why) in rows {
            match planned(&settings(), &request) {
                Err(RuntimeError::Refused(text)) => assert!(text.starts_with(why), "{text}"),
                other => panic!("{why}: {:?}", other.err()),
            }
        }
        let usual =
            DockerSettings { default_image: Some("base:1".into()), network: Some("bridge".into()), ..settings() };
        assert_eq!(planned(&usual, &request(|r| r.spec.image = None)).expect("planned").image, "base:1");
        let plan = planned(&usual, &request(networked)).expect("planned");
        let host = plan.body(&[]).host_config.expect("host");
        assert_eq!((host.network_mode.as_deref(), plan.body(&[]).network_disabled), (Some("bridge"), Some(false)));
    }

    #[test]
    fn nothing_of_the_host_and_no_privilege_is_asked_for() {
        let request = request(|r| {
            r.spec.limits = Limits { cpu_millis: 250, memory_bytes: 64 << 20, pids: 9, ..Limits::default() };
            r.secrets.insert("TOKEN".into(), "hunter2".into());
            r.spec.env.insert("LD_PRELOAD".into(), "x".into());
        });
        let plan = planned(&settings(), &request).expect("planned");
        assert_eq!(plan.notes, ["the environment name LD_PRELOAD is reserved and was left out"]);
        let body = plan.body(&plan.notes);
        let host = body.host_config.clone().expect("host");
        assert_eq!((host.memory, host.memory_swap), (Some(64 << 20), Some(64 << 20)), "no swap");
        assert_eq!((host.nano_cpus, host.pids_limit), (Some(250_000_000), Some(9)));
        assert_eq!(
            (host.privileged, host.readonly_rootfs, host.network_mode.as_deref()),
            (Some(false), Some(true), Some("none"))
        );
        assert_eq!((host.binds, host.devices, host.cap_add, host.pid_mode), (None, None, None, None));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
        let mounts = host.mounts.expect("mounts");
        assert!(mounts.iter().all(|m| m.typ == Some(MountType::VOLUME) && m.source.is_none()), "{mounts:?}");
        assert_eq!(body.user.as_deref(), Some("65534:65534"));
        assert_eq!((body.entrypoint, body.cmd), (Some(vec!["sh".into()]), Some(vec!["/aiops/script".to_owned()])));
        let labels = format!("{:?}", body.labels);
        assert!(!labels.contains("hunter2"), "{labels}");
        assert!(body.env.expect("env").contains(&"TOKEN=hunter2".to_owned()));
    }
}
