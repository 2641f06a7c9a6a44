//! Folders of CSV in, folders of scores out: causality, jobs, bad files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::offline::{OfflineError, Summary, detect_dir};

fn series(rows: usize, bad_at: usize) -> String {
    let mut text = "timestamp,value\n".to_owned();
    for i in 0..rows {
        let value = if i == bad_at { 500.0 } else { 20.0 + (i * 7 % 13) as f64 };
        writeln!(text, "2024-01-01 {:02}:{:02}:00,{value}", i / 60 % 24, i % 60).expect("memory");
    }
    text
}

fn run(input: &Path, output: &Path, jobs: usize) -> Summary {
    detect_dir(input, output, jobs, &|_| {}).expect("readable")
}

#[test]
fn good_files_are_scored_and_bad_ones_named_by_row_and_column() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(input.join("deep/er")).expect("folder");
    fs::write(input.join("deep/er/good.csv"), series(600, 500)).expect("file");
    fs::write(input.join("words.csv"), "timestamp,value\n2024-01-01,1\n2024-01-02,many\n").expect("file");
    fs::write(input.join("clock.csv"), "timestamp,value\nyesterday,1\n").expect("file");
    fs::write(input.join("short.csv"), "timestamp,a,b\n2024-01-01,1\n").expect("file");
    fs::write(input.join("empty.csv"), "").expect("file");
    fs::write(input.join("bytes.csv"), [0xff, 0xfe, 0, 1, 2, b'\n', 9]).expect("file");
    fs::write(input.join("notes.txt"), "not a series").expect("file");
    let summary = run(&input, &output, 2);
    assert_eq!((summary.files, summary.rows, summary.events), (1, 600, 1));
    let find = |name: &str| summary.errors.iter().find(|e| e.file == name).expect("reported");
    assert_eq!((find("words.csv").row, find("words.csv").column.as_deref()), (Some(3), Some("value")));
    assert_eq!((find("clock.csv").row, find("clock.csv").column.as_deref()), (Some(2), Some("timestamp")));
    assert_eq!((find("short.csv").row, find("short.csv").column.as_deref()), (Some(2), Some("b")));
    assert_eq!(summary.errors.len(), 5);
    let scored = fs::read_to_string(output.join("deep/er/good.csv")).expect("written");
    let lines: Vec<&str> = scored.lines().collect();
    assert_eq!(lines.len(), 601);
    assert_eq!(lines[0], "timestamp,value,anomaly_score,is_anomaly");
    assert!(lines[501].ends_with(",1") && lines[501].contains(",500,"), "{}", lines[501]);
}

#[test]
fn a_prefix_gives_the_same_scores_and_jobs_change_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(&input).expect("folder");
    for (name, rows) in [("a.csv", 900), ("b.csv", 700), ("c.csv", 300)] {
        fs::write(input.join(name), series(rows, 250)).expect("file");
    }
    run(&input, &output.join("1"), 1);
    run(&input, &output.join("4"), 4);
    let read = |jobs: &str, name: &str| fs::read_to_string(output.join(jobs).join(name)).expect("written");
    for name in ["a.csv", "b.csv", "c.csv"] {
        assert_eq!(read("1", name), read("4", name));
    }
    assert!(read("1", "a.csv").starts_with(&read("1", "c.csv")));
}

#[test]
fn many_columns_are_one_entity_with_one_score_a_row() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(&input).expect("folder");
    let mut text = "timestamp,a,b,c\n".to_owned();
    for i in 0..300 {
        let jump = if i == 290 { 300.0 } else { 0.0 };
        writeln!(text, "{},{},{},", 1_700_000_000 + i * 60, 5.0 + f64::from(i % 7) + jump, f64::from(i % 5) + jump)
            .expect("memory");
    }
    fs::write(input.join("entity.csv"), text).expect("file");
    let summary = run(&input, &output, 1);
    assert_eq!((summary.files, summary.rows, summary.points), (1, 300, 600));
    let scored = fs::read_to_string(output.join("entity.csv")).expect("written");
    let event = scored.lines().position(|l| l.ends_with(",1")).expect("an event");
    assert_eq!(event, 291);
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let missing = detect_dir(&folder.path().join("none"), folder.path(), 1, &|_| {});
    assert!(matches!(missing, Err(OfflineError::Input { .. })));
    assert!(matches!(detect_dir(folder.path(), folder.path(), 1, &|_| {}), Err(OfflineError::Empty { .. })));
}
