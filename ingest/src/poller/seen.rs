//! Remembers which log lines of the overlap were sent already, within a bound.

use domain::signal::LogLine;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Identity of a line: a keyed hash of index and id.
pub(super) type Key = u64;

/// Lines sent, by identity, with their time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    lines: HashMap<Key, i64>,
}

impl Seen {
    pub(super) fn key(&self, line: &LogLine) -> Key {
        self.hasher.hash_one((&line.index, &line.id))
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.lines.contains_key(&key)
    }

    pub(super) fn extend(&mut self, keys: impl IntoIterator<Item = (Key, i64)>) {
        self.lines.extend(keys);
    }

    /// Forgets lines not after `before_ms`, and the oldest ones above `most`.
    pub(super) fn prune(&mut self, before_ms: i64, most: usize) {
        self.lines.retain(|_, at| *at > before_ms);
        if self.lines.len() > most {
            let mut times: Vec<i64> = self.lines.values().copied().collect();
            let excess = times.len() - most;
            let (_, cut, _) = times.select_nth_unstable(excess - 1);
            let cut = *cut;
            self.lines.retain(|_, at| *at > cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_forgets_the_oldest() {
        let mut seen = Seen::default();
        seen.extend((0..100).map(|n| (n, n as i64)));
        seen.prune(9, 50);
        assert_eq!(seen.lines.len(), 50);
        assert!(seen.contains(99) && seen.contains(50) && !seen.contains(49));
    }
}
