//! The editable kinds: one set of handlers, mounted once for each.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{DraftBody, IfMatch, PathId};
use crate::paging::Params;
use crate::routes::entry::{Entry, secrets_given};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::catalog::{CaseSpec, ChannelSpec, MonitorSpec, RuntimeManagerSpec, ScriptSpec, SourceSpec};
use domain::page::Page;
use domain::policy::PolicySpec;
use domain::ports::Topic;
use domain::resource::{Draft, Resource, ResourceFilter};
use domain::schedule::ScheduleSpec;
use domain::{Error, Id, Kind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Header with what could not be checked at the moment of entry.
const WARNING: HeaderName = HeaderName::from_static("x-warning");

/// Documents the filters of a list.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query string in the OpenAPI document")]
struct ObjectQuery {
    /// Part of the name, any case.
    search: Option<String>,
    /// Only those that carry this tag.
    tag: Option<String>,
    /// Archived ones too.
    archived: Option<bool>,
    /// Rows at most, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn shown<T: Entry>(object: Resource<T>) -> Resource<T> {
    Resource { spec: object.spec.redacted(), ..object }
}

/// One object with its `ETag`, secrets replaced by the mark.
fn answer<T: Entry>(status: StatusCode, object: Resource<T>, warning: Option<String>) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", object.version)) {
        headers.insert(header::ETAG, tag);
    }
    let place = format!("{}/{}/{}", crate::auth::permissions::BASE, T::PATH, object.id);
    if let (StatusCode::CREATED, Ok(place)) = (status, HeaderValue::from_str(&place)) {
        headers.insert(header::LOCATION, place);
    }
    let ascii =
        |text: String| -> String { text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect() };
    if let Some(Ok(warning)) = warning.map(|text| HeaderValue::from_str(&ascii(text))) {
        headers.insert(WARNING, warning);
    }
    (status, headers, Json(shown(object))).into_response()
}

async fn list<T: Entry>(app: AppState, mut params: Params) -> ApiResult<Json<Page<Resource<T>>>> {
    let page = params.page()?;
    let (search, tag) = (params.text("search")?, params.text("tag")?);
    let filter = ResourceFilter { search, tag, archived: params.value("archived")?.unwrap_or(false) };
    params.done()?;
    let found = T::store(&app.deps).list(&filter, &page).await?;
    Ok(Json(Page { items: found.items.into_iter().map(shown).collect(), next_cursor: found.next_cursor }))
}

/// What was changed in the input and what could not be checked, as one warning.
fn told(mut notes: Vec<String>, warning: Option<String>) -> Option<String> {
    notes.extend(warning);
    (!notes.is_empty()).then(|| notes.join("; "))
}

async fn create<T: Entry>(app: AppState, caller: Caller, mut draft: Draft<T>) -> ApiResult<Response> {
    let notes = draft.spec.tidy();
    draft.check()?;
    secrets_given(&draft.spec, &draft.spec)?;
    let warning = told(notes, draft.spec.look(&app).await?);
    let stored = T::store(&app.deps).create(draft, caller.audit(format!("{}.create", T::KIND))).await?;
    app.deps.wake.wake(Topic::Catalog);
    Ok(answer(StatusCode::CREATED, stored, warning))
}

/// The stored object, if it is at `version`.
async fn at_version<T: Entry>(app: &AppState, id: Id, version: i64) -> ApiResult<Resource<T>> {
    let stored = T::store(&app.deps).get(id).await?;
    if stored.version == version { Ok(stored) } else { Err(ApiError::stale(stored.version)) }
}

/// A conflict of a change: the version when that moved meanwhile, else what the store says.
async fn conflict<T: Entry>(app: &AppState, id: Id, version: i64, error: Error) -> ApiError {
    if error.kind == Kind::Conflict
        && let Err(stale) = at_version::<T>(app, id, version).await
    {
        return stale;
    }
    error.into()
}

async fn update<T: Entry>(
    app: AppState,
    caller: Caller,
    id: Id,
    version: i64,
    mut draft: Draft<T>,
) -> ApiResult<Response> {
    let stored = at_version::<T>(&app, id, version).await?;
    if stored.archived_at.is_some() {
        return Err(Error::conflict(format!("this {} is archived and cannot be changed", T::KIND)).into());
    }
    let sent = draft.spec.clone();
    draft.spec.keep_secrets(&stored.spec);
    let notes = draft.spec.tidy();
    draft.check()?;
    secrets_given(&sent, &draft.spec)?;
    let warning = told(notes, draft.spec.look(&app).await?);
    let done = T::store(&app.deps).update(id, version, draft, caller.audit(format!("{}.update", T::KIND))).await;
    match done {
        Ok(stored) => {
            app.deps.wake.wake(Topic::Catalog);
            Ok(answer(StatusCode::OK, stored, warning))
        }
        Err(error) => Err(conflict::<T>(&app, id, version, error).await),
    }
}

async fn archive<T: Entry>(app: AppState, caller: Caller, id: Id, version: i64) -> ApiResult<Response> {
    at_version::<T>(&app, id, version).await?;
    match T::store(&app.deps).archive(id, version, caller.audit(format!("{}.archive", T::KIND))).await {
        Ok(stored) => {
            app.deps.wake.wake(Topic::Catalog);
            Ok(answer(StatusCode::OK, stored, None))
        }
        Err(error) => Err(conflict::<T>(&app, id, version, error).await),
    }
}

/// Mounts the handlers for one kind, so that the OpenAPI document shows each with its own type.
macro_rules! kind {
    ($module:ident, $one:literal, $spec:ident, $tag:literal, $list:literal, $item:literal) => {
        mod $module {
            use super::*;

            /// One page, newest first.
            #[utoipa::path(get, path = $list, tag = $tag, operation_id = concat!("list_", stringify!($module)),
                params(ObjectQuery), responses((status = 200, body = Page<Resource<$spec>>)))]
            pub(super) async fn list(State(app): State<AppState>, params: Params) -> ApiResult<Json<Page<Resource<$spec>>>> {
                super::list(app, params).await
            }

            /// Stores a new object.
            #[utoipa::path(post, path = $list, tag = $tag, operation_id = concat!("create_", $one),
                request_body = Draft<$spec>, responses((status = 201, body = Resource<$spec>,
                    headers(("ETag" = String), ("Location" = String), ("x-warning" = String, description = "what could not be checked")))))]
            pub(super) async fn create(
                State(app): State<AppState>, caller: Caller, DraftBody(draft): DraftBody<$spec>,
            ) -> ApiResult<Response> {
                super::create(app, caller, draft).await
            }

            /// One object, archived or not.
            #[utoipa::path(get, path = $item, tag = $tag, operation_id = concat!("get_", $one),
                params(("id" = Uuid, Path)), responses((status = 200, body = Resource<$spec>, headers(("ETag" = String)))))]
            pub(super) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Response> {
                Ok(answer(StatusCode::OK, <$spec as Entry>::store(&app.deps).get(id).await?, None))
            }

            /// Replaces name, tags and specification.
            #[utoipa::path(put, path = $item, tag = $tag, operation_id = concat!("update_", $one),
                params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
                request_body = Draft<$spec>, responses((status = 200, body = Resource<$spec>, headers(("ETag" = String)))))]
            pub(super) async fn update(
                State(app): State<AppState>, caller: Caller, PathId(id): PathId, IfMatch(version): IfMatch,
                DraftBody(draft): DraftBody<$spec>,
            ) -> ApiResult<Response> {
                super::update(app, caller, id, version, draft).await
            }

            /// Archives it: it stays readable and starts nothing.
            #[utoipa::path(delete, path = $item, tag = $tag, operation_id = concat!("archive_", $one),
                params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
                responses((status = 200, body = Resource<$spec>, headers(("ETag" = String)))))]
            pub(super) async fn archive(
                State(app): State<AppState>, caller: Caller, PathId(id): PathId, IfMatch(version): IfMatch,
            ) -> ApiResult<Response> {
                super::archive::<$spec>(app, caller, id, version).await
            }

            pub(super) fn routes() -> OpenApiRouter<AppState> {
                OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, archive))
            }
        }
    };
}

kind!(sources, "source", SourceSpec, "sources", "/api/v1/sources", "/api/v1/sources/{id}");
kind!(monitors, "monitor", MonitorSpec, "monitors", "/api/v1/monitors", "/api/v1/monitors/{id}");
kind!(scripts, "script", ScriptSpec, "scripts", "/api/v1/scripts", "/api/v1/scripts/{id}");
kind!(cases, "case", CaseSpec, "cases", "/api/v1/cases", "/api/v1/cases/{id}");
kind!(schedules, "schedule", ScheduleSpec, "schedules", "/api/v1/schedules", "/api/v1/schedules/{id}");
kind!(
    runtime_managers,
    "runtime_manager",
    RuntimeManagerSpec,
    "runtime-managers",
    "/api/v1/runtime-managers",
    "/api/v1/runtime-managers/{id}"
);
kind!(policies, "policy", PolicySpec, "policies", "/api/v1/policies", "/api/v1/policies/{id}");
kind!(channels, "channel", ChannelSpec, "channels", "/api/v1/channels", "/api/v1/channels/{id}");

/// The routes of all kinds.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(sources::routes())
        .merge(monitors::routes())
        .merge(scripts::routes())
        .merge(cases::routes())
        .merge(schedules::routes())
        .merge(runtime_managers::routes())
        .merge(policies::routes())
        .merge(channels::routes())
}
