//! Who gets what next: expired leases first, then waiting runs by priority, fair share and age.

use crate::connect::Database;
use crate::lease::span;
use crate::run_rows;
use crate::sql::{Row, args, placeholders};
use crate::tx::Tx;
use domain::ports::Claim;
use domain::run::Run;
use domain::{Error, Id, Result, Time};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;
use std::time::Duration;

/// Runs of one claim at most; a request for more is cut.
const MOST: u32 = 200;

/// Owners with something ready, each with the priority of its first run, its active runs, and when it was served.
/// The recursion steps from owner to owner along the index, however many rows each has.
const OWNERS: &str = "WITH RECURSIVE o (owner) AS ( \
    SELECT min(owner) FROM run_queue WHERE NOT leased AND NOT parked \
    UNION ALL SELECT (SELECT min(q.owner) FROM run_queue q WHERE NOT q.leased AND NOT q.parked AND q.owner > o.owner) \
    FROM o WHERE o.owner IS NOT NULL) \
    SELECT o.owner AS owner, (SELECT q.priority FROM run_queue q WHERE q.owner = o.owner AND NOT q.leased \
    AND NOT q.parked AND q.ready_at <= $1 ORDER BY q.priority DESC, q.run_id LIMIT 1) AS priority, \
    (SELECT count(*) FROM run_queue a WHERE a.owner = o.owner AND a.leased) AS active, \
    coalesce(s.served, 0) AS served FROM o LEFT JOIN queue_owners s ON s.owner = o.owner WHERE o.owner IS NOT NULL";

/// An owner with something ready.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ready {
    owner: String,
    priority: i64,
    active: i64,
    served: i64,
}

/// How many runs each owner gets of `n`: one at a time to the owner with the fewest active runs, of equals to the one
/// that was served longest ago. Only owners of the highest priority get any. Pure.
fn share(mut ready: Vec<Ready>, n: u32) -> Vec<(Ready, u32)> {
    let Some(top) = ready.iter().map(|r| r.priority).max() else { return Vec::new() };
    ready.retain(|r| r.priority == top);
    ready.sort_by(|a, b| (a.active, a.served, &a.owner).cmp(&(b.active, b.served, &b.owner)));
    let mut shares: Vec<(Ready, u32)> = ready.into_iter().map(|r| (r, 0)).collect();
    for _ in 0..n {
        // The first of the least is the one that was served longest ago.
        let least = shares.iter().enumerate().min_by_key(|(_, (r, got))| r.active + i64::from(*got));
        if let Some((at, _)) = least {
            shares[at].1 += 1;
        }
    }
    shares.retain(|(_, got)| *got > 0);
    shares
}

pub(crate) async fn claim_many(
    db: &Database,
    owner: &str,
    lease: Duration,
    most: u32,
    fresh: u32,
) -> Result<Vec<Claim>> {
    let most = most.min(MOST);
    let mut tx = db.begin().await?;
    let now = tx.now().await?;
    let until = now + span(lease);
    let mut picked = expired(&mut tx, now, until, most).await?;
    let fresh = fresh.min(most - u32::try_from(picked.len()).unwrap_or(most).min(most));
    if fresh > 0 && !paused(&mut tx).await? {
        waiting(&mut tx, now, until, fresh, &mut picked).await?;
    }
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs = lease_runs(&mut tx, owner, until, &picked).await?;
    tx.commit_between("", "claim.commit.after").await?;
    let claims = picked.into_iter().filter_map(|(id, recovered)| Some(Claim { run: runs.remove(&id)?, recovered }));
    Ok(claims.collect())
}

async fn paused(tx: &mut Tx) -> Result<bool> {
    Ok(tx.row("SELECT 1 AS one FROM queue_pauses WHERE scope = 'queue'", Vec::new()).await?.is_some())
}

/// Runs whose lease ran out; whoever had them may have started them.
async fn expired(tx: &mut Tx, now: Time, until: Time, n: u32) -> Result<Vec<(Id, bool)>> {
    fail::fail_point!("break.expired", |_| Ok(Vec::new()));
    if n == 0 {
        return Ok(Vec::new());
    }
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql = format!(
        "WITH picked AS (SELECT run_id FROM run_queue WHERE leased AND ready_at <= $1 ORDER BY ready_at LIMIT $3{skip}) \
         UPDATE run_queue SET ready_at = $2, started_before = TRUE WHERE run_id IN (SELECT run_id FROM picked) \
         RETURNING run_id, started_before"
    );
    ids(&tx.rows(AssertSqlSafe(sql), args![now, until, n]).await?)
}

/// Waiting runs, at most `n`.
async fn waiting(tx: &mut Tx, now: Time, until: Time, n: u32, picked: &mut Vec<(Id, bool)>) -> Result<()> {
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql = format!(
        "WITH picked AS (SELECT run_id FROM run_queue WHERE owner = $3 AND priority = $4 AND NOT leased AND NOT parked \
         AND ready_at <= $1 ORDER BY run_id LIMIT $5{skip}) \
         UPDATE run_queue SET ready_at = $2, leased = TRUE WHERE run_id IN (SELECT run_id FROM picked) \
         RETURNING run_id, started_before"
    );
    let mut served = Vec::new();
    let mut left = n;
    while left > 0 {
        let rows = tx.rows(OWNERS, args![now]).await?;
        let ready = rows.iter().filter_map(|row| ready(row).transpose()).collect::<Result<Vec<_>>>()?;
        let before = left;
        for (of, take) in share(ready, left) {
            let rows = tx.rows(AssertSqlSafe(sql.clone()), args![now, until, &of.owner, of.priority, take]).await?;
            let mut got = ids(&rows)?;
            if !got.is_empty() {
                served.push(of.owner);
            }
            left -= u32::try_from(got.len()).unwrap_or(left).min(left);
            got.sort_unstable();
            picked.append(&mut got);
        }
        // Without progress what is left is held by others at this moment.
        if left == before {
            break;
        }
    }
    note_served(tx, served).await
}

fn ready(row: &Row) -> Result<Option<Ready>> {
    let Some(priority) = row.opt_int("priority")? else { return Ok(None) };
    Ok(Some(Ready { owner: row.text("owner")?, priority, active: row.int("active")?, served: row.int("served")? }))
}

/// Moves the owners to the end of the line; by name, so that claimers never wait for each other in a circle.
async fn note_served(tx: &mut Tx, mut owners: Vec<String>) -> Result<()> {
    owners.sort_unstable();
    owners.dedup();
    for owner in owners {
        tx.run(
            "INSERT INTO queue_owners (owner, served) VALUES ($1, (SELECT coalesce(max(served), 0) + 1 FROM queue_owners)) \
             ON CONFLICT (owner) DO UPDATE SET served = excluded.served",
            args![owner],
        )
        .await?;
    }
    Ok(())
}

fn ids(rows: &[Row]) -> Result<Vec<(Id, bool)>> {
    rows.iter().map(|row| Ok((row.id("run_id")?, row.flag("started_before")?))).collect()
}

async fn lease_runs(tx: &mut Tx, owner: &str, until: Time, picked: &[(Id, bool)]) -> Result<HashMap<Id, Run>> {
    let sql = format!(
        "UPDATE test_runs SET version = version + 1, lease_epoch = lease_epoch + 1, lease_owner = $1, \
         lease_until = $2, state = CASE WHEN state = 'cancelling' THEN state ELSE 'leased' END \
         WHERE id IN ({}) AND ended_at IS NULL RETURNING *",
        placeholders(3, picked.len())
    );
    let mut values = args![owner, until];
    values.extend(picked.iter().map(|(id, _)| (*id).into()));
    let rows = tx.rows(AssertSqlSafe(sql), values).await?;
    if rows.len() != picked.len() {
        return Err(Error::internal("a run that ended is in the queue"));
    }
    rows.iter().map(|row| run_rows::read(row).map(|run| (run.id, run))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(owner: &str, priority: i64, active: i64, served: i64) -> Ready {
        Ready { owner: owner.to_owned(), priority, active, served }
    }

    fn shares(all: Vec<Ready>, n: u32) -> Vec<(String, u32)> {
        share(all, n).into_iter().map(|(r, got)| (r.owner, got)).collect()
    }

    #[test]
    fn who_has_least_goes_first_and_equals_take_turns() {
        let two = || vec![ready("ann", 0, 0, 9), ready("bob", 0, 0, 3)];
        assert_eq!(shares(two(), 1), [("bob".to_owned(), 1)], "served longest ago");
        assert_eq!(shares(two(), 5), [("bob".to_owned(), 3), ("ann".to_owned(), 2)]);
        let busy = vec![ready("ann", 0, 4, 1), ready("bob", 0, 0, 2)];
        assert_eq!(shares(busy, 5), [("bob".to_owned(), 5)][..1].to_vec(), "four to catch up, then its turn");
    }

    #[test]
    fn only_the_highest_priority_is_served() {
        let all = vec![ready("ann", 0, 0, 0), ready("heal", 50, 7, 9)];
        assert_eq!(shares(all, 3), [("heal".to_owned(), 3)]);
        assert_eq!(shares(Vec::new(), 3), []);
    }
}
