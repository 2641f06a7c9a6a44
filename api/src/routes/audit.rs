//! The audit trail.

use crate::error::ApiResult;
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use domain::identity::AuditRow;
use domain::page::Page;

/// One page, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "admin", operation_id = "list_audit", params(PageQuery),
    responses((status = 200, body = Page<AuditRow>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<AuditRow>>> {
    let page = params.page()?;
    params.done()?;
    Ok(Json(app.deps.audit.list_audit(&page).await?))
}
