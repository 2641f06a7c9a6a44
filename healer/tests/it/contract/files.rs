//! What goes in and comes out beside the output: values, secrets, artifacts, the result.

use super::Lab;
use crate::support::{run_to_end, texts, whole_log};
use domain::clock::SystemClock;
use domain::ports::BlobStore as _;
use domain::run::Stream;
use domain::testing::MemBlobs;
use healer::mask::Masker;
use healer::results::Harvest;
use healer::runtime::StartRequest;
use std::sync::Arc;

fn harvest(blobs: &MemBlobs, request: &StartRequest) -> Harvest {
    Harvest::new(Arc::new(blobs.clone()), Arc::new(SystemClock), Masker::new(["hunter2-Zq9"]), request.handle)
}

pub(crate) async fn p23_values_arrive_byte_for_byte(lab: &dyn Lab) {
    let values = [
        "web-1; touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "a\nb",
        "--help",
        "-rf",
        "${PATH}",
        "",
        "Ünïcødé \u{200f}",
        "\t\\\"",
    ];
    let long = "'".repeat(4_096);
    let mut request =
        lab.request("i=0; while [ $i -lt 11 ]; do eval \"printf %s \\\"\\$V$i\\\"\" | sha256sum; i=$((i+1)); done; ls");
    for (i, value) in values.iter().copied().chain([long.as_str()]).enumerate() {
        request.spec.env.insert(format!("V{i}"), value.to_owned());
    }
    run_to_end(lab.runtime(), &request).await;
    let expected: Vec<String> = values
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(|v| format!("{}  -", healer::sha256_hex(v.as_bytes())))
        .collect();
    assert_eq!(texts(lab.runtime(), request.handle).await, expected, "and no file was made");
}

pub(crate) async fn names_that_hijack_are_left_out(lab: &dyn Lab) {
    let mut request = lab.request(
        "echo \"[$BASH_ENV][$ENV][$LD_PRELOAD][$GIT_SSH][$FINE][$RUN_KEY]\"; command -v ls >/dev/null && echo found; env",
    );
    for name in ["PATH", "LD_PRELOAD", "BASH_ENV", "ENV", "IFS", "GIT_SSH", "PYTHONPATH", "NODE_OPTIONS"] {
        request.spec.env.insert(name.into(), "/tmp/evil".into());
    }
    request.spec.env.insert("FINE".into(), "yes".into());
    request.spec.env.insert("RUN_KEY".into(), "key".into());
    assert_eq!(run_to_end(lab.runtime(), &request).await.exit_code, Some(0));
    let log = whole_log(lab.runtime(), request.handle).await;
    let out: Vec<&str> = log.iter().filter(|r| r.stream == Stream::Stdout).map(|r| r.text.as_str()).collect();
    assert_eq!(out[..2], ["[][][][][yes][key]", "found"]);
    assert!(!out.iter().any(|l| l.contains("evil") || l.starts_with("CARGO")), "the environment is clean: {out:?}");
    let told = log.iter().filter(|r| r.stream == Stream::System && r.text.contains("reserved")).count();
    assert_eq!(told, 8, "each is told");
}

pub(crate) async fn secrets_are_environment_and_private_files(lab: &dyn Lab) {
    let two_lines = "-----BEGIN KEY-----\nÜ $(touch pwned)\n";
    let mut request = lab.request(
        "printf %s \"$TOKEN\" | sha256sum; sha256sum < \"$AIOPS_SECRETS/TOKEN\"; sha256sum < \"$AIOPS_SECRETS/KEY\"
        stat -c %a \"$AIOPS_SECRETS/KEY\"; id -u > id; stat -c %u \"$AIOPS_SECRETS/KEY\" | cmp - id && echo mine
        tr '\\0' ' ' < /proc/$$/cmdline | grep -c hunter[2]",
    );
    request.secrets = [("TOKEN", "hunter2-Zq9"), ("KEY", two_lines)].map(|(k, v)| (k.into(), v.into())).into();
    run_to_end(lab.runtime(), &request).await;
    let hash = |text: &str| format!("{}  -", healer::sha256_hex(text.as_bytes()));
    let expected = [hash("hunter2-Zq9"), hash("hunter2-Zq9"), hash(two_lines), "600".into(), "mine".into(), "0".into()];
    assert_eq!(texts(lab.runtime(), request.handle).await, expected);
    assert!(!format!("{request:?}").contains("hunter2"), "and are not printed by accident");
}

pub(crate) async fn what_a_run_leaves_is_collected_and_links_are_not_followed(lab: &dyn Lab) {
    let body = r#"cd "$AIOPS_ARTIFACTS" && mkdir -p a/b && printf 12345 > a/b/data.bin && ln -s /etc/passwd stolen
        ln -s /etc dir; mkfifo pipe; printf 'x' > "$(printf 'bad\tname')"; : > empty
        echo '<testsuite name="s"><testcase name="one"/><testcase name="two"><failure message="no"/></testcase></testsuite>' > junit.xml
        echo '{"ok": true, "token": "hunter2-Zq9"}' > "$AIOPS_RESULT""#;
    let request = lab.request(body);
    assert_eq!(run_to_end(lab.runtime(), &request).await.exit_code, Some(0));
    let blobs = MemBlobs::default();
    let mut all = harvest(&blobs, &request);
    // Collected by whoever observes the end, which need not be who started it.
    lab.again().await.collect(request.handle, &mut all).await.expect("collected");
    let (artifacts, results) = all.done();
    let names: Vec<_> = artifacts.iter().map(|a| (a.name.as_str(), a.bytes)).collect();
    assert_eq!(names[..2], [("a/b/data.bin", 5), ("empty", 0)]);
    assert_eq!((names.len(), names[2].0), (3, "junit.xml"), "{names:?}");
    assert_eq!(blobs.get(&artifacts[0].key).await.expect("stored"), b"12345");
    assert_eq!(results.result, Some(serde_json::json!({"ok": true, "token": "********"})));
    assert_eq!((results.totals.tests, results.totals.failed), (2, 1));
    assert_eq!(results.notes.len(), 4, "two links, a pipe, a bad name: {:?}", results.notes);
}

pub(crate) async fn a_result_that_is_a_link_is_not_read(lab: &dyn Lab) {
    let request = lab.request("ln -s /etc/passwd \"$AIOPS_RESULT\"; rmdir \"$AIOPS_ARTIFACTS\"");
    run_to_end(lab.runtime(), &request).await;
    let mut all = harvest(&MemBlobs::default(), &request);
    lab.runtime().collect(request.handle, &mut all).await.expect("collected");
    let (artifacts, results) = all.done();
    assert_eq!((artifacts.len(), results.result), (0, None));
    assert_eq!(results.notes, ["the result was left out: it is no regular file"]);
}
