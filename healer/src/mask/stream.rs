//! Masks secrets in a text that comes in pieces: what may still become a secret is held back.

use super::Masker;

/// Bytes that are held back at most; text that could be one endless secret is let go piece by piece.
const HELD: usize = 1 << 20;

/// A text on its way.
#[derive(Debug)]
pub struct MaskedStream<'a> {
    masker: &'a Masker,
    held: Vec<u8>,
}

impl<'a> MaskedStream<'a> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(masker: &'a Masker) -> Self {
        Self { masker, held: Vec::new() }
    }

    /// Takes the next piece; gives what is complete by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let hidden = self.masker.find(&self.held);
        let mut cut = (self.held.len() + 1).saturating_sub(self.masker.longest());
        // Backwards over all finds that the cut goes through; what begins with them is looked at again.
        for &(from, to) in hidden.iter().rev() {
            if from < cut && cut < to {
                cut = from;
            }
        }
        if self.held.len() - cut > HELD {
            cut = self.held.len();
        }
        self.give(cut, &hidden)
    }

    /// The rest.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let hidden = self.masker.find(&self.held);
        self.give(self.held.len(), &hidden)
    }

    fn give(&mut self, cut: usize, hidden: &[(usize, usize)]) -> Vec<u8> {
        let rest = self.held.split_off(cut);
        let given = std::mem::replace(&mut self.held, rest);
        let hidden: Vec<_> = hidden.iter().copied().filter(|(_, to)| *to <= cut).collect();
        super::replace_bytes(&given, &hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(masker: &Masker, text: &[u8], piece: usize) -> Vec<u8> {
        let mut stream = MaskedStream::new(masker);
        let mut out: Vec<u8> = text.chunks(piece.max(1)).flat_map(|p| stream.push(p)).collect();
        out.extend(stream.finish());
        out
    }

    #[test]
    fn a_secret_over_two_pieces_is_masked_and_bytes_stay_bytes() {
        let masker = Masker::new(["hunter2-Zq9", "hunter2-Zq9-longer"]);
        let text = b"a hunter2-Zq9-longer b\xff\xfe hunter2-Zq9\n";
        for piece in 1..text.len() {
            assert_eq!(through(&masker, text, piece), b"a ******** b\xff\xfe ********\n", "{piece}");
        }
        assert_eq!(through(&Masker::default(), text, 3), text);
    }

    #[test]
    fn memory_is_bounded() {
        let masker = Masker::new(["aaaaaa"]);
        let mut stream = MaskedStream::new(&masker);
        for _ in 0..64 {
            stream.push(&[b'a'; 64 << 10]);
            assert!(stream.held.len() <= HELD + (64 << 10));
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(text in "[ab-]{0,80}", piece in 1_usize..20) {
            let masker = Masker::new(["abab-ab", "b-abba"]);
            let whole = String::from_utf8(through(&masker, text.as_bytes(), usize::MAX)).unwrap();
            prop_assert_eq!(&whole, &masker.mask(&text));
            prop_assert_eq!(through(&masker, text.as_bytes(), piece), whole.as_bytes());
        }
    }
}
