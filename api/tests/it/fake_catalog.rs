//! Editable objects and statuses in memory.

use async_trait::async_trait;
use domain::catalog::ScriptSpec;
use domain::clock::{Clock, FixedClock};
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{CatalogStore, StatusStore, VersionStore};
use domain::resource::{Draft, Resource, ResourceFilter, Spec};
use domain::status::{Status, StatusOf};
use domain::version::{ScriptVersion, content_hash};
use domain::{Error, Id, Result, new_id};
use std::sync::{Arc, Mutex};

/// Audit rows that the fakes were given: actor, action, origin.
pub(crate) type Trail = Arc<Mutex<Vec<Audit>>>;

/// One kind.
#[derive(Debug)]
pub(crate) struct Catalog<T> {
    rows: Mutex<Vec<Resource<T>>>,
    /// Every object as it was after each write.
    written: Mutex<Vec<Resource<T>>>,
    clock: FixedClock,
    trail: Trail,
}

impl<T: Spec> Catalog<T> {
    pub(crate) fn new(clock: &FixedClock, trail: &Trail) -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            written: Mutex::default(),
            clock: clock.clone(),
            trail: Arc::clone(trail),
        })
    }

    /// Stores an object without the API.
    pub(crate) fn put(&self, name: &str, spec: T) -> Resource<T> {
        let draft = Draft { name: name.to_owned(), tags: Vec::new(), spec };
        let row = draft.into_resource(new_id(), self.clock.now());
        self.rows.lock().unwrap().push(row.clone());
        self.written.lock().unwrap().push(row.clone());
        row
    }
}

/// One page of `rows`, newest (last) first; the cursor is the number of rows to skip.
pub(crate) fn page<T: Clone>(rows: &[T], page: &PageRequest) -> Page<T> {
    let skip: usize = page.cursor.as_deref().map_or(0, |c| c.parse().unwrap());
    let items: Vec<T> = rows.iter().rev().skip(skip).take(page.limit as usize).cloned().collect();
    let end = skip + items.len();
    Page { items, next_cursor: (end < rows.len()).then(|| end.to_string()) }
}

fn taken<T>(rows: &[Resource<T>], id: Option<Id>, name: &str) -> Result<()> {
    let clash = rows.iter().any(|r| r.name == name && r.archived_at.is_none() && Some(r.id) != id);
    if clash { Err(Error::conflict("the name is taken")) } else { Ok(()) }
}

#[async_trait]
impl<T: Spec> CatalogStore<T> for Catalog<T> {
    async fn list(&self, filter: &ResourceFilter, request: &PageRequest) -> Result<Page<Resource<T>>> {
        let rows = self.rows.lock().unwrap();
        let wanted = |r: &&Resource<T>| {
            (filter.archived || r.archived_at.is_none())
                && filter.search.as_ref().is_none_or(|s| r.name.contains(s.as_str()))
                && filter.tag.as_ref().is_none_or(|t| r.tags.contains(t))
        };
        Ok(page(&rows.iter().filter(wanted).cloned().collect::<Vec<_>>(), request))
    }

    async fn all(&self) -> Result<Vec<Resource<T>>> {
        Ok(self.rows.lock().unwrap().clone())
    }

    async fn get(&self, id: Id) -> Result<Resource<T>> {
        let rows = self.rows.lock().unwrap();
        rows.iter().find(|r| r.id == id).cloned().ok_or_else(|| Error::not_found(T::KIND))
    }

    async fn by_name(&self, name: &str) -> Result<Option<Resource<T>>> {
        Ok(self.rows.lock().unwrap().iter().find(|r| r.name == name).cloned())
    }

    async fn create(&self, draft: Draft<T>, audit: Audit) -> Result<Resource<T>> {
        let mut rows = self.rows.lock().unwrap();
        taken(&rows, None, &draft.name)?;
        let row = draft.into_resource(new_id(), self.clock.now());
        rows.push(row.clone());
        self.written.lock().unwrap().push(row.clone());
        self.trail.lock().unwrap().push(audit);
        Ok(row)
    }

    async fn update(&self, id: Id, version: i64, draft: Draft<T>, audit: Audit) -> Result<Resource<T>> {
        let mut rows = self.rows.lock().unwrap();
        taken(&rows, Some(id), &draft.name)?;
        let row = rows.iter_mut().find(|r| r.id == id && r.version == version);
        let row = row.ok_or_else(|| Error::conflict("the object changed"))?;
        *row = Resource { version: version + 1, name: draft.name, tags: draft.tags, spec: draft.spec, ..row.clone() };
        self.written.lock().unwrap().push(row.clone());
        self.trail.lock().unwrap().push(audit);
        Ok(row.clone())
    }

    async fn archive(&self, id: Id, version: i64, audit: Audit) -> Result<Resource<T>> {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|r| r.id == id && r.version == version);
        let row = row.ok_or_else(|| Error::conflict("the object changed"))?;
        (row.version, row.archived_at) = (version + 1, Some(self.clock.now()));
        self.trail.lock().unwrap().push(audit);
        Ok(row.clone())
    }
}

/// Each write of a script is a version.
#[async_trait]
impl VersionStore for Catalog<ScriptSpec> {
    async fn versions(&self, script_id: Id, before: Option<i64>, limit: u32) -> Result<Vec<ScriptVersion>> {
        let written = self.written.lock().unwrap();
        let mut all: Vec<ScriptVersion> = Vec::new();
        for row in written.iter().filter(|r| r.id == script_id) {
            all.push(ScriptVersion {
                script_id,
                number: row.version,
                sha256: content_hash(&row.spec),
                created_at: row.updated_at,
                created_by: "alice".to_owned(),
                spec: row.spec.clone(),
            });
        }
        all.retain(|v| before.is_none_or(|b| v.number < b));
        all.reverse();
        all.truncate(limit as usize);
        Ok(all)
    }

    async fn version(&self, script_id: Id, number: Option<i64>) -> Result<ScriptVersion> {
        let all = self.versions(script_id, None, 200).await?;
        all.into_iter().find(|v| number.is_none_or(|n| n == v.number)).ok_or_else(|| Error::not_found("version"))
    }
}

/// Statuses; empty.
#[derive(Debug, Default)]
pub(crate) struct Statuses(pub(crate) Mutex<Vec<Status>>);

#[async_trait]
impl StatusStore for Statuses {
    async fn put_status(&self, status: Status) -> Result<()> {
        self.0.lock().unwrap().push(status);
        Ok(())
    }

    async fn status(&self, of: StatusOf, id: Id) -> Result<Option<Status>> {
        Ok(self.0.lock().unwrap().iter().find(|s| s.of == of && s.id == id).cloned())
    }

    async fn statuses(&self, of: StatusOf) -> Result<Vec<Status>> {
        Ok(self.0.lock().unwrap().iter().filter(|s| s.of == of).cloned().collect())
    }
}
