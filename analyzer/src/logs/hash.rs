//! A fast fixed hash of short byte strings and the maps keyed by it; the same on every machine and run.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Folds the high half of a 64 x 64 bit product onto the low half (the mixing step of wyhash).
#[inline]
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Appends one item's hash to a running sequence hash; order matters.
#[inline]
pub(crate) const fn chain(state: u64, item: u64) -> u64 {
    mix(state ^ item, MULTIPLIER | 1).wrapping_add(state.rotate_left(23))
}

/// Hash of a byte string, eight bytes at a time.
#[inline]
pub(crate) fn bytes(data: &[u8]) -> u64 {
    let mut state = (data.len() as u64) ^ 0xA076_1D64_78BD_642F;
    let mut chunks = data.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        state = mix(state ^ u64::from_le_bytes(word), MULTIPLIER);
    }
    let mut tail = 0u64;
    for &byte in chunks.remainder() {
        tail = (tail << 8) | u64::from(byte);
    }
    mix(state ^ tail, 0xE703_7ED1_A0B4_28DB)
}

/// Passes a key that is already a hash through unchanged.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, data: &[u8]) {
        self.0 = bytes(data);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Map keyed by a hash.
pub(crate) type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// Map of bounded size: when the young half is full it becomes the old half and the old one is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct TwoGenerations<V> {
    young: KeyMap<V>,
    old: KeyMap<V>,
    half: usize,
}

impl<V> TwoGenerations<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: KeyMap::default(), old: KeyMap::default(), half: (capacity / 2).max(1) }
    }

    /// Looks a key up; one found in the old half counts as used and moves to the young one.
    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key)?;
            self.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// Looks a key up without counting it as used.
    pub(crate) fn peek(&self, key: u64) -> Option<&V> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    pub(crate) fn insert(&mut self, key: u64, value: V) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.old.iter().chain(self.young.iter()).map(|(key, value)| (*key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::{TwoGenerations, bytes, chain};

    #[test]
    fn hash_depends_on_every_byte_and_on_order() {
        assert_ne!(bytes(b"abcdefgh1"), bytes(b"abcdefgh2"));
        assert_ne!(bytes(b"ab"), bytes(b"ba"));
        assert_ne!(bytes(b""), bytes(b"\0"));
        assert_ne!(chain(chain(1, 2), 3), chain(chain(1, 3), 2));
    }

    #[test]
    fn two_generations_stay_bounded_and_keep_what_is_used() {
        let mut map = TwoGenerations::new(10);
        for key in 0..1000u64 {
            map.insert(key, key);
            assert!(map.len() <= 10);
            if key >= 1 {
                map.insert(5000, 1);
                assert_eq!(map.get_mut(5000).copied(), Some(1));
            }
        }
        assert!(map.get_mut(3).is_none());
    }
}
