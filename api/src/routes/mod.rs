//! The routes, each file one concern; every handler extracts, asks one port, and converts.

pub(crate) mod alerts;
pub(crate) mod api_keys;
pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod backtest;
pub(crate) mod batches;
pub(crate) mod catalog;
pub(crate) mod changes;
pub(crate) mod entry;
pub(crate) mod feedback;
pub(crate) mod health;
pub(crate) mod incident_actions;
pub(crate) mod incident_work;
pub(crate) mod incidents;
pub(crate) mod logs;
pub(crate) mod managers;
pub(crate) mod probe;
pub(crate) mod queue;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod stream;
pub(crate) mod stream_logs;
pub(crate) mod summary;
pub(crate) mod templates;
pub(crate) mod topology;
pub(crate) mod users;
pub(crate) mod versions;
pub(crate) mod webhooks;

use crate::state::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything below `/api/v1`, without the guard.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(setup::needed, setup::complete))
        .routes(routes!(session::login, session::logout))
        .routes(routes!(session::refresh))
        .routes(routes!(session::me))
        .routes(routes!(session::ticket))
        .merge(catalog::all())
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(versions::compare))
        .routes(routes!(versions::restore))
        .routes(routes!(schedules::preview))
        .routes(routes!(schedules::next_of))
        .routes(routes!(schedules::windows))
        .routes(routes!(probe::source_statuses))
        .routes(routes!(probe::monitor_statuses))
        .routes(routes!(probe::manager_statuses))
        .routes(routes!(managers::test_manager))
        .routes(routes!(managers::test_stored_manager))
        .routes(routes!(managers::health))
        .routes(routes!(probe::test_source))
        .routes(routes!(probe::test_stored_source))
        .routes(routes!(probe::discover))
        .routes(routes!(probe::preview_monitor))
        .routes(routes!(backtest::backtest))
        .routes(routes!(summary::summary))
        .routes(routes!(stream::events))
        .routes(routes!(audit::list))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::update, users::archive))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::put, secrets::delete))
        .merge(incident_routes())
        .merge(run_routes())
}

/// Incidents, their alerts and the feedback on their anomalies.
fn incident_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::get))
        .routes(routes!(incidents::events))
        .routes(routes!(incidents::anomalies))
        .routes(routes!(incidents::decisions))
        .routes(routes!(incidents::runs))
        .routes(routes!(incidents::verifications))
        .routes(routes!(incidents::notifications))
        .routes(routes!(incidents::list_anomalies))
        .routes(routes!(incidents::chart))
        .merge(feedback::all())
        .merge(templates::all())
        .merge(topology::all())
        .merge(changes::all())
        .routes(routes!(incident_actions::acknowledge))
        .routes(routes!(incident_actions::reopen))
        .routes(routes!(incident_actions::escalate))
        .routes(routes!(incident_actions::resolve))
        .routes(routes!(incident_actions::comment))
        .routes(routes!(incident_actions::heal))
        .routes(routes!(incident_work::get))
        .routes(routes!(incident_work::assign))
        .routes(routes!(incident_work::severity))
        .routes(routes!(incident_work::merge))
        .routes(routes!(incident_work::split))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::groups))
        .routes(routes!(alerts::of_incident))
        .routes(routes!(webhooks::receive))
        .routes(routes!(webhooks::set_token, webhooks::drop_token))
}

/// Runs, the queue, and what runs leave: logs, artifacts, results.
fn run_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(runs::start))
        .routes(routes!(runs::list, batches::start))
        .routes(routes!(batches::get))
        .routes(routes!(batches::cancel))
        .routes(routes!(runs::get))
        .routes(routes!(runs::cancel))
        .routes(routes!(queue::attempts))
        .routes(routes!(queue::get))
        .routes(routes!(queue::pause))
        .routes(routes!(queue::resume))
        .routes(routes!(logs::page))
        .routes(routes!(logs::search))
        .routes(routes!(logs::info))
        .routes(routes!(logs::download))
        .routes(routes!(artifacts::list))
        .routes(routes!(artifacts::content))
        .routes(routes!(artifacts::results))
        .routes(routes!(stream_logs::logs))
}
