//! The folder of a local run: what is in it and how it is read (see the module above).

use crate::runtime::{Handle, ObservedEnd, Progress, Result, RuntimeError, StartRequest};
use domain::Id;
use domain::catalog::Language;
use domain::limits::Limits;
use domain::run::{RunMode, RunSpec};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Usual search path; also the supervisor's own.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variable by which every process of a run can be recognised.
pub(super) const COOKIE: &str = "AIOPS_RUN";

/// Value of [`COOKIE`].
pub(super) fn cookie(handle: Handle) -> String {
    format!("{}.{}", handle.run_id, handle.epoch)
}

/// Limits of one local run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalLimits {
    /// Bytes of output that are kept from the start; beyond it the last [`LocalLimits::tail_bytes`] are kept.
    pub output_bytes: u64,
    /// Bytes of output kept from the end, when the limit was reached.
    pub tail_bytes: u64,
    /// Largest file a script may write, bytes.
    pub file_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Processes of the user the scripts run as, when set; counts all of that user, and root is exempt.
    pub processes: Option<u64>,
    /// Address space of one process, bytes, when set.
    pub address_bytes: Option<u64>,
    /// CPU time of one process, seconds, when set; else the run's time limit.
    pub cpu_secs: Option<u64>,
    /// Time between TERM and KILL at the run's own time limit, milliseconds.
    pub grace_ms: u64,
    /// Search path of scripts and of their interpreters.
    pub path: String,
}

impl Default for LocalLimits {
    fn default() -> Self {
        Self {
            output_bytes: 8 << 20,
            tail_bytes: 256 << 10,
            file_bytes: 1 << 30,
            open_files: 1_024,
            processes: None,
            address_bytes: None,
            cpu_secs: None,
            grace_ms: 5_000,
            path: PATH.to_owned(),
        }
    }
}

impl LocalLimits {
    /// These limits, lowered to those of the run; head and tail of the output together stay within its limit.
    fn within(&self, run: &Limits) -> Self {
        let output_bytes =
            self.output_bytes.min(run.output_bytes.saturating_sub(self.tail_bytes).max(run.output_bytes / 2));
        let tail_bytes = self.tail_bytes.min(run.output_bytes / 2);
        Self { output_bytes, tail_bytes, file_bytes: self.file_bytes.min(run.file_bytes), ..self.clone() }
    }
}

/// What the supervisor reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SpecFile {
    pub handle: Handle,
    pub language: Language,
    pub env: BTreeMap<String, String>,
    pub timeout_secs: u32,
    pub at_most_once: bool,
    pub first_seq: i64,
    pub left_out: Vec<String>,
    pub limits: LocalLimits,
    #[serde(default)]
    pub interpreter: Vec<String>,
    #[serde(default)]
    pub run_limits: Limits,
    /// Variables whose values are files in the folder of secrets.
    #[serde(default)]
    pub secrets: Vec<String>,
}

fn failed(what: &str, path: &Path, e: std::io::Error) -> RuntimeError {
    RuntimeError::unavailable(format!("cannot {what} {}", path.display()), e)
}

/// The body as it is written: no byte order mark, and for shells no carriage returns at line ends.
pub(in crate::runtime) fn script_text(spec: &RunSpec) -> Result<String> {
    let body = spec.body.strip_prefix('\u{feff}').unwrap_or(&spec.body);
    if body.trim().is_empty() {
        return Err(RuntimeError::Refused("the script is empty".to_owned()));
    }
    if body.contains('\0') {
        return Err(RuntimeError::Refused("the script has NUL bytes; remove them".to_owned()));
    }
    Ok(match spec.language {
        Language::Sh | Language::Bash => body.replace("\r\n", "\n"),
        Language::Python | Language::Node | Language::Other => body.to_owned(),
    })
}

/// The folder that holds all run folders.
#[derive(Debug, Clone)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        for dir in [path.clone(), path.join("locks")] {
            DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| failed("make", &dir, e))?;
        }
        let path = path.canonicalize().map_err(|e| failed("open", &path, e))?;
        let root = Self(path);
        root.writable()?;
        Ok(root)
    }

    pub(super) fn writable(&self) -> Result<()> {
        let probe = self.0.join(format!(".probe.{}", std::process::id()));
        fs::write(&probe, b"x").and_then(|()| fs::remove_file(&probe)).map_err(|e| failed("write below", &self.0, e))
    }

    /// Stable name of this place: made once, kept beside the runs.
    pub(super) fn node(&self) -> Result<String> {
        let path = self.0.join("node");
        let fresh = format!("{}-{}", super::platform::host_name(), &domain::new_id().simple().to_string()[20..]);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => file
                .write_all(fresh.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|e| failed("write", &path, e))?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed("make", &path, e)),
        }
        let name = fs::read_to_string(&path).map_err(|e| failed("read", &path, e))?;
        Ok(if name.trim().is_empty() { fresh } else { name.trim().to_owned() })
    }

    pub(super) fn run(&self, handle: Handle) -> RunDir {
        RunDir(self.0.join(cookie(handle)))
    }

    pub(super) fn all(&self) -> Result<Vec<Handle>> {
        let entries = fs::read_dir(&self.0).map_err(|e| failed("list", &self.0, e))?;
        let mut all: Vec<Handle> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                let (id, epoch) = name.to_str()?.rsplit_once('.')?;
                Some(Handle { run_id: id.parse().ok()?, epoch: epoch.parse().ok()? })
            })
            .collect();
        all.sort_unstable();
        Ok(all)
    }

    pub(super) fn epochs(&self, run_id: Id) -> Result<Vec<i64>> {
        Ok(self.all()?.into_iter().filter(|h| h.run_id == run_id).map(|h| h.epoch).collect())
    }
}

/// The folder of one start of a run.
#[derive(Debug, Clone)]
pub(super) struct RunDir(PathBuf);

impl RunDir {
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log.jsonl")
    }
    pub(super) fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }
    pub(super) fn script(&self) -> PathBuf {
        self.0.join("script")
    }
    pub(super) fn work(&self) -> PathBuf {
        self.0.join("work")
    }
    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }
    pub(super) fn started(&self) -> PathBuf {
        self.0.join("started")
    }
    pub(super) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }
    pub(super) fn cancel(&self) -> PathBuf {
        self.0.join("cancel")
    }
    pub(super) fn exec_error(&self) -> PathBuf {
        self.0.join("exec_error")
    }
    /// Folder whose files are kept.
    pub(super) fn artifacts(&self) -> PathBuf {
        self.0.join("artifacts")
    }
    /// File whose JSON is the run's result.
    pub(super) fn result(&self) -> PathBuf {
        self.0.join("result.json")
    }
    /// Folder with the values of secrets, one file a variable; there while the script runs.
    pub(super) fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }
    /// Removes the values of secrets; they are not needed any more.
    pub(super) fn forget_secrets(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(self.secrets()) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
    /// Names the control groups of the run.
    pub(super) fn cgroup(&self) -> PathBuf {
        self.0.join("cgroup")
    }
    /// The control groups of the run.
    pub(super) fn group(&self) -> super::cgroup::Group {
        super::cgroup::Group::parse(&fs::read_to_string(self.cgroup()).unwrap_or_default())
    }
    /// The lock over all epochs of the run.
    pub(super) fn run_lock(&self, run_id: Id) -> PathBuf {
        self.0.with_file_name("locks").join(run_id.to_string())
    }

    /// Makes the folder; one that is there already is the same start.
    pub(super) fn create(&self) -> Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(failed("make", &self.0, e)),
            _ => Ok(()),
        }
    }

    /// Writes everything the supervisor needs.
    pub(super) fn prepare(&self, request: &StartRequest, text: &str, limits: &LocalLimits) -> Result<()> {
        for dir in [self.work(), self.artifacts(), self.secrets()] {
            DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| failed("make", &dir, e))?;
        }
        let script = self.script();
        write_whole(&script, text.as_bytes(), 0o700).map_err(|e| failed("write", &script, e))?;
        let (env, left_out) = clean(&request.spec.env);
        let secrets = self.keep_secrets(&request.secrets)?;
        let spec = SpecFile {
            handle: request.handle,
            language: request.spec.language,
            env,
            timeout_secs: request.spec.timeout_secs,
            at_most_once: request.spec.mode == RunMode::AtMostOnce,
            first_seq: request.first_seq,
            left_out,
            limits: limits.within(&request.spec.limits),
            interpreter: request.spec.interpreter.clone(),
            run_limits: request.spec.limits.clone(),
            secrets,
        };
        let bytes = serde_json::to_vec(&spec)
            .map_err(|e| RuntimeError::unavailable("cannot write the run's specification", e))?;
        let path = self.spec();
        write_whole(&path, &bytes, 0o600).map_err(|e| failed("write", &path, e))
    }

    /// Writes the secrets as files, and gives their names; those that could change an interpreter are left out.
    fn keep_secrets(&self, secrets: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let (secrets, _) = clean(secrets);
        for (name, value) in &secrets {
            let path = self.secrets().join(name);
            write_whole(&path, value.as_bytes(), 0o600).map_err(|e| failed("write", &path, e))?;
        }
        Ok(secrets.into_keys().collect())
    }

    pub(super) fn supervisor_output(&self) -> Result<File> {
        let path = self.0.join("supervisor.err");
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|e| failed("write", &path, e))
    }

    /// Whether a supervisor lives. A folder without lock file has none.
    pub(super) fn held(&self) -> bool {
        File::open(self.lock()).is_ok_and(|f| flock(&f, FlockOperation::NonBlockingLockShared).is_err())
    }

    /// Where it stands. The lock is looked at before the status: a supervisor writes the status first and lets go last.
    pub(super) fn progress(&self) -> Result<Progress> {
        if !self.0.is_dir() {
            return Ok(Progress::Unknown);
        }
        let held = self.held();
        match fs::read(self.status()) {
            Ok(bytes) => {
                return Ok(match serde_json::from_slice::<ObservedEnd>(&bytes) {
                    Ok(end) => Progress::Ended(end),
                    Err(e) => Progress::Lost(format!("the record of its end is damaged: {e}")),
                });
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(failed("read", &self.status(), e)),
        }
        Ok(if held {
            Progress::Running
        } else if self.started().exists() {
            Progress::Lost("its supervisor died before it could record how the script ended".to_owned())
        } else {
            Progress::NotStarted
        })
    }

    /// Waits until the supervisor has begun: the script may have run, or its end is recorded.
    pub(super) fn wait_begun(&self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if self.started().exists() || self.status().exists() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(RuntimeError::Unavailable { what: "the supervisor did not begin in time".to_owned(), source: None })
    }

    pub(super) fn request_cancel(&self, grace: Duration) -> Result<()> {
        if !self.0.is_dir() {
            return Ok(());
        }
        let path = self.cancel();
        write_whole(&path, grace.as_millis().to_string().as_bytes(), 0o600).map_err(|e| failed("write", &path, e))
    }

    /// Removes the folder of a run that does not live any more.
    pub(super) fn remove(&self) -> Result<()> {
        if self.held() {
            return Err(RuntimeError::Unavailable { what: "the run still lives".to_owned(), source: None });
        }
        self.group().remove();
        match fs::remove_dir_all(&self.0) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("remove", &self.0, e)),
            _ => Ok(()),
        }
    }
}

/// The environment without names that could change how an interpreter behaves, and those names.
pub(in crate::runtime) fn clean(env: &BTreeMap<String, String>) -> (BTreeMap<String, String>, Vec<String>) {
    let hijack = |name: &str, value: &str| {
        crate::plan::reserved(name) || name.is_empty() || name.contains(['=', '\0', '/']) || value.contains('\0')
    };
    let (bad, good): (Vec<_>, Vec<_>) = env.iter().partition(|(k, v)| hijack(k, v));
    let good = good.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    (good, bad.into_iter().map(|(k, _)| k.replace('\0', "\u{2400}")).collect())
}

/// Writes a file whole or not at all, and makes it durable.
pub(super) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let unique = format!("{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_file_name(format!(".{name}.{unique}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Makes the entry of `path` in its folder durable.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
