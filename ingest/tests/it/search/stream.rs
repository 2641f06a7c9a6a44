//! A stream of documents, a twentieth of them errors and a tenth of them late, read while it is written.
//!
//! `AIOPS_SOAK_LINES=2000000` makes an hour of two million documents of it (half an hour of the machine).

use super::paging::Real;
use super::server::{Flavour, Server};
use crate::fakes::{Start, monitor};
use domain::clock::{Clock, SystemClock};
use domain::signal::{Completeness, LogLevel, Payload};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Documents of one step, and the seconds that a step is long: the pace of two million an hour.
const STEP: i64 = 1_112;
const STEP_SECS: i64 = 2;
/// Latest that a document comes after its time, seconds.
const LATE_SECS: i64 = 40;

fn document(n: i64, end_ms: i64) -> Value {
    let within = end_ms - (n * 7_919) % (STEP_SECS * 1_000);
    let late = if n % 10 == 3 { (n * 31) % (LATE_SECS * 1_000) } else { 0 };
    let (level, message) = if n % 20 == 7 {
        ("error", format!("payment {n} refused by provider"))
    } else {
        ("info", format!("payment {n} taken in {} ms", n % 900))
    };
    json!({"_id": n.to_string(), "@timestamp": within - late, "log": {"level": level}, "message": message})
}

#[tokio::test]
async fn a_stream_at_the_pace_of_two_million_an_hour_is_read_once() {
    let test = "search::stream::a_stream_at_the_pace_of_two_million_an_hour_is_read_once";
    let Some(server) = Server::given(test, Flavour::Elasticsearch8) else { return };
    let total: i64 = std::env::var("AIOPS_SOAK_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(16_000);
    let word = json!({"properties": {"level": {"type": "keyword"}}});
    let index = server.index("stream", json!({"@timestamp": {"type": "date"}, "log": word})).await;
    let now = SystemClock.now();
    let real = Some(std::sync::Arc::new(Real::of(server.source(&index))) as _);
    let mut rig = Start { real_logs: real, ..Start::new(vec![monitor("logs", "", true)], now) }.run();
    let mut seen: HashMap<String, LogLevel> = HashMap::new();
    let mut take = |batch: domain::signal::Batch| {
        let Payload::Logs { lines, completeness } = batch.payload else { panic!("lines expected: {batch:?}") };
        assert_eq!(completeness, Completeness::Complete);
        for line in lines {
            let id = line.id.clone();
            assert!(seen.insert(line.id, line.level).is_none(), "{id} came twice");
        }
        seen.len()
    };
    take(rig.next().await);
    let (mut written, mut end) = (0, now.timestamp_millis());
    while written < total {
        end += STEP_SECS * 1_000;
        let upto = (written + STEP).min(total);
        server.add(&index, &(written..upto).map(|n| document(n, end)).collect::<Vec<_>>()).await;
        written = upto;
        take(rig.after(STEP_SECS).await);
    }
    let mut got = 0;
    for _ in 0..20 {
        got = take(rig.after(5).await);
        if got >= usize::try_from(total).unwrap() {
            break;
        }
    }
    rig.stop().await;
    assert_eq!(got as i64, total, "none missed");
    let errors = seen.values().filter(|level| **level == LogLevel::Error).count() as i64;
    assert_eq!(errors, (0..total).filter(|n| n % 20 == 7).count() as i64, "every error line");
    server.clean().await;
}
