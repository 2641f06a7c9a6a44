//! Reads one window from a source: rows of a range query, or log pages up to a bound.

use super::Context;
use super::plan::{self, Window};
use super::seen::Key;
use super::worker::{Memory, step};
use domain::Time;
use domain::catalog::Monitor;
use domain::clock::from_millis;
use domain::error::Result;
use domain::ports::{LogCursor, LogQuery};
use domain::signal::{Completeness, LogLine, MetricAnswer};
use std::collections::HashSet;

/// What a window brought.
pub(super) enum Brought {
    Metrics(MetricAnswer),
    Logs(Lines),
}

/// Lines of a log window.
pub(super) struct Lines {
    /// Lines not sent before, by time.
    pub(super) lines: Vec<LogLine>,
    /// Identity and time of every line of the window that is new to the memory.
    pub(super) keys: Vec<(Key, i64)>,
    pub(super) completeness: Completeness,
    pub(super) malformed: u64,
    /// End of what was read.
    pub(super) end: Time,
    /// Whether the bound was met before the window's end.
    pub(super) more: bool,
}

pub(super) async fn metrics(context: &Context, monitor: &Monitor, window: Window) -> Result<Brought> {
    let source = context.sources.metrics(monitor.spec.source_id).await?;
    let step = step(monitor);
    let first = plan::first_row(&window, step);
    let mut answer = source.range(&monitor.spec.query, first, window.to, step).await?;
    let (from, to) = (window.from.timestamp_millis(), window.to.timestamp_millis());
    for series in &mut answer.series {
        series.points.retain(|p| p.at_ms > from && p.at_ms <= to);
    }
    answer.series.retain(|s| !s.points.is_empty());
    Ok(Brought::Metrics(answer))
}

pub(super) async fn logs(context: &Context, monitor: &Monitor, window: Window, memory: &Memory) -> Result<Brought> {
    let source = context.sources.logs(monitor.spec.source_id).await?;
    let config = &context.config;
    let query = LogQuery {
        query: monitor.spec.query.clone(),
        from: window.from,
        to: window.to,
        page_size: config.log_page.max(1),
    };
    let mut gathered = Gathered::default();
    let mut cursor: Option<LogCursor> = None;
    loop {
        let page = source.page(&query, cursor.take()).await?;
        gathered.malformed += page.malformed;
        if let Completeness::Partial(why) = page.completeness {
            gathered.partial.get_or_insert(why);
        }
        for line in page.lines {
            gathered.take(line, memory);
        }
        cursor = page.next;
        let full = gathered.lines.len() >= config.log_lines || gathered.bytes >= config.log_bytes;
        if cursor.is_none() || full {
            return Ok(Brought::Logs(gathered.finish(window, cursor.is_some())));
        }
    }
}

#[derive(Default)]
struct Gathered {
    lines: Vec<LogLine>,
    keys: Vec<(Key, i64)>,
    now: HashSet<Key>,
    bytes: usize,
    malformed: u64,
    partial: Option<String>,
}

impl Gathered {
    fn take(&mut self, line: LogLine, memory: &Memory) {
        let key = memory.seen.key(&line);
        if memory.seen.contains(key) || !self.now.insert(key) {
            return;
        }
        self.keys.push((key, line.at.timestamp_millis()));
        if memory.sent_before.is_none_or(|before| line.at > before) {
            self.bytes += line.message.len() + 256;
            self.lines.push(line);
        }
    }

    /// When the bound was met, only what lies before the last line's millisecond is surely complete.
    fn finish(mut self, window: Window, more: bool) -> Lines {
        self.lines.sort_by_key(|l| l.at);
        let mut end = window.to;
        if more && let Some((_, last)) = self.keys.iter().max_by_key(|(_, at)| *at) {
            let before = from_millis(last - 1);
            if before > window.from {
                end = before;
            } else {
                end = from_millis(*last);
                self.partial.get_or_insert_with(|| "more lines in one millisecond than a poll may read".to_owned());
            }
        }
        self.lines.retain(|l| l.at <= end);
        self.keys.retain(|(_, at)| *at <= end.timestamp_millis());
        let completeness = self.partial.map_or(Completeness::Complete, Completeness::Partial);
        Lines {
            lines: self.lines,
            keys: self.keys,
            completeness,
            malformed: self.malformed,
            end,
            more: more && end < window.to,
        }
    }
}
