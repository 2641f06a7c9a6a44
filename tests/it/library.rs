//! The starter library: every text is valid for its interpreter, and what can run here does what it says.

use crate::harness::Product;
use crate::remote::Cli;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/library")
}

/// The objects of every file.
fn objects() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut folders = vec![library()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the library").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                let text = std::fs::read_to_string(&path).expect("readable");
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                for part in text.split("\n---\n").filter(|part| part.contains("kind: script")) {
                    let value: Value = serde_saphyr::from_str(part).unwrap_or_else(|e| panic!("{name}: {e}"));
                    let items = if let Value::Array(items) = value { items } else { vec![value] };
                    found.extend(items.into_iter().map(|item| (name.clone(), item)));
                }
            }
        }
    }
    found
}

fn checks(language: &str, text: &str) -> Option<String> {
    let (program, args): (&str, &[&str]) = match language {
        "bash" => ("bash", &["-n"]),
        "sh" => ("sh", &["-n"]),
        "python" => ("python3", &["-c", "import ast, sys; ast.parse(sys.stdin.read())"]),
        other => panic!("no check for {other}"),
    };
    let child = Command::new(program).args(args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not here");
        return None;
    };
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ends");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_text_is_valid_for_its_interpreter() {
    let mut texts = 0;
    for (file, object) in objects() {
        let spec = if object["spec"].is_object() { &object["spec"] } else { &object };
        if object["kind"] != "script" {
            continue;
        }
        let language = spec["language"].as_str().expect("a language");
        for part in ["body", "precheck", "verify", "undo"] {
            if let Some(text) = spec[part].as_str() {
                assert_eq!(checks(language, text), None, "{file}: {} {part}", object["name"]);
                texts += 1;
            }
        }
    }
    assert!(texts >= 9, "{texts} texts");
}

#[test]
fn the_library_is_taken_in_and_works() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let cli = Cli::of(&product, dir.path(), "editor");
    let path = library().display().to_string();
    cli.ok(&["apply", "-f", &path]);
    assert!(cli.ok(&["apply", "-f", &path]).contains("0 created, 0 changed"), "the second time changes nothing");

    let url = format!("URL={}/healthz", product.base());
    assert_eq!(cli.run(&["run", "http-probe", "-p", &url, "--follow"]).code, 0);
    let wrong = cli.run(&["run", "http-probe", "-p", &url, "-p", "STATUS=500", "--follow"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stdout.contains("status 200, wanted 500"), "{}", wrong.stdout);

    let folder = dir.path().join("spool/deep");
    std::fs::create_dir_all(&folder).expect("made");
    for name in ["old.log", "new.log", "old.txt"] {
        std::fs::write(folder.join(name), "x".repeat(100)).expect("written");
    }
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 86_400);
    for name in ["old.log", "old.txt"] {
        let file = std::fs::File::options().write(true).open(folder.join(name)).expect("opened");
        file.set_modified(old).expect("aged");
    }
    std::os::unix::fs::symlink(&folder, dir.path().join("link")).expect("linked");
    let folder = folder.display().to_string();
    let clean = |more: &[&str]| {
        let place = format!("FOLDER={folder}");
        let all = [
            &["run", "disk-clean-by-age", "-p", &place, "-p", "AGE_DAYS=2", "-p", "PATTERN=*.log"],
            more,
            &["--follow"],
        ]
        .concat();
        cli.run(&all)
    };
    let dry = clean(&["-p", "DRY_RUN=true"]);
    assert!(
        dry.code == 0 && dry.stdout.contains("would remove") && Path::new(&folder).join("old.log").exists(),
        "{}",
        dry.stdout
    );
    let done = clean(&[]);
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    let left: Vec<bool> =
        ["old.log", "new.log", "old.txt"].iter().map(|n| Path::new(&folder).join(n).exists()).collect();
    assert_eq!(left, [false, true, true]);
    let system = cli.run(&["run", "disk-clean-by-age", "-p", "FOLDER=/usr/share", "--follow"]);
    assert!(system.code == 1 && system.stdout.contains("belongs to the system"), "{}", system.stdout);
    assert_eq!(cli.run(&["run", "disk-usage", "-p", "MOST_PERCENT=100", "--wait"]).code, 0);
    let runs = product.get("/runs?limit=200");
    let ended = runs["items"].as_array().expect("runs").iter().all(|run| run["ended_at"] != json!(null));
    assert!(ended, "{runs}");
}
