//! Numbers of the overview: incidents by state, verdicts, medians of the times to detect and to resolve.

use crate::connect::Database;
use crate::sql::args;
use domain::{Result, Time};
use serde_json::{Map, Value, json};

/// `{"incidents": {state: n}, "verdicts": {verdict: n}, "detect_ms_p50": n|null, "resolve_ms_p50": n|null}`: incidents
/// that are active or were detected since `since`; verdicts and times since then. Detection counts from the first
/// anomalous row, resolution from detection.
pub(crate) async fn read(db: &Database, since: Time) -> Result<Value> {
    let by_state = "SELECT state AS word, count(*) AS n FROM incidents \
                    WHERE detected_at >= $1 OR state NOT IN ('resolved', 'merged') GROUP BY state";
    let by_verdict = "SELECT verdict AS word, count(*) AS n FROM verifications WHERE ended_at >= $1 GROUP BY verdict";
    let detect = "SELECT detected_at - started_at AS ms FROM incidents WHERE detected_at >= $1 ORDER BY 1";
    let resolve = "SELECT resolved_at - detected_at AS ms FROM incidents WHERE resolved_at >= $1 ORDER BY 1";
    Ok(json!({
        "incidents": counts(db, by_state, since).await?,
        "verdicts": counts(db, by_verdict, since).await?,
        "detect_ms_p50": median(db, detect, since).await?,
        "resolve_ms_p50": median(db, resolve, since).await?,
    }))
}

async fn counts(db: &Database, sql: &'static str, since: Time) -> Result<Map<String, Value>> {
    db.rows(sql, args![since]).await?.iter().map(|row| Ok((row.text("word")?, json!(row.int("n")?)))).collect()
}

async fn median(db: &Database, sql: &'static str, since: Time) -> Result<Option<i64>> {
    let sorted = db.rows(sql, args![since]).await?.iter().map(|row| row.int("ms")).collect::<Result<Vec<_>>>()?;
    Ok(match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2),
    })
}
