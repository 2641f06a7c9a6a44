//! Masks secrets that are known by value, line by line, before anything is stored or shown.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::sync::Arc;

mod stream;

pub use stream::MaskedStream;

/// What stands in place of a secret.
pub const MARK: &str = "********";

/// Secrets shorter than this are not masked: they would turn the log into stars. They are refused where they are saved.
pub const MIN_SECRET: usize = 6;

/// Finds secrets in plain form, JSON-escaped, percent-encoded, and in base64 at its three alignments. A secret of several
/// lines is masked line by line, as logs are.
#[derive(Clone, Default)]
pub struct Masker(Arc<Patterns>);

/// What is looked for, all at once: the time of a line does not grow with their number.
#[derive(Default)]
struct Patterns {
    all: Vec<Vec<u8>>,
    /// Absent when they are too many for one; then each is looked for by itself.
    automaton: Option<AhoCorasick>,
}

impl Patterns {
    fn of(mut all: Vec<Vec<u8>>) -> Masker {
        all.retain(|p| p.len() >= MIN_SECRET);
        all.sort_unstable();
        all.dedup();
        let automaton = AhoCorasick::new(&all).ok();
        Masker(Arc::new(Self { all, automaton }))
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masker({} patterns)", self.0.all.len())
    }
}

impl Masker {
    /// A masker for these secrets.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.len() < MIN_SECRET {
                continue;
            }
            let pieces = std::iter::once(secret).chain(secret.lines().filter(|l| l.len() >= MIN_SECRET));
            for piece in pieces {
                forms(piece, &mut patterns);
            }
        }
        Patterns::of(patterns)
    }

    /// A masker for these secrets too.
    #[must_use]
    pub fn with(&self, secrets: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let own = Self::new(secrets);
        Patterns::of(self.0.all.iter().chain(&own.0.all).cloned().collect())
    }

    /// Whether nothing is masked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.all.is_empty()
    }

    /// Bytes of the longest pattern.
    fn longest(&self) -> usize {
        self.0.all.iter().map(Vec::len).max().unwrap_or(1)
    }

    /// Where secrets are, in order.
    fn find(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut hidden: Vec<_> = match &self.0.automaton {
            Some(automaton) => {
                automaton.find_overlapping_iter(bytes).map(|found| (found.start(), found.end())).collect()
            }
            None => self.0.all.iter().flat_map(|pattern| find_all(bytes, pattern)).collect(),
        };
        hidden.sort_unstable();
        hidden
    }

    /// The text with every secret replaced. Overlapping finds become one mark, so a secret that is part of another leaves
    /// nothing behind. In a line that was cut, also the beginning of a secret just before the cut is masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        if self.0.all.is_empty() {
            return text.to_owned();
        }
        let bytes = text.as_bytes();
        let mut hidden = self.find(bytes);
        if let Some(cut) = text.rfind(crate::runtime::local::CUT_MARK) {
            hidden.extend(self.0.all.iter().filter_map(|p| begun(&bytes[..cut], p)));
        }
        hidden.sort_unstable();
        replace(text, &hidden)
    }
}

/// Every way in which the piece may appear.
fn forms(piece: &str, out: &mut Vec<Vec<u8>>) {
    out.push(piece.as_bytes().to_vec());
    let json = serde_json::Value::from(piece).to_string();
    out.push(json.trim_matches('"').as_bytes().to_vec());
    let percent = |keep: fn(u8) -> bool| -> Vec<u8> {
        piece.bytes().flat_map(|b| if keep(b) { vec![b] } else { format!("%{b:02X}").into_bytes() }).collect()
    };
    out.push(percent(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
    out.push(percent(|b| b.is_ascii_alphanumeric() || b"-._~!*'()".contains(&b)));
    for shift in 0..3 {
        out.push(base64_core(piece.as_bytes(), shift));
    }
}

/// The characters of base64 that depend on the secret alone when `shift` bytes stand before it.
fn base64_core(secret: &[u8], shift: usize) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
    let text = STANDARD_NO_PAD.encode(&padded).into_bytes();
    // The first characters mix with what stands before, the last with what follows.
    let from = [0, 2, 3][shift];
    let whole = padded.len() * 8 / 6;
    text.get(from..whole).unwrap_or_default().to_vec()
}

fn find_all<'a>(text: &'a [u8], pattern: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let first = pattern.first().copied();
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = first?;
        while at + pattern.len() <= text.len() {
            let step = text[at..].iter().position(|b| *b == first)?;
            at += step;
            if text[at..].starts_with(pattern) {
                at += 1;
                return Some((at - 1, at - 1 + pattern.len()));
            }
            at += 1;
        }
        None
    })
}

/// The longest beginning of `pattern` (2 bytes or more) that ends `text`.
fn begun(text: &[u8], pattern: &[u8]) -> Option<(usize, usize)> {
    let longest = pattern.len().saturating_sub(1).min(text.len());
    (2..=longest).rev().find(|n| text.ends_with(&pattern[..*n])).map(|n| (text.len() - n, text.len()))
}

fn replace_bytes(bytes: &[u8], hidden: &[(usize, usize)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for &(from, to) in hidden {
        if from >= done {
            out.extend_from_slice(&bytes[done..from]);
            out.extend_from_slice(MARK.as_bytes());
        }
        done = done.max(to);
    }
    out.extend_from_slice(&bytes[done..]);
    out
}

fn replace(text: &str, hidden: &[(usize, usize)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for &(from, to) in hidden {
        if from >= done {
            // A find can begin within a character only where its bytes are those of the secret; then the character goes too.
            out.push_str(&text[done..text.floor_char_boundary(from)]);
            out.push_str(MARK);
        }
        done = done.max(to);
    }
    out.push_str(&text[text.ceil_char_boundary(done.min(text.len()))..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    const SECRET: &str = "hunter2-Zq9 \"ü/";

    #[test]
    fn all_forms() {
        let masker = Masker::new([SECRET, "hunter2-Zq9", "a", "first line\nsecond line"]);
        let json = serde_json::json!({ "k": SECRET }).to_string();
        let percent = "hunter2-Zq9%20%22%C3%BC%2F";
        for text in [SECRET, json.as_str(), percent, "hunter2-Zq9", "xx first line", "second line."] {
            let masked = masker.mask(text);
            assert!(masked.contains(MARK), "{text} -> {masked}");
            assert!(!masked.contains("hunter") && !masked.contains("second"), "{text} -> {masked}");
        }
        for before in ["", "x", "xy", "xyz"] {
            let coded = STANDARD.encode(format!("{before}{SECRET}!!"));
            assert!(masker.mask(&coded).contains(MARK), "{before}: {coded}");
        }
        assert_eq!(masker.mask("banana"), "banana", "a secret of one character masks nothing");
    }

    #[test]
    fn a_prefix_of_another_leaves_no_rest() {
        let masker = Masker::new(["secret", "secret-and-more", "more-and-other"]);
        assert_eq!(masker.mask("x secret-and-more y"), format!("x {MARK} y"));
        assert_eq!(masker.mask("secret-and-more-and-other"), MARK);
        assert_eq!(masker.mask("secretsecret"), format!("{MARK}{MARK}"));
    }

    #[test]
    fn the_beginning_before_a_cut_is_masked() {
        let masker = Masker::new(["hunter2-Zq9"]);
        let line = format!("aaa hunter2{}70000 bytes]", crate::runtime::local::CUT_MARK);
        assert!(!masker.mask(&line).contains("hun"), "{}", masker.mask(&line));
    }

    proptest! {
        #[test]
        fn no_secret_is_left(before in ".{0,20}", after in ".{0,20}", secret in "[ -~ü]{6,20}") {
            let masked = Masker::new([&secret]).mask(&format!("{before}{secret}{after}"));
            prop_assert!(!masked.replace(MARK, "\n").contains(&secret));
        }

        #[test]
        fn all_at_once_finds_what_each_finds(text in "[ab]{0,40}", secrets in proptest::collection::vec("[ab]{6,9}", 1..5)) {
            let masker = Masker::new(&secrets);
            let mut each: Vec<_> = masker.0.all.iter().flat_map(|p| find_all(text.as_bytes(), p)).collect();
            each.sort_unstable();
            prop_assert_eq!(masker.find(text.as_bytes()), each);
        }

        #[test]
        fn what_has_no_secret_is_untouched(text in "[a-m]{0,60}") {
            prop_assert_eq!(Masker::new(["nopqrst"]).mask(&text), text);
        }
    }
}
