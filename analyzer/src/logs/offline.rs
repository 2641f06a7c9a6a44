//! Mines a file of messages: one in, one row out, in order.

use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;

use super::frame::{Framer, strip_head};
use super::level::Level;
use super::limits::Limits;
use super::miner::{Line, TemplateMiner};
use super::template::TemplateId;

/// Bytes of one input line that are kept; the rest is passed over.
const LINE_BYTES: u64 = 1 << 20;
/// Lines between two progress calls and memory samples.
const STEP: u64 = 1 << 16;

/// How the input is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MineOptions {
    /// Raw log lines: a head in front is stripped, continuation lines join the record before them.
    pub framed: bool,
    /// One JSON string per line, for messages with line breaks.
    pub jsonl: bool,
}

/// What was mined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MineSummary {
    /// Messages read (records when framed).
    pub lines: u64,
    /// Seconds from the first byte read to the last written.
    pub seconds: f64,
    /// Messages a second.
    pub lines_per_second: f64,
    /// Templates in the output.
    pub templates: usize,
    /// Largest size of the miner's state, bytes.
    pub peak_bytes: usize,
    /// Lines that were cut because they are longer than 1 MiB.
    pub cut: u64,
    /// Lines with bytes that are not UTF-8, or in JSON mode no JSON string; taken as text all the same.
    pub invalid: u64,
}

/// Why mining failed.
#[derive(Debug, Error)]
pub enum MineError {
    /// The input cannot be read.
    #[error("cannot read input: {0}")]
    Read(#[source] io::Error),
    /// The output cannot be written.
    #[error("cannot write output: {0}")]
    Write(#[source] io::Error),
    /// The output cannot be written as CSV.
    #[error("cannot write output: {0}")]
    Csv(#[from] csv::Error),
}

/// Mines `input` and writes `line_no,template_id,template` rows, one a message, in order. Merges are followed, so the
/// rows are written after the last message. `progress` is called with the number of messages now and then.
///
/// # Errors
/// Input that cannot be read, output that cannot be written. Bytes that are no text, and lines of any length, are none.
pub fn mine(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    options: MineOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<MineSummary, MineError> {
    let started = Instant::now();
    let mut run = Run::new(options);
    let mut buffer = Vec::new();
    while run.read_line(input, &mut buffer)? {
        run.line(&buffer, progress);
    }
    run.finish(progress);
    run.peak = run.peak.max(run.miner.bytes());
    let templates = write_rows(&run, output)?;
    let seconds = started.elapsed().as_secs_f64();
    let lines = run.ids.len() as u64;
    Ok(MineSummary {
        lines,
        seconds,
        lines_per_second: lines as f64 / seconds.max(1e-9),
        templates,
        peak_bytes: run.peak,
        cut: run.cut,
        invalid: run.invalid,
    })
}

struct Run {
    options: MineOptions,
    miner: TemplateMiner,
    framer: Framer,
    ids: Vec<(u64, TemplateId)>,
    line_no: u64,
    peak: usize,
    cut: u64,
    invalid: u64,
}

impl Run {
    fn new(options: MineOptions) -> Self {
        Self {
            options,
            miner: TemplateMiner::new(Limits::default()),
            framer: Framer::default(),
            ids: Vec::new(),
            line_no: 0,
            peak: 0,
            cut: 0,
            invalid: 0,
        }
    }

    /// Reads one line without its break; false at the end of the input.
    fn read_line(&mut self, input: &mut dyn BufRead, buffer: &mut Vec<u8>) -> Result<bool, MineError> {
        buffer.clear();
        let read = input.take(LINE_BYTES).read_until(b'\n', buffer).map_err(MineError::Read)?;
        if read == 0 {
            return Ok(false);
        }
        if buffer.last() == Some(&b'\n') {
            buffer.pop();
        } else if read as u64 == LINE_BYTES {
            self.cut += u64::from(skip_line(input).map_err(MineError::Read)? > 0);
        }
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        Ok(true)
    }

    fn line(&mut self, bytes: &[u8], progress: &mut dyn FnMut(u64)) {
        self.line_no += 1;
        let text = String::from_utf8_lossy(bytes);
        self.invalid += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
        if self.options.jsonl {
            let parsed = serde_json::from_str::<String>(&text);
            self.invalid += u64::from(parsed.is_err());
            let message = parsed.unwrap_or_else(|_| text.into_owned());
            self.learn(self.line_no, &message, progress);
        } else if self.options.framed {
            if let Some((line_no, record)) = self.framer.push(&text) {
                self.learn(line_no, &record, progress);
            }
        } else {
            self.learn(self.line_no, &text, progress);
        }
    }

    fn finish(&mut self, progress: &mut dyn FnMut(u64)) {
        if let Some((line_no, record)) = self.framer.finish() {
            self.learn(line_no, &record, progress);
        }
    }

    fn learn(&mut self, line_no: u64, message: &str, progress: &mut dyn FnMut(u64)) {
        let (level, message) = if self.options.framed { strip_head(message) } else { (Level::Unknown, message) };
        let mined = self.miner.learn_line(Line { message, level, at_ms: 0 });
        self.ids.push((line_no, mined.template_id));
        if (self.ids.len() as u64).is_multiple_of(STEP) {
            self.peak = self.peak.max(self.miner.bytes());
            progress(self.ids.len() as u64);
        }
    }
}

/// Passes over the rest of a line; returns the bytes skipped.
fn skip_line(input: &mut dyn BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let data = input.fill_buf()?;
        if data.is_empty() {
            return Ok(skipped);
        }
        let end = data.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(data.len(), |at| at + 1);
        skipped += (used - usize::from(end.is_some())) as u64;
        input.consume(used);
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

fn write_rows(run: &Run, output: &mut dyn Write) -> Result<usize, MineError> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(["line_no", "template_id", "template"])?;
    let mut seen = std::collections::HashSet::new();
    for (line_no, id) in &run.ids {
        let template = run.miner.template(*id);
        seen.insert(template.id);
        writer.write_record([&line_no.to_string(), &template.id.to_string(), &template.text])?;
    }
    writer.flush().map_err(MineError::Write)?;
    Ok(seen.len())
}

#[cfg(test)]
mod tests {
    use super::{MineOptions, mine};

    fn run(input: &[u8], options: MineOptions) -> (String, super::MineSummary) {
        let mut output = Vec::new();
        let summary = mine(&mut &input[..], &mut output, options, &mut |_| {}).unwrap();
        (String::from_utf8(output).unwrap(), summary)
    }

    #[test]
    fn one_row_a_message_in_order() {
        let (rows, summary) = run(b"open 1\r\nclosed\nopen 2\n\nlast", MineOptions::default());
        let lines: Vec<&str> = rows.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "line_no,template_id,template");
        assert!(lines[1].starts_with("1,") && lines[1].ends_with(",open <NUM>"));
        assert_eq!(lines[1][2..], lines[3][2..]);
        assert_eq!((summary.lines, summary.templates), (5, 4));
    }

    #[test]
    fn json_strings_keep_line_breaks_and_bad_ones_are_counted() {
        let (rows, summary) =
            run(b"\"it broke\\njava.io.IOException: x\"\nnot json\n", MineOptions { jsonl: true, framed: false });
        assert!(rows.contains("it broke IOException"));
        assert_eq!((summary.lines, summary.invalid), (2, 1));
    }

    #[test]
    fn framed_lines_lose_their_heads() {
        let (rows, summary) = run(
            b"2026-01-01 10:00:00 INFO all good\n2026-01-01 10:00:01 ERROR bad thing\n\tat a.b\n",
            MineOptions { framed: true, jsonl: false },
        );
        assert!(rows.contains(",all good") && rows.contains(",bad thing"));
        assert_eq!(summary.lines, 2);
    }

    #[test]
    fn huge_and_binary_lines_are_taken() {
        let mut input = vec![b'x'; 3 << 20];
        input.extend_from_slice(b"\nnext\n\xff\xfe\x00\n");
        let (rows, summary) = run(&input, MineOptions::default());
        assert_eq!(rows.lines().count(), 4);
        assert_eq!((summary.cut, summary.invalid), (1, 1));
    }
}
