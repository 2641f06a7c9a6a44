//! Objects in YAML files: one a document or a list of them, each knowing the line that a field of it stands in.
//!
//! An object is `kind`, `name`, `tags` and `spec`. Kinds whose specification has no `kind` of its own (script, case, monitor,
//! schedule, policy) may leave `spec` out and put its fields beside the name.

use super::super::kinds::{self, Kind};
use crate::commands::flat;
use anyhow::{Context as _, bail};
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a file at most.
const MOST: u64 = 16 << 20;
/// Files of a folder at most.
const FILES: usize = 5_000;

/// One object of a file.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The file, for people.
    pub file: String,
    /// Line where its document begins, from 1.
    pub line: usize,
    /// Its kind.
    pub kind: &'static Kind,
    /// Name, tags and specification, as written.
    pub draft: Map<String, Value>,
    /// Of a script: contents that it had before and that cases stay at, oldest first.
    pub older: Vec<Map<String, Value>>,
    text: String,
}

impl Document {
    /// Its name, for people.
    pub(crate) fn name(&self) -> &str {
        self.draft.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// `file:line: field`, with the line of the field when it can be found.
    pub(crate) fn at(&self, field: &str) -> String {
        format!("{}:{}: {} {}: {field}", self.file, self.line + self.offset(field), self.kind.word, self.name())
    }

    /// Lines between the beginning of the document and a field.
    fn offset(&self, field: &str) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        // In a list of objects the search begins at this one.
        let own = format!("name: {}", self.name());
        let is_name = |line: &&str| line.trim_start().trim_start_matches("- ").starts_with(&own);
        let start = lines.iter().position(is_name).unwrap_or(0);
        let before = start.checked_sub(1).and_then(|n| lines.get(n));
        let mut at = start - usize::from(before.is_some_and(|line| line.contains("kind:")));
        for key in field.split(['.', '[', ']']).filter(|key| !key.is_empty() && key.parse::<usize>().is_err()) {
            let short = key.strip_suffix("_id").unwrap_or(key);
            let file = format!("{key}_file");
            let is_it = |line: &&str| [key, short, file.as_str()].iter().any(|key| holds(line, key));
            at = lines.iter().skip(at).position(is_it).map_or(at, |n| at + n);
        }
        at
    }
}

/// Whether a line gives a value to this key.
fn holds(line: &str, key: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start();
    let quoted = || line.strip_prefix('"')?.strip_prefix(key)?.strip_prefix('"');
    line.strip_prefix(key).or_else(quoted).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// Reads every object of the files and folders, in the order of the files' names.
///
/// # Errors
/// Every problem of all files, each with file and line.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        for (name, text, folder) in files(path)? {
            match parse(&name, &text, &folder) {
                Ok(documents) => found.extend(documents),
                Err(error) => wrong.push(error),
            }
        }
    }
    twice(&found, &mut wrong);
    super::all_or(wrong)?;
    if found.is_empty() {
        bail!("--file: no objects in {}", paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "));
    }
    Ok(found)
}

/// The same kind and name in two places.
fn twice(found: &[Document], wrong: &mut Vec<String>) {
    for (n, document) in found.iter().enumerate() {
        let same = |d: &&Document| d.kind.word == document.kind.word && d.name() == document.name();
        if let Some(first) = found[..n].iter().find(same) {
            wrong.push(format!("{}, and before in {}:{}", document.at("name: stands twice"), first.file, first.line));
        }
    }
}

/// Name, text and folder of each file.
fn files(path: &Path) -> anyhow::Result<Vec<(String, String, PathBuf)>> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(MOST).read_to_string(&mut text).context("--file: read standard input")?;
        return Ok(vec![("standard input".to_owned(), text, PathBuf::from("."))]);
    }
    let mut paths = Vec::new();
    let about = || format!("--file: cannot read {}", path.display());
    if std::fs::metadata(path).with_context(about)?.is_dir() {
        let mut folders = vec![path.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(about)? {
                let entry = entry.with_context(about)?.path();
                let yaml = entry.extension().is_some_and(|e| e == "yaml" || e == "yml");
                if entry.is_dir() && !entry.is_symlink() {
                    folders.push(entry);
                } else if yaml {
                    paths.push(entry);
                }
            }
            if paths.len() > FILES || folders.len() > FILES {
                bail!("--file: {} has more than {FILES} files", path.display());
            }
        }
        paths.sort();
    } else {
        paths.push(path.to_path_buf());
    }
    paths.into_iter().map(|path| Ok((path.display().to_string(), text_of(&path)?, folder_of(&path)))).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let about = || format!("--file: cannot read {}", path.display());
    if std::fs::metadata(path).with_context(about)?.len() > MOST {
        bail!("--file: {} has more than {MOST} bytes", path.display());
    }
    std::fs::read_to_string(path).with_context(about)
}

/// The documents of a text: the line where each begins, and its text.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(1, String::new())];
    for (n, line) in text.lines().enumerate() {
        let begins = line == "---" || line.starts_with("--- ");
        if begins {
            parts.push((n + 1, String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push_str(if begins { "" } else { line });
            part.push('\n');
        }
    }
    let empty = |text: &str| text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    parts.retain(|(_, text)| !empty(text));
    parts
}

/// The objects of one file; all its problems in one text, a line each.
fn parse(file: &str, text: &str, folder: &Path) -> Result<Vec<Document>, String> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (line, text) in split(text) {
        let value: Value = match serde_saphyr::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                let at = error.location().map_or(line, |place| line - 1 + usize::try_from(place.line()).unwrap_or(1));
                wrong.push(format!("{file}:{at}: not valid YAML: {}", flat(&error.without_snippet().to_string())));
                continue;
            }
        };
        let items = if let Value::Array(items) = value { items } else { vec![value] };
        for item in items {
            match object(file, line, &text, item, folder) {
                Ok(document) => found.push(document),
                Err(why) => wrong.push(why),
            }
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong.join("\n")) }
}

fn object(file: &str, line: usize, text: &str, value: Value, folder: &Path) -> Result<Document, String> {
    let Value::Object(mut draft) = value else {
        return Err(format!("{file}:{line}: give an object with kind and name"));
    };
    let Some(Value::String(word)) = draft.remove("kind") else {
        return Err(format!("{file}:{line}: kind: give one of {}", kinds::words()));
    };
    let Some(kind) = kinds::by_word(&word) else {
        return Err(format!("{file}:{line}: kind: give one of {}, not {word:?}", kinds::words()));
    };
    let spec = draft.remove("spec");
    let older = if kind.word == "script" { draft.remove("older") } else { None };
    let mut document = Document { file: file.to_owned(), line, kind, draft, older: Vec::new(), text: text.to_owned() };
    match older {
        None => {}
        Some(Value::Array(list)) if list.iter().all(Value::is_object) => {
            document.older = list.into_iter().filter_map(|one| one.as_object().cloned()).collect();
        }
        Some(_) => return Err(format!("{}: give a list of specifications", document.at("older"))),
    }
    match spec {
        None => {}
        Some(Value::Object(spec)) => {
            if let Some(key) = document.draft.keys().find(|key| !["name", "tags"].contains(&key.as_str())) {
                return Err(format!("{}: unknown field: put it below spec", document.at(key)));
            }
            document.draft.extend(spec.into_iter().filter(|(key, _)| !["name", "tags"].contains(&key.as_str())));
        }
        Some(_) => return Err(format!("{}: give an object", document.at("spec"))),
    }
    for field in kind.texts {
        let key = format!("{field}_file");
        if let Some(Value::String(name)) = document.draft.remove(&key) {
            let body = text_of(&folder.join(&name)).map_err(|e| format!("{}: {e:#}", document.at(&key)))?;
            document.draft.insert((*field).to_owned(), Value::String(body));
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Document>, String> {
        parse("a.yaml", text, Path::new("."))
    }

    #[test]
    fn objects_stand_in_documents_and_lists() {
        let text = "# remark\n---\nkind: script\nname: one\nlanguage: sh\nbody: |\n  echo a\n  --- not a document\n---\n- kind: case\n  name: two\n  script: one\n- kind: case\n  name: three\n  spec:\n    values:\n      A: 1\n";
        let found = parsed(text).expect("fine");
        let names: Vec<_> = found.iter().map(|d| (d.kind.word, d.name(), d.line)).collect();
        assert_eq!(names, [("script", "one", 2), ("case", "two", 9), ("case", "three", 9)]);
        assert_eq!(found[0].at("body"), "a.yaml:6: script one: body");
        assert_eq!(found[1].at("script_id"), "a.yaml:12: case two: script_id");
        assert_eq!(found[2].at("values.A"), "a.yaml:17: case three: values.A");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, wanted) in [
            ("kind: script\nname: [", "a.yaml:"),
            ("kind: nope\nname: x\n", "a.yaml:1: kind: give one of source"),
            ("---\nname: x\n", "a.yaml:1: kind: give one of"),
            ("just text\n", "a.yaml:1: give an object"),
            ("kind: script\nname: a\nbody_file: nowhere.sh\n", "a.yaml:3: script a: body_file: --file: cannot read"),
            ("kind: source\nname: a\nurl: x\nspec: {kind: prometheus}\n", "a.yaml:3: source a: url: unknown field"),
            ("kind: script\nname: a\nname: b\n", "a.yaml:3: not valid YAML"),
            ("kind: script\nname: a\nolder: {}\nspec: {}\n", "a.yaml:3: script a: older: give a list"),
            ("kind: case\nname: a\nolder: []\nspec: {}\n", "a.yaml:3: case a: older: unknown field"),
        ] {
            let got = parsed(text).expect_err("wrong");
            assert!(got.starts_with(wanted), "{got}");
        }
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(parsed(bomb).expect_err("a bomb").contains("not valid YAML"));
    }
}
