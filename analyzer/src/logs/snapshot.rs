//! Saves a miner and brings it back: ids, counts and aliases as they were.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::limits::Limits;
use super::miner::TemplateMiner;
use super::pattern;
use super::template::{Entry, Template, TemplateId};

/// Layout version of [`MinerSnapshot`].
const VERSION: u32 = 1;
const MAGIC: &str = "aiops-templates";

/// Why a snapshot cannot be read. Start with an empty miner then, and mute new-template alerts while it learns.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The file is cut, changed or not a snapshot.
    #[error("snapshot is damaged: {0}; start with an empty miner")]
    Damaged(&'static str),
    /// The file was written by a version this one does not know.
    #[error("snapshot version {0} is not known; start with an empty miner")]
    Version(u32),
    /// The content does not parse.
    #[error("snapshot content cannot be read: {0}")]
    Content(#[from] serde_json::Error),
}

/// Everything a miner needs to go on: templates with their patterns, aliases and counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinerSnapshot {
    version: u32,
    limits: Limits,
    source: String,
    entries: Vec<Entry>,
    probation: Vec<TemplateId>,
    aliases: Vec<(TemplateId, TemplateId)>,
    #[serde(default)]
    barred: Vec<(u64, TemplateId)>,
    unclassified: Template,
    born: u64,
    lines: u64,
    evicted: u64,
    truncated: u64,
}

impl TemplateMiner {
    /// State of the miner.
    #[must_use]
    pub fn snapshot(&self) -> MinerSnapshot {
        let mut entries: Vec<Entry> = self.slots.iter().map(|(_, entry)| entry.clone()).collect();
        entries.sort_by_key(|entry| entry.born);
        let probation = self.probation.iter().filter_map(|reference| self.slots.get(*reference));
        let mut aliases: Vec<_> = self.aliases.iter().map(|(old, new)| (TemplateId(old), *new)).collect();
        aliases.sort_unstable();
        MinerSnapshot {
            version: VERSION,
            limits: self.limits,
            source: self.source.clone(),
            entries,
            probation: probation.map(|entry| entry.template.id).collect(),
            aliases,
            barred: self.barred.iter().map(|(key, id)| (*key, *id)).collect(),
            unclassified: self.unclassified.clone(),
            born: self.born,
            lines: self.lines,
            evicted: self.evicted,
            truncated: self.truncated,
        }
    }

    /// Miner as it was when the snapshot was made. What had been seen at single positions is learnt again.
    #[must_use]
    pub fn restore(snapshot: MinerSnapshot) -> Self {
        let mut miner = Self::for_source(snapshot.limits, &snapshot.source);
        miner.barred = snapshot.barred.into_iter().collect();
        for entry in snapshot.entries {
            let key = pattern::key(&entry.pattern, entry.template.level);
            let reference = miner.slots.insert(entry);
            miner.exact.insert(key, reference);
            miner.index(reference);
        }
        miner.probation = snapshot.probation.iter().filter_map(|id| miner.slots.find(*id)).collect();
        for (old, new) in snapshot.aliases {
            miner.aliases.insert(old.0, new);
        }
        miner.unclassified = snapshot.unclassified;
        miner.born = snapshot.born;
        miner.lines = snapshot.lines;
        miner.evicted = snapshot.evicted;
        miner.truncated = snapshot.truncated;
        miner
    }

    /// Snapshot as bytes with a version and a checksum in the first line.
    ///
    /// # Errors
    /// Only when the state cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let body = serde_json::to_vec(&self.snapshot())?;
        let mut bytes = format!("{MAGIC} {VERSION} {}\n", checksum(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// A file that is cut, changed, of another version or not a snapshot.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(SnapshotError::Damaged("no head line"))?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| SnapshotError::Damaged("head line is not text"))?;
        let mut fields = head.split(' ');
        if fields.next() != Some(MAGIC) {
            return Err(SnapshotError::Damaged("not a template snapshot"));
        }
        let version = fields.next().and_then(|field| field.parse().ok());
        let version: u32 = version.ok_or(SnapshotError::Damaged("no version"))?;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let body = &bytes[end + 1..];
        if fields.next() != Some(checksum(body).as_str()) {
            return Err(SnapshotError::Damaged("checksum differs"));
        }
        Ok(Self::restore(serde_json::from_slice(body)?))
    }
}

fn checksum(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
