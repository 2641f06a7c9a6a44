//! Anomalies and their charts as rows.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Row, Value, args, contains, finite, json};
use crate::tx::Tx;
use domain::anomaly::{Anomaly, AnomalyFilter, AnomalyState, ChartPoint, Recovery, Said};
use domain::page::{Page, PageRequest};
use domain::{Id, Result};

/// The anomaly with numbers that JSON can carry (see [`finite`]).
fn storable(mut a: Anomaly) -> Anomaly {
    for x in [&mut a.score, &mut a.observed, &mut a.expected, &mut a.lower, &mut a.upper] {
        *x = finite(*x);
    }
    if let Recovery::Band { lower, upper, .. } = &mut a.recovery {
        (*lower, *upper) = (finite(*lower), finite(*upper));
    }
    a
}

/// Stores anomalies, new or changed; one that belonged to an incident keeps it when the new copy names none, and one
/// that a person moved stays where it was put.
pub(crate) async fn put(tx: &mut Tx, anomalies: Vec<Anomaly>) -> Result<()> {
    for a in anomalies.into_iter().map(storable) {
        let state = if a.state == AnomalyState::Open { "open" } else { "closed" };
        tx.run(
            "INSERT INTO anomalies (id, monitor_id, series_key, state, started_at, incident_id, body, entity) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
             incident_id = coalesce((SELECT m.incident_id FROM incident_moves m WHERE m.anomaly_id = excluded.id), \
             excluded.incident_id, anomalies.incident_id), body = excluded.body",
            args![a.id, a.monitor_id, &a.series_key, state, a.started_at, a.incident_id, json(&a)?, &a.entity],
        )
        .await?;
    }
    Ok(())
}

/// One page, newest first.
pub(crate) async fn list(db: &Database, filter: &AnomalyFilter, page: &PageRequest) -> Result<Page<Anomaly>> {
    let after = cursor::decode(List::Anomalies, page)?;
    let mut sql = String::from("SELECT * FROM anomalies WHERE (started_at, id) < ($1, $2)");
    let mut args = args![after.at, after.id];
    let mut and = |condition: &str, value: Value| {
        args.push(value);
        sql.push_str(&format!(" AND {}", condition.replace('?', &format!("${}", args.len()))));
    };
    if let Some(monitor) = filter.monitor_id {
        and("monitor_id = ?", monitor.into());
    }
    if let Some(entity) = filter.entity.as_deref().filter(|e| !e.is_empty()) {
        and("entity = ?", entity.into());
    }
    if let Some(search) = filter.search.as_deref().filter(|s| !s.is_empty()) {
        let like = "(lower(entity) LIKE ? ESCAPE '\\' OR monitor_id IN \
                    (SELECT id FROM monitors WHERE lower(name) LIKE ? ESCAPE '\\'))";
        and(like, contains(search).into());
    }
    if let Some(state) = filter.state {
        and("state = ?", if state == AnomalyState::Open { "open" } else { "closed" }.into());
    }
    if let Some(from) = filter.from {
        and("started_at >= ?", from.into());
    }
    if let Some(to) = filter.to {
        and("started_at < ?", to.into());
    }
    let opinions = "SELECT 1 FROM feedback f WHERE f.anomaly_id = anomalies.id";
    match filter.said {
        Some(Said::Useful) => and(&format!("EXISTS ({opinions} AND f.opinion = ?)"), "useful".into()),
        Some(Said::Noise) => and(&format!("EXISTS ({opinions} AND f.opinion = ?)"), "noise".into()),
        Some(Said::Nothing) => sql.push_str(&format!(" AND NOT EXISTS ({opinions})")),
        None => {}
    }
    args.push(cursor::ask(page).into());
    sql.push_str(&format!(" ORDER BY started_at DESC, id DESC LIMIT ${}", args.len()));
    let rows = db.rows_of(sql, args).await?;
    cursor::page(List::Anomalies, page, &rows, read, |a| Key { at: a.started_at.timestamp_millis(), id: a.id })
}

pub(crate) fn read(row: &Row) -> Result<Anomaly> {
    let anomaly: Anomaly = row.json("body")?;
    Ok(Anomaly { incident_id: row.opt_id("incident_id")?, ..anomaly })
}

/// Anomalies of one incident, by start.
pub(crate) async fn of_incident(tx: &mut Tx, id: Id) -> Result<Vec<Anomaly>> {
    let sql = "SELECT * FROM anomalies WHERE incident_id = $1 ORDER BY started_at, id";
    tx.rows(sql, args![id]).await?.iter().map(read).collect()
}

/// Stores chart rows; a second row of the same time replaces the first.
pub(crate) async fn put_points(tx: &mut Tx, anomaly: Id, points: &[ChartPoint]) -> Result<()> {
    // One statement must not touch a row twice, so of equal times only the last goes in.
    let by_time: std::collections::BTreeMap<i64, &ChartPoint> = points.iter().map(|p| (p.at_ms, p)).collect();
    let rows: Vec<Vec<Value>> =
        by_time.values().map(|p| args![anomaly, p.at_ms, p.value, p.lower, p.upper, p.score]).collect();
    let head = "INSERT INTO chart_points (anomaly_id, at_ms, value, lower_end, upper_end, score)";
    let tail = "ON CONFLICT (anomaly_id, at_ms) DO UPDATE SET value = excluded.value, \
                lower_end = excluded.lower_end, upper_end = excluded.upper_end, score = excluded.score";
    tx.insert_many(head, tail, rows).await
}

pub(crate) fn read_point(row: &Row) -> Result<ChartPoint> {
    Ok(ChartPoint {
        at_ms: row.int("at_ms")?,
        value: row.opt_real("value")?,
        lower: row.opt_real("lower_end")?,
        upper: row.opt_real("upper_end")?,
        score: row.real("score")?,
    })
}
