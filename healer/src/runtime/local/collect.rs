//! Hands over what a local run left: regular files below its artifacts folder, never through a link.

use super::files::RunDir;
use crate::results::Harvest;
use crate::runtime::{Result, RuntimeError};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::fs::File;
use std::path::Path;

/// Entries that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// Depth of folders that are looked into.
const MAX_DEPTH: usize = 16;

/// What is in the folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files, by name.
    files: Vec<String>,
    /// What is not taken, and why.
    notes: Vec<String>,
}

/// Lists regular files below `root`; links and special files are noted.
fn list(root: &Path) -> std::io::Result<Listing> {
    let mut found = Listing::default();
    let mut todo = vec![(root.to_path_buf(), String::new(), 0)];
    let mut seen = 0;
    while let Some((dir, prefix, depth)) = todo.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            seen += 1;
            if seen > MAX_ENTRIES {
                found.notes.push(format!("only {MAX_ENTRIES} entries of the artifacts folder were looked at"));
                found.files.sort_unstable();
                return Ok(found);
            }
            let Some(name) = entry.file_name().to_str().map(|n| format!("{prefix}{n}")) else {
                found.notes.push(format!("{:?} was left out: its name is not UTF-8", entry.file_name()));
                continue;
            };
            let kind = entry.file_type()?;
            if kind.is_file() {
                found.files.push(name);
            } else if kind.is_dir() && depth < MAX_DEPTH {
                todo.push((entry.path(), format!("{name}/"), depth + 1));
            } else {
                let what = if kind.is_symlink() { "a link" } else { "no regular file, or too deep" };
                found.notes.push(format!("{name:?} was left out: it is {what}"));
            }
        }
    }
    found.files.sort_unstable();
    Ok(found)
}

/// Opens a regular file below `root`; no part of its path may be a link.
fn open(root: &Path, name: &str) -> std::io::Result<Option<File>> {
    let root = File::open(root)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat2(&root, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)?;
    let file = File::from(file);
    Ok(file.metadata()?.is_file().then_some(file))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let failed = |e: std::io::Error| RuntimeError::unavailable("cannot read the run's files", e);
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|e| RuntimeError::unavailable("a task of the local runtime was stopped", e))?.map_err(failed)
}

/// Hands everything over.
pub(super) async fn collect(dir: &RunDir, into: &mut Harvest) -> Result<()> {
    let work = dir.path().to_path_buf();
    let result = dir.result();
    let name = result.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if std::fs::symlink_metadata(&result).is_ok() {
        match blocking(move || open(&work, &name)).await {
            Ok(Some(file)) => into.result(&mut tokio::fs::File::from_std(file)).await?,
            Ok(None) | Err(_) => into.note("the result was left out: it is no regular file"),
        }
    }
    let root = dir.artifacts();
    let top = root.clone();
    let found = blocking(move || list(&top)).await?;
    for note in found.notes {
        into.note(note);
    }
    let count = found.files.len();
    for (i, name) in found.files.into_iter().enumerate() {
        if into.full() {
            into.note(format!("{} more files were left out: the limit of a run is reached", count - i));
            break;
        }
        let (root, file_name) = (root.clone(), name.clone());
        match blocking(move || open(&root, &file_name)).await {
            Ok(Some(file)) => into.artifact(&name, &mut tokio::fs::File::from_std(file)).await?,
            Ok(None) => into.note(format!("{name:?} was left out: it is no regular file")),
            Err(e) => into.note(format!("{name:?} was left out: {e}")),
        }
    }
    Ok(())
}
