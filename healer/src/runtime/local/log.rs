//! The log of a local run: cutting bytes into lines, writing them with a visible cap, reading them from an offset.

use super::ring::Tail;
use crate::runtime::{LogChunk, LogOffset, Result, RuntimeError};
use domain::clock::Clock;
use domain::run::{LogRecord, Stream};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a line that are kept.
pub(crate) const MAX_LINE: usize = 64 * 1024;
/// Bytes that may wait while the file cannot be written; beyond it lines count as over the limit.
const MAX_WAITING: usize = 4 << 20;
/// Bytes that one reading returns at most.
const MAX_READ: u64 = 1 << 20;
/// Starts the mark at the end of a line that was cut.
pub(crate) const CUT_MARK: &str = " \u{2026}[cut: the line has ";

/// Cuts a stream of bytes into lines. Bytes beyond [`MAX_LINE`] are counted, not kept.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Lines {
    kept: Vec<u8>,
    length: u64,
}

impl Lines {
    /// Takes bytes; gives each completed line to `emit`.
    pub(in crate::runtime) fn feed(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(String)) {
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            self.keep(&bytes[..at]);
            emit(self.take());
            bytes = &bytes[at + 1..];
        }
        self.keep(bytes);
    }

    /// The unfinished last line, when there is one.
    pub(in crate::runtime) fn finish(&mut self) -> Option<String> {
        (self.length > 0).then(|| self.take())
    }

    /// The line that comes had so many bytes before, which are not kept.
    pub(in crate::runtime) fn was_longer_by(&mut self, bytes: u64) {
        self.length += bytes;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }

    fn take(&mut self) -> String {
        let cut = self.length > self.kept.len() as u64;
        if cut {
            // Do not leave half a character before the mark.
            let half = self.kept.utf8_chunks().last().map_or(0, |c| c.invalid().len());
            if half < 4 {
                self.kept.truncate(self.kept.len() - half);
            }
        } else if self.kept.last() == Some(&b'\r') {
            self.kept.pop();
        }
        let mut text = String::from_utf8_lossy(&self.kept).replace('\0', "\u{2400}");
        if cut {
            text.push_str(CUT_MARK);
            text.push_str(&format!("{} bytes]", self.length));
        }
        self.kept.clear();
        self.length = 0;
        text
    }
}

/// Appends records to the log file: the head up to a limit, then a mark, and at the end the last lines.
#[derive(Debug)]
pub(in crate::runtime) struct LogWriter<C> {
    file: File,
    clock: C,
    next_seq: i64,
    room: u64,
    tail: VecDeque<(Stream, String, domain::Time)>,
    tail_bytes: u64,
    tail_limit: u64,
    dropped: (u64, u64),
    full: Arc<AtomicBool>,
    late: Vec<(domain::Time, Stream, String)>,
    buffer: Vec<u8>,
}

impl<C: Clock> LogWriter<C> {
    pub(in crate::runtime) fn new(file: File, clock: C, first_seq: i64, head: u64, tail: u64) -> Self {
        Self {
            file,
            clock,
            next_seq: first_seq,
            room: head,
            tail: VecDeque::new(),
            tail_bytes: 0,
            tail_limit: tail,
            dropped: (0, 0),
            full: Arc::default(),
            late: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Takes one line of the script's output.
    pub(in crate::runtime) fn line(&mut self, stream: Stream, text: String) {
        let at = self.clock.now();
        let size = text.len() as u64 + 1;
        if !self.is_full() && size <= self.room && self.waiting() < MAX_WAITING {
            self.room -= size;
            self.push(at, stream, text);
            return;
        }
        self.hold(stream, text, at);
    }

    /// Whether only the end of what follows is kept; the readers look at it too.
    pub(in crate::runtime) fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn mark_full(&mut self) {
        if !self.full.swap(true, Ordering::Relaxed) {
            self.system("output limit reached; of what follows only the end is kept");
        }
    }

    /// Takes the end of an output whose reader kept it itself.
    pub(in crate::runtime) fn late(&mut self, stream: Stream, tail: Tail) {
        self.dropped = (self.dropped.0 + tail.dropped.0, self.dropped.1 + tail.dropped.1);
        self.late.extend(tail.lines.into_iter().map(|(at, text)| (at, stream, text)));
    }

    /// Keeps a line for the end, and drops the oldest ones.
    fn hold(&mut self, stream: Stream, text: String, at: domain::Time) {
        self.mark_full();
        self.tail_bytes += text.len() as u64 + 1;
        self.tail.push_back((stream, text, at));
        while self.tail_bytes > self.tail_limit
            && let Some((_, old, _)) = self.tail.pop_front()
        {
            let size = old.len() as u64 + 1;
            self.tail_bytes -= size;
            self.dropped = (self.dropped.0 + 1, self.dropped.1 + size);
        }
    }

    /// A remark of the product; never capped.
    pub(in crate::runtime) fn system(&mut self, text: &str) {
        let at = self.clock.now();
        self.push(at, Stream::System, text.to_owned());
    }

    /// Writes what was held back: how much was dropped, and the last lines.
    pub(in crate::runtime) fn end(&mut self) -> std::io::Result<()> {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|line| line.0);
        for (at, stream, text) in late {
            self.hold(stream, text, at);
        }
        if self.dropped != (0, 0) {
            let (lines, bytes) = std::mem::take(&mut self.dropped);
            self.system(&format!("{lines} lines with {bytes} bytes were left out here"));
        }
        for (stream, text, at) in std::mem::take(&mut self.tail) {
            self.push(at, stream, text);
        }
        self.flush()?;
        self.file.sync_all()
    }

    fn push(&mut self, at: domain::Time, stream: Stream, text: String) {
        let record = LogRecord { seq: self.next_seq, at, stream, text };
        if serde_json::to_writer(&mut self.buffer, &record).is_ok() {
            self.buffer.push(b'\n');
            self.next_seq += 1;
        }
    }

    /// Hands buffered lines to the file in one write; on an error they stay for the next try.
    pub(in crate::runtime) fn flush(&mut self) -> std::io::Result<()> {
        while !self.buffer.is_empty() {
            let written = self.file.write(&self.buffer)?;
            self.buffer.drain(..written);
        }
        Ok(())
    }

    /// Writes early when much waits, so that only a file that cannot be written lets the buffer grow.
    pub(in crate::runtime) fn flush_when_large(&mut self) {
        if self.waiting() > MAX_WAITING / 16 {
            // An error is met again at the next flush, and told when the end cannot be written either.
            drop(self.flush());
        }
    }

    /// Bytes that wait for the file.
    fn waiting(&self) -> usize {
        self.buffer.len()
    }
}

/// Complete records from `from` on; an unfinished last line is left for the next reading.
pub(in crate::runtime) fn read(path: &Path, from: LogOffset) -> Result<LogChunk> {
    let failed = |e: std::io::Error| RuntimeError::unavailable("cannot read the run's log", e);
    let mut file = match File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(LogChunk { records: vec![], next: from }),
        other => other.map_err(failed)?,
    };
    file.seek(SeekFrom::Start(from.0)).map_err(failed)?;
    // A single line may be longer than the piece, so the limit only ends the reading between lines.
    let mut reader = BufReader::new(file);
    let mut chunk = LogChunk { records: vec![], next: from };
    while chunk.next.0 - from.0 < MAX_READ {
        let mut line = Vec::new();
        let read = reader.by_ref().take(MAX_READ * 4).read_until(b'\n', &mut line).map_err(failed)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        chunk.next.0 += read as u64;
        match serde_json::from_slice::<LogRecord>(&line) {
            Ok(record) => chunk.records.push(record),
            Err(e) => return Err(RuntimeError::unavailable("the run's log is damaged", e)),
        }
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests;
