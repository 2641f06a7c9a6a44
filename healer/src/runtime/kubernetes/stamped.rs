//! Cuts the log of a pod, as the cluster sends it with a time before each line, into lines. Pure.

use crate::runtime::local::log::Lines;
use k8s_openapi::jiff::Timestamp;

/// Longest time stamp, bytes.
const STAMP: usize = 40;

/// A line as the cluster keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// When the node took it, nanoseconds since the epoch; absent where the cluster wrote a remark of its own.
    pub at: Option<i64>,
    /// Its text; what is too long is cut with a mark.
    pub text: String,
}

/// Bytes on their way to lines.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    stamp: Vec<u8>,
    at: Option<i64>,
    within: bool,
    lines: Lines,
}

impl Stamped {
    /// Takes bytes; gives each completed line to `emit`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(Line)) {
        while !bytes.is_empty() {
            if !self.within {
                bytes = self.stamp(bytes);
                continue;
            }
            let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
            let at = self.at;
            self.lines.feed(&bytes[..end], &mut |text| emit(Line { at, text }));
            self.within = bytes[end - 1] != b'\n';
            bytes = &bytes[end..];
        }
    }

    /// The line without a line break at the end, when there is one.
    pub(super) fn finish(&mut self) -> Option<Line> {
        let text = self.lines.finish().or_else(|| self.within.then(String::new))?;
        self.within = false;
        Some(Line { at: self.at, text })
    }

    /// Takes bytes of the stamp; gives the rest.
    fn stamp<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|b| matches!(b, b' ' | b'\n'));
        let taken = end.unwrap_or(bytes.len()).min(STAMP - self.stamp.len().min(STAMP));
        self.stamp.extend_from_slice(&bytes[..taken]);
        if end.is_none_or(|end| taken < end) && self.stamp.len() < STAMP {
            return &bytes[taken..];
        }
        let text = std::mem::take(&mut self.stamp);
        self.at = std::str::from_utf8(&text)
            .ok()
            .and_then(|t| t.parse::<Timestamp>().ok())
            .and_then(|t| i64::try_from(t.as_nanosecond()).ok());
        self.within = true;
        if self.at.is_none() {
            self.lines.feed(&text, &mut |_| {});
            return &bytes[taken..];
        }
        // The space belongs to the stamp, a line break does not.
        &bytes[taken + usize::from(bytes.get(taken) == Some(&b' '))..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(bytes: &[u8], piece: usize) -> Vec<Line> {
        let (mut stamped, mut all) = (Stamped::default(), Vec::new());
        for part in bytes.chunks(piece) {
            stamped.feed(part, &mut |line| all.push(line));
        }
        all.extend(stamped.finish());
        all
    }

    #[test]
    fn stamps_and_texts() {
        let text = b"2026-11-25T09:00:00.000000001Z one two\n2026-11-25T09:00:00.000000002Z \n\
                     2026-11-25T09:00:00.000000003Z \xc3\x28\nno stamp here\n2026-11-25T09:00:00.5Z end";
        for piece in [1, 7, 1_000] {
            let lines = cut(text, piece);
            let texts: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
            assert_eq!(texts, ["one two", "", "\u{fffd}(", "no stamp here", "end"], "{piece}");
            let base = lines[0].at.expect("a time") - 1;
            let times: Vec<_> = lines.iter().map(|l| l.at.map(|at| at - base)).collect();
            assert_eq!(times, [Some(1), Some(2), Some(3), None, Some(500_000_000)], "{piece}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(lines in proptest::collection::vec("[a-c \u{1e}]{0,80}", 0..20), piece in 1_usize..60) {
            let mut text = String::new();
            for (i, line) in lines.iter().enumerate() {
                text.push_str(&format!("2026-11-25T09:00:{:02}.000000001Z {line}\n", i % 60));
            }
            let got: Vec<String> = cut(text.as_bytes(), piece).into_iter().map(|l| l.text).collect();
            prop_assert_eq!(got, lines);
        }
    }
}
