//! The text form of log lines, as pieces and chunks hold them. Pure.

use domain::clock::from_millis;
use domain::run::{LogRecord, Stream};

const fn code(stream: Stream) -> char {
    match stream {
        Stream::Stdout => 'o',
        Stream::Stderr => 'e',
        Stream::System => 's',
    }
}

/// Lines as text. Line breaks and NULs within a line, which no script's line has, become other characters.
pub(crate) fn encode(lines: &[&LogRecord]) -> String {
    let mut out = String::with_capacity(lines.iter().map(|l| l.text.len() + 32).sum());
    for line in lines {
        out.push_str(&format!("{}\t{}\t{}\t", line.seq, line.at.timestamp_millis(), code(line.stream)));
        if line.text.contains(['\n', '\0']) {
            out.extend(line.text.chars().map(|c| match c {
                '\n' => ' ',
                '\0' => '\u{fffd}',
                other => other,
            }));
        } else {
            out.push_str(&line.text);
        }
        out.push('\n');
    }
    out
}

/// The lines of a part that must hold exactly `first..=last`; what is wrong with it otherwise.
pub(crate) fn decode(text: &str, first: i64, last: i64) -> Result<Vec<LogRecord>, String> {
    let mut lines = Vec::new();
    for (line, expected) in text.lines_lf().zip(first..) {
        let record = parse(line).ok_or_else(|| format!("line {expected} is damaged"))?;
        if record.seq != expected {
            return Err(format!("line {expected} is damaged: it has number {}", record.seq));
        }
        lines.push(record);
    }
    match lines.last() {
        Some(l) if l.seq == last => Ok(lines),
        _ => Err(format!("it has {} of {} lines", lines.len(), last - first + 1)),
    }
}

fn parse(line: &str) -> Option<LogRecord> {
    let mut fields = line.splitn(4, '\t');
    let seq = fields.next()?.parse().ok()?;
    let at = from_millis(fields.next()?.parse().ok()?);
    let stream = match fields.next()? {
        "o" => Stream::Stdout,
        "e" => Stream::Stderr,
        "s" => Stream::System,
        _ => return None,
    };
    Some(LogRecord { seq, at, stream, text: fields.next()?.to_owned() })
}

trait LinesLf {
    /// Lines that end with LF alone: a carriage return at the end belongs to the text.
    fn lines_lf(&self) -> impl Iterator<Item = &str>;
}

impl LinesLf for str {
    fn lines_lf(&self) -> impl Iterator<Item = &str> {
        self.split_terminator('\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(seq: i64, stream: Stream, text: &str) -> LogRecord {
        LogRecord { seq, at: from_millis(seq * 10), stream, text: text.to_owned() }
    }

    #[test]
    fn damage_is_named() {
        let lines = [line(5, Stream::Stdout, "a\tb"), line(6, Stream::System, "")];
        let text = encode(&lines.iter().collect::<Vec<_>>());
        assert_eq!(text, "5\t50\to\ta\tb\n6\t60\ts\t\n");
        assert_eq!(decode(&text, 5, 6).expect("whole"), lines);
        assert_eq!(decode(&text, 5, 7), Err("it has 2 of 3 lines".to_owned()));
        assert_eq!(decode(&text[..11], 5, 6), Err("it has 1 of 2 lines".to_owned()));
        assert_eq!(decode(&text.replace("60", "x"), 5, 6), Err("line 6 is damaged".to_owned()));
        assert!(decode("", 5, 6).is_err());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(texts in prop::collection::vec("[^\n\0]{0,20}", 1..8)) {
            let streams = [Stream::Stdout, Stream::Stderr, Stream::System];
            let lines: Vec<_> = texts.iter().enumerate().map(|(i, t)| line(i as i64 + 1, streams[i % 3], t)).collect();
            let text = encode(&lines.iter().collect::<Vec<_>>());
            prop_assert_eq!(decode(&text, 1, lines.len() as i64).expect("whole"), lines);
        }
    }
}
