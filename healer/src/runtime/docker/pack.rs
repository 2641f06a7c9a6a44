//! Archives towards and from the engine: what a run is given, and what it left.

use super::spec::{Plan, ROOT};
use crate::runtime::{Result, RuntimeError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek as _;
use tar::{Builder, EntryType, Header};

/// Entries of an archive that are looked at.
const MAX_ENTRIES: usize = 10_000;

fn failed(e: std::io::Error) -> RuntimeError {
    RuntimeError::unavailable("cannot pack the run's files", e)
}

struct Pack {
    tar: Builder<Vec<u8>>,
    ids: (u32, u32),
}

impl Pack {
    fn add(&mut self, kind: EntryType, name: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(u64::from(self.ids.0));
        header.set_gid(u64::from(self.ids.1));
        header.set_size(bytes.len() as u64);
        self.tar.append_data(&mut header, name, bytes).map_err(failed)
    }

    fn done(self) -> Result<Vec<u8>> {
        self.tar.into_inner().map_err(failed)
    }
}

/// The script, the secrets (0600 each) and the folders for what is kept, all owned by the user that the script runs as.
pub(super) fn given(plan: &Plan, secrets: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut pack = Pack { tar: Builder::new(Vec::new()), ids: plan.ids };
    pack.add(EntryType::Directory, "out/", 0o700, b"")?;
    pack.add(EntryType::Directory, "out/artifacts/", 0o700, b"")?;
    if !secrets.is_empty() {
        pack.add(EntryType::Directory, "secrets/", 0o700, b"")?;
    }
    for (name, value) in secrets.iter().filter(|(name, _)| !name.contains('/')) {
        pack.add(EntryType::Regular, &format!("secrets/{name}"), 0o600, value.as_bytes())?;
    }
    pack.add(EntryType::Regular, "script", 0o500, plan.text.as_bytes())?;
    pack.done()
}

/// One empty file or folder of root at the top of the run's volume.
pub(super) fn mark(name: &str, folder: bool) -> Result<Vec<u8>> {
    let mut pack = Pack { tar: Builder::new(Vec::new()), ids: (0, 0) };
    let kind = if folder { EntryType::Directory } else { EntryType::Regular };
    pack.add(kind, name, if folder { 0o755 } else { 0o644 }, b"")?;
    pack.done()
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path below the artifacts folder.
    pub(super) name: String,
    /// Where its content begins in the archive.
    pub(super) at: u64,
    /// Bytes of it.
    pub(super) bytes: u64,
}

/// What an archive of the `out` folder holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Regular files below `artifacts`, by name.
    pub(super) files: Vec<Found>,
    /// The result.
    pub(super) result: Option<Found>,
    /// What is not taken, and why.
    pub(super) notes: Vec<String>,
}

/// Lists an archive. What it says of links and special files is noted; nothing is followed or made.
pub(super) fn list(archive: &mut File) -> std::io::Result<Listing> {
    archive.rewind()?;
    let length = archive.metadata()?.len();
    let (mut listing, mut contents) = (Listing::default(), BTreeMap::<String, (u64, u64)>::new());
    let mut tar = tar::Archive::new(&mut *archive);
    for (count, entry) in tar.entries()?.enumerate() {
        if count >= MAX_ENTRIES {
            listing.notes.push(format!("only {MAX_ENTRIES} entries of the artifacts folder were looked at"));
            break;
        }
        let Ok(entry) = entry else {
            listing.notes.push("what comes after here could not be read".to_owned());
            break;
        };
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let Ok(path) = std::str::from_utf8(&entry.path_bytes()).map(str::to_owned) else {
            listing.notes.push(format!(
                "{:?} was left out: its name is not UTF-8",
                String::from_utf8_lossy(&entry.path_bytes())
            ));
            continue;
        };
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let link = entry.link_name_bytes().and_then(|l| String::from_utf8(l.into_owned()).ok());
        let place = match kind {
            EntryType::Regular | EntryType::Continuous => Some((entry.raw_file_position(), entry.size())),
            // A second name of a file that came before.
            EntryType::Link => link.and_then(|l| contents.get(l.trim_start_matches("./")).copied()),
            _ => None,
        };
        if place.is_some_and(|(at, bytes): (u64, u64)| at.saturating_add(bytes) > length) {
            listing.notes.push(format!("{path:?} was left out: it was not read to its end"));
            break;
        }
        if let Some(place) = place {
            contents.insert(path.clone(), place);
        }
        listing.take(&path, kind, place);
    }
    listing.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listing)
}

impl Listing {
    fn take(&mut self, path: &str, kind: EntryType, place: Option<(u64, u64)>) {
        let found = |name: &str, (at, bytes)| Found { name: name.to_owned(), at, bytes };
        if path == "out/result.json" {
            match place {
                Some(place) => self.result = Some(found("result", place)),
                None => self.notes.push("the result was left out: it is no regular file".to_owned()),
            }
            return;
        }
        let Some(name) = path.strip_prefix("out/artifacts/") else {
            if path == "out/artifacts" && kind != EntryType::Directory {
                self.notes.push("the artifacts folder was left out: it is no folder any more".to_owned());
            }
            return;
        };
        match (kind, place) {
            (EntryType::Directory, _) => {}
            (_, Some(place)) => self.files.push(found(name, place)),
            (EntryType::Symlink | EntryType::Link, None) => {
                self.notes.push(format!("{name:?} was left out: it is a link"));
            }
            (_, None) => self.notes.push(format!("{name:?} was left out: it is no regular file")),
        }
    }
}

/// Path of the file that says that a stop was sent.
pub(super) fn stop_path() -> String {
    format!("{ROOT}/stop")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, SeekFrom, Write as _};

    fn archive(entries: &[(&str, EntryType, &str, &[u8])]) -> File {
        let mut tar = Builder::new(Vec::new());
        for (name, kind, link, bytes) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            if link.is_empty() {
                tar.append_data(&mut header, name, *bytes).expect("entry");
            } else {
                tar.append_link(&mut header, name, link).expect("link");
            }
        }
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(&tar.into_inner().expect("archive")).expect("written");
        file
    }

    #[test]
    fn regular_files_are_found_and_nothing_is_followed() {
        let long = format!("out/artifacts/{}", "x/".repeat(120) + "y");
        let mut file = archive(&[
            ("out/", EntryType::Directory, "", b""),
            ("out/artifacts/", EntryType::Directory, "", b""),
            ("out/artifacts/b.txt", EntryType::Regular, "", b"12345"),
            ("out/artifacts/a.txt", EntryType::Link, "out/artifacts/b.txt", b""),
            ("out/artifacts/evil", EntryType::Symlink, "/etc/passwd", b""),
            ("out/artifacts/pipe", EntryType::Fifo, "", b""),
            ("out/artifacts/lost", EntryType::Link, "etc/passwd", b""),
            (long.as_str(), EntryType::Regular, "", b"deep"),
            ("out/result.json", EntryType::Regular, "", b"{}"),
            ("other", EntryType::Regular, "", b"x"),
        ]);
        let listing = list(&mut file).expect("listed");
        let names: Vec<_> = listing.files.iter().map(|f| (f.name.len(), f.bytes)).collect();
        assert_eq!(names, [(5, 5), (5, 5), (241, 4)]);
        assert_eq!(listing.notes.len(), 3, "{:?}", listing.notes);
        let result = listing.result.expect("a result");
        let mut text = String::new();
        file.seek(SeekFrom::Start(result.at)).expect("seek");
        file.take(result.bytes).read_to_string(&mut text).expect("read");
        assert_eq!(text, "{}");
    }

    #[test]
    fn damaged_archives_give_what_came_before() {
        let mut file = archive(&[("out/artifacts/a", EntryType::Regular, "", &[b'x'; 2_000])]);
        file.set_len(1_000).expect("cut");
        let listing = list(&mut file).expect("listed");
        assert_eq!((listing.files.len(), listing.notes.len()), (0, 1), "{:?}", listing.notes);
        let mut empty = tempfile::tempfile().expect("file");
        assert_eq!(list(&mut empty).expect("listed"), Listing::default());
        let mut noise = tempfile::tempfile().expect("file");
        noise.write_all(&[0xa5; 4_096]).expect("written");
        assert_eq!(list(&mut noise).expect("listed").files, []);
    }

    #[test]
    fn secrets_are_private() {
        let bytes = mark("stop", false).expect("packed");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entry = archive.entries().expect("entries").next().expect("one").expect("entry");
        assert_eq!((entry.path().expect("path").to_str(), entry.header().uid().ok()), (Some("stop"), Some(0)));
    }
}
