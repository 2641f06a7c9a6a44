//! Lines stay whole however they are split; caps are visible; reading resumes without loss.

use super::*;
use crate::sample_values::t;
use domain::clock::FixedClock;
use proptest::prelude::*;

fn lines(pieces: &[&[u8]]) -> Vec<String> {
    let mut lines = Lines::default();
    let mut out = Vec::new();
    for piece in pieces {
        lines.feed(piece, &mut |l| out.push(l));
    }
    out.extend(lines.finish());
    out
}

#[test]
fn cutting() {
    assert_eq!(lines(&[b"a\nb\r\n", b"c"]), ["a", "b", "c"]);
    assert_eq!(lines(&[b"\n\n"]), ["", ""]);
    assert_eq!(lines(&[b"ok\n\xc3\x28\xff\xfe\nnext\n"]), ["ok", "\u{fffd}(\u{fffd}\u{fffd}", "next"]);
    assert_eq!(lines(&["ü".as_bytes().split_at(1).0, "ü\n".as_bytes().split_at(1).1]), ["ü"]);
    assert_eq!(lines(&[b"a\0b"]), ["a\u{2400}b"]);
}

#[test]
fn a_long_line_is_cut_with_its_true_length_and_the_next_is_whole() {
    let mut bytes = vec![b'a'; MAX_LINE - 1];
    bytes.extend_from_slice("ü and more\nnext\n".as_bytes());
    let got = lines(&[&bytes]);
    let expected_length = MAX_LINE - 1 + "ü and more".len();
    assert!(got[0].ends_with(&format!("a{CUT_MARK}{expected_length} bytes]")), "{}", &got[0][MAX_LINE - 4..]);
    assert_eq!(got[1], "next");
}

fn written(head: u64, tail: u64, count: usize) -> Vec<LogRecord> {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("log");
    let mut writer = LogWriter::new(File::create(&path).expect("file"), FixedClock::at(t(0)), 5, head, tail);
    for i in 0..count {
        writer.line(Stream::Stdout, format!("line {i:03}"));
    }
    writer.end().expect("end");
    let mut all = Vec::new();
    let mut from = LogOffset::default();
    loop {
        let chunk = read(&path, from).expect("read");
        if chunk.records.is_empty() {
            return all;
        }
        from = chunk.next;
        all.extend(chunk.records);
    }
}

#[test]
fn head_and_tail_are_kept_and_the_gap_is_told() {
    let all = written(18, 27, 10);
    let text: Vec<&str> = all.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(
        text,
        [
            "line 000",
            "line 001",
            "output limit reached; of what follows only the end is kept",
            "5 lines with 45 bytes were left out here",
            "line 007",
            "line 008",
            "line 009",
        ]
    );
    assert!(all.iter().enumerate().all(|(i, r)| r.seq == 5 + i as i64), "dense from the first number");
    assert_eq!(written(1_000, 10, 10).len(), 10, "below the limit nothing is added");
}

#[test]
fn an_unfinished_record_waits() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("log");
    let record = LogRecord { seq: 1, at: t(0), stream: Stream::Stdout, text: "x".into() };
    let line = serde_json::to_string(&record).expect("json");
    std::fs::write(&path, format!("{line}\n{}", &line[..10])).expect("write");
    let first = read(&path, LogOffset::default()).expect("read");
    assert_eq!(first.records, std::slice::from_ref(&record));
    assert_eq!(read(&path, first.next).expect("read").records, []);
    std::fs::write(&path, format!("{line}\n{line}\n")).expect("write");
    assert_eq!(read(&path, first.next).expect("read").records, [record]);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_lines(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..200, and in 0_usize..200) {
        let (a, b) = (at.min(bytes.len()), and.min(bytes.len()));
        let (a, b) = (a.min(b), a.max(b));
        prop_assert_eq!(lines(&[&bytes]), lines(&[&bytes[..a], &bytes[a..b], &bytes[b..]]));
    }
}
