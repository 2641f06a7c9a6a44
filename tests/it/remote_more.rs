//! The command line further on: log-in, the lists of runs, and versions that cases stay at.

use crate::harness::{ADMIN, Product};
use crate::remote::Cli;
use serde_json::Value;

#[test]
fn a_login_is_kept_and_used_by_the_other_commands() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let cli = Cli::of(&product, dir.path(), "editor");
    let bare = |args: &[&str], input: &str| cli.with(args, &[("AIOPS_URL", ""), ("AIOPS_API_KEY", "")], input);
    let nobody = bare(&["runs", "list"], "");
    assert!(nobody.code != 0 && nobody.stderr.contains("aiops login"), "{nobody:?}");

    for (args, input, says) in [
        (vec!["login", product.base()], "\n", "give the API key on standard input"),
        (vec!["login", product.base()], "aiops_wrong\n", "the API key is wrong"),
        (vec!["login", product.base(), "--user", ADMIN.0], "wrong\n", "name or password is wrong"),
        (vec!["login", "http://127.0.0.1:9"], "aiops_x\n", "127.0.0.1:9"),
    ] {
        let refused = bare(&args, input);
        assert!(refused.code != 0 && refused.stderr.contains(says), "{args:?}: {refused:?}");
    }
    assert!(bare(&["runs", "list"], "").code != 0, "nothing was kept");

    let role = ["login", product.base(), "--user", ADMIN.0, "--role", "editor", "--days", "1"];
    let done = bare(&role, &format!("{}\n", ADMIN.1));
    assert!(done.code == 0 && done.stdout.contains("(editor)"), "{done:?}");
    let kept = dir.path().join(".config/aiops/login.json");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&kept).expect("kept")) & 0o777;
    assert_eq!(mode, 0o600, "for nobody else");
    let text = std::fs::read_to_string(&kept).expect("read");
    assert!(!text.contains(ADMIN.1), "the password is not kept");

    let file =
        cli.write("c.yaml", "kind: case\nname: seven\ntags: [odd]\nspec: {language: sh, body: 'echo seven; exit 7'}\n");
    let applied = bare(&["apply", "-f", &file], "");
    assert!(applied.code == 0 && applied.stdout.contains("created case seven"), "{applied:?}");
    let run = bare(&["run", "seven", "--follow"], "");
    assert_eq!((run.code, run.stdout.as_str()), (7, "seven\n"), "{run:?}");
    let listed = bare(&["runs", "list", "--state", "failed", "--json"], "");
    let row: Value = serde_json::from_str(listed.stdout.trim()).expect("one run");
    let id = row["id"].as_str().expect("an id");
    assert_eq!(bare(&["runs", "logs", id], "").stdout, "seven\n");
    let late = bare(&["runs", "cancel", id], "");
    assert!(late.code != 0 && late.stderr.contains("ended"), "{late:?}");
    let id_of_nothing = uuid::Uuid::new_v4().to_string();
    assert!(bare(&["runs", "logs", &id_of_nothing], "").stderr.contains("not found"));
}

const PINNED: &str = "
kind: script
name: greet
spec: {language: sh, body: 'echo one'}
---
kind: case
name: stays
spec: {script: greet}
---
kind: case
name: moves
spec: {script: greet}
";

#[test]
fn a_version_that_a_case_stays_at_goes_along() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    std::fs::create_dir_all(&one).expect("made");
    std::fs::create_dir_all(&two).expect("made");
    let (first, second) = (Product::start(&one, &[]), Product::start(&two, &[]));
    let (a, b) = (Cli::of(&first, dir.path(), "editor"), Cli::of(&second, dir.path(), "editor"));
    let file = a.write("p.yaml", PINNED);
    a.ok(&["apply", "-f", &file]);
    let pinned = PINNED.replacen("spec: {script: greet}", "spec: {script: greet, script_version: 1}", 1);
    let file = a.write("p.yaml", &pinned.replace("echo one", "echo two"));
    a.ok(&["apply", "-f", &file]);
    let file = a.write("p.yaml", &pinned.replace("echo one", "echo three"));
    a.ok(&["apply", "-f", &file]);
    assert_eq!(
        (a.ok(&["run", "stays", "--follow"]), a.ok(&["run", "moves", "--follow"])),
        ("one\n".into(), "three\n".into())
    );

    let exported = a.ok(&["export"]);
    assert!(exported.contains("older:") && exported.contains("script_sha256:"), "{exported}");
    assert!(!exported.contains("echo two"), "what nothing stays at is history: {exported}");
    let file = a.write("exported.yaml", &exported);
    let dry = b.ok(&["apply", "-f", &file, "--dry-run"]);
    assert!(dry.contains("add an older version of script greet"), "{dry}");
    b.ok(&["apply", "-f", &file]);
    assert_eq!(
        (b.ok(&["run", "stays", "--follow"]), b.ok(&["run", "moves", "--follow"])),
        ("one\n".into(), "three\n".into())
    );
    assert_eq!(b.ok(&["export"]), exported, "and back");
    for cli in [&a, &b] {
        assert!(cli.ok(&["apply", "-f", &file]).contains("0 created, 0 changed"), "nothing is left to do");
    }

    // A product that has the script, and not that version of it.
    let fresh = exported.replace("echo one", "echo zero");
    let hash = |text: &str| {
        let line = text.lines().find(|line| line.contains("script_sha256:")).expect("a pin");
        line.split_whitespace().last().expect("a hash").to_owned()
    };
    let file = b.write("odd.yaml", &fresh);
    let odd = b.run(&["apply", "-f", &file]);
    assert_eq!(odd.code, 0, "the content that is pinned is there: {odd:?}");
    let file = b.write("wrong.yaml", &exported.replace(&hash(&exported), &"a".repeat(64)));
    let wrong = b.run(&["apply", "-f", &file]);
    assert!(
        wrong.code == 1 && wrong.stderr.contains("script_sha256: the script has no version with this content"),
        "{wrong:?}"
    );
    assert_eq!(
        (b.ok(&["run", "stays", "--follow"]), b.ok(&["run", "moves", "--follow"])),
        ("one\n".into(), "three\n".into())
    );
}
