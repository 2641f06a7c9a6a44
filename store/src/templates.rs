//! Log templates as rows that the analyzer writes, beside the rules that people set.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Row, args, contains, word};
use async_trait::async_trait;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{TemplateFilter, TemplateStore};
use domain::template::{LogTemplate, RuleOf, TemplateRule};
use domain::{Error, Id, Result, Time};

/// A template with its rule, if it has one.
const JOINED: &str = "SELECT t.body, r.name, r.pinned, r.muted, r.split FROM log_templates t \
                      LEFT JOIN template_rules r ON r.template_id = t.id";

fn read(row: &Row) -> Result<LogTemplate> {
    let template: LogTemplate = row.json("body")?;
    let rule = match row.opt_text("name")? {
        Some(name) => rule(row, name)?,
        None => TemplateRule::default(),
    };
    Ok(LogTemplate { rule, ..template })
}

fn rule(row: &Row, name: String) -> Result<TemplateRule> {
    let flag = |column| row.int(column).map(|n| n != 0);
    Ok(TemplateRule { name, pinned: flag("pinned")?, muted: flag("muted")?, split: flag("split")? })
}

#[async_trait]
impl TemplateStore for Database {
    async fn put_templates(&self, templates: Vec<LogTemplate>) -> Result<()> {
        if templates.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for template in templates {
            let template = LogTemplate { rule: TemplateRule::default(), ..template };
            let body = serde_json::to_string(&template).map_err(Error::internal)?;
            // A monitor that was deleted meanwhile takes its templates with it.
            tx.run(
                "INSERT INTO log_templates (id, monitor_id, text, level, first_seen_at, last_seen_at, merged_into, body) \
                 SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM monitors WHERE id = $2 \
                 ON CONFLICT (id) DO UPDATE SET text = excluded.text, level = excluded.level, \
                 first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, \
                 merged_into = excluded.merged_into, body = excluded.body",
                args![
                    template.id,
                    template.monitor_id,
                    &template.text,
                    word(&template.level)?,
                    template.first_seen_at,
                    template.last_seen_at,
                    template.merged_into,
                    body
                ],
            )
            .await?;
        }
        tx.commit().await
    }

    async fn list_templates(&self, filter: &TemplateFilter, page: &PageRequest) -> Result<Page<LogTemplate>> {
        let after = cursor::decode(List::Templates, page)?;
        let mut sql = format!("{JOINED} WHERE t.merged_into IS NULL AND (t.first_seen_at, t.id) < ($1, $2)");
        let mut args = args![after.at, after.id];
        if let Some(id) = filter.monitor_id {
            args.push(id.into());
            sql.push_str(&format!(" AND t.monitor_id = ${}", args.len()));
        }
        if let Some(level) = filter.level {
            args.push(word(&level)?.into());
            sql.push_str(&format!(" AND t.level = ${}", args.len()));
        }
        if let Some(since) = filter.new_since {
            args.push(since.into());
            sql.push_str(&format!(" AND t.first_seen_at >= ${}", args.len()));
        }
        for (column, wanted) in [("pinned", filter.pinned), ("muted", filter.muted)] {
            if let Some(wanted) = wanted {
                sql.push_str(&format!(" AND COALESCE(r.{column}, 0) = {}", i64::from(wanted)));
            }
        }
        if let Some(search) = filter.search.as_deref().filter(|s| !s.is_empty()) {
            args.push(contains(search).into());
            let n = args.len();
            sql.push_str(&format!(" AND (lower(t.text) LIKE ${n} ESCAPE '\\' OR lower(r.name) LIKE ${n} ESCAPE '\\')"));
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY t.first_seen_at DESC, t.id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Templates, page, &rows, read, |t| Key { at: t.first_seen_at.timestamp_millis(), id: t.id })
    }

    async fn template(&self, id: Id) -> Result<LogTemplate> {
        let rows = self.rows_of(format!("{JOINED} WHERE t.id = $1"), args![id]).await?;
        rows.first().map_or_else(|| Err(Error::not_found("template")), read)
    }

    async fn set_template_rule(&self, id: Id, rule: TemplateRule, at: Time, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        let row = tx.row("SELECT monitor_id FROM log_templates WHERE id = $1", args![id]).await?;
        let monitor = row.ok_or_else(|| Error::not_found("template"))?.id("monitor_id")?;
        if rule == TemplateRule::default() {
            tx.run("DELETE FROM template_rules WHERE template_id = $1", args![id]).await?;
        } else {
            let flag = i64::from;
            tx.run(
                "INSERT INTO template_rules (template_id, monitor_id, name, pinned, muted, split, set_by, set_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (template_id) DO UPDATE SET name = excluded.name, \
                 pinned = excluded.pinned, muted = excluded.muted, split = excluded.split, set_by = excluded.set_by, \
                 set_at = excluded.set_at",
                args![id, monitor, &rule.name, flag(rule.pinned), flag(rule.muted), flag(rule.split), &audit.actor, at],
            )
            .await?;
        }
        tx.audit(audit, "template", id);
        tx.commit().await
    }

    async fn template_rules(&self) -> Result<Vec<RuleOf>> {
        let rows = self.rows("SELECT * FROM template_rules", Vec::new()).await?;
        let read = |row: &Row| {
            let rule = rule(row, row.text("name")?)?;
            Ok(RuleOf { template_id: row.id("template_id")?, monitor_id: row.id("monitor_id")?, rule })
        };
        rows.iter().map(read).collect()
    }
}
