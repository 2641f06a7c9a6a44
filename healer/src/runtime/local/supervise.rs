//! The supervisor: one small synchronous process a run, which starts the script, records its output and its end.

use super::cgroup::Group;
use super::child::become_script;
use super::files::{RunDir, SpecFile, cookie, sync_folder, write_whole};
use super::log::{Lines, LogWriter};
use super::ring::{BLOCK, Ring};
use super::settle::{Stop, Tree, settle};
use super::tree;
use crate::runtime::ObservedEnd;
use domain::Time;
use domain::clock::{Clock as _, SystemClock};
use domain::run::Stream;
use rustix::fs::{FlockOperation, flock};
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Signal, getpid, set_child_subreaper, setsid};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells the second start of the same program that it is to become the script.
const STAGE: &str = "AIOPS_SUPERVISE_STAGE";
/// Process id of the supervisor, for the script's process.
const OWNER: &str = "AIOPS_SUPERVISE_OWNER";
/// Bytes of the script's output pipes.
const PIPE: usize = 1 << 20;
/// Longest time between two looks at the cancel file, the time limit and ended children.
const TICK: Duration = Duration::from_millis(100);

/// Owns the run in `run_dir` until it has ended; for the hidden subcommand that the local runtime starts. Call it first
/// thing in `main`, before any other thread or runtime exists: the same program, started again by itself with the same
/// arguments, becomes the script.
#[must_use]
pub fn supervise(run_dir: &Path) -> ExitCode {
    let dir = RunDir::at(run_dir);
    if std::env::var_os(STAGE).is_some() {
        let owner = std::env::var(OWNER).ok().and_then(|p| p.parse().ok());
        return become_script(&dir, owner);
    }
    match own(&dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Standard error is a file in the run's folder; nobody can be told when that fails too.
            drop(writeln!(std::io::stderr(), "{why}"));
            ExitCode::FAILURE
        }
    }
}

/// Takes a lock, retrying shortly: whoever asks whether it is held holds it for a moment.
fn lock(path: &Path) -> Result<Option<File>, String> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|e| format!("cannot open {}: {e}", path.display()))?;
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => return Ok(None),
        }
    }
}

fn own(dir: &RunDir) -> Result<(), String> {
    let Some(_alive) = lock(&dir.lock())? else { return Ok(()) };
    if dir.started().exists() || dir.status().exists() {
        return Ok(());
    }
    // Whoever gave this start up has looked for our lock after writing that it is to stop.
    if dir.cancel().exists() {
        let end = ObservedEnd { cancelled: true, ended_at: Some(SystemClock.now()), ..ObservedEnd::default() };
        return record(dir, &end);
    }
    let bytes = std::fs::read(dir.spec()).map_err(|e| format!("cannot read the run's specification: {e}"))?;
    let spec: SpecFile =
        serde_json::from_slice(&bytes).map_err(|e| format!("the run's specification is damaged: {e}"))?;
    let run_lock = lock(&dir.run_lock(spec.handle.run_id))?;
    if let Some(why) = fenced(dir, &spec, run_lock.is_some()) {
        return record(dir, &not_run(why));
    }
    if let Err(e) = setsid().and_then(|_| set_child_subreaper(Some(getpid()))) {
        return record(dir, &not_run(format!("the supervisor cannot own the script's processes: {e}")));
    }
    let term = Arc::new(AtomicBool::new(false));
    hear_signals(&term)?;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(dir.log());
    let file = file.map_err(|e| format!("cannot write the run's log: {e}"))?;
    let limits = &spec.limits;
    let log = LogWriter::new(file, SystemClock, spec.first_seq, limits.output_bytes, limits.tail_bytes);
    mark_started(dir).map_err(|e| format!("cannot record the start: {e}"))?;
    let end = Supervisor::start(dir, &spec, log, term).map_or_else(not_run, Supervisor::run);
    record(dir, &end)
}

/// Why this start must not execute anything: another one of the same run lives, may have run, or is newer.
fn fenced(dir: &RunDir, spec: &SpecFile, alone: bool) -> Option<String> {
    if !alone {
        return Some("another start of this run is alive".to_owned());
    }
    let prefix = format!("{}.", spec.handle.run_id);
    let siblings = std::fs::read_dir(dir.path().parent()?).ok()?.filter_map(|e| {
        let name = e.ok()?.file_name();
        let epoch: i64 = name.to_str()?.strip_prefix(&prefix)?.parse().ok()?;
        (epoch != spec.handle.epoch).then_some(epoch)
    });
    for epoch in siblings {
        let other = RunDir::at(&dir.path().with_file_name(format!("{prefix}{epoch}")));
        if spec.at_most_once && other.started().exists() {
            return Some(format!("start {epoch} of this run may have been executed, and it may run at most once"));
        }
        if epoch > spec.handle.epoch {
            return Some(format!("start {epoch} of this run is newer"));
        }
    }
    None
}

fn mark_started(dir: &RunDir) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.started())?;
    file.sync_all()?;
    sync_folder(&dir.started())
}

fn not_run(why: String) -> ObservedEnd {
    ObservedEnd { start_error: Some(why), ended_at: Some(SystemClock.now()), ..ObservedEnd::default() }
}

/// Records the end; a full disk is waited for a while, as an end that is not recorded is lost.
fn record(dir: &RunDir, end: &ObservedEnd) -> Result<(), String> {
    if let Err(e) = dir.forget_secrets() {
        // The run's folder is readable by us alone, and goes as a whole when the run is over.
        tracing::debug!(error = %e, "the values of secrets stay until the run's folder is removed");
    }
    let bytes = serde_json::to_vec(end).map_err(|e| format!("cannot write the end: {e}"))?;
    let mut tries = 0;
    loop {
        match write_whole(&dir.status(), &bytes, 0o600) {
            Ok(()) => return Ok(()),
            Err(e) if tries >= 120 => return Err(format!("cannot record the end: {e}")),
            Err(_) => std::thread::sleep(Duration::from_millis(500)),
        }
        tries += 1;
    }
}

/// TERM and INT ask for a stop, HUP is ignored. The handlers belong to a thread of their own.
fn hear_signals(term: &Arc<AtomicBool>) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let (ready, armed) = sync_channel::<Result<(), String>>(1);
    let flag = Arc::clone(term);
    let listen = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(e) => return drop(ready.send(Err(e.to_string()))),
        };
        runtime.block_on(async {
            let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
            let [Ok(mut term), Ok(mut int), Ok(mut hup)] = kinds.map(signal) else {
                return drop(ready.send(Err("the handlers cannot be set".to_owned())));
            };
            drop(ready.send(Ok(())));
            loop {
                tokio::select! {
                    _ = term.recv() => flag.store(true, Ordering::SeqCst),
                    _ = int.recv() => flag.store(true, Ordering::SeqCst),
                    _ = hup.recv() => {}
                }
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map_err(|e| e.to_string())?;
    armed.recv().map_err(|e| e.to_string())?.map_err(|e| format!("cannot hear signals: {e}"))
}

/// What the readers send: lines of one output.
type Piece = (Stream, Vec<String>);

/// Reads one output to its end: as lines until the limit is reached, then from the next line on into the ring.
fn drain(mut pipe: impl Read, stream: Stream, to: &SyncSender<Piece>, full: &AtomicBool, ring: &Mutex<Ring>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; BLOCK];
    let mut between_lines = true;
    let mut in_ring = false;
    loop {
        let mut count = match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if !in_ring && full.load(Ordering::Relaxed) {
            // The line under way is still one of those before; the ring begins with a whole line.
            let begun =
                if between_lines { Some(0) } else { buffer[..count].iter().position(|b| *b == b'\n').map(|at| at + 1) };
            if let Some(from) = begun {
                let mut piece = Vec::new();
                lines.feed(&buffer[..from], &mut |line| piece.push(line));
                if !piece.is_empty() && to.send((stream, piece)).is_err() {
                    return;
                }
                buffer.copy_within(from..count, 0);
                count -= from;
                in_ring = true;
            }
        }
        if in_ring {
            let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.push(SystemClock.now(), &mut buffer, count);
            continue;
        }
        between_lines = buffer[count - 1] == b'\n';
        let mut piece = Vec::new();
        lines.feed(&buffer[..count], &mut |line| piece.push(line));
        if !piece.is_empty() && to.send((stream, piece)).is_err() {
            return;
        }
    }
    // The receiver is gone only when the drain at the end took too long; then nobody reads on.
    drop(to.send((stream, lines.finish().into_iter().collect())));
}

/// A run under way.
pub(super) struct Supervisor<'a> {
    pub(super) dir: &'a RunDir,
    pub(super) spec: &'a SpecFile,
    pub(super) log: LogWriter<SystemClock>,
    pub(super) tree: Tree,
    pub(super) stop: Option<Stop>,
    pub(super) started_at: Time,
    pieces: Receiver<Piece>,
    rings: Vec<(Stream, Arc<Mutex<Ring>>)>,
    term: Arc<AtomicBool>,
    deadline: Instant,
}

impl<'a> Supervisor<'a> {
    fn start(
        dir: &'a RunDir,
        spec: &'a SpecFile,
        mut log: LogWriter<SystemClock>,
        term: Arc<AtomicBool>,
    ) -> Result<Self, String> {
        for name in &spec.left_out {
            log.system(&format!("the environment name {name} is reserved and was left out"));
        }
        let group = Group::create(&cookie(spec.handle), &spec.run_limits);
        write_whole(&dir.cgroup(), group.text().as_bytes(), 0o600)
            .map_err(|e| format!("cannot name the control group: {e}"))?;
        let started_at = SystemClock.now();
        // The same program again; this path stays right when the file was replaced meanwhile.
        let mut child = Command::new("/proc/self/exe")
            .args(std::env::args_os().skip(1))
            .env_clear()
            .env(STAGE, "exec")
            .env(OWNER, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start a process: {e}"))?;
        let (to, pieces) = sync_channel(64);
        let outputs: [(Stream, Option<OwnedFd>); 2] = [
            (Stream::Stdout, child.stdout.take().map(Into::into)),
            (Stream::Stderr, child.stderr.take().map(Into::into)),
        ];
        let mut rings = Vec::new();
        for (stream, pipe) in outputs {
            let (to, pipe, full) = (to.clone(), pipe.ok_or("the script's output is not connected")?, log.full());
            // A larger pipe lets a script print on while its lines are written; the usual size works too.
            if let Err(e) = fcntl_setpipe_size(&pipe, PIPE) {
                tracing::debug!(error = %e, "an output pipe has the usual size");
            }
            let ring = Arc::new(Mutex::new(Ring::new(spec.limits.tail_bytes)));
            rings.push((stream, Arc::clone(&ring)));
            let reader = std::thread::Builder::new().name("output".to_owned());
            let read = move || drain(File::from(pipe), stream, &to, &full, &ring);
            reader.spawn(read).map_err(|e| format!("cannot read the output: {e}"))?;
        }
        let deadline = Instant::now() + Duration::from_secs(u64::from(spec.timeout_secs));
        let tree = Tree::new(child.id(), group);
        Ok(Self { dir, spec, log, tree, stop: None, started_at, pieces, rings, term, deadline })
    }

    fn run(mut self) -> ObservedEnd {
        while self.tree.exit.is_none() {
            self.pump(TICK);
            self.tree.reap();
            self.look();
        }
        settle(self)
    }

    /// Takes what the script printed and writes it; false when both outputs have ended.
    pub(super) fn pump(&mut self, wait: Duration) -> bool {
        match self.pieces.recv_timeout(wait) {
            Ok(piece) => {
                self.take(piece);
                let more: Vec<Piece> = self.pieces.try_iter().take(64).collect();
                more.into_iter().for_each(|p| self.take(p));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(wait.min(Duration::from_millis(20)));
                return false;
            }
        }
        // What cannot be written now (full disk) waits in a bounded buffer for the next time.
        drop(self.log.flush());
        true
    }

    fn take(&mut self, (stream, lines): Piece) {
        for line in lines {
            self.log.line(stream, line);
        }
        self.log.flush_when_large();
    }

    /// Takes the ends that the readers kept themselves.
    pub(super) fn take_rings(&mut self) {
        for (stream, ring) in &self.rings {
            let tail = ring.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.log.late(*stream, tail);
        }
    }

    /// Begins a stop when one is due, and kills when its grace is over.
    fn look(&mut self) {
        let now = Instant::now();
        let wish = std::fs::read_to_string(self.dir.cancel()).ok();
        let usual = Duration::from_millis(self.spec.limits.grace_ms);
        let wished = wish.map(|text| text.trim().parse().map_or(usual, Duration::from_millis));
        let asked = wished.or_else(|| self.term.load(Ordering::SeqCst).then_some(usual));
        match &mut self.stop {
            None => {
                if let Some(grace) = asked {
                    self.begin(Stop::cancel(now + grace), "asked to stop");
                } else if now >= self.deadline {
                    self.begin(Stop::timeout(now + usual), "the time limit was reached");
                }
            }
            Some(stop) => stop.hurry(asked.map(|grace| now + grace)),
        }
        if self.stop.as_ref().is_some_and(|s| now >= s.kill_at) {
            self.tree.kill();
        }
    }

    fn begin(&mut self, stop: Stop, why: &str) {
        self.log.system(why);
        tree::signal_all(&self.tree.living(), Signal::TERM);
        self.stop = Some(stop);
    }
}
