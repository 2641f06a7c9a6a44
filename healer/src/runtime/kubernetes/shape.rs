//! From the lines of a pod to the records of a run: numbers, limit of the output, our own lines left out. Pure.

use super::marks::Facts;
use super::stamped::Line;
use domain::Time;
use domain::run::{LogRecord, Stream};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Bytes of output kept from the end, when the limit was reached.
const TAIL: u64 = 256 << 10;
/// Lines held while the one that was read last is looked for, bytes.
const HELD: usize = 4 << 20;
/// Two lines may be out of order by this much, nanoseconds.
const DISORDER: i64 = 1_000_000_000;

/// A line that was taken: its time, and how many lines of that very time came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub at: i64,
    pub nth: u32,
}

/// How far a log was read: enough to go on after it when what is before is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Last line that was taken.
    pub anchor: Anchor,
    /// Number of the next record.
    pub next_seq: i64,
    /// Bytes of output that are still kept.
    pub room: u64,
}

/// Leaves out what was taken before.
#[derive(Debug)]
pub(super) struct Skip {
    anchor: Anchor,
    seen: u32,
    held: Vec<Line>,
    bytes: usize,
}

impl Skip {
    pub(super) fn to(anchor: Anchor) -> Self {
        Self { anchor, seen: 0, held: Vec::new(), bytes: 0 }
    }

    /// Takes a line; true when the last line that was taken has been found, or is gone: then [`Skip::rest`] has what comes after it.
    pub(super) fn take(&mut self, line: Line) -> bool {
        let at = line.at.unwrap_or(i64::MIN);
        if at == self.anchor.at {
            self.seen += 1;
            if self.seen > self.anchor.nth {
                self.held.clear();
                return true;
            }
            return false;
        }
        if at > self.anchor.at {
            self.bytes += line.text.len() + 1;
            self.held.push(line);
        }
        at > self.anchor.at + DISORDER || self.bytes > HELD
    }

    /// Lines after the last one.
    pub(super) fn rest(self) -> Vec<Line> {
        self.held
    }
}

/// The records of one start, made line by line. The same lines give the same records.
#[derive(Debug)]
pub(super) struct Shape {
    mark: String,
    next_seq: i64,
    room: u64,
    last: Option<Anchor>,
    last_time: Time,
    begun: bool,
    full: bool,
    tail: VecDeque<(Time, String)>,
    tail_bytes: u64,
    tail_limit: u64,
    dropped: (u64, u64),
    /// Last words that came: those of both outputs, and that after the files.
    last_words: u8,
    out: Vec<LogRecord>,
}

fn to_time(at: i64) -> Time {
    domain::clock::from_millis(at.div_euclid(1_000_000))
}

impl Shape {
    /// At the beginning: what was left out of the environment is told first.
    pub(super) fn new(mark: String, facts: &Facts, now: Time) -> Self {
        let tail_limit = TAIL.min(facts.output_bytes / 2);
        let mut shape = Self {
            mark,
            next_seq: facts.first_seq,
            room: facts.output_bytes - tail_limit,
            last: None,
            last_time: now,
            begun: false,
            full: false,
            tail: VecDeque::new(),
            tail_bytes: 0,
            tail_limit,
            dropped: (0, 0),
            last_words: 0,
            out: Vec::new(),
        };
        for name in &facts.left_out {
            shape.system(&format!("the environment name {name} is reserved and was left out"));
        }
        shape
    }

    /// After a mark.
    pub(super) fn after(mark: String, facts: &Facts, now: Time, read: &Mark) -> Self {
        let fresh = Self::new(mark, &Facts { left_out: Vec::new(), ..facts.clone() }, now);
        Self { next_seq: read.next_seq, room: read.room, last: Some(read.anchor), begun: true, ..fresh }
    }

    /// The last line that was taken.
    pub(super) fn last(&self) -> Option<Anchor> {
        self.last
    }

    /// From where another reader can go on after the records that were made; none while something is held back.
    pub(super) fn mark(&self) -> Option<Mark> {
        let anchor = self.last.filter(|_| !self.full)?;
        Some(Mark { anchor, next_seq: self.next_seq, room: self.room })
    }

    /// Takes the next line.
    pub(super) fn take(&mut self, line: Line) {
        let at = line.at.map_or(self.last_time, to_time);
        self.last_time = at;
        if let Some(nanos) = line.at {
            let nth = self.last.filter(|last| last.at == nanos).map_or(0, |last| last.nth + 1);
            self.last = Some(Anchor { at: nanos, nth });
        }
        let ours = line.text.strip_prefix(&self.mark).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        if !self.begun {
            self.begun = true;
            if ours.is_none() {
                self.system("the beginning of the output is missing: the cluster had dropped it before it was read");
            }
        }
        self.last_words += u8::from(matches!(ours, Some(" Z" | " Q")));
        if ours.is_some() {
            return;
        }
        // The end of the output without a line break: our mark stands behind it.
        let text = match line.text.strip_suffix(" Z").and_then(|t| t.strip_suffix(&self.mark)) {
            Some(text) => {
                self.last_words += 1;
                text.to_owned()
            }
            None => line.text,
        };
        self.line(at, text);
    }

    /// Whether both outputs came to their end; never so when the wrapper was killed.
    pub(super) fn whole(&self) -> bool {
        self.last_words >= 3
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self) {
        if self.dropped != (0, 0) {
            let (lines, bytes) = std::mem::take(&mut self.dropped);
            self.system(&format!("{lines} lines with {bytes} bytes were left out here"));
        }
        for (at, text) in std::mem::take(&mut self.tail) {
            self.push(at, Stream::Stdout, text);
        }
    }

    /// A remark of the product; never left out.
    pub(super) fn system(&mut self, text: &str) {
        self.push(self.last_time, Stream::System, text.to_owned());
    }

    /// What was made since the last call.
    pub(super) fn records(&mut self) -> Vec<LogRecord> {
        std::mem::take(&mut self.out)
    }

    fn line(&mut self, at: Time, text: String) {
        let size = text.len() as u64 + 1;
        if !self.full && size <= self.room {
            self.room -= size;
            return self.push(at, Stream::Stdout, text);
        }
        if !std::mem::replace(&mut self.full, true) {
            self.system("output limit reached; of what follows only the end is kept");
        }
        self.tail_bytes += size;
        self.tail.push_back((at, text));
        while self.tail_bytes > self.tail_limit
            && let Some((_, old)) = self.tail.pop_front()
        {
            let size = old.len() as u64 + 1;
            self.tail_bytes -= size;
            self.dropped = (self.dropped.0 + 1, self.dropped.1 + size);
        }
    }

    fn push(&mut self, at: Time, stream: Stream, text: String) {
        self.out.push(LogRecord { seq: self.next_seq, at, stream, text });
        self.next_seq += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::t;

    const MARK: &str = "\u{1e}m.1";

    fn facts(output_bytes: u64) -> Facts {
        Facts {
            first_seq: 5,
            grace_secs: 5,
            timeout_secs: 60,
            output_bytes,
            memory_bytes: 1 << 20,
            at_most_once: true,
            left_out: vec!["PATH".to_owned()],
        }
    }

    fn lines(texts: &[&str]) -> Vec<Line> {
        let stamped = |(i, text): (usize, &&str)| Line { at: Some(i as i64 * 1_000_000), text: (*text).to_owned() };
        texts.iter().enumerate().map(stamped).collect()
    }

    fn shaped(mut shape: Shape, all: Vec<Line>) -> Vec<LogRecord> {
        let mut records = shape.records();
        for line in all {
            shape.take(line);
            records.extend(shape.records());
        }
        shape.finish();
        records.extend(shape.records());
        records
    }

    #[test]
    fn our_own_lines_are_no_output() {
        let start = format!("{MARK} S");
        let (end, tar) = (format!("{MARK} Z"), format!("{MARK} T eHg="));
        let rows: [(&[&str], &[&str]); 3] = [
            (&["a", "", "b"], &["a", "", "b"]),
            (&["a", "", &end, &tar], &["a", ""]),
            (&["no line break\u{1e}m.1 Z", &tar, "after"], &["no line break", "after"]),
        ];
        for (given, expected) in rows {
            let all: Vec<&str> = [start.as_str()].iter().chain(given).copied().collect();
            let records = shaped(Shape::new(MARK.to_owned(), &facts(1_000), t(0)), lines(&all));
            assert!(records.iter().zip(5..).all(|(r, n)| r.seq == n));
            assert_eq!(records[0].text, "the environment name PATH is reserved and was left out");
            let texts: Vec<&str> = records[1..].iter().map(|r| r.text.as_str()).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn a_missing_beginning_is_told() {
        let records = shaped(Shape::new(MARK.to_owned(), &facts(1_000), t(0)), lines(&["x"]));
        assert!(records[1].text.starts_with("the beginning of the output is missing"));
    }

    #[test]
    fn head_and_tail_are_kept_and_the_rest_is_counted() {
        let texts: Vec<String> = (0..100).map(|i| format!("line {i:03}")).collect();
        let all: Vec<&str> = ["\u{1e}m.1 S"].into_iter().chain(texts.iter().map(String::as_str)).collect();
        let records = shaped(Shape::new(MARK.to_owned(), &facts(180), t(0)), lines(&all));
        let texts: Vec<&str> = records[1..].iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts[..10], (0..10).map(|i| format!("line {i:03}")).collect::<Vec<_>>());
        assert_eq!(texts[10], "output limit reached; of what follows only the end is kept");
        assert_eq!(texts[11], "80 lines with 720 bytes were left out here");
        assert_eq!((texts.len(), texts.last().copied()), (22, Some("line 099")));
    }

    /// At every point another reader goes on without a gap or a double, whether the old lines are still there or not.
    #[test]
    fn another_reader_goes_on_from_any_mark() {
        let mut all = lines(&["\u{1e}m.1 S", "a", "b", "c", "", "d", "e", "f"]);
        // Two lines of one time, and two out of order.
        all[3].at = all[2].at;
        (all[5].at, all[6].at) = (all[6].at, all[5].at);
        let whole = shaped(Shape::new(MARK.to_owned(), &facts(1_000), t(0)), all.clone());
        let mut first = Shape::new(MARK.to_owned(), &facts(1_000), t(0));
        let mut before = first.records();
        for (i, line) in all.iter().enumerate() {
            first.take(line.clone());
            before.extend(first.records());
            let Some(mark) = first.mark() else { continue };
            let mark: Mark = serde_json::from_str(&serde_json::to_string(&mark).expect("json")).expect("json");
            let mut second = Shape::after(MARK.to_owned(), &facts(1_000), t(0), &mark);
            let mut skip = Some(Skip::to(mark.anchor));
            let mut records = before.clone();
            for line in all.iter().cloned() {
                match &mut skip {
                    None => second.take(line),
                    Some(s) => {
                        if s.take(line) {
                            skip.take().map(Skip::rest).unwrap_or_default().into_iter().for_each(|l| second.take(l));
                        }
                    }
                }
            }
            second.finish();
            records.extend(second.records());
            assert_eq!(records, whole, "after line {i}");
        }
    }

    #[test]
    fn when_the_last_line_is_gone_everything_later_is_taken() {
        let mut skip = Skip::to(Anchor { at: 10, nth: 0 });
        let line = |at: i64| Line { at: Some(at), text: "x".to_owned() };
        assert!(!skip.take(line(9)) && !skip.take(line(11)));
        assert!(skip.take(line(11 + DISORDER)), "it cannot come any more");
        assert_eq!(skip.rest().len(), 2);
    }
}
