//! Takes secrets and personal data out of sample log lines before they are stored.

use regex::Regex;
use std::sync::LazyLock;

/// What is replaced, and by what. Groups named `keep` stay.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        (
            r#"(?i)(?P<keep>(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization)["']?\s*[:=]\s*["']?)(?:(?:bearer|basic)\s+)?[^\s"',;&]+"#,
            "${keep}***",
        ),
        (r"(?i)(?P<keep>bearer\s+)[A-Za-z0-9._~+/=-]{8,}", "${keep}***"),
        (r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "***"),
        (r"(?P<keep>[a-z][a-z0-9+.-]*://)[^\s/:@]+:[^\s/@]+@", "${keep}***@"),
        (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", "***@***"),
        (r"\b(?:\d[ -]?){13,18}\d\b", "***"),
        (r"\b[A-Fa-f0-9]{40,}\b", "***"),
    ];
    rules.into_iter().filter_map(|(rule, with)| Regex::new(rule).ok().map(|r| (r, with))).collect()
});

/// The line with credentials, mail addresses, card-like numbers and long hexadecimal strings replaced by `***`.
pub(crate) fn mask(line: &str) -> String {
    RULES.iter().fold(line.to_owned(), |text, (rule, with)| rule.replace_all(&text, *with).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_secrets_go() {
        assert_eq!(RULES.len(), 7);
        for (line, shown) in [
            ("login password=hunter2 ok", "login password=*** ok"),
            (r#"{"api_key":"abc123","n":1}"#, r#"{"api_key":"***","n":1}"#),
            ("Authorization: Bearer abcdefgh12345", "Authorization: ***"),
            ("postgres://app:s3cret@db/x", "postgres://***@db/x"),
            ("mail to ann.lee@example.com failed", "mail to ***@*** failed"),
            ("card 4111 1111 1111 1111 declined", "card *** declined"),
        ] {
            assert_eq!(mask(line), shown);
        }
    }

    #[test]
    fn plain_lines_stay() {
        for line in ["order 1795576359926 rejected: timeout", "GET /api/products 200 in 12 ms", "支付失败 code=502"]
        {
            assert_eq!(mask(line), line);
        }
    }
}
