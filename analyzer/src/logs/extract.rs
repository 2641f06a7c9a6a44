//! Finds the message and the severity inside a record: a JSON object, logfmt, a stack trace or plain text.
//!
//! One forward scan without building a tree. Field names of ECS and OpenTelemetry are known beside the common ones.

use std::borrow::Cow;

use super::level::Level;

/// Message and severity of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// What the template is mined from.
    pub(crate) body: Cow<'a, str>,
    /// Severity found in the record itself.
    pub(crate) level: Level,
}

/// Keys of a message, best first.
const MESSAGE_KEYS: [&str; 8] = ["message", "msg", "body", "log", "event", "error.message", "text", "error"];
const LEVEL_KEYS: [&str; 7] = ["level", "log.level", "severity", "severity_text", "SeverityText", "lvl", "levelname"];
/// Most fields of an object that are looked at.
const FIELDS: usize = 256;

/// Takes a record apart.
pub(crate) fn parts(record: &str) -> Parts<'_> {
    let text = record.trim_start();
    match text.as_bytes().first() {
        Some(b'{') => {
            if let Some(found) = json(text) {
                return found;
            }
        }
        Some(byte) if byte.is_ascii_lowercase() => {
            if let Some(found) = logfmt(text) {
                return found;
            }
        }
        _ => {}
    }
    Parts { body: event(text), level: Level::Unknown }
}

/// First line of a record, with the class of the exception when a stack trace follows.
fn event(text: &str) -> Cow<'_, str> {
    let Some(first_end) = text.find('\n') else { return Cow::Borrowed(text) };
    let first = text[..first_end].trim_end();
    let rest = &text[first_end + 1..];
    if first.starts_with("Traceback") || first.is_empty() {
        let last = rest.lines().take(512).filter(|line| !line.starts_with([' ', '\t']) && !line.is_empty()).last();
        return last.and_then(exception).map_or(Cow::Borrowed(first), |class| Cow::Owned(format!("{first} {class}")));
    }
    match exception(rest.lines().next().unwrap_or_default()) {
        Some(class) => Cow::Owned(format!("{first} {class}")),
        None => Cow::Borrowed(first),
    }
}

/// Class name of a line such as `java.lang.IllegalStateException: pool closed`.
fn exception(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("Caused by: ");
    let end = line.find([':', ' ', '(']).unwrap_or(line.len());
    let class = &line[..end];
    let name = class.rsplit(['.', ':', '$']).next().unwrap_or(class);
    let known = ["Exception", "Error", "Throwable", "Failure", "Panic", "Interrupt"];
    (!name.is_empty() && known.iter().any(|suffix| name.ends_with(suffix))).then_some(name)
}

/// A scalar or nested value of an object, as it stands in the text.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Text { raw: &'a str, escaped: bool },
    Other,
}

impl<'a> Value<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text { raw, escaped: false } => Some(Cow::Borrowed(raw)),
            Self::Text { raw, escaped: true } => {
                Some(serde_json::from_str::<String>(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned))
            }
            Self::Other => None,
        }
    }
}

fn json(text: &str) -> Option<Parts<'_>> {
    let mut reader = Reader { text, at: 1 };
    let (mut best, mut level) = (None::<(usize, Value<'_>)>, Level::Unknown);
    let mut fields = 0;
    while fields < FIELDS {
        let Some((key, value)) = reader.field() else { break };
        fields += 1;
        if let Some(rank) = MESSAGE_KEYS.iter().position(|name| *name == key)
            && matches!(value, Value::Text { .. })
            && best.is_none_or(|(known, _)| rank < known)
        {
            best = Some((rank, value));
        }
        if LEVEL_KEYS.contains(&key)
            && let Some(name) = value.text()
        {
            level = Level::parse(&name);
        }
    }
    if fields == 0 {
        return None;
    }
    let message = best.and_then(|(_, value)| value.text());
    let body = match message {
        Some(Cow::Borrowed(message)) => event(message),
        Some(Cow::Owned(message)) => Cow::Owned(event(&message).into_owned()),
        None => keys_of(text)?,
    };
    Some(Parts { body, level })
}

/// An object without a message stands for its set of keys, in their alphabetic order.
fn keys_of(text: &str) -> Option<Cow<'_, str>> {
    let mut reader = Reader { text, at: 1 };
    let mut keys = Vec::new();
    while keys.len() < FIELDS {
        let Some((key, value)) = reader.field() else { break };
        let short = value.text().filter(|text| text.len() <= 24 && text.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let names_event = matches!(key, "type" | "kind" | "action" | "name" | "reason" | "op");
        keys.push(match short.filter(|_| names_event) {
            Some(value) => format!("{key}: {value}"),
            None => key.to_owned(),
        });
    }
    keys.sort_unstable();
    (!keys.is_empty()).then(|| Cow::Owned(format!("{{{}}}", keys.join(", "))))
}

/// Reads the fields of one object level.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn field(&mut self) -> Option<(&'a str, Value<'a>)> {
        self.skip(b", \t\r\n");
        let (key, _) = self.string()?;
        self.skip(b" \t\r\n");
        if self.peek() != Some(b':') {
            return None;
        }
        self.at += 1;
        self.skip(b" \t\r\n");
        let value = match self.peek()? {
            b'"' => {
                let (raw, escaped) = self.string()?;
                Value::Text { raw, escaped }
            }
            _ => {
                self.other()?;
                Value::Other
            }
        };
        Some((key, value))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, set: &[u8]) {
        while self.peek().is_some_and(|byte| set.contains(&byte)) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<(&'a str, bool)> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        let data = self.text.as_bytes();
        let (mut at, mut escaped) = (start, false);
        loop {
            match data.get(at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.text.get(start..at).map(|raw| (raw, escaped))
    }

    /// A number, word, array or object; strings inside are passed over.
    fn other(&mut self) -> Option<&'a str> {
        let (start, mut depth) = (self.at, 0usize);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }
}

/// Reads `key=value key="value"` lines that have a message key; `None` for anything else.
fn logfmt(text: &str) -> Option<Parts<'_>> {
    let (first, _) = text.split_once('=')?;
    if !is_key(first) {
        return None;
    }
    let (mut body, mut level) = (None, Level::Unknown);
    let (mut rest, mut fields) = (text, 0);
    while fields < FIELDS {
        let Some((key, value, next)) = pair(rest) else { break };
        fields += 1;
        rest = next;
        if LEVEL_KEYS.contains(&key) {
            level = Level::parse(value);
        } else if matches!(key, "msg" | "message") && body.is_none() {
            body = Some(value);
        }
    }
    let body = body.filter(|body| !body.is_empty())?;
    Some(Parts { body: event(body), level })
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// One pair of a logfmt line and what follows it.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.trim_start().split_once('=')?;
    if !is_key(key) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut slash = false;
        let end = quoted.bytes().position(|byte| {
            let close = byte == b'"' && !slash;
            slash = byte == b'\\' && !slash;
            close
        })?;
        return Some((key, &quoted[..end], &quoted[end + 1..]));
    }
    let end = rest.find(' ').unwrap_or(rest.len());
    Some((key, &rest[..end], &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::{Level, parts};

    fn body(record: &str) -> String {
        parts(record).body.into_owned()
    }

    #[test]
    fn json_message_and_level_are_found_in_any_order() {
        let one = parts(r#"{"level":"error","msg":"request failed","n":{"msg":"no"},"a":[1,"}"]}"#);
        assert_eq!((one.body.as_ref(), one.level), ("request failed", Level::Error));
        assert_eq!(body(r#" {"a": 1, "message": "say \"hi\"", "msg": "x"}"#), r#"say "hi""#);
        assert_eq!(body(r#"{"b":1,"a":"x"}"#), "{a, b}");
        assert_eq!(body(r#"{"a":"x","b":2}"#), "{a, b}");
    }

    #[test]
    fn half_an_object_is_plain_text_or_what_was_read() {
        assert_eq!(body(r#"{"msg":"cut"#), r#"{"msg":"cut"#);
        assert_eq!(body(r#"{"msg":"whole","b":"#), "whole");
        assert_eq!(body("{not json}"), "{not json}");
    }

    #[test]
    fn logfmt_needs_a_message() {
        let line = parts(r#"level=warn ts=1.5 caller=a.go:1 msg="cache miss" key=a took=0.1s"#);
        assert_eq!((line.body.as_ref(), line.level), ("cache miss", Level::Warn));
        assert_eq!(body("iar=1 dear=2"), "iar=1 dear=2");
        assert_eq!(body("failed to open a=b msg=x"), "failed to open a=b msg=x");
    }

    #[test]
    fn stack_traces_keep_first_line_and_class() {
        assert_eq!(
            body("it broke\njava.lang.IllegalStateException: pool\n\tat a.b(C.java:1)"),
            "it broke IllegalStateException"
        );
        assert_eq!(
            body("Traceback (most recent call last):\n  File \"x\", line 1\nValueError: bad"),
            "Traceback (most recent call last): ValueError"
        );
        assert_eq!(body("one\ntwo"), "one");
    }
}
