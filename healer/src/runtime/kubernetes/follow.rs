//! Follows the log of one start: one open answer of the cluster, resumed after the last line whenever it breaks.

use super::client::{Space, ask, plain};
use super::marks::{self, CONTAINER, Facts};
use super::shape::{Mark, Shape, Skip};
use super::stamped::{Line, Stamped};
use super::view::{View, began, view};
use crate::runtime::{Handle, LogChunk, LogOffset, Progress, Result, RuntimeError};
use domain::Time;
use domain::run::LogRecord;
use futures::{AsyncRead, AsyncReadExt as _};
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
/// Bytes between two marks that are written to the job.
const MARK_EVERY: u64 = 1 << 20;
/// Pause before an answer that broke is asked for again.
const AGAIN: Duration = Duration::from_millis(300);
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
    records: VecDeque<LogRecord>,
    bytes: usize,
    /// Marks by the position that must have been read before they are true for others too.
    marks: VecDeque<(u64, Mark)>,
    done: bool,
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
            unmarked: 0,
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
        while buffer.base < from.0
            && let Some(old) = buffer.records.pop_front()
        {
            buffer.base += 1;
            buffer.bytes -= old.text.len() + 64;
        }
        let first = buffer.base;
        let mut taken = Taken { chunk: LogChunk { records: Vec::new(), next: from }, mark: None };
        while buffer.marks.front().is_some_and(|(at, _)| *at <= from.0) {
            taken.mark = buffer.marks.pop_front().map(|(_, mark)| mark);
        }
        let mut bytes = 0;
        for record in &buffer.records {
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
    unmarked: u64,
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
                    Ok(Broke::Whole) if ended => break,
                    Ok(Broke::Cut) => continue,
                    Ok(Broke::Whole | Broke::Early) => {}
                    Err(e) => tracing::debug!(run = %self.handle.run_id, error = %e, "a pod's log is asked for again"),
                },
                Err(e) => tracing::debug!(run = %self.handle.run_id, error = %e, "a pod's log cannot be read now"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.shape.finish();
        self.hand_over().await;
        lock(&self.buffer).done = true;
        self.more.notify_waiters();
    }

    async fn source(&mut self) -> Result<Source> {
        let Some(job) = self.space.job(self.handle).await? else { return Ok(Source::Nothing) };
        let pod = self.space.pod(&job, self.handle).await?;
        let over = matches!(view(&job, pod.as_ref(), self.handle), View::Is(Progress::Ended(_) | Progress::Lost(_)));
        Ok(match pod {
            Some(pod) if began(&pod) => Source::Pod(Box::new(pod), over),
            None if over => {
                if job.status.as_ref().is_some_and(|s| s.failed.unwrap_or(0) + s.succeeded.unwrap_or(0) > 0) {
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
        let since = last.map(|a| Timestamp::from_nanosecond(i128::from(a.at)).unwrap_or_default());
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
        let mut skip = last.map(Skip::to);
        let mut cutter = Stamped::default();
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
        // Of an answer that the cluster ended early the last line may be half; it comes whole the next time.
        let rest = if ended { cutter.finish().into_iter().collect() } else { Vec::new() };
        if self.take(rest, &mut skip).await {
            return Ok(Broke::Cut);
        }
        if ended && let Some(skip) = skip {
            for line in skip.rest() {
                self.shape.take(line);
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
            self.unmarked += line.text.len() as u64 + 32;
            match skip {
                None => self.shape.take(line),
                Some(s) => {
                    if s.take(line) {
                        let rest = skip.take().map(Skip::rest).unwrap_or_default();
                        rest.into_iter().for_each(|line| self.shape.take(line));
                    }
                }
            }
        }
        self.hand_over().await;
        false
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
        let records = self.shape.records();
        if !records.is_empty() {
            let mut buffer = lock(&self.buffer);
            buffer.bytes += records.iter().map(|r| r.text.len() + 64).sum::<usize>();
            buffer.records.extend(records);
            if self.unmarked >= MARK_EVERY
                && let Some(mark) = self.shape.mark()
            {
                self.unmarked = 0;
                let at = u64::try_from(self.shape.next_seq() - self.facts.first_seq).unwrap_or(0);
                buffer.marks.push_back((at, mark));
            }
            drop(buffer);
            self.more.notify_waiters();
        }
        while lock(&self.buffer).bytes > WAITING {
            self.room.notified().await;
        }
    }
}

/// Everything that the cluster keeps of a pod's log, in pieces.
pub(super) async fn whole(space: &Space, pod: &Pod, mut piece: impl FnMut(&[u8])) -> Result<()> {
    let params = LogParams { container: Some(CONTAINER.to_owned()), timestamps: true, ..LogParams::default() };
    let name = pod.metadata.name.clone().unwrap_or_default();
    let api = space.api::<Pod>();
    let answer = match ask("read a log", api.log_stream(&name, &params)).await? {
        super::client::Said::Yes(answer) => answer,
        _ => return Ok(()),
    };
    let mut answer = std::pin::pin!(answer);
    let mut bytes = vec![0; 64 << 10];
    loop {
        match read_some(&mut answer, &mut bytes).await? {
            0 => return Ok(()),
            count => piece(&bytes[..count]),
        }
    }
}

async fn read_some(answer: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Result<usize> {
    let failed = |e: std::io::Error| RuntimeError::unavailable("the answer of the cluster broke", e);
    match tokio::time::timeout(REST, answer.read(bytes)).await {
        Ok(read) => read.map_err(failed),
        Err(_) => Err(RuntimeError::Unavailable { what: "the cluster stopped sending a log".to_owned(), source: None }),
    }
}
