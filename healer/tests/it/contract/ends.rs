//! How runs end: codes, signals, scripts that are odd or empty, interpreters that are missing, children that stay.

use super::{Lab, why_not};
use crate::support::{end_of, run_to_end, texts};
use domain::catalog::Language;
use futures::future::join_all;
use healer::runtime::RuntimeError;

pub(crate) async fn codes_and_signals_are_told_apart(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let codes = [0, 1, 126, 127, 128, 137, 255];
    let ends = join_all(codes.map(|code| async move {
        let request = lab.request(&format!("exit {code}"));
        run_to_end(runtime, &request).await
    }))
    .await;
    for (code, end) in codes.into_iter().zip(ends) {
        assert_eq!((end.exit_code, end.signal, end.start_error), (Some(code), None, None));
        assert!(end.started_at.is_some() && end.ended_at >= end.started_at);
        assert!(!end.cause.unwrap_or_default().contains("memory"), "{code}: no code is out of memory without evidence");
    }
    let end = run_to_end(runtime, &lab.request("kill -SEGV $$")).await;
    if lab.tells_signals() {
        assert_eq!((end.exit_code, end.signal), (None, Some(11)), "a signal is no exit code");
    } else {
        assert_eq!(end.exit_code, Some(139));
        assert!(end.cause.as_deref().unwrap_or_default().contains("SEGV"), "{end:?}");
    }
}

pub(crate) async fn p11_odd_scripts_have_named_ends(lab: &dyn Lab) {
    let runtime = lab.runtime();
    for body in ["#!/bin/sh\r\necho hi\r\n", "\u{feff}#!/bin/sh\necho hi", "echo hi"] {
        let request = lab.request(body);
        assert_eq!(run_to_end(runtime, &request).await.exit_code, Some(0), "{body:?}");
        assert_eq!(texts(runtime, request.handle).await, ["hi"], "{body:?}");
    }
    for body in ["", " \r\n\t", "\u{feff}"] {
        match runtime.start(&lab.request(body)).await {
            Err(RuntimeError::Refused(why)) => assert_eq!(why, "the script is empty"),
            other => panic!("{body:?}: {other:?}"),
        }
    }
    match runtime.start(&lab.request("echo \0")).await {
        Err(RuntimeError::Refused(why)) => assert!(why.contains("NUL"), "{why}"),
        other => panic!("{other:?}"),
    }
    let mut python = lab.request("import os\nprint('hi from', os.environ['X'])\n");
    python.spec.language = Language::Python;
    python.spec.env.insert("X".into(), "env".into());
    assert_eq!(run_to_end(runtime, &python).await.exit_code, Some(0));
    assert_eq!(texts(runtime, python.handle).await, ["hi from env"]);
}

pub(crate) async fn an_interpreter_that_is_not_there_is_named(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let mut named = lab.request("BEGIN { print \"from awk\" }");
    named.spec.interpreter = vec!["awk".to_owned(), "-f".to_owned()];
    assert_eq!(run_to_end(runtime, &named).await.exit_code, Some(0));
    assert_eq!(texts(runtime, named.handle).await, ["from awk"]);
    for program in ["no-such-program", "/no/such/program"] {
        let mut absent = lab.request("x");
        absent.spec.interpreter = vec![program.to_owned()];
        let why = why_not(lab, &absent).await;
        assert!(why.starts_with(&format!("interpreter not found: {program}")), "{why}");
    }
}

pub(crate) async fn p12_a_child_that_keeps_the_output_does_not_hold_the_end(lab: &dyn Lab) {
    let request = lab.request("sleep 300 & echo started; exit 3");
    lab.runtime().start(&request).await.expect("start");
    let end = end_of(lab.runtime(), request.handle).await;
    assert_eq!((end.exit_code, end.survivors, end.timed_out), (Some(3), 0, false), "{end:?}");
    assert_eq!(texts(lab.runtime(), request.handle).await, ["started"]);
}
