//! What is checked about an editable object at the moment it is entered, beyond its own fields.

use crate::error::{ApiError, ApiResult};
use crate::routes::secrets;
use crate::state::{ApiDeps, AppState};
use async_trait::async_trait;
use domain::catalog::{
    CaseSpec, ChannelSpec, DetectorSpec, MonitorSpec, RuntimeManagerSpec, ScriptSpec, SourceKind, SourceSpec,
};
use domain::policy::PolicySpec;
use domain::ports::{CatalogStore, LogQuery};
use domain::resource::{Resource, SECRET_MARK, Spec};
use domain::schedule::ScheduleSpec;
use domain::{Error, Id, Kind, Time};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a source while an object is entered.
const PATIENCE: Duration = Duration::from_secs(5);

/// An editable kind as the API knows it.
#[async_trait]
pub(crate) trait Entry: Spec {
    /// Word in addresses.
    const PATH: &'static str;

    /// Its store.
    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>>;

    /// Looks at what it refers to. Wrong references and queries are refused; what cannot be looked at now is a warning.
    async fn look(&self, _app: &AppState) -> ApiResult<Option<String>> {
        Ok(None)
    }
}

/// The object a field refers to; a missing or archived one is that field's fault.
async fn living<T: Entry>(app: &AppState, field: &str, id: Id) -> ApiResult<Resource<T>> {
    match T::store(&app.deps).get(id).await {
        Ok(object) if object.archived_at.is_none() => Ok(object),
        Ok(_) => Err(ApiError::field(field, format!("this {} is archived: name another one", T::KIND))),
        Err(error) if error.kind == Kind::NotFound => {
            Err(ApiError::field(field, format!("there is no such {}", T::KIND)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Turns the answer of a trial query into: fine, refused at `field`, or a warning.
fn judged(field: &str, answer: Result<Result<(), Error>, tokio::time::error::Elapsed>) -> ApiResult<Option<String>> {
    match answer {
        Ok(Ok(())) => Ok(None),
        Ok(Err(error)) if error.kind == Kind::Invalid => Err(ApiError::field(field, error.message)),
        Ok(Err(error)) => Ok(Some(format!("stored without a check of {field}: {}", error.message))),
        Err(_) => Ok(Some(format!("stored without a check of {field}: the source did not answer in time"))),
    }
}

/// Tries a PromQL expression on its source.
async fn try_promql(app: &AppState, source_field: &str, field: &str, id: Id, query: &str) -> ApiResult<Option<String>> {
    let source = living::<SourceSpec>(app, source_field, id).await?.spec;
    if source.kind != SourceKind::Prometheus {
        return Err(ApiError::field(source_field, "name a Prometheus source"));
    }
    if !source.enabled {
        return Ok(Some(format!("stored without a check of {field}: the source is disabled")));
    }
    // As the poller asks: an instant question would let a range vector pass that no poll can read.
    let (now, step) = (app.deps.clock.now(), std::time::Duration::from_secs(15));
    let from = now - chrono::TimeDelta::seconds(15);
    let trial = async { app.deps.live_sources.metrics(id).await?.range(query, from, now, step).await.map(drop) };
    judged(field, tokio::time::timeout(PATIENCE, trial).await)
}

/// Tries a log search on its source.
async fn try_logs(app: &AppState, id: Id, query: &str, now: Time) -> ApiResult<Option<String>> {
    let source = living::<SourceSpec>(app, "source_id", id).await?.spec;
    if source.kind != SourceKind::Elasticsearch {
        return Err(ApiError::field("source_id", "name an Elasticsearch source"));
    }
    if !source.enabled {
        return Ok(Some("stored without a check of query: the source is disabled".to_owned()));
    }
    let from = now - chrono::TimeDelta::minutes(1);
    let query = LogQuery { query: query.to_owned(), from, to: now, page_size: 1 };
    let trial = async { app.deps.live_sources.logs(id).await?.page(&query, None).await.map(drop) };
    judged("query", tokio::time::timeout(PATIENCE, trial).await)
}

#[async_trait]
impl Entry for SourceSpec {
    const PATH: &'static str = "sources";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.sources
    }
}

#[async_trait]
impl Entry for MonitorSpec {
    const PATH: &'static str = "monitors";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.monitors
    }

    async fn look(&self, app: &AppState) -> ApiResult<Option<String>> {
        if matches!(self.detector, DetectorSpec::Logs) {
            try_logs(app, self.source_id, &self.query, app.deps.clock.now()).await
        } else {
            try_promql(app, "source_id", "query", self.source_id, &self.query).await
        }
    }
}

#[async_trait]
impl Entry for ScriptSpec {
    const PATH: &'static str = "scripts";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.scripts
    }

    async fn look(&self, app: &AppState) -> ApiResult<Option<String>> {
        Ok(secrets::absent(app, &self.secrets).await?)
    }
}

#[async_trait]
impl Entry for CaseSpec {
    const PATH: &'static str = "cases";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.cases
    }

    async fn look(&self, app: &AppState) -> ApiResult<Option<String>> {
        if let Some(script) = self.script_id {
            living::<ScriptSpec>(app, "script_id", script).await?;
        }
        Ok(secrets::absent(app, &self.secrets).await?)
    }
}

#[async_trait]
impl Entry for ScheduleSpec {
    const PATH: &'static str = "schedules";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.schedules
    }

    async fn look(&self, app: &AppState) -> ApiResult<Option<String>> {
        let case = living::<CaseSpec>(app, "case_id", self.case_id).await?;
        // Built as the planner will build it, and thrown away.
        app.deps.run_factory.manual(&case, self.values.clone(), self.target.clone(), "preview").await?;
        Ok(None)
    }
}

#[async_trait]
impl Entry for RuntimeManagerSpec {
    const PATH: &'static str = "runtime-managers";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.managers
    }
}

#[async_trait]
impl Entry for PolicySpec {
    const PATH: &'static str = "policies";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.policies
    }

    async fn look(&self, app: &AppState) -> ApiResult<Option<String>> {
        for (i, step) in self.steps.iter().enumerate() {
            living::<CaseSpec>(app, &format!("steps[{i}].case_id"), step.case_id).await?;
            if let Some(undo) = step.undo_case_id {
                living::<CaseSpec>(app, &format!("steps[{i}].undo_case_id"), undo).await?;
            }
        }
        let mut warning = None;
        for (i, check) in self.verification.checks.iter().enumerate() {
            let at = format!("verification.checks[{i}]");
            let (source, field) = (format!("{at}.source_id"), format!("{at}.query"));
            let query = check.query.replace("$entity_value", "\"x\"");
            warning = try_promql(app, &source, &field, check.source_id, &query).await?.or(warning);
        }
        Ok(warning)
    }
}

#[async_trait]
impl Entry for ChannelSpec {
    const PATH: &'static str = "channels";

    fn store(deps: &ApiDeps) -> &Arc<dyn CatalogStore<Self>> {
        &deps.channels
    }
}

/// Refuses a secret that came as the mark and was not filled from the stored copy: the object is new, or its address
/// changed, and a stored secret never follows to another address.
pub(crate) fn secrets_given<T: Spec>(sent: &T, kept: &T) -> ApiResult<()> {
    let (sent, kept, shown) = (value(sent)?, value(kept)?, value(&sent.redacted())?);
    match unfilled(&sent, &kept, &shown, "") {
        Some(field) => Err(ApiError::field(field, "enter the secret again")),
        None => Ok(()),
    }
}

fn value<T: Spec>(spec: &T) -> ApiResult<Value> {
    serde_json::to_value(spec).map_err(|e| Error::internal(e).into())
}

/// Path of the first place that held the mark, is a secret (shown as the mark too), and holds no secret now.
fn unfilled(sent: &Value, kept: &Value, shown: &Value, path: &str) -> Option<String> {
    match (sent, shown) {
        (Value::String(text), Value::String(mark)) if text == SECRET_MARK && mark == SECRET_MARK => {
            let filled = matches!(kept, Value::String(secret) if secret != SECRET_MARK);
            (!filled).then(|| path.to_owned())
        }
        (Value::Object(map), _) => map.iter().find_map(|(key, value)| {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            unfilled(value, &kept[key], &shown[key], &here)
        }),
        _ => None,
    }
}
