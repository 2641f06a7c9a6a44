//! The catalogue of sentences that the UI reads: what the product tells people must be in it.

use std::collections::BTreeMap;

/// Texts by code; English templates have parts such as `{entity}`, `{n:d}` (a number) or `{why:t}` (a sentence again).
const CATALOGUE: &str = include_str!("../../../frontend/src/locales/sentences.json");

const SIGNALS: [&str; 7] = ["latency", "errors", "traffic", "saturation", "availability", "logs", "metrics"];

#[derive(serde::Deserialize)]
struct Texts {
    en: String,
    zh: String,
}

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Part(&'a str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut all = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (part, after) = after.split_once('}').unwrap_or((after, ""));
        if !before.is_empty() {
            all.push(Piece::Text(before));
        }
        all.push(Piece::Part(part.split_once(':').map_or("", |(_, kind)| kind)));
        rest = after;
    }
    if !rest.is_empty() {
        all.push(Piece::Text(rest));
    }
    all
}

fn fits(pieces: &[Piece<'_>], text: &str) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(own), rest @ ..] => text.strip_prefix(own).is_some_and(|left| fits(rest, left)),
        [Piece::Part(kind), rest @ ..] => text
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .any(|end| looks_like(kind, &text[..end]) && fits(rest, &text[end..])),
    }
}

fn looks_like(kind: &str, part: &str) -> bool {
    match kind {
        "" | "t" => true,
        "d" | "w" => part.parse::<f64>().is_ok(),
        "signals" => part.split(", ").all(|word| SIGNALS.contains(&word)),
        _ => !part.contains(char::is_whitespace),
    }
}

/// Whether the catalogue has this sentence.
///
/// # Panics
/// When the catalogue is broken, or lacks a language.
#[must_use]
#[expect(clippy::expect_used, reason = "helper of tests")]
pub fn known(text: &str) -> bool {
    let all: BTreeMap<String, Texts> = serde_json::from_str(CATALOGUE).expect("a catalogue");
    assert!(all.values().all(|texts| !texts.zh.is_empty()));
    all.values().any(|texts| fits(&pieces(&texts.en), text))
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn sentences_are_told_from_their_templates() {
        assert!(known("healthy in 3 samples in a row") && known("latency, errors on service=cart"));
        assert!(!known("healthy in three samples in a row") && !known("healthy in 3 samples in a row, or so"));
        assert!(known("step 2 cannot run: script restart was archived") && !known(""));
    }
}
