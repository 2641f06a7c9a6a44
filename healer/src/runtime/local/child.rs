//! The script's own process just before it becomes the interpreter: session, limits, environment, exec.

use super::files::{COOKIE, RunDir, SpecFile, cookie};
use domain::catalog::Language;
use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit, setsid};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Becomes the interpreter; returns only when that failed, after writing why to `exec_error`.
pub(super) fn become_script(dir: &RunDir, supervisor: Option<i32>) -> ExitCode {
    let why = match try_exec(dir, supervisor) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    // Nobody is left to tell when even this fails; the exit code alone then says that nothing was run.
    match super::files::write_whole(&dir.exec_error(), why.as_bytes(), 0o600) {
        Ok(()) => ExitCode::from(127),
        Err(_) => ExitCode::from(126),
    }
}

fn try_exec(dir: &RunDir, supervisor: Option<i32>) -> Result<std::convert::Infallible, String> {
    let bytes = std::fs::read(dir.spec()).map_err(|e| format!("cannot read the run's specification: {e}"))?;
    let spec: SpecFile =
        serde_json::from_slice(&bytes).map_err(|e| format!("the run's specification is damaged: {e}"))?;
    let own = spec.interpreter.first().map(String::as_str);
    let interpreter = find(own.unwrap_or(spec.language.interpreter()), &spec.limits.path)?;
    setsid().map_err(|e| format!("cannot open a session of its own: {e}"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| format!("cannot be tied to the supervisor: {e}"))?;
    if getppid().map(|p| p.as_raw_nonzero().get()) != supervisor {
        return Err("the supervisor died before the script was executed".to_owned());
    }
    let group = dir.group();
    group.join().map_err(|e| format!("cannot enter the run's control group: {e}"))?;
    limit(&spec, group.limits_memory()).map_err(|e| format!("cannot set the run's limits: {e}"))?;
    close_fds::set_fds_cloexec(3, &[]);
    let mut command = command(dir, &spec, &interpreter);
    for name in &spec.secrets {
        let value = std::fs::read_to_string(dir.secrets().join(name));
        command.env(name, value.map_err(|e| format!("cannot read the secret {name}: {e}"))?);
    }
    let error = command.exec();
    Err(format!("cannot execute {}: {error}", interpreter.display()))
}

fn find(program: &str, path: &str) -> Result<PathBuf, String> {
    if program.starts_with('/') {
        let there = PathBuf::from(program);
        return there.is_file().then_some(there).ok_or_else(|| format!("interpreter not found: {program}"));
    }
    let found = path.split(':').filter(|d| !d.is_empty()).map(|d| PathBuf::from(d).join(program)).find(|p| p.is_file());
    found.ok_or_else(|| format!("interpreter not found: {program} (looked in {path}); install it on this host"))
}

fn command(dir: &RunDir, spec: &SpecFile, interpreter: &PathBuf) -> Command {
    let mut command = Command::new(interpreter);
    command.args(spec.interpreter.iter().skip(1)).arg(dir.script()).env_clear().envs(&spec.env);
    command.env("PATH", &spec.limits.path).env("HOME", dir.work()).env("TMPDIR", dir.work()).env("LANG", "C.UTF-8");
    command.env("AIOPS_ARTIFACTS", dir.artifacts()).env("AIOPS_RESULT", dir.result());
    command.env("AIOPS_SECRETS", dir.secrets());
    command.env(COOKIE, cookie(spec.handle));
    if spec.language == Language::Python {
        command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    }
    command.current_dir(dir.work());
    command
}

fn limit(spec: &SpecFile, memory_is_limited: bool) -> rustix::io::Result<()> {
    let l = &spec.limits;
    let cpu = l.cpu_secs.unwrap_or_else(|| u64::from(spec.timeout_secs) * 8 + 60);
    let pairs = [
        (Resource::Core, Some(0)),
        (Resource::Cpu, Some(cpu)),
        (Resource::Fsize, Some(l.file_bytes)),
        (Resource::Nofile, Some(l.open_files)),
        (Resource::Nproc, l.processes),
        (Resource::As, l.address_bytes),
        (Resource::Data, (!memory_is_limited).then_some(spec.run_limits.memory_bytes)),
    ];
    for (resource, value) in pairs.into_iter().filter_map(|(r, v)| Some((r, v?))) {
        let hard = rustix::process::getrlimit(resource).maximum;
        let value = hard.map_or(value, |h| value.min(h));
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
