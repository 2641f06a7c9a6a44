//! A template: its stable id, its text with typed masks, its counters and its sample.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::level::Level;
use super::pattern::Position;
use super::scan::{Kind, Scan};

/// Stable id of a template: the same on every replica and after a restart. Written as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u64);

impl TemplateId {
    /// Id of the lines of a source that fit no template.
    #[must_use]
    pub fn unclassified(source: &str) -> Self {
        Self::of(source, Level::Unknown, "\u{0}unclassified")
    }

    /// First 64 bits of SHA-256 over the source, the level and the text at creation.
    #[must_use]
    pub fn of(source: &str, level: Level, text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(source.as_bytes());
        hash.update([0, level as u8]);
        hash.update(text.as_bytes());
        let digest = hash.finalize();
        let mut first = [0u8; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// Reads the 16 hex digits of [`fmt::Display`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for TemplateId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TemplateId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("template id must be 16 hex digits"))
    }
}

/// One template of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Stable id.
    pub id: TemplateId,
    /// Constant text with masks such as `<*>`, `<NUM>`, `<IP>` in place of values.
    pub text: String,
    /// Severity of its lines.
    pub level: Level,
    /// Lines seen, the lines of merged templates included.
    pub count: u64,
    /// Event time of the first line, ms since the epoch.
    pub first_seen_ms: i64,
    /// Event time of the newest line, ms since the epoch.
    pub last_seen_ms: i64,
    /// First line, cut at the sample limit. May hold personal data: show [`Self::text`] where that matters.
    pub sample: String,
    /// Kept when others are forgotten (part of an open incident, or asked for by a user).
    pub pinned: bool,
    /// No anomaly is raised for it.
    pub muted: bool,
    /// A user's own name for it.
    pub name: Option<String>,
}

/// A template with what the miner needs to match and merge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) template: Template,
    pub(crate) pattern: Vec<Position>,
    /// Words of the sample that are variable by evidence.
    pub(crate) wild: Vec<u16>,
    /// Order of creation.
    pub(crate) born: u64,
    /// Decayed number of lines.
    pub(crate) used: u32,
    /// Raised each time the pattern changes.
    pub(crate) edition: u16,
}

impl Entry {
    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.template.text.capacity()
            + self.template.sample.capacity()
            + self.pattern.capacity() * size_of::<Position>()
            + self.wild.capacity() * size_of::<u16>()
    }
}

/// Text of a message with its variables masked; `wild` lists words (by order) that are variable by evidence.
pub(crate) fn render(scan: &Scan, message: &str, wild: &[u16]) -> String {
    let mut text = String::with_capacity(message.len().min(256));
    let (mut at, mut word) = (0usize, 0u16);
    for item in &scan.items {
        let (start, end) = (item.start as usize, item.end as usize);
        push_blanks(&mut text, &message[at..start]);
        let part = &message[start..end];
        match item.kind {
            Kind::Variable => mask(part, &mut text),
            Kind::Word => {
                if wild.contains(&word) {
                    text.push_str("<*>");
                } else {
                    text.push_str(part);
                }
                word = word.saturating_add(1);
            }
            Kind::Punct | Kind::Unit => text.push_str(part),
        }
        at = end;
    }
    if at < message.len() && !message[at..].trim().is_empty() {
        text.push('…');
    }
    text
}

fn push_blanks(text: &mut String, gap: &str) {
    if !gap.is_empty() && !text.is_empty() {
        text.push(' ');
    }
}

/// Writes the typed mask of a value.
fn mask(value: &str, text: &mut String) {
    text.push_str(kind_of(value));
}

fn kind_of(value: &str) -> &'static str {
    let data = value.as_bytes();
    let all = |test: fn(&u8) -> bool| data.iter().all(test);
    let digits = data.iter().filter(|byte| byte.is_ascii_digit()).count();
    let dots = data.iter().filter(|byte| **byte == b'.').count();
    if dots == 3 && digits >= 4 && all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        "<IP>"
    } else if digits > 0 && all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'%')) {
        "<NUM>"
    } else if data.len() == 36 && all(|byte| byte.is_ascii_hexdigit() || *byte == b'-') {
        "<UUID>"
    } else if data.starts_with(b"0x") || (data.len() >= 8 && all(u8::is_ascii_hexdigit)) {
        "<HEX>"
    } else if data.contains(&b'/') || data.contains(&b'\\') {
        "<PATH>"
    } else {
        "<*>"
    }
}

#[cfg(test)]
mod tests {
    use super::TemplateId;
    use crate::logs::level::Level;

    #[test]
    fn id_depends_on_source_level_and_text_and_reads_back() {
        let id = TemplateId::of("a", Level::Info, "x");
        assert_eq!(TemplateId::parse(&id.to_string()), Some(id));
        assert_ne!(id, TemplateId::of("b", Level::Info, "x"));
        assert_ne!(id, TemplateId::of("a", Level::Warn, "x"));
        assert_eq!(TemplateId::parse("xyz"), None);
    }
}
