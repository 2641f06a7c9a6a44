//! The graph as people write it: a YAML or JSON file of edges.

use domain::topology::{Edge, MAX_ENTITY, Relation};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeSet;
use std::path::Path;

/// Largest file, bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Why a file cannot be used, with the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("{path}: give a file of at most 4 MiB")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// A line of it is wrong.
    #[error("{path}: line {line}: {message}")]
    Line {
        /// The file.
        path: String,
        /// First line is 1; 0 when it is not known.
        line: u64,
        /// What to do.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    edges: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    from: Spanned<String>,
    to: Spanned<String>,
    #[serde(default)]
    relation: Relation,
}

/// The edges of a file: `edges:` with `from`, `to` and, when it is not `calls`, `relation`.
///
/// # Errors
/// [`FileError`], with the first wrong line.
pub fn read_file(path: &Path) -> Result<BTreeSet<Edge>, FileError> {
    let name = || path.display().to_string();
    let io = |source| FileError::Io { path: name(), source };
    if std::fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        return Err(FileError::TooLarge { path: name() });
    }
    parse(&std::fs::read_to_string(path).map_err(io)?).map_err(|(line, message)| FileError::Line {
        path: name(),
        line,
        message,
    })
}

fn parse(text: &str) -> Result<BTreeSet<Edge>, (u64, String)> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        (line, format!("{}; give edges: [{{from: service=a, to: service=b}}]", first_line(&error.to_string())))
    })?;
    let mut found = BTreeSet::new();
    for line in document.edges {
        let (from, to) = (end("from", &line.from)?, end("to", &line.to)?);
        if from == to {
            return Err((line.to.referenced.line(), format!("{to} cannot need itself: give two entities")));
        }
        found.insert(Edge { from, to, relation: line.relation });
    }
    Ok(found)
}

fn end(field: &str, text: &Spanned<String>) -> Result<String, (u64, String)> {
    let value = text.value.trim();
    let well = value.split_once('=').is_some_and(|(kind, name)| !kind.trim().is_empty() && !name.trim().is_empty());
    if well && value.len() <= MAX_ENTITY {
        return Ok(value.to_owned());
    }
    Err((text.referenced.line(), format!("{field}: give kind=name, for example service=checkout, not {value:?}")))
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_read() {
        let yaml = "# who needs whom\nedges:\n  - {from: service=front, to: service=cart}\n  - from: pod=cart-1\n    to: node=n1\n    relation: runs_on\n";
        let found = parse(yaml).expect("yaml");
        let expected = [
            Edge::new("pod=cart-1", "node=n1", Relation::RunsOn),
            Edge::new("service=front", "service=cart", Relation::Calls),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
        let json = r#"{"edges": [{"from": "service=front", "to": "service=cart"}]}"#;
        assert_eq!(parse(json).expect("json").len(), 1);
        assert!(parse("edges: []").expect("an empty graph").is_empty());
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, line, words) in [
            ("edges:\n  - {from: service=a, to: checkout}\n", 2, "to: give kind=name"),
            (
                "edges:\n  - {from: service=a, to: service=b}\n  - from: \"=x\"\n    to: service=b\n",
                3,
                "from: give kind=name",
            ),
            ("edges:\n  - from: service=a\n    to: service=a\n", 3, "cannot need itself"),
            ("edges:\n  - from: service=a\n    to: service=b\n    relation: eats\n", 4, "eats"),
            ("edges:\n  - from: service=a\n    too: service=b\n", 3, "too"),
            ("edges:\n  - [\n", 0, "give edges"),
            ("nodes: []\n", 1, "nodes"),
        ] {
            let (at, message) = parse(text).expect_err(text);
            assert!(message.contains(words), "{text}: {message}");
            assert!(line == 0 || at == line, "{text}: line {at}, {message}");
        }
    }

    #[test]
    fn a_file_that_is_absent_is_named() {
        let error = read_file(Path::new("/no/such/graph.yaml")).expect_err("absent").to_string();
        assert!(error.starts_with("/no/such/graph.yaml: cannot be read"), "{error}");
    }
}
