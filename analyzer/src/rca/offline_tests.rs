//! Wrong input of a ranking: each is named by its file.

use std::path::Path;

use super::offline::{RankError, rank};

const METRICS: &str = "time,service,cpu_pct\n2026-01-01T00:00:00Z,a,1\n";

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn error(files: &[(&str, &[u8])], blind: bool) -> String {
    rank(folder(files).path(), blind).unwrap_err().to_string()
}

#[test]
fn a_missing_file_is_named_and_blind_needs_no_cases() {
    let empty = folder(&[]);
    let missing = rank(empty.path(), false).unwrap_err();
    assert!(matches!(&missing, RankError::Read { path, .. } if path.ends_with("metrics.csv")), "{missing}");
    assert!(rank(Path::new("/nowhere"), true).unwrap_err().to_string().contains("/nowhere/metrics.csv"));
    let metrics = ("metrics.csv", METRICS.as_bytes());
    let topology = ("topology.csv", b"caller,callee\na,b\n".as_slice());
    assert!(error(&[metrics], true).contains("topology.csv"));
    assert!(error(&[metrics, topology], false).contains("cases.json"));
    assert_eq!(rank(folder(&[metrics, topology]).path(), true).unwrap().incidents.unwrap().len(), 0);
}

#[test]
fn a_broken_file_is_named_with_its_row_or_column() {
    let metrics = ("metrics.csv", METRICS.as_bytes());
    let topology = ("topology.csv", b"caller,callee\na,b\n".as_slice());
    let late = ("metrics.csv", b"time,service,cpu_pct\nyesterday,a,1\n".as_slice());
    let found = error(&[late, topology], true);
    assert!(found.contains("metrics.csv") && found.contains("row 2"), "{found}");
    let nameless = ("metrics.csv", b"service,cpu_pct\na,1\n".as_slice());
    let found = error(&[nameless, topology], true);
    assert!(found.contains("metrics.csv") && found.contains("no column time"), "{found}");
    let short = ("metrics.csv", b"time,service,cpu_pct\n2026-01-01T00:00:00Z,a\n".as_slice());
    assert!(error(&[short, topology], true).contains("metrics.csv"));
    let found = error(&[metrics, ("topology.csv", b"from,to\na,b\n")], true);
    assert!(found.contains("topology.csv") && found.contains("no column caller"), "{found}");
    let found = error(&[metrics, topology, ("logs.csv", b"time_ms,message\nnoon,hello\n")], true);
    assert!(found.contains("logs.csv") && found.contains("row 2"), "{found}");
    let found = error(&[("metrics.csv.gz", b"not compressed"), topology], true);
    assert!(found.contains("metrics.csv.gz"), "{found}");
}

#[test]
fn half_a_list_of_cases_is_named() {
    let metrics = ("metrics.csv", METRICS.as_bytes());
    let topology = ("topology.csv", b"caller,callee\na,b\n".as_slice());
    for half in [r#"[{"id": "x", "inject_ti"#, r#"[{"id": "x"}]"#, r#"[{"id": "x", "inject_time": "noon"}]"#, ""] {
        let found = error(&[metrics, topology, ("cases.json", half.as_bytes())], false);
        assert!(found.contains("cases.json"), "{found}");
    }
}

#[test]
fn values_that_are_no_numbers_and_bytes_that_are_no_text_are_passed_over() {
    let metrics = b"time,service,cpu_pct\n2026-01-01T00:01:00Z,a,NaN\n2026-01-01T00:00:00Z,a,inf\n2026-01-01T00:02:00Z,\xff\xfe,x\n";
    let logs = b"time_ms,service,level,message\n1767225600000,a,ERROR,\xff\xfe\x00\n0,a,,half {\"a\": \n";
    let topology = b"caller,callee\n";
    let cases = br#"[{"id": "x", "inject_time": "2026-01-01T00:01:00Z"}]"#;
    let set =
        folder(&[("metrics.csv", metrics), ("topology.csv", topology), ("logs.csv", logs), ("cases.json", cases)]);
    assert!(rank(set.path(), false).unwrap().cases.unwrap()["x"].undetermined);
    let empty = folder(&[("metrics.csv", b""), ("topology.csv", topology)]);
    assert!(rank(empty.path(), true).unwrap_err().to_string().contains("no column time"));
}
