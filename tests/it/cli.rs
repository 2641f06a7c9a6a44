//! Wrong input at the command line: one line that names what is wrong and says what to do, and nothing is made.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a process that failed said.
struct Failed {
    stderr: String,
}

/// Runs `aiops` in `dir` with `args`, `input` on standard input; it has to fail.
fn fails_with(dir: &Path, args: &[&str], env: &[(&str, &str)], input: &str) -> Failed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aiops"));
    for name in ["CONFIG", "DATA_DIR", "DATABASE_URL", "LISTEN", "LEASE_SECS", "GRACE_SECS"] {
        command.env_remove(format!("AIOPS_{name}"));
    }
    command.current_dir(dir).args(args).envs(env.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("its input");
    // A process that refuses its arguments does not read: the pipe may be closed.
    let _closed = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success(), "{args:?} has to fail: {stderr}");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    Failed { stderr }
}

impl Failed {
    /// One line with all `parts`.
    fn says(&self, parts: &[&str]) {
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "one line: {}", self.stderr);
        self.names(parts);
    }

    /// The first line has all `parts`; the parser of arguments adds a hint below.
    fn names(&self, parts: &[&str]) {
        let line = self.stderr.lines().next().unwrap_or_default();
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line:?}");
        }
    }
}

fn fails(args: &[&str]) -> Failed {
    let dir = tempfile::tempdir().expect("a folder");
    let failed = fails_with(dir.path(), args, &[], "");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("readable").flatten().map(|e| e.file_name()).collect();
    assert!(left.is_empty(), "{args:?} left {left:?}");
    failed
}

fn config(text: &str) -> Failed {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("a.toml"), text).expect("written");
    fails_with(dir.path(), &["--config", "a.toml", "check"], &[], "")
}

#[test]
fn wrong_addresses_of_sources_are_refused_before_anything_is_made() {
    fails(&["serve", "--prometheus", "nonsense"]).says(&["--prometheus", "nonsense", "http://host:9090"]);
    fails(&["serve", "--prometheus", "http://host:99999"]).says(&["--prometheus", "http://host:9090"]);
    fails(&["serve", "--elasticsearch", "http://u:p@host"]).says(&["--elasticsearch", "without user name"]);
}

#[test]
fn arguments_out_of_range_are_named() {
    fails(&["serve", "--listen", "localhost"]).names(&["--listen", "give an IP address and a port"]);
    fails(&["serve", "--interval", "0"]).names(&["--interval", "1..=86400"]);
    fails(&["serve", "--role", "nope"]).names(&["--role"]);
    fails(&["serve", "--role", "api"]).says(&["--role", "leave --role out"]);
}

#[test]
fn a_taken_port_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let dir = tempfile::tempdir().expect("a folder");
    let env = [("AIOPS_LISTEN", address.as_str())];
    fails_with(dir.path(), &["serve"], &env, "").says(&["listen", &address, "another program may have it"]);
}

#[test]
fn wrong_settings_are_named_in_one_line() {
    config("listn = 'x'").says(&["unknown field `listn`", "expected one of", "listen"]);
    config("listen = ").says(&["line 1, column", "a.toml"]);
    config("listen = 'localhost'").says(&["listen", "give an IP address and a port"]);
    config("lease_secs = 'abc'").says(&["lease_secs", "a.toml"]);
    config("lease_secs = 1").says(&["lease_secs", "at least 2"]);
    config("database_url = 'mysql://x'").says(&["database_url", "sqlite://", "postgres://"]);
    fails(&["--config", "nowhere.toml", "check"]).says(&["nowhere.toml", "not found"]);
}

#[test]
fn variables_and_flags_are_checked_as_the_file_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let env = |name, value| fails_with(dir.path(), &["check"], &[(name, value)], "");
    env("AIOPS_LISTEN", "foo").says(&["listen", "give an IP address and a port"]);
    env("AIOPS_LEASE_SECS", "x").says(&["lease_secs", "integer"]);
    fails(&["serve", "--database-url", "mysql://x"]).says(&["database_url", "sqlite://", "postgres://"]);
    fails(&["check", "--database-url", "mysql://x"]).says(&["database_url", "sqlite://", "postgres://"]);
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("file"), "").expect("written");
    let at = |folder: &str| fails_with(dir.path(), &["check", "--data-dir", folder], &[], "");
    at("file").says(&["data_dir", "file", "give a writable folder"]);
    // Nobody makes files there, not even root.
    at("/proc").says(&["data_dir", "/proc", "give a writable folder"]);
}

#[test]
fn files_that_are_not_there_or_broken_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    for folder in ["empty", "broken"] {
        std::fs::create_dir(dir.path().join(folder)).expect("made");
    }
    std::fs::write(dir.path().join("broken/x.csv"), "timestamp,value\nyesterday,1\n").expect("written");
    std::fs::write(
        dir.path().join("broken/y.csv"),
        "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:01:00,much\n",
    )
    .expect("written");
    std::fs::write(
        dir.path().join("broken/good.csv"),
        "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:01:00,2\n",
    )
    .expect("written");
    let run = |args: &[&str]| fails_with(dir.path(), args, &[], "");
    run(&["detect", "--input", "nowhere", "--output", "out"]).says(&["nowhere", "give a folder with CSV files"]);
    run(&["detect", "--input", "empty", "--output", "out"]).says(&["no *.csv", "empty"]);
    run(&["detect", "--input", "empty", "--output", "empty"]).says(&["--output", "another folder"]);
    let broken = run(&["detect", "--input", "broken", "--output", "out"]);
    assert!(broken.stderr.contains("x.csv, row 2, column timestamp: \"yesterday\""), "{}", broken.stderr);
    assert!(broken.stderr.contains("y.csv, row 3, column value: \"much\""), "{}", broken.stderr);
    let scored = std::fs::read_to_string(dir.path().join("out/good.csv")).expect("the others are scored all the same");
    assert_eq!(scored.lines().count(), 3, "{scored}");
    run(&["mine", "--input", "nowhere", "--output", "out"]).says(&["--input", "nowhere"]);
    let rank = run(&["rank", "--input", "empty", "--output", "out"]);
    rank.says(&["empty/metrics.csv", "neither this file nor its .gz is there"]);
    assert_eq!(rank.stderr.matches("neither").count(), 1, "said once: {}", rank.stderr);
}

#[test]
fn users_are_refused_by_field() {
    let dir = tempfile::tempdir().expect("a folder");
    let add = |args: &[&str], password: &str| {
        let all = [&["user", "add"], args, &["--data-dir", "d"]].concat();
        fails_with(dir.path(), &all, &[], password)
    };
    add(&["eve", "--role", "boss"], "").says(&["--role", "viewer, operator, approver, editor or admin"]);
    add(&["eve"], "short\n").says(&["password", "12 to 256"]);
    add(&["eve"], "").says(&["password", "12 to 256"]);
    add(&["e v e"], "correct horse battery\n").says(&["username", "letters, digits"]);
}

#[test]
fn backtests_that_cannot_be_made_say_why() {
    fails(&["backtest"]).names(&["required arguments"]);
    let live = ["backtest", "--query", "up", "--url", "http://127.0.0.1:1"];
    let with = |more: &[&str]| fails(&[&live, more].concat());
    with(&[]).says(&["127.0.0.1:1", "cannot connect"]);
    with(&["--from", "yesterday"]).says(&["--from", "24h", "yesterday"]);
    with(&["--from", "1h", "--to", "2h"]).says(&["--from", "before --to"]);
    with(&["-o", "chart.png"]).says(&["--output", ".svg"]);
    with(&["--sensitivity", "11"]).names(&["--sensitivity", "1..=10"]);
    fails(&["backtest", "--query", "up", "--url", "nonsense"]).says(&["--url", "nonsense"]);
}

/// History of a real server in; a chart and a report out.
#[test]
fn a_backtest_reads_a_real_prometheus() {
    for name in ["AIOPS_TEST_PROMETHEUS_URL", "AIOPS_TEST_PROMETHEUS3_URL"] {
        let Some(url) = crate::harness::needs("a_backtest_reads_a_real_prometheus", name) else { continue };
        let dir = tempfile::tempdir().expect("a folder");
        let args = ["backtest", "--query", "vector(time() % 100)", "--url", &url, "--from", "30d", "--step", "60"];
        let output = Command::new(env!("CARGO_BIN_EXE_aiops"))
            .current_dir(dir.path())
            .args(args)
            .args(["-o", "chart.svg", "--json", "report.json"])
            .output()
            .expect("runs");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        assert!(err.contains("100 %") && out.contains("\"rows\":43"), "{out}{err}");
        let chart = std::fs::read_to_string(dir.path().join("chart.svg")).expect("a chart");
        assert!(chart.starts_with("<svg") && chart.contains("polyline"), "{chart}");
        let report = std::fs::read_to_string(dir.path().join("report.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&report).expect("json");
        assert!(report["rows"].as_u64().is_some_and(|n| (43_200..=43_201).contains(&n)), "{}", report["rows"]);
        assert_eq!(report["completeness"].as_str(), Some("complete"));
    }
}

#[test]
fn a_backup_is_a_whole_database_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let aiops = |args: &[&str], input: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiops"));
        command.current_dir(dir.path()).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("read");
        child.wait_with_output().expect("ends")
    };
    let empty = fails_with(dir.path(), &["backup", "copy.db"], &[], "");
    empty.says(&["no database at", "--data-dir"]);
    assert!(!dir.path().join("data").exists(), "asking for a backup makes nothing");
    assert!(aiops(&["user", "add", "ann", "--role", "admin"], "correct horse battery\n").status.success());
    let made = aiops(&["backup", "copy.db"], "");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let copy = dir.path().join("copy.db");
    assert_eq!(std::fs::metadata(&copy).expect("written").permissions().mode() & 0o777, 0o600);
    assert!(!dir.path().join("copy.db.part").exists());
    fails_with(dir.path(), &["backup", "copy.db"], &[], "").says(&["copy.db is there already"]);
    let postgres = ["backup", "other.db", "--database-url", "postgres://nobody@127.0.0.1:1/none"];
    fails_with(dir.path(), &postgres, &[], "").says(&["pg_dump"]);
    // Put in place of the lost one, with the key that was kept apart, it has the user.
    std::fs::create_dir(dir.path().join("again")).expect("a folder");
    std::fs::copy(&copy, dir.path().join("again/aiops.db")).expect("restored");
    std::fs::copy(dir.path().join("data/secret.key"), dir.path().join("again/secret.key")).expect("the key");
    let again = ["user", "add", "ann", "--role", "admin", "--data-dir", "again"];
    fails_with(dir.path(), &again, &[], "correct horse battery\n").names(&["ann"]);
    let walked = aiops(&["audit", "verify", "--data-dir", "again"], "");
    assert!(String::from_utf8_lossy(&walked.stdout).contains("the audit chain holds: 1 rows"));
}
