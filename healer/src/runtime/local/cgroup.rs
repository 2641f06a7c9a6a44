//! Control groups of a run: memory, CPU and processes are limited there, and every process of the run is found there.
//!
//! Version 2 where its controllers can be used, else version 1, else none: then memory is bounded by a resource limit and the
//! tree is found by its descent alone. Files: <https://docs.kernel.org/admin-guide/cgroup-v2.html>, cgroup-v1/memory.rst.

use domain::limits::Limits;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

const ROOT: &str = "/sys/fs/cgroup";
/// Length of a CPU period, microseconds.
const PERIOD: u64 = 100_000;
/// Controllers of version 1 that are used, each a tree of its own.
const V1: [&str; 3] = ["memory", "pids", "cpu"];

/// Which control groups this host lets us use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    V2,
    V1,
    None,
}

/// The groups of one run; none where the host allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group(Vec<PathBuf>);

/// Folder of our own group in the tree of one controller of version 1.
fn own_v1(controller: &str) -> PathBuf {
    let root = Path::new(ROOT).join(controller);
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = text.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        names.split(',').any(|n| n == controller).then(|| root.join(path.trim_start_matches('/')))
    });
    // Within a container the path is that of the host and not to be found here.
    own.filter(|p| p.is_dir()).unwrap_or(root)
}

fn parents(kind: Kind) -> Vec<PathBuf> {
    match kind {
        Kind::V2 => vec![Path::new(ROOT).join("aiops")],
        Kind::V1 => V1.map(|c| own_v1(c).join("aiops")).to_vec(),
        Kind::None => Vec::new(),
    }
}

/// Lets groups below our own version 2 group have their controllers.
fn delegate() -> bool {
    let parent = Path::new(ROOT).join("aiops");
    let made = fs::create_dir_all(&parent).is_ok();
    let all = "+memory +pids +cpu";
    made && [Path::new(ROOT), &parent].iter().all(|dir| fs::write(dir.join("cgroup.subtree_control"), all).is_ok())
}

/// What can be used here, found out once by making a group and removing it.
pub(super) fn kind() -> Kind {
    static FOUND: OnceLock<Kind> = OnceLock::new();
    *FOUND.get_or_init(find)
}

fn find() -> Kind {
    let probe = format!("probe.{}", std::process::id());
    for kind in [Kind::V2, Kind::V1] {
        let unified = Path::new(ROOT).join("cgroup.controllers").exists();
        if (kind == Kind::V2) != unified || (unified && !delegate()) {
            continue;
        }
        let group = Group(parents(kind).into_iter().map(|p| p.join(&probe)).collect());
        let works = group.make(&Limits::default()).is_ok();
        group.remove();
        if works {
            return kind;
        }
    }
    Kind::None
}

impl Group {
    /// Makes the groups of a run and sets its limits; none when the host allows none.
    pub(super) fn create(name: &str, limits: &Limits) -> Self {
        let group = Self(parents(kind()).into_iter().map(|p| p.join(name)).collect());
        if group.make(limits).is_ok() {
            return group;
        }
        group.remove();
        Self::default()
    }

    /// The groups that a text of [`Group::text`] names.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter(|l| l.starts_with(ROOT)).map(PathBuf::from).collect())
    }

    /// One path a line.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|p| format!("{}\n", p.display())).collect()
    }

    fn make(&self, limits: &Limits) -> std::io::Result<()> {
        let quota = (u64::from(limits.cpu_millis) * PERIOD / 1_000).max(1_000);
        let memory = limits.memory_bytes.to_string();
        let settings = [
            ("memory.max", memory.clone(), true),
            ("memory.swap.max", "0".to_owned(), false),
            ("memory.limit_in_bytes", memory.clone(), true),
            ("memory.memsw.limit_in_bytes", memory, false),
            ("pids.max", limits.pids.to_string(), true),
            ("cpu.max", format!("{quota} {PERIOD}"), true),
            ("cpu.cfs_period_us", PERIOD.to_string(), true),
            ("cpu.cfs_quota_us", quota.to_string(), true),
        ];
        for dir in &self.0 {
            fs::create_dir_all(dir)?;
            let mut limited = false;
            for (file, value, needed) in &settings {
                let path = dir.join(file);
                if path.exists() {
                    match fs::write(&path, value) {
                        Err(e) if *needed => return Err(e),
                        _ => limited = true,
                    }
                }
            }
            if !limited {
                return Err(std::io::Error::other(format!("{} limits nothing", dir.display())));
            }
        }
        Ok(())
    }

    /// Puts the calling process into the groups.
    pub(super) fn join(&self) -> std::io::Result<()> {
        self.0.iter().try_for_each(|dir| fs::write(dir.join("cgroup.procs"), std::process::id().to_string()))
    }

    /// Whether memory is limited.
    pub(super) fn limits_memory(&self) -> bool {
        !self.0.is_empty()
    }

    /// Processes in the groups.
    pub(super) fn processes(&self) -> Vec<i32> {
        let text = self.0.iter().map(|dir| fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default());
        text.flat_map(|t| t.lines().filter_map(|l| l.parse().ok()).collect::<Vec<_>>()).collect()
    }

    /// A number that stands behind a word in the first of these files that there is.
    fn count(&self, files: &[&str], word: &str) -> u64 {
        let texts = self.0.iter().flat_map(|dir| files.iter().filter_map(|f| fs::read_to_string(dir.join(f)).ok()));
        let numbers = texts.filter_map(|t| {
            let line = t.lines().find_map(|l| l.strip_prefix(word).map(str::trim).map(str::to_owned));
            line?.parse::<u64>().ok()
        });
        numbers.max().unwrap_or(0)
    }

    /// Which limit was hit, for people.
    pub(super) fn cause(&self, limits: &Limits) -> Option<String> {
        if self.count(&["memory.events", "memory.oom_control"], "oom_kill ") > 0 {
            let mib = limits.memory_bytes >> 20;
            return Some(format!("out of memory: the kernel ended a process of it at the limit of {mib} MiB"));
        }
        let full = self.count(&["pids.events"], "max ") > 0;
        full.then(|| format!("the limit of {} processes was reached", limits.pids))
    }

    /// Removes the groups; the kernel needs a moment after the last process.
    pub(super) fn remove(&self) {
        for dir in &self.0 {
            for _ in 0..50 {
                match fs::remove_dir(dir) {
                    Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// How far limits and stops reach here, for people.
pub(super) fn describe() -> &'static str {
    match kind() {
        Kind::V2 => {
            "control groups v2 (memory, CPU, processes), own session, child subreaper with a scan of all descendants, \
             resource limits; the network is the host's"
        }
        Kind::V1 => {
            "control groups v1 (memory, CPU, processes), own session, child subreaper with a scan of all descendants, \
             resource limits; the network is the host's"
        }
        Kind::None => {
            "no control groups: own session, child subreaper with a scan of all descendants, resource limits (memory of each \
             process alone; CPU share and processes are not limited); the network is the host's"
        }
    }
}
