//! One child process of the supervisor: start, stop for good, and never outlive the supervisor.
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

/// Time between the request to end and the kill.
const GRACE: Duration = Duration::from_secs(4);

/// A program with its arguments and environment.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Arguments of this same binary.
    pub(crate) args: Vec<String>,
    /// Environment on top of the supervisor's.
    pub(crate) env: Vec<(String, String)>,
    /// File that takes standard output and error.
    pub(crate) output: PathBuf,
}

/// A process that may or may not run at present.
#[derive(Debug, Default)]
pub(crate) struct Process {
    running: Option<Running>,
    /// The supervisor wants it up.
    pub(crate) wanted: bool,
    /// Starts so far.
    pub(crate) starts: u32,
}

#[derive(Debug)]
struct Running {
    child: Child,
    pid: u32,
    /// Held open: its end tells the child that the supervisor is gone.
    _stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the program; one that runs already is left alone.
    pub(crate) fn start(&mut self, program: &Program) -> anyhow::Result<()> {
        self.wanted = true;
        if self.running.is_some() {
            return Ok(());
        }
        let binary = std::path::Path::new("/proc/self/exe"); // right even when the file on disk is replaced
        let mut child = Command::new(binary)
            .args(&program.args)
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(output(&program.output)?)
            .stderr(output(&program.output)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", program.args.join(" ")))?;
        let pid = child.id().context("read the pid of a new process")?;
        // Taken out of the child, or waiting for the child would close it.
        let stdin = child.stdin.take();
        self.running = Some(Running { child, pid, _stdin: stdin });
        self.starts += 1;
        Ok(())
    }

    /// Asks the process to end, waits, kills it if it does not; returns when it is dead.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        self.wanted = false;
        let Some(mut running) = self.running.take() else { return Ok(()) };
        signal(running.pid, Signal::TERM);
        if tokio::time::timeout(GRACE, running.child.wait()).await.is_err() {
            running.child.kill().await.context("kill a process that did not end")?;
        }
        Ok(())
    }

    /// Kills the process at once, as a crash would, and leaves it down.
    pub(crate) async fn crash(&mut self) -> anyhow::Result<()> {
        self.wanted = false;
        let Some(mut running) = self.running.take() else { return Ok(()) };
        running.child.kill().await.context("kill a process")
    }

    /// Pid while the process runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.pid)
    }

    /// Notices an end; returns the exit status of a process that ended since the last call.
    pub(crate) fn reap(&mut self) -> Option<std::process::ExitStatus> {
        let ended = self.running.as_mut()?.child.try_wait().ok().flatten()?;
        self.running = None;
        Some(ended)
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // The child is not reaped yet, so the pid is still its own; one that is a zombie needs no signal.
    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
        crate::say::warn(&format!("a process could not be signalled: {error}"));
    }
}

fn output(path: &Path) -> anyhow::Result<Stdio> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create folder {}", folder.display()))?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    Ok(file.with_context(|| format!("open {}", path.display()))?.into())
}

/// Becomes another program that the kernel kills when the supervisor dies; returns only on failure.
pub(crate) fn exec(command: &[String]) -> anyhow::Error {
    use std::os::unix::process::CommandExt as _;
    let Some((program, args)) = command.split_first() else {
        return anyhow::anyhow!("no command was given");
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return anyhow::Error::new(error).context("ask for a signal at the supervisor's death");
    }
    let error = std::process::Command::new(program).args(args).stdin(Stdio::null()).exec();
    anyhow::Error::new(error).context(format!("run {program}"))
}
