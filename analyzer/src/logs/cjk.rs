//! Classes of characters outside ASCII, for scripts that write no blanks between words.

/// Class of a character outside ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Char {
    /// Han, kana and hangul: a word of its own script.
    Ideograph,
    /// A full-width digit.
    Digit,
    /// Full-width or ideographic punctuation.
    Punct,
    /// White space outside ASCII.
    Space,
    /// Any other letter or sign; it joins the word around it.
    Other,
}

/// Bytes and class of the character at byte `at`, which must be a character boundary before the end.
pub(crate) fn kind_at(text: &str, at: usize) -> (usize, Char) {
    let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { return (1, Char::Other) };
    (character.len_utf8(), kind(character))
}

fn kind(character: char) -> Char {
    match character as u32 {
        0xFF10..=0xFF19 => Char::Digit,
        0x3000 | 0x00A0 | 0x2000..=0x200B | 0xFEFF => Char::Space,
        0x2010..=0x206F | 0x3001..=0x303F | 0xFF01..=0xFF0F | 0xFF1A..=0xFF20 | 0xFF3B..=0xFF40 | 0xFF5B..=0xFF65 => {
            Char::Punct
        }
        0x3040..=0x30FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF
        | 0xF900..=0xFAFF
        | 0x2_0000..=0x3_FFFF => Char::Ideograph,
        _ => Char::Other,
    }
}

/// End of the run of characters of one class that starts at `start`.
pub(crate) fn run_end(text: &str, start: usize, class: Char) -> usize {
    let mut at = start;
    while at < text.len() {
        let (width, kind) = kind_at(text, at);
        if kind != class {
            break;
        }
        at += width;
    }
    at
}

/// End of the ideographic word at `start`: at another class, or after the ordinal mark when numerals follow it.
pub(crate) fn word_end(text: &str, start: usize) -> usize {
    let end = run_end(text, start, Char::Ideograph);
    let word = &text[start..end];
    match word.find('第') {
        Some(offset) if numerals_end(text, start + offset + '第'.len_utf8()) > start + offset + '第'.len_utf8() => {
            start + offset + '第'.len_utf8()
        }
        _ => end,
    }
}

/// End of the Han numerals at `start` when the ordinal mark stands before them; `start` when there are none.
pub(crate) fn numerals_end(text: &str, start: usize) -> usize {
    if !text[..start].ends_with('第') {
        return start;
    }
    let rest = &text[start..];
    let length: usize = rest
        .chars()
        .take_while(|character| "〇零一二三四五六七八九十百千万两".contains(*character))
        .map(char::len_utf8)
        .sum();
    start + length
}
