//! Ranks the cases of a recorded set, with the injection times or blind.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::logs::{Level, Limits, Line, TemplateId, TemplateMiner};

use super::blind;
use super::evidence::{Ranked, Ranking};
use super::input::{LogKind, Series, Telemetry};
use super::recorded::rank_recorded;
use super::topology::Edge;

/// Time after an injection that is no reference for another fault, ms.
const SPOILED_MS: i64 = 360_000;
/// A detected onset is late by about a minute: the first odd point is the end of the first odd minute, ms.
const LEAD_MS: i64 = 60_000;
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
    /// Onset, RFC 3339.
    pub start: String,
    /// End, RFC 3339.
    pub end: String,
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
    let telemetry = load(set_dir)?;
    let mut entities: Vec<&str> = telemetry.series.iter().map(|series| series.entity.as_str()).collect();
    entities.extend(telemetry.log_kinds.iter().map(|kind| kind.entity.as_str()));
    entities.sort_unstable();
    entities.dedup();
    let (entities, log_lines) = (entities.len(), telemetry.log_lines.len());
    let mut output = if blind { incidents(&telemetry) } else { cases(&telemetry, set_dir)? };
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
        let Ranking { mut ranked, undetermined } = rank_recorded(telemetry, *onset, &spoiled);
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

fn incidents(telemetry: &Telemetry) -> RankOutput {
    let mut output = RankOutput::default();
    let found = blind::detect(telemetry);
    let spoiled = |at: i64| found.iter().any(|(start, end)| (*start..*end).contains(&at));
    let mut incidents = Vec::new();
    for (start, end) in &found {
        let started = Instant::now();
        let Ranking { mut ranked, undetermined } = rank_recorded(telemetry, start.saturating_sub(LEAD_MS), &spoiled);
        output.summary.max_ms = output.summary.max_ms.max(started.elapsed().as_secs_f64() * 1000.0);
        output.summary.undetermined += usize::from(undetermined);
        ranked.truncate(WRITTEN);
        incidents.push(FoundIncident { start: time_text(*start), end: time_text(*end), ranked, undetermined });
    }
    output.summary.cases = incidents.len();
    output.incidents = Some(incidents);
    output
}

/// Reads a set's telemetry.
fn load(set_dir: &Path) -> Result<Telemetry, RankError> {
    let mut telemetry = Telemetry { series: metrics(set_dir)?, ..Telemetry::default() };
    let path = set_dir.join("topology.csv");
    let text = read(&path)?;
    for record in rows(&text, &path)? {
        if let (Some(caller), Some(callee)) = (record.get("caller"), record.get("callee")) {
            telemetry.edges.push(Edge::new(caller, callee));
        }
    }
    logs(set_dir, &mut telemetry)?;
    Ok(telemetry)
}

fn metrics(set_dir: &Path) -> Result<Vec<Series>, RankError> {
    let (path, text) = either(set_dir, "metrics.csv")?;
    let mut found: BTreeMap<(String, String), Vec<(i64, f64)>> = BTreeMap::new();
    for (row, record) in rows(&text, &path)?.iter().enumerate() {
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

fn logs(set_dir: &Path, telemetry: &mut Telemetry) -> Result<(), RankError> {
    let Some((path, text)) = optional(set_dir, "logs.csv")? else { return Ok(()) };
    let mut miner = TemplateMiner::new(Limits::default());
    let mut seen: Vec<(i64, String, Level, TemplateId)> = Vec::new();
    for (row, record) in rows(&text, &path)?.into_iter().enumerate() {
        let at = record.get("time_ms").and_then(|time| time.parse::<i64>().ok());
        let at = at.ok_or_else(|| parse(&path, format!("row {}: time_ms is not a number", row + 2)))?;
        let level = record.get("level").map_or(Level::Unknown, |name| Level::parse(name));
        let message = record.get("message").map_or("", String::as_str);
        let mined = miner.learn_line(Line { message, level, at_ms: at });
        let entity = record.get("service").or_else(|| record.get("entity")).cloned().unwrap_or_default();
        seen.push((at, entity, level, mined.template_id));
    }
    let mut kinds: BTreeMap<(String, Level, TemplateId), u32> = BTreeMap::new();
    for (at, entity, level, id) in seen {
        let template = miner.template(id);
        let next = telemetry.log_kinds.len() as u32;
        let index = *kinds.entry((entity.clone(), level, template.id)).or_insert(next);
        if index == next {
            telemetry.log_kinds.push(LogKind { entity, level, template: template.text.clone() });
        }
        telemetry.log_lines.push((at, index));
    }
    telemetry.log_lines.sort_unstable();
    Ok(())
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

fn rows(text: &str, path: &Path) -> Result<Vec<BTreeMap<String, String>>, RankError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::{RankError, rank};

    #[test]
    fn a_missing_file_is_named_and_blind_needs_no_cases() {
        let folder = tempfile::tempdir().unwrap();
        let error = rank(folder.path(), false).unwrap_err();
        assert!(matches!(&error, RankError::Read { path, .. } if path.ends_with("metrics.csv")), "{error}");
        std::fs::write(folder.path().join("metrics.csv"), "time,service,cpu_pct\n2026-01-01T00:00:00Z,a,1\n").unwrap();
        assert!(rank(folder.path(), true).unwrap_err().to_string().contains("topology.csv"));
        std::fs::write(folder.path().join("topology.csv"), "caller,callee\na,b\n").unwrap();
        assert!(rank(folder.path(), false).unwrap_err().to_string().contains("cases.json"));
        assert_eq!(rank(folder.path(), true).unwrap().incidents.unwrap().len(), 0);
        std::fs::write(folder.path().join("metrics.csv"), "time,service,cpu_pct\nyesterday,a,1\n").unwrap();
        assert!(rank(folder.path(), true).unwrap_err().to_string().contains("row 2"));
    }
}
