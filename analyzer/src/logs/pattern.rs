//! The constant skeleton of a template and its keys with some positions blanked.

use serde::{Deserialize, Serialize};

use super::hash::chain;
use super::level::Level;
use super::scan::{Item, Kind, SEED, Scan, item_key};
use super::words::{is_cue, is_state};

/// One position of a pattern is a variable.
const VARIABLE: u8 = 1;
/// One position of a pattern is punctuation.
const PUNCT: u8 = 2;
/// A closing bracket.
const CLOSER: u8 = 4;
/// A value is likely here: after a cue word, glued to a variable, or shaped like an identifier.
const LIKELY: u8 = 8;
/// The word names a state or an outcome.
const STATE: u8 = 16;
/// An opening bracket.
const OPENER: u8 = 32;

/// One position of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u16, u8)", into = "(u64, u16, u8)")]
pub(crate) struct Position {
    pub(crate) hash: u64,
    /// Which word of the template's sample stands here (0 for the first word); meaningless for other kinds.
    pub(crate) word: u16,
    flags: u8,
}

impl From<(u64, u16, u8)> for Position {
    fn from((hash, word, flags): (u64, u16, u8)) -> Self {
        Self { hash, word, flags }
    }
}

impl From<Position> for (u64, u16, u8) {
    fn from(position: Position) -> Self {
        (position.hash, position.word, position.flags)
    }
}

impl Position {
    pub(crate) fn is_word(self) -> bool {
        self.flags & (VARIABLE | PUNCT) == 0
    }

    pub(crate) fn is_variable(self) -> bool {
        self.flags & VARIABLE != 0
    }

    pub(crate) fn is_likely(self) -> bool {
        self.flags & LIKELY != 0
    }

    pub(crate) fn is_state(self) -> bool {
        self.flags & STATE != 0
    }

    fn blanked(self, variable: u64) -> Self {
        Self { hash: variable, word: self.word, flags: VARIABLE }
    }
}

/// A shape like `worker_pool`, `HelloWorld`, `a.b` or `x-y`: more often a name than a plain word.
fn is_identifier(word: &[u8]) -> bool {
    let inner = word.get(1..word.len().saturating_sub(1)).unwrap_or_default();
    inner.iter().any(|byte| matches!(byte, b'_' | b'.' | b'@' | b'$' | b'#' | b'\\' | b'/'))
}

/// True for the first word between brackets that follow a word directly: `chdir(pwd)`.
fn is_argument(data: &[u8], start: usize) -> bool {
    start >= 2 && data[start - 1] == b'(' && data[start - 2].is_ascii_alphanumeric()
}

/// Hash of the variable position.
pub(crate) fn variable_hash() -> u64 {
    item_key(&Item { hash: 0, start: 0, end: 0, kind: Kind::Variable, glued: false })
}

/// Turns a grouped scan into a pattern.
pub(crate) fn from_scan(scan: &Scan, message: &str, out: &mut Vec<Position>) {
    out.clear();
    let data = message.as_bytes();
    let (mut word, mut cue) = (0u16, false);
    for item in &scan.items {
        let text = &data[item.start as usize..item.end as usize];
        let mut flags = 0;
        match item.kind {
            Kind::Variable | Kind::Unit => {
                flags = VARIABLE;
                cue = false;
            }
            Kind::Punct => {
                flags |= PUNCT;
                flags |= match text.first() {
                    Some(b')' | b']' | b'}') => CLOSER,
                    Some(b'(' | b'[' | b'{') => OPENER,
                    _ => 0,
                };
            }
            Kind::Word => {
                if cue || item.glued || is_argument(data, item.start as usize) || is_identifier(text) {
                    flags |= LIKELY;
                }
                if is_state(text) {
                    flags |= STATE;
                }
                cue = is_cue(text);
            }
        }
        out.push(Position { hash: item_key(item), word, flags });
        word += u16::from(item.kind == Kind::Word);
    }
}

/// Key of a pattern at a level.
pub(crate) fn key(pattern: &[Position], level: Level) -> u64 {
    chain(pattern.iter().fold(SEED, |state, position| chain(state, position.hash)), level as u64)
}

/// Copies a pattern with the positions for which `blank` holds made variable, and collapses variables as the scanner does.
pub(crate) fn blanked(pattern: &[Position], blank: impl Fn(usize) -> bool, out: &mut Vec<Position>) {
    out.clear();
    let variable = variable_hash();
    let (mut open, mut swallowed) = (None::<usize>, 0u32);
    for (index, position) in pattern.iter().enumerate() {
        if position.is_variable() || blank(index) {
            if let Some(start) = open {
                for skipped in &out[start + 1..] {
                    if skipped.flags & OPENER != 0 {
                        swallowed += 1;
                    } else if skipped.flags & CLOSER != 0 {
                        swallowed = swallowed.saturating_sub(1);
                    }
                }
                out.truncate(start + 1);
            } else {
                open = Some(out.len());
                swallowed = 0;
                out.push(position.blanked(variable));
            }
        } else if position.flags & PUNCT != 0 {
            if position.flags & CLOSER != 0 && swallowed > 0 && open.is_some_and(|start| start + 1 == out.len()) {
                swallowed -= 1;
            } else {
                out.push(*position);
            }
        } else {
            open = None;
            out.push(*position);
        }
    }
}

/// True while a pattern says enough: at least one word, and at least three tenths of its words and variables constant.
pub(crate) fn says_enough(pattern: &[Position]) -> bool {
    let words = pattern.iter().filter(|position| position.is_word()).count();
    let variables = pattern.iter().filter(|position| position.is_variable()).count();
    words >= 1 && words * 10 >= (words + variables) * 3
}
