//! The end of an output that is over its limit: raw bytes in a ring, so that a script that prints without end is not slowed.

use super::log::Lines;
use domain::Time;
use std::collections::VecDeque;

/// Bytes of one block; also what is read at once.
pub(in crate::runtime) const BLOCK: usize = 64 * 1024;
/// Pieces up to this size are copied into the last block instead of becoming a block of their own.
const SMALL: usize = 4 * 1024;

#[derive(Debug)]
struct Block {
    at: Time,
    bytes: Vec<u8>,
    used: usize,
}

/// The last bytes of one output.
#[derive(Debug)]
pub(in crate::runtime) struct Ring {
    blocks: VecDeque<Block>,
    held: usize,
    limit: usize,
    dropped: (u64, u64),
    /// Bytes of the line that was cut by the last drop, before what is held.
    open: u64,
}

/// What a ring held in the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::runtime) struct Tail {
    /// Lines, oldest first.
    pub(in crate::runtime) lines: Vec<(Time, String)>,
    /// Lines and bytes that were dropped.
    pub(in crate::runtime) dropped: (u64, u64),
}

impl Ring {
    pub(in crate::runtime) fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { blocks: VecDeque::new(), held: 0, limit, dropped: (0, 0), open: 0 }
    }

    /// Takes the first `used` bytes of `buffer`, and leaves a buffer of [`BLOCK`] bytes for the next reading.
    pub(in crate::runtime) fn push(&mut self, at: Time, buffer: &mut Vec<u8>, used: usize) {
        self.held += used;
        match self.blocks.back_mut() {
            Some(last) if used <= SMALL && last.used + used <= BLOCK => {
                last.bytes[last.used..last.used + used].copy_from_slice(&buffer[..used]);
                last.used += used;
            }
            _ => {
                let fresh = self.make_room();
                let bytes = std::mem::replace(buffer, fresh.unwrap_or_else(|| vec![0; BLOCK]));
                self.blocks.push_back(Block { at, bytes, used });
            }
        }
        self.make_room();
    }

    /// Drops blocks that are not needed for the limit; gives the memory of the last one.
    fn make_room(&mut self) -> Option<Vec<u8>> {
        let mut free = None;
        while self.blocks.front().is_some_and(|first| self.held - first.used >= self.limit && self.blocks.len() > 1) {
            let Some(first) = self.blocks.pop_front() else { break };
            let bytes = &first.bytes[..first.used];
            self.held -= first.used;
            self.dropped.0 += bytes.iter().filter(|b| **b == b'\n').count() as u64;
            self.dropped.1 += first.used as u64;
            self.open = match bytes.iter().rposition(|b| *b == b'\n') {
                Some(at) => (first.used - at - 1) as u64,
                None => self.open + first.used as u64,
            };
            free = Some(first.bytes);
        }
        free
    }

    /// Takes everything out as lines. The rest of a line whose beginning was dropped is dropped too, unless it is all there is.
    pub(in crate::runtime) fn take(&mut self) -> Tail {
        let mut tail = Tail::default();
        let mut lines = Lines::default();
        let ends = self.blocks.iter().any(|b| b.bytes[..b.used].contains(&b'\n'));
        let mut skip = self.open > 0 && ends;
        if self.open > 0 && !ends {
            lines.was_longer_by(self.open);
        }
        let mut last = Time::default();
        for block in std::mem::take(&mut self.blocks) {
            let mut bytes = &block.bytes[..block.used];
            last = block.at;
            if skip {
                let to = bytes.iter().position(|b| *b == b'\n');
                let (gone, rest) = bytes.split_at(to.map_or(bytes.len(), |at| at + 1));
                self.dropped = (self.dropped.0 + u64::from(to.is_some()), self.dropped.1 + gone.len() as u64);
                skip = to.is_none();
                bytes = rest;
            }
            lines.feed(bytes, &mut |line| tail.lines.push((block.at, line)));
        }
        tail.lines.extend(lines.finish().map(|line| (last, line)));
        tail.dropped = std::mem::take(&mut self.dropped);
        (self.held, self.open) = (0, 0);
        tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::t;
    use proptest::prelude::*;

    fn filled(limit: u64, text: &[u8], piece: usize) -> Tail {
        let mut ring = Ring::new(limit);
        let mut buffer = vec![0; BLOCK];
        for part in text.chunks(piece) {
            buffer[..part.len()].copy_from_slice(part);
            ring.push(t(0), &mut buffer, part.len());
            assert_eq!(buffer.len(), BLOCK);
        }
        ring.take()
    }

    #[test]
    fn the_end_is_kept_and_what_is_missing_is_counted() {
        let text: Vec<u8> = (0..200_000).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        for piece in [100, 5_000, BLOCK] {
            let tail = filled(10_000, &text, piece);
            assert_eq!(tail.lines.last().map(|l| l.1.as_str()), Some("line 199999"), "{piece}");
            let kept: usize = tail.lines.iter().map(|l| l.1.len() + 1).sum();
            assert_eq!(tail.dropped.0 as usize + tail.lines.len(), 200_000, "{piece}");
            assert_eq!(tail.dropped.1 as usize + kept, text.len(), "{piece}");
            assert!((9_000..10_000 + 2 * BLOCK).contains(&kept), "{kept}");
        }
    }

    #[test]
    fn a_line_without_end_is_told_with_its_length() {
        let tail = filled(10_000, &vec![b'x'; 1_000_000], BLOCK);
        assert_eq!(tail.lines.len(), 1);
        assert!(tail.lines[0].1.ends_with("the line has 1000000 bytes]"), "{}", tail.lines[0].1.len());
    }

    proptest! {
        #[test]
        fn below_the_limit_nothing_is_lost(text in "[a-c\n]{0,300}", piece in 1_usize..50) {
            let tail = filled(10_000, text.as_bytes(), piece);
            let expected: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
            prop_assert_eq!(tail.lines.into_iter().map(|l| l.1).collect::<Vec<_>>(), expected);
            prop_assert_eq!(tail.dropped, (0, 0));
        }
    }
}
