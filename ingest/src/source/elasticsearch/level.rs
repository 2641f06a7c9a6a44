//! Importance of a line from whatever its level field holds.

use domain::signal::LogLevel;
use serde_json::Value;

/// Level from a word or a number.
///
/// Numbers: OpenTelemetry's severity (1 to 24), pino and bunyan (multiples of ten from 30 on), syslog's 0 for emergency.
pub(super) fn of(value: &Value) -> Option<LogLevel> {
    match value {
        Value::String(text) => word(text),
        Value::Number(number) => number.as_i64().and_then(code),
        Value::Array(items) => items.first().and_then(of),
        _ => None,
    }
}

fn word(text: &str) -> Option<LogLevel> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return code(number);
    }
    // OpenTelemetry has INFO2, ERROR4 and so on.
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    Some(match name.as_str() {
        "trace" | "debug" | "verbose" | "fine" | "finer" | "finest" => LogLevel::Debug,
        "info" | "information" | "informational" | "notice" | "i" => LogLevel::Info,
        "warn" | "warning" | "w" => LogLevel::Warn,
        "err" | "error" | "severe" | "e" => LogLevel::Error,
        "fatal" | "critical" | "crit" | "alert" | "emerg" | "emergency" | "panic" | "dpanic" | "f" => LogLevel::Fatal,
        _ => return None,
    })
}

fn code(number: i64) -> Option<LogLevel> {
    Some(match number {
        1..=8 => LogLevel::Debug,
        9..=12 => LogLevel::Info,
        13..=16 => LogLevel::Warn,
        17..=20 => LogLevel::Error,
        0 | 21..=24 => LogLevel::Fatal,
        30..=39 => LogLevel::Info,
        40..=49 => LogLevel::Warn,
        50..=59 => LogLevel::Error,
        60..=69 => LogLevel::Fatal,
        _ => return None,
    })
}

/// Level written at the head of a message, for documents without a level field: an upper-case word among the first.
pub(super) fn in_text(message: &str) -> Option<LogLevel> {
    let head: String = message.chars().take(120).collect();
    head.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| w.len() >= 4 && w.chars().all(|c| c.is_ascii_uppercase()))
        .take(4)
        .find_map(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_and_numbers() {
        for (value, level) in [
            (json!("WARNING"), Some(LogLevel::Warn)),
            (json!("Err"), Some(LogLevel::Error)),
            (json!("INFO3"), Some(LogLevel::Info)),
            (json!("crit"), Some(LogLevel::Fatal)),
            (json!(17), Some(LogLevel::Error)),
            (json!(50), Some(LogLevel::Error)),
            (json!("30"), Some(LogLevel::Info)),
            (json!(["debug"]), Some(LogLevel::Debug)),
            (json!("whatever"), None),
            (json!({}), None),
        ] {
            assert_eq!(of(&value), level, "{value}");
        }
    }

    #[test]
    fn a_level_in_the_text() {
        assert_eq!(in_text("2026-01-01 10:00:00 [main] ERROR c.e.Shop - boom"), Some(LogLevel::Error));
        assert_eq!(in_text("an error happened"), None);
    }
}
