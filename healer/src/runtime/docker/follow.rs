//! Follows a container's output into a file of its own without a name; whoever reads again from the beginning gets the same.
//!
//! The engine keeps the output as entries with a time. After a cut connection the reading resumes at the second before the
//! last entry, and as many entries are skipped as had come since then: nothing is lost and nothing doubled. The end of the
//! stream is not the end of the run: when the container has ended, what the engine kept is read to its end once more.

use super::engine::status;
use super::labels::Marks;
use super::spec::TAIL;
use crate::runtime::local::log::{Lines, LogWriter, read};
use crate::runtime::{LogChunk, LogOffset, Result, RuntimeError};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use chrono::{DateTime, Utc};
use domain::Time;
use domain::clock::Clock;
use domain::run::Stream;
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Entries that are taken at once before they are written.
const BATCH: usize = 1_024;
/// How long a stream of an ended container may be silent before it is read again without following.
const DRAIN: Duration = Duration::from_secs(2);
/// How long the engine may give nothing of the rest of an ended container's output.
const REST: Duration = Duration::from_secs(30);
/// Pauses between two tries to reach the engine.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How far the following is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No stream is open now.
    Apart,
    /// The stream is open: the container lives as far as is known.
    Open,
    /// Everything is in the file.
    Done,
}

/// The time of the entry that is written; the log of a run has the engine's times.
#[derive(Debug, Clone, Default)]
struct EntryClock(Arc<AtomicI64>);

impl Clock for EntryClock {
    fn now(&self) -> Time {
        domain::clock::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Where to resume: seconds of the engine and the entries that came in each of the last ones.
#[derive(Debug, Default)]
struct Resume {
    recent: BTreeMap<i64, u64>,
    all: u64,
    /// Times went back: only reading from the beginning is sure.
    stepped: bool,
}

impl Resume {
    fn came(&mut self, second: i64) {
        let last = self.recent.keys().next_back().copied();
        self.stepped |= last.is_some_and(|last| second < last - 1);
        self.all += 1;
        *self.recent.entry(second).or_default() += 1;
        while self.recent.len() > 4 {
            self.recent.pop_first();
        }
    }

    /// From which second on to ask, and how many entries to skip then.
    fn at(&self) -> (i32, u64) {
        let last = self.recent.keys().next_back().copied().unwrap_or(0);
        let since = i32::try_from(last - 1).unwrap_or(0);
        if self.stepped || since <= 0 {
            return (0, self.all);
        }
        (since, self.recent.range(last - 1..).map(|(_, n)| n).sum())
    }
}

/// Follows one container.
#[derive(Debug)]
pub(super) struct Follower {
    spool: File,
    stage: watch::Receiver<Stage>,
    over: watch::Sender<bool>,
    /// Entries that came until now.
    came: Arc<AtomicI64>,
    task: AbortHandle,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn spool_failed(e: std::io::Error) -> RuntimeError {
    RuntimeError::unavailable("cannot keep a run's output on its way", e)
}

/// A file that has no name any more, so that it ends with this process.
pub(super) fn unnamed() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("aiops-{}", domain::new_id().simple()));
    let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A path by which an open file can be opened once more.
pub(super) fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

impl Follower {
    /// Begins at the beginning. `notes` are remarks that stand before the output; `over`: it has ended already.
    pub(super) fn start(
        engine: Docker,
        id: String,
        marks: &Marks,
        notes: &[String],
        begun: Option<DateTime<Utc>>,
        over: bool,
    ) -> Result<Self> {
        let spool = unnamed().map_err(spool_failed)?;
        let clock = EntryClock::default();
        clock.0.store(begun.map_or(0, |at| at.timestamp_millis()), Ordering::Relaxed);
        let tail = TAIL.min(marks.output_bytes / 2);
        let head = marks.output_bytes - tail;
        let file = spool.try_clone().map_err(spool_failed)?;
        let mut log = LogWriter::new(file, clock.clone(), marks.first_seq, head, tail);
        for note in notes {
            log.system(note);
        }
        let (stage, seen) = watch::channel(Stage::Apart);
        let (over, ended) = watch::channel(over);
        let came = Arc::new(AtomicI64::new(0));
        let work = Work {
            engine,
            id,
            log,
            clock,
            outputs: Default::default(),
            came: Arc::clone(&came),
            resume: Resume::default(),
            stage,
            ended,
        };
        let task = tokio::spawn(work.run()).abort_handle();
        Ok(Self { spool, stage: seen, over, came, task })
    }

    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// The container has ended: the stream ends soon.
    pub(super) fn ended(&self) {
        self.over.send_replace(true);
    }

    /// Whether it was said that the container has ended.
    pub(super) fn known_over(&self) -> bool {
        *self.over.borrow()
    }

    /// What comes after `from` once the container has ended: nothing only when there is nothing more.
    pub(super) async fn rest(&self, from: LogOffset) -> Result<LogChunk> {
        let mut stage = self.stage.clone();
        let (mut came, mut since) = (0, Instant::now());
        loop {
            let done = self.stage() == Stage::Done;
            let chunk = self.read(from)?;
            if done || !chunk.records.is_empty() {
                return Ok(chunk);
            }
            let now = self.came.load(Ordering::Relaxed);
            if now != came {
                (came, since) = (now, Instant::now());
            }
            if since.elapsed() > REST {
                let what = "the engine did not give the rest of the output yet".to_owned();
                return Err(RuntimeError::Unavailable { what, source: None });
            }
            drop(tokio::time::timeout(Duration::from_millis(100), stage.wait_for(|s| *s == Stage::Done)).await);
        }
    }

    /// Whole lines from `from` on.
    pub(super) fn read(&self, from: LogOffset) -> Result<LogChunk> {
        read(&path_of(&self.spool), from)
    }
}

/// Why a reading of the stream ended.
enum Cut {
    /// The engine closed it.
    Closed,
    /// The connection failed, or the engine.
    Failed,
    /// The container does not exist any more.
    Gone,
    /// It is silent although the container has ended.
    Silent,
}

/// One output, cut into lines. A piece of a long line has no line end, and the engine may give the last of them none either; all
/// have the time of the first.
#[derive(Debug, Default)]
struct Output {
    lines: Lines,
    /// Time of the line that has no end yet.
    open: Option<i64>,
}

impl Output {
    fn feed(&mut self, nanos: i64, bytes: &[u8], emit: &mut impl FnMut(String)) {
        if self.open.is_some_and(|open| open != nanos) {
            self.lines.feed(b"\n", emit);
        }
        self.lines.feed(bytes, emit);
        self.open = (bytes.last() != Some(&b'\n')).then_some(nanos);
    }
}

struct Work {
    engine: Docker,
    id: String,
    log: LogWriter<EntryClock>,
    clock: EntryClock,
    outputs: [Output; 2],
    resume: Resume,
    came: Arc<AtomicI64>,
    stage: watch::Sender<Stage>,
    ended: watch::Receiver<bool>,
}

impl Work {
    async fn run(mut self) {
        let mut pause = PAUSE.0;
        loop {
            let over = *self.ended.borrow();
            let before = self.resume.all;
            let cut = self.read(!over).await;
            self.stage.send_replace(Stage::Apart);
            match cut {
                Cut::Gone => break,
                Cut::Closed if over => break,
                Cut::Closed | Cut::Silent | Cut::Failed => {}
            }
            pause = if self.resume.all > before { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
            if over {
                tokio::time::sleep(pause).await;
            } else {
                // Whoever asks where the run stands tells when it has ended.
                drop(tokio::time::timeout(pause, self.ended.wait_for(|ended| *ended)).await);
            }
        }
        self.finish();
        self.stage.send_replace(Stage::Done);
    }

    /// Reads from where the last reading ended.
    async fn read(&mut self, follow: bool) -> Cut {
        let (since, mut skip) = self.resume.at();
        let options = LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(true).since(since);
        let engine = self.engine.clone();
        let mut stream = std::pin::pin!(engine.logs(&self.id, Some(options.build())).ready_chunks(BATCH));
        self.stage.send_replace(if follow { Stage::Open } else { Stage::Apart });
        let mut ended = self.ended.clone();
        loop {
            let batch = tokio::select! {
                batch = stream.next() => batch,
                () = silence(&mut ended), if follow => return Cut::Silent,
            };
            let Some(batch) = batch else { return Cut::Closed };
            for item in batch {
                match item {
                    Ok(_) if skip > 0 => skip -= 1,
                    Ok(entry) => self.take(&entry),
                    Err(e) if status(&e) == Some(404) => return Cut::Gone,
                    Err(e) => {
                        tracing::debug!(container = self.id, error = %e, "the log stream of a container was cut");
                        drop(self.log.flush());
                        return Cut::Failed;
                    }
                }
            }
            // What cannot be written now (full disk) waits in a bounded buffer for the next time.
            drop(self.log.flush());
        }
    }

    fn take(&mut self, entry: &LogOutput) {
        let (stream, at) = match entry {
            LogOutput::StdErr { .. } => (Stream::Stderr, 1),
            _ => (Stream::Stdout, 0),
        };
        let (time, bytes) = entry_time(entry.as_ref());
        let millis = time.map_or_else(|| self.clock.0.load(Ordering::Relaxed), |t| t.timestamp_millis());
        self.resume.came(millis.div_euclid(1_000));
        self.clock.0.store(millis, Ordering::Relaxed);
        let nanos = time.and_then(|t| t.timestamp_nanos_opt()).unwrap_or(millis);
        let log = &mut self.log;
        self.outputs[at].feed(nanos, bytes, &mut |line| log.line(stream, line));
        self.came.fetch_add(1, Ordering::Relaxed);
        self.log.flush_when_large();
    }

    fn finish(&mut self) {
        for (at, stream) in [Stream::Stdout, Stream::Stderr].into_iter().enumerate() {
            if let Some(line) = self.outputs[at].lines.finish() {
                self.log.line(stream, line);
            }
        }
        if let Err(e) = self.log.end() {
            tracing::warn!(container = self.id, error = %e, "the end of an output could not be kept");
        }
    }
}

/// Some time after the container has ended.
async fn silence(ended: &mut watch::Receiver<bool>) {
    if ended.wait_for(|ended| *ended).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN).await;
}

/// The time that stands before an entry, and the entry.
fn entry_time(bytes: &[u8]) -> (Option<DateTime<Utc>>, &[u8]) {
    let Some(at) = bytes.iter().take(64).position(|b| *b == b' ') else { return (None, bytes) };
    let time = std::str::from_utf8(&bytes[..at]).ok().and_then(|t| DateTime::parse_from_rfc3339(t).ok());
    match time {
        Some(time) => (Some(time.to_utc()), &bytes[at + 1..]),
        None => (None, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_taken_off() {
        let (time, rest) = entry_time(b"2026-01-02T03:04:05.123456789Z a b");
        assert_eq!((time.expect("a time").timestamp_millis(), rest), (1_767_323_045_123, &b"a b"[..]));
        assert_eq!(entry_time(b"no time"), (None, &b"no time"[..]));
        assert_eq!(entry_time(b""), (None, &b""[..]));
    }

    #[test]
    fn pieces_of_a_line_are_one_line_with_or_without_an_end() {
        let mut output = Output::default();
        let mut lines = Vec::new();
        for (nanos, bytes) in
            [(1, "a"), (1, "b"), (2, "next\n"), (3, "c"), (3, "d\n"), (3, "e\n"), (4, "x"), (5, "f\n")]
        {
            output.feed(nanos, bytes.as_bytes(), &mut |line| lines.push(line));
        }
        assert_eq!(lines, ["ab", "next", "cd", "e", "x", "f"]);
    }

    proptest! {
        /// Entries may come a second late (two outputs, one clock); resuming after any of them gives exactly those that follow.
        #[test]
        fn resuming_loses_and_doubles_nothing(
            steps in prop::collection::vec((0_i64..4, 0_i64..2), 1..60), cut in 0_usize..60,
        ) {
            let mut newest = 1_000;
            let times: Vec<i64> = steps.iter().map(|(step, late)| { newest += step; newest - late }).collect();
            let cut = cut.min(times.len());
            let mut resume = Resume::default();
            times[..cut].iter().for_each(|t| resume.came(*t));
            let (since, skip) = resume.at();
            let kept = times.iter().enumerate().filter(|(_, t)| **t >= i64::from(since));
            let after: Vec<usize> = kept.skip(usize::try_from(skip).expect("small")).map(|(at, _)| at).collect();
            prop_assert_eq!(after, (cut..times.len()).collect::<Vec<_>>());
        }
    }
}
