//! Field checks that several specifications share.

use super::Language;
use crate::error::FieldError;
use std::collections::BTreeMap;

/// Largest script body, bytes.
const MAX_BODY: usize = 1 << 20;

/// Names that data may never set in a script's environment.
const RESERVED: [&str; 9] =
    ["PATH", "HOME", "IFS", "ENV", "BASH_ENV", "NODE_OPTIONS", "RUN_KEY", "TRACEPARENT", "SHELL"];
const RESERVED_PREFIXES: [&str; 6] = ["LD_", "PYTHON", "GIT_", "AIOPS_", "DYLD_", "BASH_FUNC"];

pub(super) fn within(field: &str, value: u32, low: u32, high: u32, wrong: &mut Vec<FieldError>) {
    if !(low..=high).contains(&value) {
        wrong.push(FieldError::new(field, format!("give a number from {low} to {high}, got {value}")));
    }
}

pub(super) fn http_url(field: &str, url: &str, wrong: &mut Vec<FieldError>) {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let fine = rest.is_some_and(|r| {
        let host = r.split(['/', '?', '#']).next().unwrap_or_default();
        named(host) && !host.contains('@') && !url.chars().any(|c| c.is_whitespace() || c.is_control())
    });
    if !fine {
        wrong.push(FieldError::new(field, "give an address such as http://host:9090, without user name or password"));
    }
}

/// A host, and a port that exists when there is one.
fn named(host: &str) -> bool {
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    match port {
        Some((name, port)) => !name.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0),
        None => !host.is_empty(),
    }
}

/// Label names as Prometheus has them, or fields of a log document with dots in their names.
pub(super) fn labels(field: &str, names: &[String], wrong: &mut Vec<FieldError>) {
    for (at, name) in names.iter().enumerate() {
        let fine = !name.is_empty()
            && name.len() <= 200
            && !name.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'{}=,".contains(c));
        if !fine {
            wrong.push(FieldError::new(format!("{field}[{at}]"), "give the name of a label, for example service"));
        }
    }
}

pub(super) fn body(field: &str, body: &str, wrong: &mut Vec<FieldError>) {
    if body.trim().is_empty() {
        wrong.push(FieldError::new(field, "the script is empty"));
    } else if body.len() > MAX_BODY {
        wrong.push(FieldError::new(field, format!("give at most {MAX_BODY} bytes")));
    } else if body.contains('\0') {
        wrong.push(FieldError::new(field, "remove NUL bytes"));
    } else if body.contains('\r') {
        wrong.push(FieldError::new(field, "it has carriage returns: save it with LF line ends"));
    }
}

/// CRLF line ends become LF, a byte order mark goes; the note says so.
pub(super) fn line_ends(field: &str, body: &mut String) -> Option<String> {
    if let Some(rest) = body.strip_prefix('\u{feff}') {
        *body = rest.to_owned();
    }
    body.contains("\r\n").then(|| {
        *body = body.replace("\r\n", "\n");
        format!("{field}: CRLF line ends were stored as LF")
    })
}

/// What runs the text: `other` needs a program, and a program of one's own comes with an image or the host's path.
pub(super) fn interpreter(language: Language, program: &[String], image: Option<&str>, wrong: &mut Vec<FieldError>) {
    if language == Language::Other && program.is_empty() {
        wrong.push(FieldError::new("interpreter", "name the program that runs it, for example [\"ruby\"]"));
    }
    let odd = |part: &String| part.is_empty() || part.len() > 1_024 || part.chars().any(char::is_control);
    if program.len() > 16 || program.iter().any(odd) {
        wrong.push(FieldError::new("interpreter", "give at most 16 words without control characters"));
    }
    if image.is_some_and(|i| i.is_empty() || i.len() > 512 || i.chars().any(|c| c.is_whitespace() || c.is_control())) {
        wrong.push(FieldError::new("image", "give an image such as registry.example/name:tag, or leave it out"));
    }
}

pub(super) fn parameters(field: &str, schema: &serde_json::Value, wrong: &mut Vec<FieldError>) {
    let fine = schema.is_null() || schema.as_object().is_some_and(|o| o.get("type").is_none_or(|t| t == "object"));
    if !fine {
        wrong.push(FieldError::new(field, "give a JSON Schema of type object, or null"));
    }
    if let Some(names) = schema.get("properties").and_then(serde_json::Value::as_object) {
        env_names(field, names.keys(), wrong);
    }
}

pub(super) fn env_names<'a>(field: &str, names: impl Iterator<Item = &'a String>, wrong: &mut Vec<FieldError>) {
    for name in names {
        let shape = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= 64;
        let upper = name.to_ascii_uppercase();
        let reserved = RESERVED.contains(&upper.as_str()) || RESERVED_PREFIXES.iter().any(|p| upper.starts_with(p));
        if !shape {
            wrong.push(FieldError::new(
                format!("{field}.{name}"),
                "use letters, digits and _ , not starting with a digit",
            ));
        } else if reserved {
            wrong.push(FieldError::new(format!("{field}.{name}"), "this environment name is reserved; choose another"));
        }
    }
}

/// Environment names that secrets are given as, and the names of those secrets.
pub(super) fn secrets(field: &str, secrets: &BTreeMap<String, String>, wrong: &mut Vec<FieldError>) {
    env_names(field, secrets.keys(), wrong);
    for (name, secret) in secrets.iter().filter(|(_, secret)| !crate::secret::well_named(secret)) {
        let text = format!("{secret:?} is no name of a secret: {}", crate::secret::NAME_RULE);
        wrong.push(FieldError::new(format!("{field}.{name}"), text));
    }
    if secrets.len() > 32 {
        wrong.push(FieldError::new(field, "name at most 32 secrets"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, fine) in [
            ("http://127.0.0.1:9090", true),
            ("https://prom.example/path", true),
            ("prom:9090", false),
            ("http://", false),
            ("http://user:pass@host", false),
            ("http://a b", false),
            ("http://[::1]:9090", true),
            ("http://[::1]", true),
            ("http://host:99999", false),
            ("http://host:0", false),
            ("http://:9090", false),
            ("http://host:port", false),
        ] {
            let mut wrong = Vec::new();
            http_url("url", url, &mut wrong);
            assert_eq!(wrong.is_empty(), fine, "{url}");
        }
    }

    #[test]
    fn label_names() {
        for (name, fine) in [("service", true), ("k8s.pod.name", true), ("", false), ("a b", false), ("a=\"b\"", false)]
        {
            let mut wrong = Vec::new();
            labels("entity_labels", &[name.to_owned()], &mut wrong);
            assert_eq!(wrong.is_empty(), fine, "{name}");
        }
    }

    #[test]
    fn hijacking_names_are_refused() {
        for name in ["PATH", "LD_PRELOAD", "path", "PYTHONPATH", "1a", "a-b", "", "RUN_KEY"] {
            let mut wrong = Vec::new();
            env_names("values", [name.to_owned()].iter(), &mut wrong);
            assert_eq!(wrong.len(), 1, "{name}");
        }
    }
}
