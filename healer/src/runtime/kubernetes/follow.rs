//! Follows the log of one start: one open answer of the cluster, resumed after the last line whenever it breaks.

use super::client::{Space, plain};
use super::marks::{self, CONTAINER, Facts};
use super::shape::{Anchor, Mark, Shape, Skip};
use super::stamped::{Line, Stamped};
use super::view::{View, began, view};
use crate::runtime::{Handle, LogChunk, LogOffset, Progress, Result, RuntimeError};
use domain::Time;
use domain::run::LogRecord;
use futures::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Bytes that one reading returns at most.
const CHUNK: usize = 1 << 20;
/// Bytes that wait for whoever reads; then the cluster waits.
const WAITING: usize = 4 << 20;
/// Bytes between two marks that are written to the job; shorter logs need none.
const MARK_EVERY: u64 = 1 << 20;
/// Time after which what was read since is marked, too.
const MARK_AFTER: Duration = Duration::from_secs(3);
/// Pause before an answer that broke is asked for again.
const AGAIN: Duration = Duration::from_millis(300);
/// How long the log of an ended pod has to stay as it is, when its end does not say that it is one.
const STILL: Duration = Duration::from_secs(2);
/// How long the rest of a log may take to come after the end.
const REST: Duration = Duration::from_secs(30);
/// Without a byte for so long an answer is asked for again, as its connection may be gone.
const SILENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
struct Buffer {
    /// Position of the first record that is kept.
    base: u64,
    /// Position of the first record that can be had at all.
    begin: u64,
    /// Each with the mark that is true when it is stored.
    records: VecDeque<(LogRecord, Option<Mark>)>,
    bytes: usize,
    /// The mark of what was read and is surely stored.
    stored: Option<Mark>,
    /// Bytes that were read, and how many of them the last written mark has.
    read: u64,
    written: u64,
    written_at: Option<Instant>,
    done: bool,
}

impl Buffer {
    /// Forgets what is before `from`.
    fn forget(&mut self, from: u64) {
        while self.base < from
            && let Some((old, mark)) = self.records.pop_front()
        {
            self.base += 1;
            self.bytes -= size(&old);
            self.read += old.text.len() as u64;
            self.stored = mark.or(self.stored.take());
        }
    }

    /// The mark to write now: of long logs alone, whose beginning the node may drop.
    fn due(&mut self) -> Option<Mark> {
        let fresh = self.read - self.written;
        let waited = self.written_at.is_none_or(|at| at.elapsed() > MARK_AFTER);
        if self.read < MARK_EVERY || fresh == 0 || !(waited || fresh >= MARK_EVERY) {
            return None;
        }
        (self.written, self.written_at) = (self.read, Some(Instant::now()));
        self.stored.clone()
    }
}

/// What a record takes while it waits, bytes.
fn size(record: &LogRecord) -> usize {
    record.text.len() + 64
}

/// The log of one start, as far as it was read.
#[derive(Debug)]
pub(super) struct Tail {
    buffer: Arc<Mutex<Buffer>>,
    more: Arc<Notify>,
    room: Arc<Notify>,
    task: JoinHandle<()>,
    used: Mutex<Instant>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was handed over, and what is now stored by whoever reads.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub chunk: LogChunk,
    pub mark: Option<Mark>,
}

impl Tail {
    /// Begins to follow, from the first line or, when the cluster dropped that, from the mark.
    pub(super) fn follow(space: Space, handle: Handle, facts: Facts, mark: Option<Mark>, now: Time) -> Self {
        let (buffer, more, room) = (Arc::<Mutex<Buffer>>::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shape = Shape::new(marks::line_mark(handle), &facts, now);
        let follower = Follower {
            space,
            handle,
            facts,
            mark,
            now,
            shape,
            made: Vec::new(),
            half: None,
            still: None,
            buffer: Arc::clone(&buffer),
            more: Arc::clone(&more),
            room: Arc::clone(&room),
        };
        let task = tokio::spawn(follower.run());
        Self { buffer, more, room, task, used: Mutex::new(Instant::now()) }
    }

    /// Whether it can answer for this position.
    pub(super) fn serves(&self, from: LogOffset) -> bool {
        let buffer = lock(&self.buffer);
        buffer.base <= from.0 || buffer.base == buffer.begin
    }

    /// Whether nobody read it for that long.
    pub(super) fn idle(&self, limit: Duration) -> bool {
        lock(&self.used).elapsed() > limit
    }

    /// Records from a position on; waits for the rest when the run has ended.
    pub(super) async fn take(&self, from: LogOffset, ended: bool) -> Result<Taken> {
        *lock(&self.used) = Instant::now();
        let until = tokio::time::Instant::now() + REST;
        loop {
            let mut news = std::pin::pin!(self.more.notified());
            news.as_mut().enable();
            let (taken, done) = self.now(from);
            if !taken.chunk.records.is_empty() || done || !ended {
                return Ok(taken);
            }
            if tokio::time::timeout_at(until, news).await.is_err() {
                let what = format!("the end of a pod's log did not come within {} s", REST.as_secs());
                return Err(RuntimeError::Unavailable { what, source: None });
            }
        }
    }

    fn now(&self, from: LogOffset) -> (Taken, bool) {
        let mut buffer = lock(&self.buffer);
        buffer.forget(from.0);
        let first = buffer.base;
        let mark = buffer.due();
        let mut taken = Taken { chunk: LogChunk { records: Vec::new(), next: from }, mark };
        let mut bytes = 0;
        for (record, _) in &buffer.records {
            bytes += record.text.len();
            taken.chunk.records.push(record.clone());
            if bytes >= CHUNK {
                break;
            }
        }
        if !taken.chunk.records.is_empty() {
            taken.chunk.next.0 = first + taken.chunk.records.len() as u64;
        }
        self.room.notify_one();
        (taken, buffer.done)
    }
}

/// How reading an answer ended.
enum Broke {
    /// Everything that the cluster keeps was read.
    Whole,
    /// The connection broke, or the cluster ended it early.
    Early,
    /// The first lines are gone: it is read again after the mark.
    Cut,
}

/// Where the pod stands for its log.
enum Source {
    /// There is no log, and there will be none.
    Nothing,
    /// The script does not run yet.
    NotYet,
    /// Its log can be read; whether it has ended.
    Pod(Box<Pod>, bool),
}

struct Follower {
    space: Space,
    handle: Handle,
    facts: Facts,
    mark: Option<Mark>,
    now: Time,
    shape: Shape,
    made: Vec<(LogRecord, Option<Mark>)>,
    /// What the last answer ended with: a line that was not ended.
    half: Option<Line>,
    /// Where the log of an ended pod ended, and since when it has not grown.
    still: Option<(Option<Anchor>, Instant)>,
    buffer: Arc<Mutex<Buffer>>,
    more: Arc<Notify>,
    room: Arc<Notify>,
}

impl Follower {
    async fn run(mut self) {
        self.hand_over().await;
        loop {
            match self.source().await {
                Ok(Source::Nothing) => break,
                Ok(Source::NotYet) => {}
                Ok(Source::Pod(pod, ended)) => match self.read(&pod, ended).await {
                    Ok(Broke::Whole) if ended && self.settled() => break,
                    Ok(Broke::Cut) => continue,
                    Ok(Broke::Whole | Broke::Early) => {}
                    Err(e) => tracing::debug!(run = %self.handle.run_id, error = %e, "a pod's log is asked for again"),
                },
                Err(e) => tracing::debug!(run = %self.handle.run_id, error = %e, "a pod's log cannot be read now"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        if let Some(half) = self.half.take() {
            self.shaped(half);
        }
        self.shape.finish();
        self.hand_over().await;
        lock(&self.buffer).done = true;
        self.more.notify_waiters();
    }

    /// Whether an ended pod's log is all there: the node writes it after the end, too. Without last words, when it has not grown.
    fn settled(&mut self) -> bool {
        let last = self.shape.last();
        let since = self.still.filter(|(at, _)| *at == last).map_or_else(Instant::now, |(_, since)| since);
        self.still = Some((last, since));
        self.shape.whole() || since.elapsed() > STILL
    }

    async fn source(&mut self) -> Result<Source> {
        let Some(job) = self.space.job(self.handle).await? else { return Ok(Source::Nothing) };
        let pod = self.space.pod(&job, self.handle).await?;
        let (over, ran) = match view(&job, pod.as_ref(), self.handle) {
            View::Is(Progress::Ended(end)) => (true, end.exit_code.is_some() || end.timed_out),
            View::Is(Progress::Lost(_)) => (true, true),
            _ => (false, false),
        };
        Ok(match pod {
            Some(pod) if began(&pod) => Source::Pod(Box::new(pod), over),
            None if over => {
                if ran {
                    self.shape.system("what was not read of the output is gone with its pod");
                }
                Source::Nothing
            }
            _ if over => Source::Nothing,
            _ => Source::NotYet,
        })
    }

    /// Reads an answer to its end.
    async fn read(&mut self, pod: &Pod, ended: bool) -> Result<Broke> {
        let last = self.shape.last();
        let since = last.map(since);
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow: !ended,
            timestamps: true,
            since_time: since,
            ..LogParams::default()
        };
        let name = pod.metadata.name.clone().unwrap_or_default();
        let api = self.space.api::<Pod>();
        let opened = tokio::time::timeout(Duration::from_secs(10), api.log_stream(&name, &params)).await;
        let mut answer = match opened {
            Ok(answer) => std::pin::pin!(answer.map_err(|e| plain("read a log", e))?),
            Err(_) => return Ok(Broke::Early),
        };
        self.half = None;
        let (mut skip, mut cutter) = (last.map(Skip::to), Stamped::default());
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = match tokio::time::timeout(SILENCE, answer.read(&mut bytes)).await {
                Ok(Ok(0)) => break,
                Ok(Ok(count)) => count,
                Ok(Err(_)) | Err(_) => return Ok(Broke::Early),
            };
            let mut lines = Vec::new();
            cutter.feed(&bytes[..count], &mut |line| lines.push(line));
            if self.take(lines, &mut skip).await {
                return Ok(Broke::Cut);
            }
        }
        // The last line may be half; it comes whole the next time, if there is one.
        self.half = cutter.finish();
        if ended && let Some(skip) = skip {
            for line in skip.rest() {
                self.shaped(line);
            }
        }
        self.hand_over().await;
        Ok(Broke::Whole)
    }

    /// Takes lines; true when the first of all is not what it should be, and a mark says where to go on.
    async fn take(&mut self, lines: Vec<Line>, skip: &mut Option<Skip>) -> bool {
        for line in lines {
            if self.shape.last().is_none()
                && !line.text.starts_with(&marks::line_mark(self.handle))
                && let Some(mark) = self.mark.take()
            {
                self.go_on_after(&mark);
                return true;
            }
            match skip {
                None => self.shaped(line),
                Some(s) => {
                    if s.take(line) {
                        let rest = skip.take().map(Skip::rest).unwrap_or_default();
                        rest.into_iter().for_each(|line| self.shaped(line));
                    }
                }
            }
        }
        self.hand_over().await;
        false
    }

    /// Takes one line; the records that it makes carry the mark that is true after it.
    fn shaped(&mut self, line: Line) {
        self.shape.take(line);
        let records = self.shape.records();
        let (last, mark) = (records.len().saturating_sub(1), self.shape.mark());
        let marked = |(i, record)| (record, mark.clone().filter(|_| i == last));
        self.made.extend(records.into_iter().enumerate().map(marked));
    }

    /// What is before the mark was read by somebody, and is not kept any more.
    fn go_on_after(&mut self, mark: &Mark) {
        self.shape = Shape::after(marks::line_mark(self.handle), &self.facts, self.now, mark);
        let mut buffer = lock(&self.buffer);
        let base = u64::try_from(mark.next_seq - self.facts.first_seq).unwrap_or(0);
        let base = buffer.base.max(base);
        *buffer = Buffer { base, begin: base, ..Buffer::default() };
    }

    /// Gives what was made to whoever reads; waits while much of it waits already.
    async fn hand_over(&mut self) {
        self.made.extend(self.shape.records().into_iter().map(|record| (record, None)));
        if !self.made.is_empty() {
            let mut buffer = lock(&self.buffer);
            buffer.bytes += self.made.iter().map(|(record, _)| size(record)).sum::<usize>();
            buffer.records.extend(self.made.drain(..));
            drop(buffer);
            self.more.notify_waiters();
        }
        while lock(&self.buffer).bytes > WAITING {
            self.room.notified().await;
        }
    }
}

/// From when on a log is asked for so that the line of the anchor is in the answer. The interface knows whole seconds and the client
/// rounds to the nearest, so a time within a second would leave out lines that were not read yet.
fn since(anchor: Anchor) -> Timestamp {
    Timestamp::from_second(anchor.at.div_euclid(1_000_000_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_asked_for_from_the_whole_second_before_its_last_line() {
        for at in [0, 1, 499_999_999, 500_000_000, 999_999_999, 1_764_000_000_700_000_000] {
            let params = LogParams { since_time: Some(since(Anchor { at, nth: 0 })), ..LogParams::default() };
            let asked = kube::core::Request::new("/pods").logs("p", &params).expect("a request").uri().to_string();
            let expected = Timestamp::from_second(at / 1_000_000_000).expect("a time").to_string().replace(':', "%3A");
            assert!(asked.ends_with(&format!("sinceTime={expected}")), "{at}: {asked}");
        }
    }
}
