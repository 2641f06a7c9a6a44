//! What a pod left: an archive in lines of its log that carry our mark.

use super::objects::FILE_ROOM;
use super::stamped::{Line, Stamped};
use crate::results::Harvest;
use crate::runtime::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Cursor, Read as _};

/// The archive on its way.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    mark: String,
    archive: Vec<u8>,
    /// Bytes that were announced.
    announced: Option<usize>,
    ended: bool,
    damaged: bool,
    /// The wrapper's last word came.
    whole: bool,
    notes: Vec<String>,
}

impl Parcel {
    pub(super) fn new(mark: String) -> Self {
        Self { mark, ..Self::default() }
    }

    /// Whether everything that the pod wrote is there.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes a line, whoever wrote it.
    fn line(&mut self, line: &Line) {
        let Some(ours) = line.text.strip_prefix(&self.mark).and_then(|l| l.strip_prefix(' ')) else { return };
        match ours.split_once(' ').unwrap_or((ours, "")) {
            ("N", text) => self.notes.push(text.to_owned()),
            ("B", bytes) => {
                self.archive.clear();
                (self.announced, self.ended, self.damaged) = (bytes.trim().parse().ok(), false, false);
            }
            ("E", _) => self.ended = true,
            ("Q", _) => self.whole = true,
            ("T", text) => match STANDARD.decode(text.trim()) {
                Ok(bytes) if (self.archive.len() + bytes.len()) as u64 <= FILE_ROOM + 65_536 => {
                    self.archive.extend(bytes);
                }
                _ => self.damaged = true,
            },
            _ => {}
        }
    }

    /// Takes bytes of the log, cut anywhere.
    pub(super) fn feed(&mut self, cutter: &mut Stamped, bytes: &[u8]) {
        let mut lines = Vec::new();
        cutter.feed(bytes, &mut |line| lines.push(line));
        lines.iter().for_each(|line| self.line(line));
    }

    /// Hands everything over.
    ///
    /// # Errors
    /// `Unavailable` when file storage does not take it.
    pub(super) async fn unpack(self, into: &mut Harvest) -> Result<()> {
        for note in &self.notes {
            into.note(note);
        }
        let Some(announced) = self.announced else { return Ok(()) };
        let whole = self.ended && !self.damaged && self.archive.len() == announced;
        let Some(files) = whole.then(|| entries(&self.archive, into).ok()).flatten() else {
            into.note("result and artifacts were left out: their part of the pod's log was cut");
            return Ok(());
        };
        for (name, content) in files {
            match name.strip_prefix("artifacts/") {
                Some(name) => into.artifact(name, &mut content.as_slice()).await?,
                None if name == "result.json" => into.result(&mut content.as_slice()).await?,
                None => {}
            }
        }
        Ok(())
    }
}

/// Regular files of the archive; all else is noted.
fn entries(archive: &[u8], into: &mut Harvest) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in tar::Archive::new(Cursor::new(archive)).entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes().into_owned();
        let Ok(name) = String::from_utf8(path) else {
            into.note("a file was left out: its name is not UTF-8");
            continue;
        };
        let kind = entry.header().entry_type();
        let short = name.strip_prefix("artifacts/").unwrap_or(&name).to_owned();
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            let what = if kind.is_symlink() || kind.is_hard_link() { "a link" } else { "no regular file" };
            let said = if name == "result.json" {
                "the result was left out: it is no regular file".to_owned()
            } else {
                format!("{short:?} was left out: it is {what}")
            };
            into.note(said);
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        all.push((name, content));
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Masker;
    use crate::runtime::Handle;
    use domain::clock::SystemClock;
    use domain::testing::MemBlobs;
    use std::sync::Arc;

    const MARK: &str = "\u{1e}m.1";

    fn harvest() -> Harvest {
        let handle = Handle { run_id: domain::new_id(), epoch: 1 };
        Harvest::new(Arc::new(MemBlobs::default()), Arc::new(SystemClock), Masker::default(), handle)
    }

    fn archive() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        for (name, content) in [("artifacts/sub/a.txt", "hello"), ("result.json", "{\"n\": 7}")] {
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            tar.append_data(&mut header.clone(), name, content.as_bytes()).expect("added");
        }
        header.set_size(0);
        header.set_entry_type(tar::EntryType::Symlink);
        tar.append_link(&mut header, "artifacts/link", "/etc/passwd").expect("added");
        tar.into_inner().expect("archive")
    }

    fn log(lines: &[String]) -> String {
        lines.iter().map(|l| format!("2026-11-25T09:00:00.000000001Z {l}\n")).collect()
    }

    async fn unpacked(lines: &[String]) -> (Vec<domain::artifact::Artifact>, domain::results::RunResults) {
        let (mut parcel, mut cutter, mut harvest) = (Parcel::new(MARK.to_owned()), Stamped::default(), harvest());
        parcel.feed(&mut cutter, log(lines).as_bytes());
        parcel.unpack(&mut harvest).await.expect("unpacked");
        harvest.done()
    }

    #[tokio::test]
    async fn files_come_out_and_links_are_noted() {
        let text = STANDARD.encode(archive());
        let mut lines = vec!["output".to_owned(), format!("{MARK} B {}", archive().len())];
        lines.extend(text.as_bytes().chunks(76).map(|c| format!("{MARK} T {}", String::from_utf8_lossy(c))));
        lines.insert(5, "a line of something else in between".to_owned());
        let cut = unpacked(&lines).await;
        assert_eq!((cut.0.len(), cut.1.notes.len()), (0, 1), "without its end nothing is taken");
        lines.push(format!("{MARK} E"));
        let (artifacts, results) = unpacked(&lines).await;
        assert_eq!(artifacts.iter().map(|a| (a.name.as_str(), a.bytes)).collect::<Vec<_>>(), [("sub/a.txt", 5)]);
        assert_eq!(results.result, Some(serde_json::json!({"n": 7})));
        assert_eq!(results.notes, ["\"link\" was left out: it is a link"]);
        lines.remove(3);
        let (artifacts, results) = unpacked(&lines).await;
        assert_eq!((artifacts.len(), results.result, results.notes.len()), (0, None, 1), "a missing part is noticed");
    }
}
