//! The command line against a real product: run, follow, apply, export, secrets, keys, batches.

use crate::harness::Product;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The command line with a key for one product.
pub(crate) struct Cli {
    dir: PathBuf,
    url: String,
    key: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    /// With a fresh key of this role.
    pub(crate) fn of(product: &Product, dir: &Path, role: &str) -> Self {
        let made = product.post("/api-keys", &json!({"name": format!("test-{role}"), "role": role}));
        let key = made["secret"].as_str().expect("a key").to_owned();
        Self { dir: dir.to_path_buf(), url: product.base().to_owned(), key }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiops"));
        command.args(args).current_dir(&self.dir).env("AIOPS_URL", &self.url).env("AIOPS_API_KEY", &self.key);
        command.env("HOME", &self.dir).env_remove("XDG_CONFIG_HOME");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it with this input and these variables.
    pub(crate) fn with(&self, args: &[&str], env: &[(&str, &str)], input: &str) -> Done {
        let mut child = self.command(args).envs(env.iter().copied()).spawn().expect("starts");
        // A command that reads nothing may have closed its input.
        drop(child.stdin.take().expect("a pipe").write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.with(args, &[], "")
    }

    /// Its standard output; it has to succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.code, 0, "{args:?}: {} {}", done.stdout, done.stderr);
        done.stdout
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.dir.join(name), text).expect("written");
        name.to_owned()
    }
}

/// Whether any file below the folder has these bytes.
fn on_disk(dir: &Path, needle: &str) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![dir.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
            {
                found.push(path);
            }
        }
    }
    found
}

const CASES: &str = "
kind: script
name: greet
spec:
  language: sh
  parameters:
    type: object
    properties:
      WHO: {type: string, maxLength: 10}
      CODE: {type: integer, default: 0}
  secrets: {TOKEN: api-token}
  body: |
    echo \"hello $WHO\"
    echo \"token $TOKEN\" >&2
    echo \"$TOKEN\" > \"$AIOPS_ARTIFACTS/token.txt\"
    exit \"$CODE\"
---
kind: case
name: greet
tags: [nightly]
spec:
  script: greet
  values: {WHO: world}
---
- kind: case
  name: slow
  tags: [nightly]
  language: sh
  body: sleep 100
  timeout_secs: 1
- kind: case
  name: no-interpreter
  language: other
  interpreter: [no-such-program]
  body: echo never
";

#[test]
fn runs_end_with_the_code_of_their_case() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let (editor, operator) = (Cli::of(&product, dir.path(), "editor"), Cli::of(&product, dir.path(), "operator"));
    let file = editor.write("cases.yaml", CASES);
    editor.ok(&["apply", "-f", &file]);
    let missing = operator.run(&["run", "greet", "--follow"]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stderr.contains("secret api-token not found"), "{missing:?}");

    const TOKEN: &str = "t0ken-Zq9-very-secret";
    assert_eq!(editor.with(&["secret", "set", "api-token"], &[], &format!("{TOKEN}\n")).code, 0);
    let done = operator.run(&["run", "greet", "--follow"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "hello world\n"), "{done:?}");
    assert!(done.stderr.contains("token ********") && !done.stderr.contains(TOKEN), "{done:?}");
    assert_eq!(operator.run(&["run", "greet", "-p", "CODE=7", "-p", "WHO=3", "--wait"]).code, 7);
    for (args, says) in [
        (["run", "greet", "-p", "WHO=far too long a name"], "values.WHO"),
        (["run", "greet", "-p", "CODE=x"], "values.CODE"),
        (["run", "greet", "-p", "NOPE=x"], "values.NOPE"),
        (["run", "greet", "-p", "TOKEN=x"], "values.TOKEN"),
        (["run", "nowhere", "-p", "A=b"], "there is none named"),
    ] {
        let wrong = operator.run(&args);
        assert!(wrong.code == 126 && wrong.stderr.contains(says), "{args:?}: {wrong:?}");
    }
    assert_eq!(operator.run(&["run", "slow", "--follow"]).code, 124);
    let none = operator.run(&["run", "no-interpreter", "--follow"]);
    assert!(none.code == 1 && none.stderr.contains("interpreter not found: no-such-program"), "{none:?}");

    let id = operator.ok(&["run", "greet"]).trim().to_owned();
    assert_eq!(operator.run(&["runs", "logs", &id, "--follow"]).code, 0);
    let listed = operator.ok(&["runs", "list", "--case", "greet", "--state", "succeeded", "--json"]);
    assert!(listed.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && listed.contains(&id), "{listed}");
    let artifacts = product.get(&format!("/runs/{id}/artifacts"));
    assert_eq!(artifacts[0]["name"], "token.txt", "{artifacts}");
    drop(product);
    let found = on_disk(&dir.path().join("data"), TOKEN);
    assert!(found.is_empty(), "the value is on disk: {found:?}");
}

#[test]
fn a_long_run_is_followed_and_cancelled() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let cli = Cli::of(&product, dir.path(), "editor");
    let file = cli.write("long.yaml", "kind: case\nname: long\nspec: {language: sh, body: 'echo begun; sleep 300'}\n");
    cli.ok(&["apply", "-f", &file]);
    let id = cli.ok(&["run", "long"]).trim().to_owned();
    let follower = cli.command(&["runs", "logs", &id, "--follow"]).spawn().expect("starts");
    crate::harness::wait_for("its first line", Duration::from_secs(60), || {
        cli.ok(&["runs", "logs", &id]).contains("begun").then_some(())
    });
    cli.ok(&["runs", "cancel", &id]);
    let output = follower.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).trim()), (Some(130), "begun"));
}

#[test]
fn what_is_exported_makes_another_product_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    std::fs::create_dir_all(&one).expect("made");
    std::fs::create_dir_all(&two).expect("made");
    let (first, second) = (Product::start(&one, &[]), Product::start(&two, &[]));
    let (a, b) = (Cli::of(&first, dir.path(), "editor"), Cli::of(&second, dir.path(), "editor"));
    let file = a.write("all.yaml", &format!("{CASES}{EVERYTHING}"));
    let env = [("PROM_TOKEN", "pr0m-token-Zq9"), ("HOOK_SECRET", "h00k-secret-Zq9")];
    let unset = a.run(&["apply", "-f", &file]);
    assert!(unset.code == 1 && unset.stderr.contains("set the variable PROM_TOKEN"), "{unset:?}");
    assert!(first.get("/scripts")["items"].as_array().expect("a list").is_empty(), "nothing was made");
    let dry = a.with(&["apply", "-f", &file, "--dry-run"], &env, "");
    assert!(dry.code == 0 && dry.stdout.contains("create policy heal"), "{dry:?}");
    let made = a.with(&["apply", "-f", &file], &env, "");
    assert!(made.code == 0 && made.stdout.contains("9 created, 1 changed, 0 unchanged"), "{made:?}");
    let again = a.run(&["apply", "-f", &file]);
    assert!(again.code == 0 && again.stdout.contains("0 created, 0 changed"), "without variables too: {again:?}");

    let exported = a.ok(&["export"]);
    assert!(!exported.contains("Zq9") && exported.contains("${env:SOURCE_PROM_CREDENTIALS_TOKEN}"), "{exported}");
    let file = a.write("exported.yaml", &exported);
    let env = [("SOURCE_PROM_CREDENTIALS_TOKEN", "pr0m-token-Zq9"), ("CHANNEL_HOOK_SECRET", "h00k-secret-Zq9")];
    let taken = b.with(&["apply", "-f", &file], &env, "");
    assert_eq!(taken.code, 0, "{taken:?}");
    assert_eq!(b.ok(&["export"]), exported);
    assert!(a.ok(&["apply", "-f", &file]).contains("0 created, 0 changed"), "and the first one is as it was");

    let changed = exported.replace("hello $WHO", "good evening $WHO");
    let file = a.write("changed.yaml", &changed);
    let diff = a.ok(&["apply", "-f", &file, "--dry-run"]);
    assert!(diff.contains("-    echo \"hello $WHO\"") && diff.contains("would be 0 created, 1 changed"), "{diff}");
    assert!(a.ok(&["apply", "-f", &file]).contains("changed script greet"));
    drop((first, second));
    let found = on_disk(dir.path(), "pr0m-token-Zq9");
    assert!(found.is_empty(), "credentials are sealed: {found:?}");
}

const EVERYTHING: &str = "---
kind: source
name: prom
spec:
  kind: prometheus
  url: http://127.0.0.1:9
  credentials: {kind: bearer, token: '${env:PROM_TOKEN}'}
  enabled: false
---
kind: monitor
name: up
spec:
  source: prom
  query: up
  signal: other
  detector: {kind: learned}
---
kind: schedule
name: every night
spec:
  case: greet
  cron: 30 2 * * *
  time_zone: Europe/Berlin
  enabled: false
  values: {WHO: night}
---
kind: runtime_manager
name: local
tags: [local]
spec: {kind: local, capacity: 8}
---
kind: policy
name: heal
spec:
  steps:
    - {case: greet, undo_case: slow}
  verification:
    checks:
      - {source: prom, query: up, op: ge, value: 1}
---
kind: channel
name: hook
spec:
  kind: webhook
  url: http://127.0.0.1:9/hook
  secret: ${env:HOOK_SECRET}
";

#[test]
fn wrong_files_are_said_with_their_lines_and_nothing_is_made() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let cli = Cli::of(&product, dir.path(), "editor");
    let text = "kind: script\nname: good\nspec: {language: sh, body: echo}\n---\nkind: case\nname: bad\nspec:\n  script: nowhere\n---\n\
                kind: script\nname: worse\nspec:\n  language: sh\n  body: ''\n  timeout_secs: 0\n---\nkind: script\nname: good\nspec: {}\n";
    let file = cli.write("wrong.yaml", text);
    let twice = cli.run(&["apply", "-f", &file]);
    assert!(twice.code == 1 && twice.stderr.contains("stands twice"), "{twice:?}");
    let file = cli.write("wrong.yaml", text.rsplit_once("---").expect("parts").0);
    let wrong = cli.run(&["apply", "-f", &file]);
    assert_eq!(wrong.code, 1);
    for line in [
        "wrong.yaml:8: case bad: script",
        "wrong.yaml:14: script worse: body: the script is empty",
        "wrong.yaml:15: script worse: timeout_secs",
    ] {
        assert!(wrong.stderr.contains(line), "no {line:?} in {}", wrong.stderr);
    }
    assert!(product.get("/scripts")["items"].as_array().expect("a list").is_empty(), "nothing was made");
    let refused = Cli { key: "aiops_wrong".to_owned(), ..cli }.run(&["runs", "list"]);
    assert!(refused.code == 1 && refused.stderr.contains("the API key is wrong"), "{refused:?}");
}

#[test]
fn many_runs_at_once_are_one_batch() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    let cli = Cli::of(&product, dir.path(), "editor");
    let file = cli.write(
        "batch.yaml",
        "- {kind: case, name: one, tags: [nightly], language: sh, body: 'true'}\n\
         - {kind: case, name: two, tags: [nightly], language: sh, body: 'exit 3'}\n\
         - {kind: case, name: other, language: sh, body: 'true'}\n\
         - kind: runtime_manager\n  name: second\n  tags: [pool]\n  spec: {kind: local}\n",
    );
    cli.ok(&["apply", "-f", &file]);
    let local = product.get("/runtime-managers?search=local")["items"][0]["id"].clone();
    let matrix = json!({"manager_ids": [local], "manager_tags": ["pool"]});
    let batch = product.post("/runs", &json!({"tag": "nightly", "matrix": matrix}));
    assert_eq!(batch["total"], 4, "{batch}");
    let path = format!("/batches/{}", batch["id"].as_str().expect("an id"));
    let batch = crate::harness::wait_for("the batch's end", Duration::from_secs(120), || {
        Some(product.get(&path)).filter(|batch| batch["ended"] == true)
    });
    assert_eq!((batch["succeeded"].as_bool(), &batch["ended_at"].is_string()), (Some(false), &true));
    let managers: std::collections::BTreeSet<String> =
        batch["runs"].as_array().expect("runs").iter().map(|run| run["manager_id"].to_string()).collect();
    assert_eq!(managers.len(), 2, "each case on both: {batch}");
    let states: Vec<_> = batch["states"].as_array().expect("states").iter().map(|s| s["runs"].as_u64()).collect();
    assert_eq!(states, [Some(2), Some(2)], "{batch}");
}

#[test]
fn a_lost_key_is_said_and_a_given_one_opens() {
    let dir = tempfile::tempdir().expect("a folder");
    let product = Product::start(dir.path(), &[]);
    drop(product);
    let data = dir.path().join("data");
    let check = |key: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiops"));
        command.args(["check", "--data-dir"]).arg(&data).env_remove("AIOPS_SECRET_KEY");
        command.envs(key.map(|key| ("AIOPS_SECRET_KEY", key)));
        let output = command.output().expect("ends");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(check(None).0);
    let text = std::fs::read_to_string(data.join("secret.key")).expect("a key was made");
    std::fs::remove_file(data.join("secret.key")).expect("removed");
    let (fine, said) = check(None);
    assert!(!fine && said.contains("AIOPS_SECRET_KEY") && said.trim_end().lines().count() == 1, "{said}");
    assert!(!data.join("secret.key").exists(), "no other key is made");
    let (fine, said) = check(Some(&"0".repeat(64)));
    assert!(!fine && said.contains("which was not given"), "{said}");
    let key = text.lines().find(|line| !line.starts_with('#')).expect("the key");
    assert!(check(Some(key)).0);
    assert!(check(Some(&format!("{},{key}", "1".repeat(64)))).0, "a new key first");
    assert!(check(Some(&"1".repeat(64))).0, "then the new one is enough");
}
