//! References between editable objects: those named must live, those referred to must stay.

use crate::sql::args;
use crate::tx::Tx;
use domain::catalog::{CaseSpec, MonitorSpec, ScriptSpec, SourceSpec};
use domain::error::FieldError;
use domain::policy::PolicySpec;
use domain::resource::Spec;
use domain::schedule::ScheduleSpec;
use domain::{Error, Id, Result};
use sqlx::AssertSqlSafe;

/// One reference: the field that holds it, and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) field: String,
    pub(crate) table: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) id: Id,
}

fn link<T: Spec>(field: impl Into<String>, id: Id) -> Link {
    Link { field: field.into(), table: T::TABLE, kind: T::KIND, id }
}

/// References that a specification holds, found by its table so that the store has one catalog for all kinds.
pub(crate) fn links_of<T: Spec>(spec: &T) -> Vec<Link> {
    let any: &dyn std::any::Any = spec;
    if let Some(monitor) = any.downcast_ref::<MonitorSpec>() {
        return vec![link::<SourceSpec>("source_id", monitor.source_id)];
    }
    if let Some(case) = any.downcast_ref::<CaseSpec>() {
        return case.script_id.map(|id| link::<ScriptSpec>("script_id", id)).into_iter().collect();
    }
    if let Some(policy) = any.downcast_ref::<PolicySpec>() {
        return policy_links(policy);
    }
    if let Some(schedule) = any.downcast_ref::<ScheduleSpec>() {
        return vec![link::<CaseSpec>("case_id", schedule.case_id)];
    }
    Vec::new()
}

fn policy_links(policy: &PolicySpec) -> Vec<Link> {
    let mut links = Vec::new();
    for (i, step) in policy.steps.iter().enumerate() {
        links.push(link::<CaseSpec>(format!("steps.{i}.case_id"), step.case_id));
        links.extend(step.undo_case_id.map(|id| link::<CaseSpec>(format!("steps.{i}.undo_case_id"), id)));
    }
    for (i, check) in policy.verification.checks.iter().enumerate() {
        links.push(link::<SourceSpec>(format!("verification.checks.{i}.source_id"), check.source_id));
    }
    links
}

/// Every object that `spec` names exists and lives; it cannot be archived before this transaction ends.
pub(crate) async fn check<T: Spec>(tx: &mut Tx, spec: &T) -> Result<()> {
    let mut wrong = Vec::new();
    for link in links_of(spec) {
        let lock = tx.on_postgres(" FOR SHARE");
        let sql = format!("SELECT id FROM {} WHERE id = $1 AND archived_at IS NULL{lock}", link.table);
        if tx.row(AssertSqlSafe(sql), args![link.id]).await?.is_none() {
            wrong.push(FieldError::new(link.field, format!("no living {} has the id {}", link.kind, link.id)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

/// Refuses while living objects refer to the object `id` of kind `T`, and names them.
pub(crate) async fn refuse_referred<T: Spec>(tx: &mut Tx, id: Id, name: &str) -> Result<()> {
    let mut by = referrers::<MonitorSpec>(tx, T::TABLE, id).await?;
    by.extend(referrers::<CaseSpec>(tx, T::TABLE, id).await?);
    by.extend(referrers::<PolicySpec>(tx, T::TABLE, id).await?);
    by.extend(referrers::<ScheduleSpec>(tx, T::TABLE, id).await?);
    if by.is_empty() {
        return Ok(());
    }
    let more = if by.len() > 5 { format!(" and {} more", by.len() - 5) } else { String::new() };
    by.truncate(5);
    Err(Error::conflict(format!(
        "{} {name} is still used by {}{more}: change or archive them first",
        T::KIND,
        by.join(", ")
    )))
}

async fn referrers<R: Spec>(tx: &mut Tx, table: &str, id: Id) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT name, spec FROM {} WHERE archived_at IS NULL AND replace(spec, $1, '') <> spec ORDER BY name",
        R::TABLE
    );
    let mut found = Vec::new();
    for row in tx.rows(AssertSqlSafe(sql), args![id]).await? {
        let spec: R = row.json("spec")?;
        if links_of(&spec).iter().any(|link| link.table == table && link.id == id) {
            found.push(format!("{} {}", R::KIND, row.text("name")?));
        }
    }
    Ok(found)
}
