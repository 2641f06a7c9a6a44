//! Changes as rows, and runs read as changes.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Row, args, json, word};
use async_trait::async_trait;
use domain::change::{ChangeEvent, ChangeKind, MAX_CHANGES};
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{ChangeFilter, ChangeStore};
use domain::run::{RunMode, RunSpec};
use domain::{Id, Result, Time};

fn read(row: &Row) -> Result<ChangeEvent> {
    row.json("body")
}

/// A run that started on a target; none for one that says of itself that it may be repeated, for it changes nothing.
fn run(row: &Row) -> Result<Option<ChangeEvent>> {
    let (id, spec): (_, RunSpec) = (row.id("id")?, row.json("spec")?);
    if spec.mode == RunMode::AtLeastOnce {
        return Ok(None);
    }
    Ok(Some(ChangeEvent {
        id,
        key: format!("run {id}"),
        at: row.time("started_at")?,
        kind: ChangeKind::Run,
        entity: row.text("target")?,
        title: format!("run of {}", row.text("case_name")?),
        author: row.text("requested_by")?,
        link: String::new(),
        told_by: "runs".to_owned(),
    }))
}

#[async_trait]
impl ChangeStore for Database {
    async fn record_changes(&self, changes: Vec<ChangeEvent>, audit: Option<Audit>) -> Result<u64> {
        if changes.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let (mut new, mut first) = (0, None);
        for change in changes {
            let sql = "INSERT INTO change_events (id, key, at, kind, entity, body) VALUES ($1, $2, $3, $4, $5, $6) \
                       ON CONFLICT DO NOTHING";
            let args = args![change.id, &change.key, change.at, word(&change.kind)?, &change.entity, json(&change)?];
            let stored = tx.run(sql, args).await?;
            new += stored;
            first = first.or((stored > 0).then_some(change.id));
        }
        if let (Some(audit), Some(id)) = (audit, first) {
            tx.audit(audit, "change", id);
        }
        tx.commit().await?;
        Ok(new)
    }

    async fn change_by_key(&self, key: &str) -> Result<Option<ChangeEvent>> {
        let row = self.row("SELECT body FROM change_events WHERE key = $1", args![key]).await?;
        row.as_ref().map(read).transpose()
    }

    async fn list_changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<ChangeEvent>> {
        let after = cursor::decode(List::Changes, page)?;
        let mut sql = String::from("SELECT * FROM change_events WHERE (at, id) < ($1, $2)");
        let mut args = args![after.at, after.id];
        if let Some(entity) = &filter.entity {
            args.push(entity.into());
            sql.push_str(&format!(" AND entity = ${}", args.len()));
        }
        if let Some(kind) = filter.kind {
            args.push(word(&kind)?.into());
            sql.push_str(&format!(" AND kind = ${}", args.len()));
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Changes, page, &rows, read, |c| Key { at: c.at.timestamp_millis(), id: c.id })
    }

    async fn changes_between(&self, from: Time, to: Time, except: Option<Id>) -> Result<Vec<ChangeEvent>> {
        let most = u32::try_from(MAX_CHANGES).unwrap_or(u32::MAX);
        let told = "SELECT body FROM change_events WHERE at BETWEEN $1 AND $2 ORDER BY at DESC, id DESC LIMIT $3";
        let told = self.rows(told, args![from, to, most]).await?;
        let runs = "SELECT id, case_name, target, requested_by, started_at, spec FROM test_runs \
                    WHERE started_at BETWEEN $1 AND $2 AND target <> '' AND coalesce(incident_id, '') <> $4 \
                    ORDER BY started_at DESC, id DESC LIMIT $3";
        let except = except.map(|id| id.to_string()).unwrap_or_else(|| "-".to_owned());
        let runs = self.rows(runs, args![from, to, most, except]).await?;
        let runs = runs.iter().filter_map(|row| run(row).transpose());
        let mut found = told.iter().map(read).chain(runs).collect::<Result<Vec<_>>>()?;
        found.sort_by_key(|c| (std::cmp::Reverse(c.at), c.id));
        found.truncate(MAX_CHANGES);
        Ok(found)
    }

    async fn drop_changes(&self, before: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run("DELETE FROM change_events WHERE at < $1", args![before]).await?;
        tx.commit().await
    }
}
