//! Every document once: contexts that expire, rollovers, patterns, and documents that come late.

use super::server::{BASE, Flavour, Server, document, keys, query, read, time_and_text};
use crate::fakes::{Start, monitor};
use async_trait::async_trait;
use domain::clock::{Clock, SystemClock, from_millis};
use domain::ports::{LogCursor, LogPage, LogQuery, LogSource};
use domain::signal::{Batch, Completeness, Payload};
use ingest::Elasticsearch;
use serde_json::{Value, json};

/// 50,000 documents in two indexes that use the same ids, bursts of seven in a millisecond, six contexts lost.
pub(super) async fn fifty_thousand(server: &Server) {
    const EACH: i64 = 25_000;
    let mut expected = std::collections::BTreeSet::new();
    for end in ["a", "b"] {
        let index = server.index(end, time_and_text()).await;
        let documents: Vec<Value> = (0..EACH).map(|n| document(n, BASE + n / 7)).collect();
        server.add(&index, &documents).await;
        expected.extend((0..EACH).map(|n| (index.clone(), format!("{n:06}"))));
    }
    let source = server.source(&server.name("*"));
    let all = read(&source, &query("", 10_000, 2_000), async |pages, cursor| {
        if pages % 4 == 0 {
            server.expire(cursor).await;
        }
    })
    .await;
    assert_eq!(all.len(), expected.len(), "none twice, none missing");
    assert_eq!(keys(&all), expected);
    assert!(all.windows(2).all(|w| w[0].at <= w[1].at), "by time");
    let counted = source.count("", from_millis(BASE - 1), from_millis(BASE + 10_000)).await.unwrap();
    assert_eq!((counted.lines, counted.completeness), (50_000, Completeness::Complete), "exact above 10,000");
    let one = source.count("n:42", from_millis(BASE - 1), from_millis(BASE + 10_000)).await.unwrap();
    assert_eq!(one.lines, 2);
}

/// A data stream (where the server has them, else an alias) that rolls over and grows while it is read.
pub(super) async fn rollover(server: &Server) {
    let name = server.name("stream");
    if server.flavour == Flavour::Elasticsearch7 {
        let first = format!("{name}-000001");
        let body = json!({"aliases": {&name: {"is_write_index": true}}, "mappings": {"properties": time_and_text()}});
        server.ok("PUT", &first, body).await;
        server.keep_clean(&first);
        server.keep_clean(&format!("{name}-000002"));
    } else {
        let template = json!({
            "index_patterns": [&name], "data_stream": {}, "priority": 500,
            "template": {"settings": {"number_of_replicas": 0}, "mappings": {"properties": time_and_text()}},
        });
        server.ok("PUT", &format!("_index_template/{name}"), template).await;
    }
    let half = |from: i64| (from..from + 900).map(|n| document(n, BASE + n)).collect::<Vec<_>>();
    server.add(&name, &half(0)).await;
    let source = server.source(&name);
    let all = read(&source, &query("", 10_000, 300), async |pages, cursor| {
        if pages == 2 {
            server.ok("POST", &format!("{name}/_rollover"), Value::Null).await;
            server.add(&name, &half(900)).await;
            server.expire(cursor).await;
        }
    })
    .await;
    let numbers: std::collections::BTreeSet<String> = all.iter().map(|l| l.message.clone()).collect();
    assert_eq!((all.len(), numbers.len()), (1_800, 1_800));
    let indexes: std::collections::BTreeSet<&str> = all.iter().map(|l| l.index.as_str()).collect();
    assert_eq!(indexes.len(), 2, "both sides of the rollover: {indexes:?}");
}

pub(super) async fn patterns(server: &Server) {
    for (end, from) in [("one", 0), ("two", 10), ("skip", 20)] {
        let index = server.index(end, time_and_text()).await;
        server.add(&index, &(from..from + 10).map(|n| document(n, BASE + n)).collect::<Vec<_>>()).await;
    }
    for (pattern, count) in [
        (server.name("*"), 30),
        (server.name("t*"), 10),
        (format!("{},{}", server.name("one"), server.name("two")), 20),
        (format!("{},-{}", server.name("*"), server.name("skip")), 20),
    ] {
        let lines = read(&server.source(&pattern), &query("", 1_000, 7), async |_, _| ()).await;
        assert_eq!((lines.len(), keys(&lines).len()), (count, count), "{pattern}");
    }
}

/// The real source as the poller's fake sources hold it.
#[derive(Debug)]
pub(super) struct Real(Elasticsearch);

impl Real {
    pub(super) const fn of(source: Elasticsearch) -> Self {
        Self(source)
    }
}

#[async_trait]
impl LogSource for Real {
    async fn page(&self, query: &LogQuery, cursor: Option<LogCursor>) -> domain::Result<LogPage> {
        self.0.page(query, cursor).await
    }
    async fn check(&self) -> domain::Result<String> {
        self.0.check().await
    }
}

/// A document that becomes searchable after its window was read is counted once; the same id elsewhere is another one.
pub(super) async fn late_documents(server: &Server) {
    let index = server.index("late", time_and_text()).await;
    let other = server.index("later", time_and_text()).await;
    let now = SystemClock.now();
    let ago = |s: i64| (now - chrono::TimeDelta::seconds(s)).timestamp_millis();
    server.add(&index, &[document(1, ago(30)), document(2, ago(20))]).await;
    let source = server.source(&server.name("late*"));
    let start = Start {
        real_logs: Some(std::sync::Arc::new(Real(source))),
        ..Start::new(vec![monitor("logs", "", true)], now)
    };
    let mut rig = start.run();
    let texts = |batch: &Batch| match &batch.payload {
        Payload::Logs { lines, .. } => lines.iter().map(|l| l.message.clone()).collect::<Vec<_>>(),
        other => panic!("lines expected, got {other:?}"),
    };
    assert_eq!(texts(&rig.next().await), ["message 1", "message 2"]);
    server.add(&index, &[document(3, ago(25)), document(4, ago(0))]).await;
    server.add(&other, &[document(2, ago(24))]).await;
    assert_eq!(texts(&rig.after(5).await), ["message 3", "message 2", "message 4"]);
    assert_eq!(texts(&rig.after(5).await), [] as [String; 0]);
    rig.stop().await;
}
