//! The contract of every runtime: idempotent start, honest ends, whole logs, stops that mean dead.

use crate::support::{end_of, eventually, request, run_to_end, texts, whole_log};
use domain::catalog::Language;
use domain::run::{RunMode, Stream};
use healer::runtime::{LogOffset, Progress, Runtime, RuntimeError};
use std::time::{Duration, Instant};

/// Runs the whole suite.
pub(crate) async fn all(runtime: &dyn Runtime) {
    codes_and_signals_are_told_apart(runtime).await;
    starting_twice_is_one_start(runtime).await;
    logs_are_dense_and_resume(runtime).await;
    odd_bytes_are_kept(runtime).await;
    odd_scripts_have_named_ends(runtime).await;
    values_arrive_byte_for_byte(runtime).await;
    names_that_hijack_are_left_out(runtime).await;
    the_time_limit_holds(runtime).await;
    cancel_is_idempotent_and_final(runtime).await;
    what_is_cleaned_up_is_forgotten(runtime).await;
    health_describes_the_platform(runtime).await;
}

async fn codes_and_signals_are_told_apart(runtime: &dyn Runtime) {
    for code in [0, 1, 126, 127, 128, 137, 255] {
        let end = run_to_end(runtime, &request(&format!("exit {code}"))).await;
        assert_eq!((end.exit_code, end.signal, end.start_error), (Some(code), None, None));
        assert!(end.started_at.is_some() && end.ended_at >= end.started_at);
    }
    let end = run_to_end(runtime, &request("kill -SEGV $$")).await;
    assert_eq!((end.exit_code, end.signal), (None, Some(11)), "a signal is no exit code");
}

async fn starting_twice_is_one_start(runtime: &dyn Runtime) {
    let request = request("echo ran");
    let (a, b) = tokio::join!(runtime.start(&request), runtime.start(&request));
    a.expect("first");
    b.expect("second");
    end_of(runtime, request.handle).await;
    runtime.start(&request).await.expect("after its end");
    assert!(matches!(runtime.progress(request.handle).await, Ok(Progress::Ended(_))));
    assert_eq!(texts(runtime, request.handle).await, ["ran"]);
    assert_eq!(runtime.known(request.handle.run_id).await.expect("known"), [1]);
}

async fn logs_are_dense_and_resume(runtime: &dyn Runtime) {
    let mut request =
        request("i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; printf last");
    request.first_seq = 11;
    runtime.start(&request).await.expect("start");
    // Followed while it runs, each time from where the last reading ended.
    let (mut seen, mut from) = (Vec::new(), LogOffset::default());
    eventually("the end of the log", async || {
        let ended = matches!(runtime.progress(request.handle).await, Ok(Progress::Ended(_)));
        let chunk = runtime.logs(request.handle, from).await.expect("log");
        from = chunk.next;
        let nothing_new = chunk.records.is_empty();
        seen.extend(chunk.records);
        (ended && nothing_new).then_some(())
    })
    .await;
    assert_eq!(seen, whole_log(runtime, request.handle).await, "followed and read at once are the same");
    assert!(seen.iter().zip(11..).all(|(r, n)| r.seq == n), "dense from the first number");
    for (stream, word) in [(Stream::Stdout, "out"), (Stream::Stderr, "err")] {
        let lines: Vec<&str> = seen.iter().filter(|r| r.stream == stream).map(|r| r.text.as_str()).collect();
        let mut expected: Vec<String> = (0..500).map(|i| format!("{word} {i}")).collect();
        expected.extend((stream == Stream::Stdout).then(|| "last".to_owned()));
        assert_eq!(lines, expected);
    }
}

async fn odd_bytes_are_kept(runtime: &dyn Runtime) {
    let body = r"printf 'ok1\n'; printf '\303\050\377\376\n'; printf '\303'; sleep 0.2; printf '\274\n'; seq 1 100000; printf 'fatal: no space'; exit 7";
    let request = request(body);
    let end = run_to_end(runtime, &request).await;
    assert_eq!((end.exit_code, end.signal), (Some(7), None));
    let lines = texts(runtime, request.handle).await;
    assert_eq!(lines.len(), 100_004);
    assert_eq!(lines[..4], ["ok1", "\u{fffd}(\u{fffd}\u{fffd}", "\u{fc}", "1"]);
    assert_eq!(lines.last().map(String::as_str), Some("fatal: no space"), "the last line needs no line break");
}

async fn odd_scripts_have_named_ends(runtime: &dyn Runtime) {
    for body in ["#!/bin/sh\r\necho hi\r\n", "\u{feff}#!/bin/sh\necho hi", "echo hi"] {
        let request = request(body);
        assert_eq!(run_to_end(runtime, &request).await.exit_code, Some(0), "{body:?}");
        assert_eq!(texts(runtime, request.handle).await, ["hi"], "{body:?}");
    }
    for body in ["", " \r\n\t", "\u{feff}"] {
        match runtime.start(&request(body)).await {
            Err(RuntimeError::Refused(why)) => assert_eq!(why, "the script is empty"),
            other => panic!("{body:?}: {other:?}"),
        }
    }
    let mut python = request("import os\nprint('hi from', os.environ['X'])\n");
    python.spec.language = Language::Python;
    python.spec.env.insert("X".into(), "env".into());
    assert_eq!(run_to_end(runtime, &python).await.exit_code, Some(0));
    assert_eq!(texts(runtime, python.handle).await, ["hi from env"]);
}

async fn values_arrive_byte_for_byte(runtime: &dyn Runtime) {
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
        request("i=0; while [ $i -lt 11 ]; do eval \"printf %s \\\"\\$V$i\\\"\" | sha256sum; i=$((i+1)); done; ls");
    for (i, value) in values.iter().copied().chain([long.as_str()]).enumerate() {
        request.spec.env.insert(format!("V{i}"), value.to_owned());
    }
    run_to_end(runtime, &request).await;
    let expected: Vec<String> = values
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(|v| format!("{}  -", healer::sha256_hex(v.as_bytes())))
        .collect();
    assert_eq!(texts(runtime, request.handle).await, expected, "and no file was made");
}

async fn names_that_hijack_are_left_out(runtime: &dyn Runtime) {
    let mut request = request(
        "echo \"[$BASH_ENV][$ENV][$LD_PRELOAD][$GIT_SSH][$FINE]\"; command -v ls >/dev/null && echo found; env",
    );
    for name in ["PATH", "LD_PRELOAD", "BASH_ENV", "ENV", "IFS", "GIT_SSH", "PYTHONPATH", "NODE_OPTIONS"] {
        request.spec.env.insert(name.into(), "/tmp/evil".into());
    }
    request.spec.env.insert("FINE".into(), "yes".into());
    assert_eq!(run_to_end(runtime, &request).await.exit_code, Some(0));
    let log = whole_log(runtime, request.handle).await;
    let out: Vec<&str> = log.iter().filter(|r| r.stream == Stream::Stdout).map(|r| r.text.as_str()).collect();
    assert_eq!(out[..2], ["[][][][][yes]", "found"]);
    assert!(!out.iter().any(|l| l.contains("evil") || l.starts_with("CARGO")), "the environment is clean: {out:?}");
    let told = log.iter().filter(|r| r.stream == Stream::System && r.text.contains("reserved")).count();
    assert_eq!(told, 8, "each is told");
}

async fn the_time_limit_holds(runtime: &dyn Runtime) {
    let mut request = request("trap '' TERM; echo begin; while :; do sleep 1; done");
    request.spec.timeout_secs = 1;
    let begun = Instant::now();
    let end = run_to_end(runtime, &request).await;
    assert!(end.timed_out && !end.cancelled && end.exit_code.is_none(), "{end:?}");
    assert_eq!(end.survivors, 0);
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time");
    assert!(texts(runtime, request.handle).await.contains(&"begin".to_owned()), "what was printed is kept");
}

async fn cancel_is_idempotent_and_final(runtime: &dyn Runtime) {
    let request = request("echo begin; sleep 1000");
    runtime.start(&request).await.expect("start");
    for _ in 0..2 {
        runtime.cancel(request.handle, Duration::from_millis(500)).await.expect("cancel");
    }
    let end = end_of(runtime, request.handle).await;
    assert!(end.cancelled && !end.timed_out && end.exit_code.is_none(), "{end:?}");
    runtime.cancel(request.handle, Duration::ZERO).await.expect("cancel after the end");
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::Ended(end));
}

async fn what_is_cleaned_up_is_forgotten(runtime: &dyn Runtime) {
    let mut request = request("echo once");
    request.spec.mode = RunMode::AtLeastOnce;
    run_to_end(runtime, &request).await;
    assert!(runtime.all().await.expect("all").contains(&request.handle));
    for _ in 0..2 {
        // The supervisor may hold its folder for a moment after it recorded the end.
        eventually("cleanup", async || runtime.cleanup(request.handle).await.ok()).await;
    }
    assert_eq!(runtime.known(request.handle.run_id).await.expect("known"), Vec::<i64>::new());
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::Unknown);
    assert_eq!(texts(runtime, request.handle).await, Vec::<String>::new());
}

async fn health_describes_the_platform(runtime: &dyn Runtime) {
    let info = runtime.health().await.expect("health");
    assert!(!info.os.is_empty() && !info.arch.is_empty() && info.cpus > 0 && info.memory_bytes > 0, "{info:?}");
}
