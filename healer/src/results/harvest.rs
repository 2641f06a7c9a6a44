//! Takes what a runtime hands over of a run's files, within limits, and puts it into file storage.

use super::junit;
use crate::mask::{MaskedStream, Masker};
use crate::runtime::{Handle, Result, RuntimeError};
use domain::artifact::{Artifact, ArtifactLimits, media_type};
use domain::blob::run_prefix;
use domain::clock::Clock;
use domain::ports::BlobStore;
use domain::results::RunResults;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes of a result document at most.
const MAX_RESULT: u64 = 1 << 20;
/// Bytes of an XML file that is looked at for test results.
const MAX_XML: u64 = 8 << 20;
/// Notes at most.
const MAX_NOTES: usize = 50;
/// Bytes of an artifact's name at most.
const MAX_NAME: usize = 400;

/// A content on its way.
pub type Content<'a> = &'a mut (dyn AsyncRead + Send + Unpin);

/// What was collected of one run.
#[derive(Debug)]
pub struct Harvest {
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    masker: Masker,
    handle: Handle,
    limits: ArtifactLimits,
    artifacts: Vec<Artifact>,
    bytes: u64,
    results: RunResults,
}

impl Harvest {
    /// Nothing yet.
    #[must_use]
    pub fn new(blobs: Arc<dyn BlobStore>, clock: Arc<dyn Clock>, masker: Masker, handle: Handle) -> Self {
        let (artifacts, results) = (Vec::new(), RunResults::default());
        Self { blobs, clock, masker, handle, limits: ArtifactLimits::default(), artifacts, bytes: 0, results }
    }

    /// With other limits than the usual.
    #[must_use]
    pub fn with_limits(self, limits: ArtifactLimits) -> Self {
        Self { limits, ..self }
    }

    /// Remarks something for people, masked.
    pub fn note(&mut self, text: impl AsRef<str>) {
        if self.results.notes.len() < MAX_NOTES {
            self.results.notes.push(self.masker.mask(text.as_ref()));
        }
    }

    /// Whether no more files are taken.
    #[must_use]
    pub fn full(&self) -> bool {
        self.artifacts.len() >= self.limits.count || self.bytes >= self.limits.total_bytes
    }

    /// Bytes that are taken at most.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.limits.total_bytes
    }

    /// Takes one file; what is over a limit or cannot be named is noted and left out.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read, or file storage does not take it.
    pub async fn artifact(&mut self, name: &str, content: Content<'_>) -> Result<()> {
        if !named_well(name) {
            self.note(format!("{name:?} was left out: its name is no plain path"));
            return Ok(());
        }
        if self.full() {
            let limits = (self.limits.count, self.limits.total_bytes);
            self.note(format!("{name:?} was left out: a run keeps at most {} files and {} bytes", limits.0, limits.1));
            return Ok(());
        }
        let room = self.limits.file_bytes.min(self.limits.total_bytes - self.bytes);
        let key =
            format!("{}artifacts/{}-{:05}", run_prefix(self.handle.run_id), self.handle.epoch, self.artifacts.len());
        let stored = |e| RuntimeError::unavailable(format!("cannot keep {name:?}"), e);
        let mut writer = self.blobs.create(&key).await.map_err(stored)?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; 256 << 10]);
        let mut xml = name.to_ascii_lowercase().ends_with(".xml").then(Vec::new);
        let masker = self.masker.clone();
        let mut masked = None;
        loop {
            let read = content.read(&mut buffer).await;
            let read = read.map_err(|e| RuntimeError::unavailable(format!("cannot read {name:?}"), e))?;
            let piece = text_masked(&masker, &mut masked, &buffer[..read]);
            bytes += piece.len() as u64;
            if bytes > room {
                self.note(format!("{name:?} was left out: it has more than {room} bytes"));
                return Ok(());
            }
            hash.update(&piece);
            xml = xml.filter(|_| bytes <= MAX_XML);
            if let Some(xml) = &mut xml {
                xml.extend_from_slice(&piece);
            }
            writer.write(piece).await.map_err(stored)?;
            if read == 0 {
                break;
            }
        }
        writer.finish().await.map_err(stored)?;
        self.bytes += bytes;
        self.artifacts.push(Artifact {
            name: name.to_owned(),
            bytes,
            media_type: media_type(name).to_owned(),
            sha256: hex::encode(hash.finalize()),
            stored_at: self.clock.now(),
            key,
        });
        if let Some(xml) = xml {
            self.tests(name, &xml);
        }
        Ok(())
    }

    fn tests(&mut self, name: &str, xml: &[u8]) {
        let text = String::from_utf8_lossy(xml);
        let text = self.masker.mask(text.trim_start_matches('\u{feff}'));
        match junit::parse(&text, name) {
            Ok(None) => {}
            Ok(Some(mut suites)) => {
                let kept: usize = self.results.suites.iter().map(|s| s.cases.len()).sum();
                let mut room = junit::MAX_CASES.saturating_sub(kept);
                let all: usize = suites.iter().map(|s| s.cases.len()).sum();
                for suite in &mut suites {
                    suite.cases.truncate(room);
                    room -= suite.cases.len();
                }
                suites.retain(|s| !s.cases.is_empty());
                let taken: usize = suites.iter().map(|s| s.cases.len()).sum();
                if taken < all {
                    self.note(format!("{} test cases of {name:?} were left out", all - taken));
                }
                self.results.add_suites(suites);
            }
            Err(why) => self.note(format!("{name:?} was not read for test results: {why}")),
        }
    }

    /// Takes the result document.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub async fn result(&mut self, content: Content<'_>) -> Result<()> {
        let mut bytes = Vec::new();
        let read = content.take(MAX_RESULT + 1).read_to_end(&mut bytes).await;
        read.map_err(|e| RuntimeError::unavailable("cannot read the result", e))?;
        if bytes.len() as u64 > MAX_RESULT {
            self.note(format!("the result was left out: it has more than {MAX_RESULT} bytes"));
            return Ok(());
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let text = self.masker.mask(&String::from_utf8_lossy(&bytes));
        match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(value) => self.results.result = Some(value),
            Err(e) => self.note(format!("the result is no JSON: {e}")),
        }
        Ok(())
    }

    /// What was taken.
    #[must_use]
    pub fn done(self) -> (Vec<Artifact>, RunResults) {
        (self.artifacts, self.results)
    }
}

/// The next piece of a file, masked when the file is text, as far as one can tell: it begins without NUL bytes. Other
/// contents are kept as they are. An empty piece ends it.
fn text_masked<'a>(masker: &'a Masker, state: &mut Option<Option<MaskedStream<'a>>>, piece: &[u8]) -> Vec<u8> {
    let text = !masker.is_empty() && !piece.contains(&0);
    match state.get_or_insert_with(|| text.then(|| MaskedStream::new(masker))) {
        Some(stream) if piece.is_empty() => std::mem::replace(stream, MaskedStream::new(masker)).finish(),
        Some(stream) => stream.push(piece),
        None => piece.to_vec(),
    }
}

/// Whether a name is a plain path below a folder.
fn named_well(name: &str) -> bool {
    name.len() <= MAX_NAME
        && !name.chars().any(char::is_control)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::SystemClock;
    use domain::testing::MemBlobs;

    fn harvest(blobs: &MemBlobs, limits: ArtifactLimits) -> Harvest {
        let handle = Handle { run_id: domain::new_id(), epoch: 3 };
        let masker = Masker::new(["hunter2-Zq9"]);
        Harvest::new(Arc::new(blobs.clone()), Arc::new(SystemClock), masker, handle).with_limits(limits)
    }

    #[tokio::test]
    async fn files_are_kept_within_limits_and_the_rest_is_told() {
        let blobs = MemBlobs::default();
        let mut all = harvest(&blobs, ArtifactLimits { count: 3, file_bytes: 5, total_bytes: 9 });
        for (name, content) in [
            ("a/one.txt", "12345"),
            ("../evil", "x"),
            ("a//b", "x"),
            ("big", "123456"),
            ("two.json", "1234"),
            ("three", "x"),
        ] {
            all.artifact(name, &mut content.as_bytes()).await.expect("taken or noted");
        }
        let (artifacts, results) = all.done();
        let got: Vec<_> = artifacts.iter().map(|a| (a.name.as_str(), a.bytes, a.media_type.as_str())).collect();
        assert_eq!(got, [("a/one.txt", 5, "text/plain; charset=utf-8"), ("two.json", 4, "application/json")]);
        assert_eq!(artifacts[0].sha256, crate::sha256_hex(b"12345"));
        assert_eq!(blobs.get(&artifacts[0].key).await.expect("stored"), b"12345");
        assert_eq!(results.notes.len(), 4, "{:?}", results.notes);
        assert_eq!(blobs.list("").await.expect("list").len(), 2, "what was left out is not stored");
    }

    #[tokio::test]
    async fn texts_are_masked_and_other_files_are_kept_as_they_are() {
        let blobs = MemBlobs::default();
        let mut all = harvest(&blobs, ArtifactLimits::default());
        let long = format!("{}hunter2-Zq9{}", "x".repeat((256 << 10) - 4), "y".repeat(10));
        for (name, content) in
            [("a.txt", "token=hunter2-Zq9\n".as_bytes()), ("long", long.as_bytes()), ("b", b"\0hunter2-Zq9")]
        {
            all.artifact(name, &mut &*content).await.expect("taken");
        }
        let (artifacts, _) = all.done();
        let mut kept = Vec::new();
        for artifact in &artifacts {
            let content = blobs.get(&artifact.key).await.expect("stored");
            assert_eq!((artifact.bytes, &artifact.sha256), (content.len() as u64, &crate::sha256_hex(&content)));
            kept.push(content);
        }
        assert_eq!((kept[0].as_slice(), kept[2].as_slice()), (&b"token=********\n"[..], &b"\0hunter2-Zq9"[..]));
        assert!(!String::from_utf8_lossy(&kept[1]).contains("hunter2"), "over two pieces");
    }

    #[tokio::test]
    async fn results_are_read_and_masked() {
        let blobs = MemBlobs::default();
        for (text, wanted, note) in [
            (r#"{"token": "hunter2-Zq9", "ok": true}"#, Some(serde_json::json!({"token": "********", "ok": true})), ""),
            ("", None, ""),
            ("{", None, "the result is no JSON"),
            (&"[".repeat(10_000), None, "the result is no JSON"),
            (&" ".repeat((1 << 20) + 1), None, "the result was left out"),
        ] {
            let mut all = harvest(&blobs, ArtifactLimits::default());
            all.result(&mut text.as_bytes()).await.expect("read");
            let (_, results) = all.done();
            assert_eq!(results.result, wanted);
            assert!(results.notes.first().map_or("", String::as_str).starts_with(note), "{:?}", results.notes);
        }
        let mut all = harvest(&blobs, ArtifactLimits::default());
        let xml = r#"<testsuite name="s"><testcase name="n"><failure message="hunter2-Zq9"/></testcase></testsuite>"#;
        all.artifact("junit.xml", &mut xml.as_bytes()).await.expect("kept");
        let (_, results) = all.done();
        assert_eq!((results.totals.tests, results.suites[0].cases[0].message.as_str()), (1, "********"));
    }
}
