//! Keys and sentences of log anomalies.

use crate::logs::{FindingKind, LogFinding, Template, TemplateId};
use domain::Id;
use domain::anomaly::Evidence;

const fn word(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NewTemplate => "new",
        FindingKind::Burst => "burst",
        FindingKind::Drop => "drop",
        FindingKind::Silence => "silence",
        FindingKind::ErrorShare => "errors",
    }
}

/// What the keys of a monitor's log anomalies begin with.
pub(super) fn prefix(monitor: Id) -> String {
    format!("logs:{monitor}:")
}

/// Stable key of a log anomaly.
pub(super) fn series_key(monitor: Id, entity: &str, kind: FindingKind, template: Option<TemplateId>) -> String {
    let template = template.map_or_else(|| "all".to_owned(), |id| id.to_string());
    format!("{}{}:{template}:{entity}", prefix(monitor), word(kind))
}

/// Kind and template of a key made by [`series_key`].
pub(super) fn parse(key: &str) -> Option<(FindingKind, Option<TemplateId>)> {
    let mut parts = key.splitn(5, ':').skip(2);
    let (kind, template) = (parts.next()?, parts.next()?);
    let kinds = [
        FindingKind::NewTemplate,
        FindingKind::Burst,
        FindingKind::Drop,
        FindingKind::Silence,
        FindingKind::ErrorShare,
    ];
    let kind = kinds.into_iter().find(|k| word(*k) == kind)?;
    Some((kind, TemplateId::parse(template)))
}

/// A template as sentences name it: by its text, and before it the name that people gave it.
pub(super) fn named(template: &Template) -> String {
    template.name.as_ref().map_or_else(|| template.text.clone(), |name| format!("{name} ({})", template.text))
}

fn lines(n: f64) -> String {
    if n.fract() == 0.0 { format!("{n:.0}") } else { format!("{n:.1}") }
}

/// Why it is unusual, in both languages.
pub(super) fn evidence(f: &LogFinding, entity: &str, template: Option<&str>, samples: Vec<String>) -> Evidence {
    let (seen, usual) = (lines(f.observed), lines(f.expected));
    let text = template.unwrap_or("*");
    let (en, zh) = match f.kind {
        FindingKind::NewTemplate => (
            format!("{entity} logs a line never seen before ({seen} times): {text}"),
            format!("{entity} 出现从未见过的日志（{seen} 次）：{text}"),
        ),
        FindingKind::Burst => (
            format!("{entity} logs {seen} lines where {usual} are usual: {text}"),
            format!("{entity} 的日志达到 {seen} 行，通常为 {usual} 行：{text}"),
        ),
        FindingKind::Drop => (
            format!("{entity} logs only {seen} lines where {usual} are usual: {text}"),
            format!("{entity} 的日志只有 {seen} 行，通常为 {usual} 行：{text}"),
        ),
        FindingKind::Silence => (
            format!("{entity} has stopped logging where {usual} lines are usual: {text}"),
            format!("{entity} 停止输出日志，通常为 {usual} 行：{text}"),
        ),
        FindingKind::ErrorShare => (
            format!("{entity} logs {seen} error lines where {usual} are usual"),
            format!("{entity} 的错误日志达到 {seen} 行，通常为 {usual} 行"),
        ),
    };
    let way = if matches!(f.kind, FindingKind::Drop | FindingKind::Silence) { "down" } else { "up" };
    Evidence { en, zh, samples, view: word(f.kind).to_owned(), way: way.to_owned(), ..Evidence::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_can_be_read_back() {
        let monitor = domain::new_id();
        for (kind, template) in
            [(FindingKind::NewTemplate, TemplateId::parse("00000000000000ff")), (FindingKind::ErrorShare, None)]
        {
            let key = series_key(monitor, "service=a:b", kind, template);
            assert!(key.starts_with(&prefix(monitor)));
            assert_eq!(parse(&key), Some((kind, template)));
        }
    }
}
