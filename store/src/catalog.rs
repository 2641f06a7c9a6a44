//! Editable objects: one implementation for every kind, over the kind's table.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::secrets::SecretKeys;
use crate::sql::{Row, args, contains, json};
use crate::tx::Tx;
use crate::{error, links, sealing, versions};
use async_trait::async_trait;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::CatalogStore;
use domain::resource::{Draft, Resource, ResourceFilter, Spec};
use domain::{Error, Id, Result, new_id};
use sqlx::AssertSqlSafe;

pub(crate) fn read<T: Spec>(keys: Option<&SecretKeys>, row: &Row) -> Result<Resource<T>> {
    let id = row.id("id")?;
    Ok(Resource {
        id,
        version: row.int("version")?,
        name: row.text("name")?,
        tags: row.json("tags")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        archived_at: row.opt_time("archived_at")?,
        spec: sealing::read(keys, id, row)?,
    })
}

fn taken<T: Spec>(name: &str) -> Error {
    Error::conflict(format!("a {} named {name} exists: choose another name", T::KIND))
}

/// The stored object, locked, if `version` is still its version and it is not archived.
async fn current<T: Spec>(tx: &mut Tx, keys: Option<&SecretKeys>, id: Id, version: i64) -> Result<Resource<T>> {
    let lock = tx.on_postgres(" FOR NO KEY UPDATE");
    let sql = format!("SELECT * FROM {} WHERE id = $1{lock}", T::TABLE);
    let row = tx.row(AssertSqlSafe(sql), args![id]).await?.ok_or_else(|| Error::not_found(T::KIND))?;
    let stored: Resource<T> = read(keys, &row)?;
    if stored.archived_at.is_some() {
        return Err(Error::conflict(format!("{} {} is archived and cannot be changed", T::KIND, stored.name)));
    }
    if stored.version != version {
        return Err(error::stale(&format!("{} {}", T::KIND, stored.name), stored.version, version));
    }
    Ok(stored)
}

async fn living_name<T: Spec>(tx: &mut Tx, name: &str, except: Id) -> Result<()> {
    let sql = format!("SELECT id FROM {} WHERE name = $1 AND archived_at IS NULL AND id <> $2", T::TABLE);
    match tx.row(AssertSqlSafe(sql), args![name, except]).await? {
        Some(_) => Err(taken::<T>(name)),
        None => Ok(()),
    }
}

#[async_trait]
impl<T: Spec> CatalogStore<T> for Database {
    async fn list(&self, filter: &ResourceFilter, page: &PageRequest) -> Result<Page<Resource<T>>> {
        let after = cursor::decode(List::Catalog, page)?;
        let search = filter.search.as_deref().filter(|s| !s.is_empty()).map(contains);
        let tag = filter.tag.as_deref().filter(|t| !t.is_empty()).map(json).transpose()?;
        let mut sql = format!("SELECT * FROM {} WHERE (created_at, id) < ($1, $2)", T::TABLE);
        let mut args = args![after.at, after.id];
        if !filter.archived {
            sql.push_str(" AND archived_at IS NULL");
        }
        if let Some(search) = search {
            args.push(search.into());
            sql.push_str(&format!(" AND lower(name) LIKE ${} ESCAPE '\\'", args.len()));
        }
        if let Some(tag) = tag {
            args.push(tag.into());
            sql.push_str(&format!(" AND replace(tags, ${}, '') <> tags", args.len()));
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        let key = |r: &Resource<T>| Key { at: r.created_at.timestamp_millis(), id: r.id };
        cursor::page(List::Catalog, page, &rows, |row| read(self.keys(), row), key)
    }

    async fn all(&self) -> Result<Vec<Resource<T>>> {
        let sql = format!("SELECT * FROM {} WHERE archived_at IS NULL ORDER BY name, id", T::TABLE);
        self.rows_of(sql, Vec::new()).await?.iter().map(|row| read(self.keys(), row)).collect()
    }

    async fn get(&self, id: Id) -> Result<Resource<T>> {
        let rows = self.rows_of(format!("SELECT * FROM {} WHERE id = $1", T::TABLE), args![id]).await?;
        rows.first().map_or_else(|| Err(Error::not_found(T::KIND)), |row| read(self.keys(), row))
    }

    async fn by_name(&self, name: &str) -> Result<Option<Resource<T>>> {
        let sql = format!("SELECT * FROM {} WHERE name = $1 AND archived_at IS NULL", T::TABLE);
        self.rows_of(sql, args![name]).await?.first().map(|row| read(self.keys(), row)).transpose()
    }

    async fn create(&self, draft: Draft<T>, audit: Audit) -> Result<Resource<T>> {
        draft.check()?;
        let mut tx = self.begin().await?;
        links::check(&mut tx, &draft.spec).await?;
        let object = draft.into_resource(new_id(), tx.now().await?);
        let sql = format!(
            "INSERT INTO {} (id, version, name, tags, spec, created_at, updated_at) \
             VALUES ($1, 1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
            T::TABLE
        );
        let spec = sealing::write(self.keys(), object.id, &object.spec)?;
        let args = args![object.id, &object.name, json(&object.tags)?, spec, object.created_at];
        if tx.run(AssertSqlSafe(sql), args).await? == 0 {
            return Err(taken::<T>(&object.name));
        }
        versions::keep(&mut tx, &object, &audit.actor).await?;
        tx.audit(audit, T::KIND, object.id);
        tx.commit().await?;
        Ok(object)
    }

    async fn update(&self, id: Id, version: i64, mut draft: Draft<T>, audit: Audit) -> Result<Resource<T>> {
        let mut tx = self.begin().await?;
        let stored = current::<T>(&mut tx, self.keys(), id, version).await?;
        draft.spec.keep_secrets(&stored.spec);
        draft.check()?;
        links::check(&mut tx, &draft.spec).await?;
        living_name::<T>(&mut tx, &draft.name, id).await?;
        let Draft { name, tags, spec } = draft;
        let changed = Resource { version: version + 1, name, tags, spec, updated_at: tx.now().await?, ..stored };
        let sql = format!(
            "UPDATE {} SET version = version + 1, name = $2, tags = $3, spec = $4, updated_at = $5 WHERE id = $1",
            T::TABLE
        );
        let spec = sealing::write(self.keys(), id, &changed.spec)?;
        let args = args![id, &changed.name, json(&changed.tags)?, spec, changed.updated_at];
        tx.run(AssertSqlSafe(sql), args).await?;
        versions::keep(&mut tx, &changed, &audit.actor).await?;
        tx.audit(audit, T::KIND, id);
        tx.commit().await?;
        Ok(changed)
    }

    async fn archive(&self, id: Id, version: i64, audit: Audit) -> Result<Resource<T>> {
        let mut tx = self.begin().await?;
        let stored = current::<T>(&mut tx, self.keys(), id, version).await?;
        let now = tx.now().await?;
        let sql =
            format!("UPDATE {} SET version = version + 1, archived_at = $2, updated_at = $2 WHERE id = $1", T::TABLE);
        tx.run(AssertSqlSafe(sql), args![id, now]).await?;
        links::refuse_referred::<T>(&mut tx, id, &stored.name).await?;
        tx.audit(audit, T::KIND, id);
        tx.commit().await?;
        Ok(Resource { version: version + 1, archived_at: Some(now), updated_at: now, ..stored })
    }
}
