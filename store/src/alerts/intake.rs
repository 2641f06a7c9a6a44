//! One webhook call into the table of alerts: new ones in, known ones counted, ended ones ended.

use super::CHUNK;
use crate::sql::{Value, args, json, placeholders, word};
use crate::tx::Tx;
use domain::alert::{Alert, AlertState, Incoming, Receipt};
use domain::ports::Intake;
use domain::{Id, Result, Time};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, HashMap};

/// An alert that is told again is looked at again at most so often, milliseconds.
const NEWS_MS: i64 = 30_000;

/// Fingerprint and start.
type Key = (String, i64);

#[derive(Default)]
struct Changes {
    fresh: Vec<Alert>,
    /// Ended, by the end that was told.
    ended: BTreeMap<i64, Vec<Id>>,
    repeated: Vec<Id>,
}

pub(super) async fn take(tx: &mut Tx, intake: Intake) -> Result<Receipt> {
    let (source, now) = (intake.source_id, intake.now);
    let mut receipt = Receipt { alerts: intake.alerts.len() as u64, omitted: intake.omitted, ..Receipt::default() };
    let mut known = known(tx, source, &intake.alerts).await?;
    let mut changes = Changes::default();
    let mut fresh: HashMap<Id, usize> = HashMap::new();
    for Incoming { alert, dated } in intake.alerts {
        let dated_key = (alert.fingerprint.clone(), alert.starts_at.timestamp_millis());
        // Without a start the one that fires now is meant.
        let found = known.find(&dated_key, dated);
        match (found, alert.state) {
            (None, AlertState::Firing) if !alert.unknown => {
                receipt.opened += 1;
                known.remember(&alert, dated_key);
                fresh.insert(alert.id, changes.fresh.len());
                changes.fresh.push(alert);
            }
            (None, _) => {
                receipt.ignored += 1;
                known.remember(&alert, dated_key);
                changes.fresh.push(over(alert));
            }
            (Some((id, AlertState::Firing)), AlertState::Resolved) if !alert.unknown => {
                receipt.resolved += 1;
                let end = alert.ends_at.unwrap_or(now);
                match fresh.get(&id).and_then(|at| changes.fresh.get_mut(*at)) {
                    Some(new) => (new.state, new.ends_at, new.revision) = (AlertState::Resolved, Some(end), 2),
                    None => changes.ended.entry(end.timestamp_millis()).or_default().push(id),
                }
                known.end(&alert.fingerprint, id);
            }
            (Some((id, stored)), told) => {
                receipt.late += u64::from(told == AlertState::Firing && stored == AlertState::Resolved);
                receipt.repeated += u64::from(told == stored);
                receipt.ignored += u64::from(told == AlertState::Resolved && stored == AlertState::Firing);
                if !fresh.contains_key(&id) {
                    changes.repeated.push(id);
                }
            }
        }
    }
    write(tx, changes, now).await?;
    note_group(tx, source, &intake.group, receipt, now).await?;
    Ok(receipt)
}

/// What is stored already, and what this call adds to it.
#[derive(Default)]
struct Stored {
    by_key: HashMap<Key, Id>,
    firing: HashMap<String, Id>,
    state: HashMap<Id, AlertState>,
}

impl Stored {
    /// The alert under the key; without a start, the one of this fingerprint that fires now.
    fn find(&self, key: &Key, dated: bool) -> Option<(Id, AlertState)> {
        let id = self.by_key.get(key).or_else(|| self.firing.get(&key.0).filter(|_| !dated))?;
        self.state.get(id).map(|state| (*id, *state))
    }

    fn put(&mut self, key: Key, id: Id, state: AlertState) {
        if state == AlertState::Firing {
            self.firing.insert(key.0.clone(), id);
        }
        self.by_key.insert(key, id);
        self.state.insert(id, state);
    }

    fn remember(&mut self, alert: &Alert, key: Key) {
        self.put(key, alert.id, alert.state);
    }

    fn end(&mut self, fingerprint: &str, id: Id) {
        self.state.insert(id, AlertState::Resolved);
        if self.firing.get(fingerprint) == Some(&id) {
            self.firing.remove(fingerprint);
        }
    }
}

/// An alert that opens nothing.
fn over(mut alert: Alert) -> Alert {
    if alert.note.is_empty() {
        alert.note = match alert.state {
            AlertState::Resolved => "told as resolved and never as firing: nothing is done".to_owned(),
            AlertState::Firing => "its sender has no data: nothing is done".to_owned(),
        };
    }
    // Revision 0 marks what is never placed.
    alert.revision = 0;
    alert
}

async fn known(tx: &mut Tx, source: Id, alerts: &[Incoming]) -> Result<Stored> {
    let mut stored = Stored::default();
    for chunk in alerts.chunks(CHUNK) {
        let mut next = 2;
        let pairs: Vec<String> = chunk
            .iter()
            .map(|_| {
                next += 2;
                format!("(${}, ${})", next - 2, next - 1)
            })
            .collect();
        let sql = format!(
            "SELECT id, fingerprint, starts_at, state FROM alerts WHERE source_id = $1 \
             AND (fingerprint, starts_at) IN (VALUES {})",
            pairs.join(", ")
        );
        let mut args = args![source];
        for one in chunk {
            args.extend(args![&one.alert.fingerprint, one.alert.starts_at]);
        }
        for row in tx.rows(AssertSqlSafe(sql), args).await? {
            let key = (row.text("fingerprint")?, row.int("starts_at")?);
            stored.put(key, row.id("id")?, row.word("state")?);
        }
    }
    let undated: Vec<&Incoming> = alerts.iter().filter(|a| !a.dated).collect();
    for chunk in undated.chunks(CHUNK) {
        let sql = format!(
            "SELECT id, fingerprint, starts_at, state FROM alerts WHERE source_id = $1 AND state = 'firing' \
             AND fingerprint IN ({}) ORDER BY starts_at",
            placeholders(2, chunk.len())
        );
        let mut args = args![source];
        args.extend(chunk.iter().map(|a| Value::from(&a.alert.fingerprint)));
        for row in tx.rows(AssertSqlSafe(sql), args).await? {
            let key = (row.text("fingerprint")?, row.int("starts_at")?);
            stored.put(key, row.id("id")?, row.word("state")?);
        }
    }
    Ok(stored)
}

async fn write(tx: &mut Tx, changes: Changes, now: Time) -> Result<()> {
    let rows = changes.fresh.iter().map(values).collect::<Result<Vec<_>>>()?;
    let head = "INSERT INTO alerts (id, source_id, fingerprint, starts_at, state, ends_at, first_seen_at, \
                last_seen_at, deliveries, revision, pending, name, entity, body)";
    tx.insert_many(head, "ON CONFLICT DO NOTHING", rows).await?;
    for (end, ids) in changes.ended {
        let set = "state = 'resolved', ends_at = $2, last_seen_at = $1, deliveries = deliveries + 1, \
                   revision = revision + 1, pending = 1";
        update(tx, set, args![now, end], &ids).await?;
    }
    // What goes on is looked at again now and then: it keeps an incident from being called over.
    let set = format!(
        "pending = CASE WHEN state = 'firing' AND incident_id IS NOT NULL AND $1 - last_seen_at >= {NEWS_MS} \
         THEN 1 ELSE pending END, last_seen_at = $1, deliveries = deliveries + 1"
    );
    update(tx, &set, args![now], &changes.repeated).await
}

async fn update(tx: &mut Tx, set: &str, first: Vec<Value>, ids: &[Id]) -> Result<()> {
    for chunk in ids.chunks(CHUNK) {
        let sql = format!("UPDATE alerts SET {set} WHERE id IN ({})", placeholders(first.len() + 1, chunk.len()));
        let mut args = first.clone();
        args.extend(chunk.iter().map(|id| Value::from(*id)));
        tx.run(AssertSqlSafe(sql), args).await?;
    }
    Ok(())
}

fn values(a: &Alert) -> Result<Vec<Value>> {
    Ok(args![
        a.id,
        a.source_id,
        &a.fingerprint,
        a.starts_at,
        word(&a.state)?,
        a.ends_at,
        a.first_seen_at,
        a.last_seen_at,
        a.deliveries,
        a.revision,
        i64::from(a.revision > 0),
        &a.name,
        &a.entity,
        json(a)?
    ])
}

/// The group as it was told last, and that its source is well.
async fn note_group(tx: &mut Tx, source: Id, group: &str, receipt: Receipt, now: Time) -> Result<()> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    if !group.is_empty() {
        let sql = "INSERT INTO alert_groups (source_id, group_key, alerts, omitted, told_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source_id, group_key) DO UPDATE SET \
                   alerts = excluded.alerts, omitted = excluded.omitted, told_at = excluded.told_at";
        tx.run(sql, args![source, group, count(receipt.alerts), count(receipt.omitted), now]).await?;
    }
    let message = match receipt.omitted {
        0 => String::new(),
        n => format!("{n} alerts of the last group were left out by the sender; raise its max_alerts"),
    };
    let sql = "INSERT INTO component_status (kind, id, health, message, checked_at, ok_at, latency_ms, details) \
               VALUES ('source', $1, $2, $3, $4, $4, 0, $5) ON CONFLICT (kind, id) DO UPDATE SET \
               health = excluded.health, message = excluded.message, checked_at = excluded.checked_at, \
               ok_at = excluded.ok_at, latency_ms = 0, details = excluded.details";
    let health = if receipt.omitted > 0 { "partial" } else { "ok" };
    tx.run(sql, args![source, health, message, now, json(&receipt)?]).await.map(drop)
}
