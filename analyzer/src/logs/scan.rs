//! One pass over a message: splits it into words, punctuation and variables, and hashes the constant part.
//!
//! No regular expression and no allocation: the item list is reused. A word is a variable when its shape says so
//! (a digit, a path, a value after `=`, a name with two dots, ...); neighbouring variables and the punctuation between
//! them collapse to one, so lists of any length are one template.

use super::cjk;
use super::hash::{bytes as hash_bytes, chain};
use super::words::{CLASS, DIGIT, DOT, HIGH, JOIN, LETTER, PUNCT, SLASH, SPACE, WORD, is_calendar, is_unit};

/// What an item of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A constant word.
    Word,
    /// One punctuation mark.
    Punct,
    /// A variable.
    Variable,
    /// A unit after a number: part of the variable for grouping, shown as it is.
    Unit,
}

/// One item of a line; `start..end` are byte offsets into the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) hash: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: Kind,
    /// A word that touches a variable, as ideographs before a number do.
    pub(crate) glued: bool,
}

const VARIABLE_HASH: u64 = 0x51_7C_C1_B7_27_22_0A_95;
/// Longest quoted value, bytes.
const QUOTED: usize = 256;
/// Start value of a sequence hash.
pub(crate) const SEED: u64 = 0x2D35_8DCC_AA6C_78A5;

/// Reusable result of a scan.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scan {
    pub(crate) items: Vec<Item>,
    words: usize,
    /// Index of the last variable when only punctuation followed it.
    open_variable: Option<usize>,
    swallowed: u32,
    collapse: bool,
}

/// Hash of what an item contributes to the key.
#[inline]
pub(crate) fn item_key(item: &Item) -> u64 {
    match item.kind {
        Kind::Variable | Kind::Unit => VARIABLE_HASH,
        Kind::Word | Kind::Punct => item.hash,
    }
}

impl Scan {
    /// Scans for grouping: variables collapse.
    pub(crate) fn grouped(&mut self, message: &str, line_bytes: usize, line_tokens: usize) {
        self.run(message, line_bytes, line_tokens, true);
    }

    /// Scans for display: every variable stands alone. Words have the same order and number as in [`Self::grouped`].
    pub(crate) fn detailed(&mut self, message: &str, line_bytes: usize, line_tokens: usize) {
        self.run(message, line_bytes, line_tokens, false);
    }

    /// Key of the whole item sequence.
    pub(crate) fn key(&self) -> u64 {
        self.items.iter().fold(SEED, |state, item| chain(state, item_key(item)))
    }

    fn run(&mut self, message: &str, line_bytes: usize, line_tokens: usize, collapse: bool) {
        self.items.clear();
        self.words = 0;
        self.open_variable = None;
        self.swallowed = 0;
        self.collapse = collapse;
        let mut end = message.len().min(line_bytes);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        let text = &message[..end];
        let data = text.as_bytes();
        let mut at = 0;
        while at < data.len() && self.words < line_tokens {
            let class = CLASS[usize::from(data[at])];
            at = if class & SPACE != 0 {
                at + 1
            } else if class & PUNCT != 0 {
                self.punct(data, at, at + 1);
                if data[at] == b'"' && at > 0 && data[at - 1] == b'=' { self.quoted(data, at + 1) } else { at + 1 }
            } else if class & HIGH != 0 {
                self.high(text, at)
            } else {
                self.word(text, at)
            };
        }
    }

    fn punct(&mut self, data: &[u8], start: usize, end: usize) {
        let mark = data[start];
        if self.collapse && matches!(mark, b')' | b']' | b'}') {
            if self.swallowed > 0 && self.after_variable() {
                self.swallowed -= 1;
                return;
            }
            if self.empty_brackets(data, start) {
                self.items.pop();
                return;
            }
        }
        self.items.push(Item {
            hash: u64::from(mark).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            start: start as u32,
            end: end as u32,
            kind: Kind::Punct,
            glued: false,
        });
    }

    /// A quoted value after `=` (`tag="View Lock"`) is one variable; returns where to go on.
    fn quoted(&mut self, data: &[u8], start: usize) -> usize {
        let rest = &data[start..data.len().min(start + QUOTED)];
        match rest.iter().position(|byte| matches!(byte, b'"' | b'\n')) {
            Some(length) if length > 0 && rest[length] == b'"' => {
                self.variable(data, start, start + length, Kind::Variable);
                start + length
            }
            _ => start,
        }
    }

    /// True at the end of `()` right after a variable: a value that is not there.
    fn empty_brackets(&self, data: &[u8], start: usize) -> bool {
        let opener = self.items.last().is_some_and(|item| {
            item.kind == Kind::Punct
                && item.end as usize == start
                && matches!(data[item.start as usize], b'(' | b'[' | b'{')
        });
        opener && self.open_variable.is_some_and(|index| index + 2 == self.items.len())
    }

    fn after_variable(&self) -> bool {
        self.open_variable.is_some_and(|index| index + 1 == self.items.len())
    }

    /// Adds a variable or unit; joins it to the variable before when only punctuation stands between.
    fn variable(&mut self, data: &[u8], start: usize, end: usize, kind: Kind) {
        let start = self.with_comparison(data, start);
        if self.collapse
            && let Some(index) = self.open_variable
        {
            for item in &self.items[index + 1..] {
                match data[item.start as usize] {
                    b'(' | b'[' | b'{' => self.swallowed += 1,
                    b')' | b']' | b'}' => self.swallowed = self.swallowed.saturating_sub(1),
                    _ => {}
                }
            }
            self.items.truncate(index + 1);
            return;
        }
        self.open_variable = Some(self.items.len());
        self.swallowed = 0;
        self.items.push(Item { hash: VARIABLE_HASH, start: start as u32, end: end as u32, kind, glued: false });
    }

    /// Start of a value with the `<` or `>` that stands right before it (`<1 sec`).
    fn with_comparison(&mut self, data: &[u8], start: usize) -> usize {
        let compared = start >= 1 && matches!(data[start - 1], b'<' | b'>') && (start < 2 || data[start - 2] <= b' ');
        let is_last = self.items.last().is_some_and(|item| item.end as usize == start && item.kind == Kind::Punct);
        if !(compared && is_last) {
            return start;
        }
        self.items.pop();
        start - 1
    }

    fn constant(&mut self, data: &[u8], start: usize, end: usize, glued: bool) {
        self.open_variable = None;
        self.words += 1;
        let hash = hash_bytes(&data[start..end]);
        self.items.push(Item { hash, start: start as u32, end: end as u32, kind: Kind::Word, glued });
    }

    /// Takes the word at `start`, whose first byte is ASCII; returns where to go on.
    fn word(&mut self, text: &str, start: usize) -> usize {
        let data = text.as_bytes();
        let (mut at, mut flags) = (start, 0u8);
        while at < data.len() {
            let class = CLASS[usize::from(data[at])];
            if class & WORD == 0 {
                break;
            }
            if class == HIGH {
                let (width, kind) = cjk::kind_at(text, at);
                if kind != cjk::Char::Other {
                    break;
                }
                at += width;
                flags |= LETTER;
                continue;
            }
            if class == DOT && data.get(at + 1) == Some(&b'.') {
                break;
            }
            flags |= class;
            at += 1;
        }
        if at == start {
            return self.dots(data, start);
        }
        let mut end = at;
        if flags & (LETTER | DIGIT) == 0 {
            self.marks(data, start, end);
            return at;
        }
        while end > start + 1 && data[end - 1] == b'.' {
            end -= 1;
        }
        if self.is_variable(data, start, end, flags) {
            let stop = if flags & SLASH != 0 { path_end(data, end) } else { end };
            self.variable(data, start, stop, Kind::Variable);
            return if stop > end { stop } else { self.trailing(data, end, at) };
        }
        if self.after_variable() && is_unit(&data[start..end]) {
            self.variable(data, start, end, Kind::Unit);
        } else {
            let glued = data.get(end).is_some_and(|byte| CLASS[usize::from(*byte)] == HIGH);
            self.constant(data, start, end, glued);
        }
        self.trailing(data, end, at)
    }

    fn trailing(&mut self, data: &[u8], end: usize, at: usize) -> usize {
        if end < at {
            self.punct(data, end, end + 1);
        }
        at
    }

    fn dots(&mut self, data: &[u8], start: usize) -> usize {
        let run = data[start..].iter().take_while(|byte| **byte == b'.').count();
        self.punct(data, start, start + run);
        start + run
    }

    /// A run of joining marks alone (`--`, `***`): punctuation, but for stars, which some systems write for a value.
    fn marks(&mut self, data: &[u8], start: usize, end: usize) {
        if data[start] == b'*' {
            self.constant(data, start, end, false);
        } else {
            self.punct(data, start, end);
        }
    }

    fn is_variable(&self, data: &[u8], start: usize, end: usize, flags: u8) -> bool {
        let word = &data[start..end];
        if flags & DIGIT != 0 {
            return true;
        }
        let before = if start > 0 { data[start - 1] } else { b' ' };
        if before == b'=' {
            return true;
        }
        if flags & SLASH != 0 && is_path(word) {
            return true;
        }
        if flags & DOT != 0 && word.iter().filter(|byte| **byte == b'.').count() >= 2 {
            return true;
        }
        if flags & (DOT | SLASH | JOIN) != 0 {
            return false;
        }
        is_hex_part(data, start, end, before, self.open_variable.is_some())
            || (is_calendar(word) && (self.after_variable() || date_follows(data, end)))
    }

    /// Takes what starts with a byte outside ASCII.
    fn high(&mut self, text: &str, start: usize) -> usize {
        let data = text.as_bytes();
        let (width, kind) = cjk::kind_at(text, start);
        match kind {
            cjk::Char::Other => return self.word(text, start),
            cjk::Char::Space => {}
            cjk::Char::Punct => {
                self.items.push(Item {
                    hash: hash_bytes(&data[start..start + width]),
                    start: start as u32,
                    end: (start + width) as u32,
                    kind: Kind::Punct,
                    glued: false,
                });
            }
            cjk::Char::Digit => {
                let end = cjk::run_end(text, start, cjk::Char::Digit);
                self.variable(data, start, end, Kind::Variable);
                return end;
            }
            cjk::Char::Ideograph => return self.ideographs(text, start),
        }
        start + width
    }

    fn ideographs(&mut self, text: &str, start: usize) -> usize {
        let data = text.as_bytes();
        let end = cjk::word_end(text, start);
        if start > 0 && data[start - 1] == b'=' {
            self.variable(data, start, end, Kind::Variable);
            return end;
        }
        let next = data.get(end).copied().unwrap_or(b' ');
        let glued = CLASS[usize::from(next)] & (LETTER | DIGIT | JOIN) != 0;
        self.constant(data, start, end, glued);
        let numerals = cjk::numerals_end(text, end);
        if numerals > end {
            self.variable(data, end, numerals, Kind::Variable);
        }
        numerals
    }
}

fn is_path(word: &[u8]) -> bool {
    let slashes = word.iter().filter(|byte| CLASS[usize::from(**byte)] == SLASH).count();
    (CLASS[usize::from(word[0])] == SLASH && word.len() > 1) || slashes >= 2 || word.starts_with(b"~/")
}

/// A path or address goes on over a query string until white space, a quote, a comma or a closing bracket.
fn path_end(data: &[u8], end: usize) -> usize {
    if !matches!(data.get(end), Some(b'?' | b'=' | b';')) {
        return end;
    }
    let stop = |byte: u8| byte <= b' ' || matches!(byte, b'"' | b'\'' | b',' | b')' | b']' | b'}' | b'>' | b'<');
    data[end..].iter().position(|byte| stop(*byte)).map_or(data.len(), |offset| end + offset)
}

/// Hex letters without a digit that stand inside a hardware or network address (`de:ad:00`), or are eight or more.
fn is_hex_part(data: &[u8], start: usize, end: usize, before: u8, after_variable: bool) -> bool {
    let word = &data[start..end];
    if !word.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let colon_pair = || {
        data.get(end) == Some(&b':')
            && data.len() > end + 2
            && data[end + 1].is_ascii_hexdigit()
            && data[end + 2].is_ascii_hexdigit()
            && matches!(data.get(end + 3), Some(b':'))
    };
    word.len() >= 8 || (word.len() <= 4 && ((before == b':' && after_variable) || (word.len() == 2 && colon_pair())))
}

fn date_follows(data: &[u8], end: usize) -> bool {
    let rest = &data[end..];
    let skip = rest.iter().take(3).take_while(|byte| matches!(**byte, b' ' | b',')).count();
    let next = &rest[skip..];
    next.first().is_some_and(u8::is_ascii_digit) || (next.len() >= 3 && is_calendar(&next[..3]))
}
