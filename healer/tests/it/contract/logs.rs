//! Logs: dense numbers, resumed without loss, odd bytes, long lines, visible cuts.

use super::Lab;
use crate::support::{eventually, run_to_end, texts, whole_log};
use domain::run::{LogRecord, Stream};
use healer::runtime::{LogOffset, Progress};

pub(crate) async fn logs_are_dense_and_resume(lab: &dyn Lab) {
    let runtime = lab.runtime();
    let mut request =
        lab.request("i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; printf last");
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
    let later = lab.again().await;
    assert_eq!(seen, whole_log(&*later, request.handle).await, "and so for whoever comes later");
    assert!(seen.iter().zip(11..).all(|(r, n)| r.seq == n), "dense from the first number");
    for (stream, word) in [(Stream::Stdout, "out"), (Stream::Stderr, "err")] {
        let told = |r: &&LogRecord| if lab.tells_streams() { r.stream == stream } else { r.text.starts_with(word) };
        let last = |r: &&LogRecord| stream == Stream::Stdout && r.text == "last";
        let lines: Vec<&str> = seen.iter().filter(|r| told(r) || last(r)).map(|r| r.text.as_str()).collect();
        let mut expected: Vec<String> = (0..500).map(|i| format!("{word} {i}")).collect();
        expected.extend((stream == Stream::Stdout).then(|| "last".to_owned()));
        assert_eq!(lines, expected);
    }
}

pub(crate) async fn p08_odd_bytes_are_kept(lab: &dyn Lab) {
    let body = r"printf 'ok1\n'; printf '\303\050\377\376\n'; printf '\303'; sleep 0.2; printf '\274\n'; seq 1 100000; printf 'fatal: no space'; exit 7";
    let request = lab.request(body);
    let end = run_to_end(lab.runtime(), &request).await;
    assert_eq!((end.exit_code, end.signal), (Some(7), None));
    let lines = texts(lab.runtime(), request.handle).await;
    assert_eq!(lines.len(), 100_004);
    assert_eq!(lines[..4], ["ok1", "\u{fffd}(\u{fffd}\u{fffd}", "\u{fc}", "1"]);
    assert_eq!(lines.last().map(String::as_str), Some("fatal: no space"), "the last line needs no line break");
}

pub(crate) async fn p14_the_last_line_and_long_lines_are_whole(lab: &dyn Lab) {
    // A two-byte character stands at each border of 16 KiB pieces.
    let body = r#"printf '{"text": "'; i=0; while [ $i -lt 20000 ]; do printf 'ü'; i=$((i+1)); done; printf '"}\nnext\n'; printf 'no end'"#;
    let request = lab.request(body);
    assert_eq!(run_to_end(lab.runtime(), &request).await.exit_code, Some(0));
    let lines = texts(lab.runtime(), request.handle).await;
    let json: serde_json::Value = serde_json::from_str(&lines[0]).expect("one whole line of JSON");
    assert_eq!(json["text"], "ü".repeat(20_000));
    assert_eq!(lines[1..], ["next", "no end"]);
}

pub(crate) async fn p15_output_stays_within_the_runs_limit_with_a_visible_cut(lab: &dyn Lab) {
    let mut loud = lab.request("seq 1 200000; exit 4");
    loud.spec.limits.output_bytes = 100_000;
    assert_eq!(run_to_end(lab.runtime(), &loud).await.exit_code, Some(4));
    let log = whole_log(lab.runtime(), loud.handle).await;
    let kept: usize = log.iter().filter(|l| l.stream == Stream::Stdout).map(|l| l.text.len() + 1).sum();
    // The end is kept in whole blocks of what was read.
    assert!(kept <= 100_000 + (128 << 10), "{kept}");
    assert_eq!(log[0].text, "1");
    assert_eq!(log.last().map(|l| l.text.as_str()), Some("200000"));
    let cuts: Vec<_> = log.iter().filter(|l| l.stream == Stream::System).map(|l| l.text.as_str()).collect();
    assert!(cuts.len() == 2 && cuts[1].contains("left out here"), "{cuts:?}");
    let later = lab.again().await;
    assert_eq!(log, whole_log(&*later, loud.handle).await, "whoever comes later sees the same cut");
}
