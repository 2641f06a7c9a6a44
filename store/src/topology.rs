//! The graph of who depends on whom, as rows with their age.

use crate::connect::Database;
use crate::sql::{Row, args, word};
use async_trait::async_trait;
use domain::ports::TopologyStore;
use domain::topology::{Edge, EdgeSource, FRESH_SECS, Feed, KnownEdge, Seen};
use domain::{Result, Time};
use std::collections::BTreeMap;

/// An edge that is seen again is written at most so often, milliseconds.
const AGAIN_MS: i64 = 300_000;

fn count(row: &Row, column: &'static str) -> Result<u64> {
    row.int(column).map(|n| u64::try_from(n).unwrap_or_default())
}

fn known(row: &Row) -> Result<KnownEdge> {
    let last_seen_at = row.time("last_seen_at")?;
    let ok_at = row.opt_time("ok_at")?;
    Ok(KnownEdge {
        edge: Edge { from: row.text("from_entity")?, to: row.text("to_entity")?, relation: row.word("relation")? },
        source: row.word("source")?,
        origin: row.text("origin")?,
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at,
        stale: ok_at.is_some_and(|at| (at - last_seen_at).num_seconds() > FRESH_SECS),
    })
}

fn feed(row: &Row) -> Result<Feed> {
    Ok(Feed {
        source: row.word("source")?,
        origin: row.text("origin")?,
        edges: count(row, "edges")?,
        message: row.text("message")?,
        read_at: row.time("read_at")?,
        ok_at: row.opt_time("ok_at")?,
    })
}

#[async_trait]
impl TopologyStore for Database {
    async fn see_edges(&self, seen: Seen) -> Result<()> {
        let mut tx = self.begin().await?;
        let (source, at) = (word(&seen.source)?, seen.at);
        tx.turn(&format!("topology of {source} {}", seen.origin)).await?;
        let number = i64::try_from(seen.edges.len()).unwrap_or(i64::MAX);
        let row = |edge: &Edge| -> Result<_> {
            let relation = word(&edge.relation)?;
            Ok(args![&edge.from, &edge.to, relation, &source, &seen.origin, at, at])
        };
        let rows = seen.edges.iter().map(row).collect::<Result<Vec<_>>>()?;
        let head = "INSERT INTO topology_edges (from_entity, to_entity, relation, source, origin, first_seen_at, \
                    last_seen_at)";
        // What was written a moment ago is not written again; where all others go at once, the time must be this one.
        let again = if seen.whole { 1 } else { AGAIN_MS };
        let tail = format!(
            "ON CONFLICT (from_entity, to_entity, relation, source, origin) DO UPDATE SET \
             last_seen_at = excluded.last_seen_at \
             WHERE excluded.last_seen_at - topology_edges.last_seen_at >= {again}"
        );
        tx.insert_many(head, &tail, rows).await?;
        if seen.whole {
            let gone = "DELETE FROM topology_edges WHERE source = $1 AND origin = $2 AND last_seen_at < $3";
            tx.run(gone, args![&source, &seen.origin, at]).await?;
        }
        let sql = "INSERT INTO topology_feeds (source, origin, edges, message, read_at, ok_at) \
                   VALUES ($1, $2, $3, '', $4, $4) ON CONFLICT (source, origin) DO UPDATE SET edges = excluded.edges, \
                   message = '', read_at = excluded.read_at, ok_at = excluded.ok_at";
        tx.run(sql, args![&source, &seen.origin, number, at]).await?;
        tx.commit().await
    }

    async fn note_feed_failure(&self, source: EdgeSource, origin: &str, message: &str, at: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        let sql = "INSERT INTO topology_feeds (source, origin, edges, message, read_at, ok_at) \
                   VALUES ($1, $2, 0, $3, $4, NULL) ON CONFLICT (source, origin) DO UPDATE SET \
                   message = excluded.message, read_at = excluded.read_at";
        tx.run(sql, args![word(&source)?, origin, message, at]).await?;
        tx.commit().await
    }

    async fn edges(&self) -> Result<Vec<KnownEdge>> {
        let sql = "SELECT e.*, f.ok_at FROM topology_edges e LEFT JOIN topology_feeds f \
                   ON f.source = e.source AND f.origin = e.origin \
                   ORDER BY e.from_entity, e.to_entity, e.relation, e.source, e.origin";
        self.rows(sql, Vec::new()).await?.iter().map(known).collect()
    }

    async fn feeds(&self) -> Result<Vec<Feed>> {
        let sql = "SELECT * FROM topology_feeds ORDER BY source, origin";
        self.rows(sql, Vec::new()).await?.iter().map(feed).collect()
    }

    async fn drop_edges(&self, before: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run("DELETE FROM topology_edges WHERE last_seen_at < $1", args![before]).await?;
        tx.run("DELETE FROM topology_feeds WHERE read_at < $1", args![before]).await?;
        tx.commit().await
    }

    async fn open_anomalies(&self) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT entity, count(*) AS open FROM anomalies WHERE state = 'open' GROUP BY entity";
        let rows = self.rows(sql, Vec::new()).await?;
        rows.iter().map(|row| Ok((row.text("entity")?, count(row, "open")?))).collect()
    }
}
