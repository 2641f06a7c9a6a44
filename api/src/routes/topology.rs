//! Who depends on whom, and the way to a ranked cause; read only.

use crate::error::{ApiError, ApiResult};
use crate::graph::{Material, TopologyGraph};
use crate::input::PathId;
use crate::paging::Params;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use domain::Result;
use domain::incident::{Incident, IncidentState};
use domain::page::PageRequest;
use domain::ports::IncidentFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Active incidents that are looked at, pages of 200.
const PAGES: usize = 5;

/// The routes of the graph.
pub(super) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(whole)).routes(routes!(of_incident))
}

/// Who depends on whom: entities with their trouble, dependencies with where they are known from and when they were
/// seen. The 400 that matter most when there are more.
#[utoipa::path(get, path = "/api/v1/topology", tag = "topology", operation_id = "get_topology",
    params(("around" = Option<String>, Query, description = "an entity: only what is near it"),
        ("hops" = Option<u32>, Query, description = "how near, 1 to 6; 2 when absent")),
    responses((status = 200, body = TopologyGraph)))]
pub(crate) async fn whole(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<TopologyGraph>> {
    let (centre, hops) = (params.text("around")?, params.value::<u32>("hops")?);
    params.done()?;
    if hops.is_some() && centre.is_none() {
        return Err(ApiError::field("hops", "say around which entity"));
    }
    if hops.is_some_and(|n| !(1..=6).contains(&n)) {
        return Err(ApiError::field("hops", "give a number from 1 to 6"));
    }
    Ok(Json(material(&app).await?.graph(centre.map(|entity| (entity, hops.unwrap_or(2) as usize)))))
}

/// The part of the graph that an incident is about: its entities, its causes, the way to them, and the neighbours.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/topology", tag = "topology", operation_id = "get_incident_topology",
    params(("id" = Uuid, Path)), responses((status = 200, body = TopologyGraph)))]
pub(crate) async fn of_incident(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<TopologyGraph>> {
    let incident = app.deps.incidents.incident(id).await?;
    Ok(Json(material(&app).await?.of_incident(&incident)))
}

async fn material(app: &AppState) -> Result<Material> {
    Ok(Material {
        known: app.deps.topology.edges().await?,
        feeds: app.deps.topology.feeds().await?,
        anomalies: app.deps.topology.open_anomalies().await?,
        active: active(app).await?,
    })
}

/// Incidents that are not over.
async fn active(app: &AppState) -> Result<Vec<Incident>> {
    use IncidentState as S;
    let states = vec![S::Open, S::Acknowledged, S::Healing, S::Verifying, S::Escalated];
    let filter = IncidentFilter { states, ..IncidentFilter::default() };
    let (mut found, mut page) = (Vec::new(), PageRequest { limit: 200, cursor: None });
    for _ in 0..PAGES {
        let got = app.deps.incidents.list_incidents(&filter, &page).await?;
        found.extend(got.items);
        page.cursor = got.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    Ok(found)
}
