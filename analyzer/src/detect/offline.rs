//! Scores every CSV below a folder, strictly causally, and writes the scores to the same paths below another.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::csv_series::{Problem, Table};
use super::{Config, Detector, EntityConfig, EntityDetector, PcaModel, SeriesDetector, ShapeModel};

/// The folders could not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The input folder cannot be read.
    #[error("cannot read input folder {path}; give a folder with CSV files")]
    Input {
        /// The folder.
        path: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// No CSV below the input folder.
    #[error("no *.csv below input folder {path}")]
    Empty {
        /// The folder.
        path: String,
    },
}

/// One file that was not scored, or one row of it that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// Path relative to the input folder.
    pub file: String,
    /// Line of the file, from 1; absent when the whole file is meant.
    pub row: Option<u64>,
    /// Name of the column.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a run did; the `summary` of the command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Files scored.
    pub files: usize,
    /// Values scored (rows times numeric columns).
    pub points: u64,
    /// Rows written.
    pub rows: u64,
    /// Rows marked as an event.
    pub events: u64,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// `points / seconds`.
    pub points_per_second: f64,
    /// Seconds inside the detectors alone, summed over jobs.
    pub detector_seconds: f64,
    /// Largest state of one series in bytes, heap included.
    pub peak_state_bytes_per_series: u64,
    /// Files that could not be scored.
    pub errors: Vec<FileError>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Files finished, with or without error.
    pub done: usize,
    /// Files in all.
    pub total: usize,
    /// The file just finished, relative to the input folder.
    pub file: &'a str,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    points: u64,
    rows: u64,
    events: u64,
    seconds: f64,
    state: u64,
}

/// Scores every `*.csv` below `input` (a `timestamp` column first, then one numeric column or many: many are one
/// entity and get one score a row; shapes and planes are fitted from earlier rows as the engine does) and writes `timestamp,value,anomaly_score,is_anomaly` to the same path below
/// `output`. Row `t` uses rows `<= t` only. A file that is no series is reported in [`Summary::errors`] with its row
/// and column, and the others are still scored. The result does not depend on `jobs`.
///
/// # Errors
/// When the input folder cannot be read or holds no CSV.
pub fn detect_dir(
    input: &Path,
    output: &Path,
    jobs: usize,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Summary, OfflineError> {
    let started = Instant::now();
    let mut files = Vec::new();
    let name = || input.display().to_string();
    collect(input, &mut files).map_err(|source| OfflineError::Input { path: name(), source })?;
    files.sort();
    if files.is_empty() {
        return Err(OfflineError::Empty { path: name() });
    }
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Result<Counts, FileError>)>> = Mutex::new(Vec::new());
    let work = || {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let index = files.binary_search(path).unwrap_or(0);
            let relative = path.strip_prefix(input).unwrap_or(path);
            let file = relative.to_string_lossy();
            let result = score_file(path, &output.join(relative), &file);
            if let Ok(mut all) = results.lock() {
                all.push((index, result));
            }
            progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, total: files.len(), file: &file });
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, files.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|r| r.0);
    Ok(summarize(results, started.elapsed().as_secs_f64()))
}

fn summarize(results: Vec<(usize, Result<Counts, FileError>)>, seconds: f64) -> Summary {
    let mut sum = Counts::default();
    let (mut files, mut errors) = (0, Vec::new());
    for (_, result) in results {
        match result {
            Ok(c) => {
                files += 1;
                sum.points += c.points;
                sum.rows += c.rows;
                sum.events += c.events;
                sum.seconds += c.seconds;
                sum.state = sum.state.max(c.state);
            }
            Err(error) => errors.push(error),
        }
    }
    Summary {
        files,
        points: sum.points,
        rows: sum.rows,
        events: sum.events,
        seconds,
        points_per_second: sum.points as f64 / seconds.max(1e-9),
        detector_seconds: sum.seconds,
        peak_state_bytes_per_series: sum.state,
        errors,
    }
}

/// Every CSV below a folder; links to folders are not followed, so no circle.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            found.push(path);
        }
    }
    Ok(())
}

fn score_file(path: &Path, target: &Path, file: &str) -> Result<Counts, FileError> {
    let whole = |message: String| FileError { file: file.to_owned(), row: None, column: None, message };
    let table = Table::read(path).map_err(|p| {
        let Problem { row, column, message } = p;
        FileError { file: file.to_owned(), row, column, message }
    })?;
    let mut text = Vec::with_capacity(table.rows() * 48);
    text.extend_from_slice(b"timestamp,value,anomaly_score,is_anomaly\n");
    let started = Instant::now();
    let mut counts = if table.width() == 1 { one(&table, &mut text) } else { many(&table, &mut text) };
    counts.seconds = started.elapsed().as_secs_f64();
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|e| whole(format!("cannot create {}: {e}", folder.display())))?;
    }
    fs::write(target, text).map_err(|e| whole(format!("cannot write {}: {e}", target.display())))?;
    Ok(counts)
}

/// One output row. The score keeps the ranking of the point score and puts event rows, and only them, at 0.5 or more,
/// so that a threshold of 0.5 on it is the event decision. Writing to memory cannot fail.
fn line(text: &mut Vec<u8>, stamp: &str, value: f64, point: f64, event: bool) {
    let score = if event { 0.5 + 0.5 * point } else { 0.499_999_999 * point };
    let value = if value.is_finite() { value.to_string() } else { String::new() };
    let quote = if stamp.contains([',', '"']) { "\"" } else { "" };
    let event = u8::from(event);
    let _ok = writeln!(text, "{quote}{}{quote},{value},{score:.9},{event}", stamp.replace('"', "\"\""));
}

fn one(table: &Table, text: &mut Vec<u8>) -> Counts {
    let mut detector = SeriesDetector::new(Config::default());
    let mut counts = Counts::default();
    let mut recent = Vec::with_capacity(ShapeModel::EVERY);
    for row in 0..table.rows() {
        let value = table.value(row, 0);
        if recent.len() == ShapeModel::EVERY {
            ShapeModel::fit(&recent).into_iter().for_each(|model| detector.learn_shape(model));
            recent.clear();
        }
        recent.extend(value);
        let score = detector.push(table.at_ms(row), value.unwrap_or(f64::NAN));
        line(text, table.stamp(row), value.unwrap_or(f64::NAN), score.point, score.is_event);
        counts.events += u64::from(score.is_event);
        counts.points += u64::from(value.is_some());
    }
    counts.rows = table.rows() as u64;
    counts.state = detector.state_bytes() as u64;
    counts
}

fn many(table: &Table, text: &mut Vec<u8>) -> Counts {
    let mut detector = EntityDetector::new(EntityConfig::default(), table.width());
    let mut counts = Counts::default();
    let mut values = vec![None; table.width()];
    let mut recent: VecDeque<Vec<f64>> = VecDeque::new();
    for row in 0..table.rows() {
        for (column, value) in values.iter_mut().enumerate() {
            *value = table.value(row, column);
            counts.points += u64::from(value.is_some());
        }
        if row % PcaModel::EVERY == 0
            && let Some(model) = PcaModel::fit(recent.make_contiguous())
        {
            detector.set_pca(Some(model));
        }
        if let Some(complete) = values.iter().copied().collect::<Option<Vec<f64>>>() {
            recent.push_back(complete);
            recent.drain(..recent.len().saturating_sub(PcaModel::ROWS));
        }
        let found = detector.push(table.at_ms(row), &values);
        let first = values.first().copied().flatten().unwrap_or(f64::NAN);
        line(text, table.stamp(row), first, found.score.point, found.score.is_event);
        counts.events += u64::from(found.score.is_event);
    }
    counts.rows = table.rows() as u64;
    counts.state = (detector.state_bytes() / table.width().max(1)) as u64;
    counts
}
