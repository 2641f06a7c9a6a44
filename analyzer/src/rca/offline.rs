//! Ranks the cases of a recorded set, with the injection times or blind.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::logs::Level;

use super::blind;
use super::evidence::{Ranked, Ranking};
use super::input::{Series, Telemetry};
use super::recorded::{Onset, rank_recorded};
use super::recording::{Known, RawLine, Recording};
use super::topology::Edge;

/// Time after an injection that is no reference for another fault, ms.
const SPOILED_MS: i64 = 360_000;
/// Candidates written per case.
const WRITTEN: usize = 10;

/// Why a set cannot be ranked.
#[derive(Debug, Error)]
pub enum RankError {
    /// A file of the set is not there or cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file of the set does not parse.
    #[error("cannot parse {path}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// One injected fault.
#[derive(Debug, Clone, Deserialize)]
struct Case {
    id: String,
    inject_time: String,
}

/// Ranking of one case.
#[derive(Debug, Clone, Serialize)]
pub struct RankedCase {
    /// Candidates, most probable first.
    pub ranked: Vec<Ranked>,
    /// True when no candidate stands out.
    pub undetermined: bool,
    /// Time the ranking took, ms.
    pub ms: f64,
}

/// An incident found without being told.
#[derive(Debug, Clone, Serialize)]
pub struct FoundIncident {
    /// Estimated onset, RFC 3339.
    pub start: String,
    /// End of its last odd minute, RFC 3339.
    pub end: String,
    /// When it was opened, RFC 3339: nothing later was looked at to open it.
    pub opened_at: String,
    /// When it was ranked, RFC 3339: nothing later was looked at to rank it.
    pub ranked_at: String,
    /// Candidates, most probable first.
    pub ranked: Vec<Ranked>,
    /// True when no candidate stands out.
    pub undetermined: bool,
}

/// Numbers of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RankSummary {
    /// Cases or incidents ranked.
    pub cases: usize,
    /// Of these, without a named cause.
    pub undetermined: usize,
    /// Entities with metrics or logs.
    pub entities: usize,
    /// Log lines read.
    pub log_lines: usize,
    /// Longest time of one ranking, ms.
    pub max_ms: f64,
}

/// Result of a run: `cases` with the injection times, `incidents` without.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RankOutput {
    /// By case id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases: Option<BTreeMap<String, RankedCase>>,
    /// In time order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incidents: Option<Vec<FoundIncident>>,
    /// Numbers.
    pub summary: RankSummary,
}

/// Ranks a set folder: `metrics.csv.gz` or `metrics.csv`, `topology.csv`, `logs.csv.gz` or `logs.csv` if there are logs,
/// and `cases.json`, which is not opened when `blind`.
///
/// # Errors
/// A file that is missing or does not parse, by name.
pub fn rank(set_dir: &Path, blind: bool) -> Result<RankOutput, RankError> {
    let recording = load(set_dir)?;
    let mut entities: Vec<&str> = recording.series.iter().map(|series| series.entity.as_str()).collect();
    entities.extend(recording.lines.iter().map(|line| line.entity.as_str()));
    entities.sort_unstable();
    entities.dedup();
    let (entities, log_lines) = (entities.len(), recording.lines.len());
    let mut output = if blind {
        incidents(&recording)
    } else {
        let mut known = Known::new(&recording);
        known.advance(i64::MAX);
        cases(known.telemetry(), set_dir)?
    };
    output.summary.entities = entities;
    output.summary.log_lines = log_lines;
    Ok(output)
}

fn cases(telemetry: &Telemetry, set_dir: &Path) -> Result<RankOutput, RankError> {
    let path = set_dir.join("cases.json");
    let text = std::fs::read_to_string(&path).map_err(|source| RankError::Read { path: path.clone(), source })?;
    let listed: Vec<Case> = serde_json::from_str(&text).map_err(|error| parse(&path, error))?;
    let mut onsets = Vec::with_capacity(listed.len());
    for case in &listed {
        onsets.push(time_ms(&case.inject_time).ok_or_else(|| parse(&path, format!("inject_time of {}", case.id)))?);
    }
    let spoiled = |at: i64| onsets.iter().any(|onset| (*onset..onset.saturating_add(SPOILED_MS)).contains(&at));
    let mut output = RankOutput::default();
    let mut ranked_cases = BTreeMap::new();
    for (case, onset) in listed.iter().zip(&onsets) {
        let started = Instant::now();
        let Ranking { mut ranked, undetermined } =
            rank_recorded(telemetry, Onset { at_ms: *onset, early_ms: 0 }, &spoiled);
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        ranked.truncate(WRITTEN);
        output.summary.max_ms = output.summary.max_ms.max(ms);
        output.summary.undetermined += usize::from(undetermined);
        ranked_cases.insert(case.id.clone(), RankedCase { ranked, undetermined, ms });
    }
    output.summary.cases = ranked_cases.len();
    output.cases = Some(ranked_cases);
    Ok(output)
}

fn incidents(recording: &Recording) -> RankOutput {
    let mut output = RankOutput::default();
    let found = blind::replay(recording).into_iter().map(|found| {
        let Ranking { mut ranked, undetermined } = found.ranking;
        ranked.truncate(WRITTEN);
        output.summary.max_ms = output.summary.max_ms.max(found.took_ms);
        output.summary.undetermined += usize::from(undetermined);
        let (start, end) = (time_text(found.start_ms), time_text(found.end_ms));
        let (opened_at, ranked_at) = (time_text(found.opened_ms), time_text(found.ranked_ms));
        FoundIncident { start, end, opened_at, ranked_at, ranked, undetermined }
    });
    let incidents: Vec<FoundIncident> = found.collect();
    output.summary.cases = incidents.len();
    output.incidents = Some(incidents);
    output
}

/// Reads a set's telemetry.
fn load(set_dir: &Path) -> Result<Recording, RankError> {
    let mut recording = Recording { series: metrics(set_dir)?, ..Recording::default() };
    let path = set_dir.join("topology.csv");
    let text = read(&path)?;
    for record in rows(&text, &path, &["caller", "callee"])? {
        if let (Some(caller), Some(callee)) = (record.get("caller"), record.get("callee")) {
            recording.edges.push(Edge::new(caller, callee));
        }
    }
    recording.lines = logs(set_dir)?;
    Ok(recording)
}

fn metrics(set_dir: &Path) -> Result<Vec<Series>, RankError> {
    let (path, text) = either(set_dir, "metrics.csv")?;
    let mut found: BTreeMap<(String, String), Vec<(i64, f64)>> = BTreeMap::new();
    for (row, record) in rows(&text, &path, &["time"])?.iter().enumerate() {
        let time = record.get("time").and_then(|time| time_ms(time));
        let at = time.ok_or_else(|| parse(&path, format!("row {}: time is not RFC 3339", row + 2)))?;
        let entity = record.get("service").or_else(|| record.get("entity"));
        let entity = entity.ok_or_else(|| parse(&path, "no column service or entity"))?;
        for (name, text) in record.iter().filter(|(name, _)| !matches!(name.as_str(), "time" | "service" | "entity")) {
            if let Ok(value) = text.parse::<f64>() {
                found.entry((entity.clone(), name.clone())).or_default().push((at, value));
            }
        }
    }
    let series = found.into_iter().map(|((entity, metric), mut points)| {
        points.sort_by_key(|(at, _)| *at);
        Series { entity, metric, points }
    });
    Ok(series.collect())
}

fn logs(set_dir: &Path) -> Result<Vec<RawLine>, RankError> {
    let Some((path, text)) = optional(set_dir, "logs.csv")? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for (row, mut record) in rows(&text, &path, &["time_ms", "message"])?.into_iter().enumerate() {
        let at_ms = record.get("time_ms").and_then(|time| time.parse::<i64>().ok());
        let at_ms = at_ms.ok_or_else(|| parse(&path, format!("row {}: time_ms is not a number", row + 2)))?;
        let level = record.get("level").map_or(Level::Unknown, |name| Level::parse(name));
        let entity = record.remove("service").or_else(|| record.remove("entity")).unwrap_or_default();
        lines.push(RawLine { at_ms, entity, level, message: record.remove("message").unwrap_or_default() });
    }
    lines.sort_by_key(|line| line.at_ms);
    Ok(lines)
}

fn either(set_dir: &Path, name: &str) -> Result<(PathBuf, String), RankError> {
    match optional(set_dir, name)? {
        Some(found) => Ok(found),
        None => {
            let path = set_dir.join(name);
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, "neither this file nor its .gz is there");
            Err(RankError::Read { path, source })
        }
    }
}

fn optional(set_dir: &Path, name: &str) -> Result<Option<(PathBuf, String)>, RankError> {
    for name in [format!("{name}.gz"), name.to_owned()] {
        let path = set_dir.join(name);
        if path.exists() {
            let text = read(&path)?;
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<String, RankError> {
    let fail = |source| RankError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(fail)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        file.read_to_end(&mut bytes).map_err(fail)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Rows by column name; `needed` are the columns without which they say nothing.
fn rows(text: &str, path: &Path, needed: &[&str]) -> Result<Vec<BTreeMap<String, String>>, RankError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| parse(path, error))?;
    if let Some(missing) = needed.iter().find(|name| !header.iter().any(|column| column == **name)) {
        return Err(parse(path, format!("no column {missing}")));
    }
    let records = reader.deserialize::<BTreeMap<String, String>>();
    records.collect::<Result<_, _>>().map_err(|error| parse(path, error))
}

fn parse(path: &Path, reason: impl ToString) -> RankError {
    RankError::Parse { path: path.to_owned(), reason: reason.to_string() }
}

fn time_ms(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

fn time_text(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(|| ms.to_string(), |time| time.to_rfc3339())
}
