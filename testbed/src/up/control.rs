//! The control API: what an operator or a cure script can do, the harness' switches, and the truth.
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fleet::{Deployment, Fleet, REDIS};
use super::load::Ledger;
use super::observe::Looks;
use super::truth::{Action, Injection};
use crate::fault::{FaultName, Home};
use crate::service::{ServiceName, Switch};
use crate::settings::{BAD_VERSION, Flags, Release, write_json};

/// Actions kept in the truth.
const KEEP_ACTIONS: usize = 1000;

/// Everything the control API works on.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Processes.
    pub(crate) fleet: Fleet,
    /// Last look at each service.
    pub(crate) looks: Looks,
    /// What users got.
    pub(crate) ledger: Arc<Ledger>,
    /// Bearer token.
    pub(crate) token: String,
    book: Mutex<Book>,
}

/// What was injected and what was done.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Faults, oldest first.
    pub(crate) injections: Vec<Injection>,
    /// Operator actions, oldest first.
    pub(crate) actions: Vec<Action>,
}

/// A fault to switch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultOrder {
    /// On or off.
    pub(crate) on: bool,
    /// Service; the fault's usual one when absent.
    #[serde(default)]
    pub(crate) service: Option<String>,
    /// How strong, 0..=1; 0.5 when absent.
    #[serde(default)]
    pub(crate) intensity: Option<f64>,
}

impl Supervisor {
    /// A supervisor over a fleet.
    pub(crate) fn new(fleet: Fleet, ledger: Arc<Ledger>, token: String) -> Self {
        Self { fleet, looks: Looks::default(), ledger, token, book: Mutex::default() }
    }

    /// Works on the book under its lock.
    pub(crate) fn book<T>(&self, work: impl FnOnce(&mut Book) -> T) -> T {
        work(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, headers: &HeaderMap, action: &str, target: &str) {
        let by = headers.get("x-operator").and_then(|value| value.to_str().ok()).unwrap_or("operator");
        let at_ms = chrono::Utc::now().timestamp_millis();
        let action = Action { at_ms, action: action.into(), target: target.into(), by: by.into() };
        self.book(|book| {
            book.actions.push(action);
            let surplus = book.actions.len().saturating_sub(KEEP_ACTIONS);
            book.actions.drain(..surplus);
        });
    }
}

type Shared = State<Arc<Supervisor>>;
type Answer = Result<Json<Value>, Refusal>;

/// A request that was refused or failed.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode, String);

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// All routes; everything but health is behind the token.
pub(crate) fn router(supervisor: Arc<Supervisor>) -> Router {
    let guarded = Router::new()
        .route("/control/truth", get(truth))
        .route("/control/services", get(services))
        .route("/control/services/{name}", get(service))
        .route("/control/services/{name}/restart", post(restart))
        .route("/control/services/{name}/rollback", post(rollback))
        .route("/control/services/{name}/rollforward", post(rollforward))
        .route("/control/services/{name}/flags/reset", post(reset_flags))
        .route("/control/services/{name}/flags/restore", post(restore_flags))
        .route("/control/services/{name}/spool/clean", post(clean_spool))
        .route("/control/dependencies/{name}/restart", post(restart_dependency))
        .route("/control/faults/{name}", post(switch))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&supervisor), require_token));
    Router::new().route("/control/health", get(|| async { "ok" })).merge(guarded).with_state(supervisor)
}

async fn require_token(State(supervisor): Shared, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if sent.and_then(|value| value.strip_prefix("Bearer ")) != Some(supervisor.token.as_str()) {
        return Refusal(StatusCode::UNAUTHORIZED, "send the testbed token as a bearer token".into()).into_response();
    }
    next.run(request).await
}

fn known(supervisor: &Supervisor, name: &str) -> Result<&'static str, Refusal> {
    let service = supervisor.fleet.known(name).filter(|name| *name != REDIS);
    service.ok_or_else(|| {
        let text = format!("no service is named {name:?}; there are storefront, checkout and catalog");
        Refusal(StatusCode::NOT_FOUND, text)
    })
}

async fn truth(State(supervisor): Shared) -> Json<Value> {
    let services: Vec<Value> = ServiceName::ALL.iter().map(|name| describe(&supervisor, name.as_str())).collect();
    let redis = supervisor.fleet.vital(REDIS).and_then(|(pid, _)| pid);
    let now_ms = chrono::Utc::now().timestamp_millis();
    let slo = supervisor.ledger.slo(now_ms);
    Json(supervisor.book(|book| {
        json!({
            "now_ms": now_ms, "faults": book.injections, "actions": book.actions, "services": services,
            "dependencies": [{"name": REDIS, "running": redis.is_some(), "pid": redis}], "slo": slo,
        })
    }))
}

fn describe(supervisor: &Supervisor, name: &'static str) -> Value {
    let look = supervisor.looks.of(name);
    let vital = supervisor.fleet.vital(name);
    let probes = &look.probes[look.probes.len().saturating_sub(super::truth::PROBES)..];
    json!({
        "name": name,
        "url": supervisor.fleet.url(name),
        "pid": vital.and_then(|(pid, _)| pid),
        "starts": vital.map(|(_, starts)| starts),
        "answering": look.state.is_some(),
        "deployment": supervisor.fleet.deployment(name),
        "resident_bytes": look.resident_bytes,
        "cpu_share": look.cpu_share,
        "probes_ok": probes.iter().filter(|(ok, _)| *ok).count(),
        "probes": probes.len(),
        "state": look.state,
        "data_dir": supervisor.fleet.layout.service(name).join("data"),
    })
}

async fn services(State(supervisor): Shared) -> Json<Value> {
    Json(ServiceName::ALL.iter().map(|name| describe(&supervisor, name.as_str())).collect())
}

async fn service(State(supervisor): Shared, Path(name): Path<String>) -> Answer {
    let name = known(&supervisor, &name)?;
    Ok(Json(describe(&supervisor, name)))
}

async fn restart(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    supervisor.note(&headers, "restart", name);
    supervisor.fleet.restart(name).await?;
    Ok(Json(json!({"restarted": name})))
}

async fn rollback(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    let now = supervisor.fleet.deployment(name);
    change_release(&supervisor, &headers, "rollback", name, now.roll_back()).await
}

async fn rollforward(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    let now = supervisor.fleet.deployment(name);
    change_release(&supervisor, &headers, "rollforward", name, now.roll_forward()).await
}

/// Switches to a deployment; without one the release stays, which is no failure: the action is safe to repeat.
async fn change_release(
    supervisor: &Supervisor,
    headers: &HeaderMap,
    action: &str,
    name: &'static str,
    to: Option<Deployment>,
) -> Answer {
    let before = supervisor.fleet.deployment(name).current;
    supervisor.note(headers, action, name);
    let changed = to.is_some();
    match to {
        Some(to) => supervisor.fleet.switch(name, to).await?,
        None => supervisor.fleet.forget_rollback(name),
    }
    let after = supervisor.fleet.deployment(name).current;
    Ok(Json(json!({"service": name, "changed": changed, "from": before, "to": after})))
}

async fn reset_flags(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    supervisor.note(&headers, "flags_reset", name);
    let path = supervisor.fleet.layout.flags(name);
    let before = Flags::read(&path)?;
    // Also when there is nothing to reset: an undo must never bring back flags of an older reset.
    write_json(&supervisor.fleet.layout.former_flags(name), &before)?;
    write_json(&path, &Flags::default())?;
    Ok(Json(json!({"service": name, "changed": before != Flags::default(), "before": before})))
}

async fn restore_flags(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    supervisor.note(&headers, "flags_restore", name);
    let former = Flags::read(&supervisor.fleet.layout.former_flags(name))?;
    write_json(&supervisor.fleet.layout.flags(name), &former)?;
    Ok(Json(json!({"service": name, "flags": former})))
}

async fn clean_spool(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let name = known(&supervisor, &name)?;
    supervisor.note(&headers, "spool_clean", name);
    let removed = empty_spool(&supervisor.fleet, name)?;
    Ok(Json(json!({"service": name, "removed_files": removed})))
}

fn empty_spool(fleet: &Fleet, service: &str) -> anyhow::Result<usize> {
    let spool = fleet.layout.service(service).join("data").join("spool");
    if !spool.exists() {
        return Ok(0);
    }
    let mut removed = 0;
    for entry in std::fs::read_dir(&spool).context("list the spool")? {
        std::fs::remove_file(entry.context("list the spool")?.path()).context("remove a spool file")?;
        removed += 1;
    }
    Ok(removed)
}

async fn restart_dependency(State(supervisor): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    if name != REDIS {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("no dependency is named {name:?}; there is redis")));
    }
    supervisor.note(&headers, "dependency_restart", REDIS);
    supervisor.fleet.start_dependency().await?;
    Ok(Json(json!({"restarted": REDIS})))
}

async fn switch(State(supervisor): Shared, Path(name): Path<String>, Json(order): Json<FaultOrder>) -> Answer {
    let no_fault = || Refusal(StatusCode::NOT_FOUND, format!("no fault is named {name:?}"));
    let fault = FaultName::parse(&name).ok_or_else(no_fault)?;
    let service = known(&supervisor, order.service.as_deref().unwrap_or(fault.default_service()))?;
    if !fault.applies_to(service) {
        let text = format!("fault {name} does not apply to {service}");
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let intensity = order.intensity.unwrap_or(0.5).clamp(0.0, 1.0);
    if !order.on {
        bring_about(&supervisor, fault, service, intensity, false).await?;
        let cleared = supervisor.book(|book| clear(book, fault, service));
        return Ok(Json(json!({"fault": name, "service": service, "cleared": cleared})));
    }
    let resident = supervisor.looks.of(service).resident_bytes;
    let now_ms = chrono::Utc::now().timestamp_millis();
    let injection = Injection::new(fault, service, intensity, now_ms, resident);
    let id = injection.id.clone();
    let taken = supervisor.book(|book| {
        let taken = book.injections.iter().any(|old| old.open() && old.name == fault && old.service == service);
        if !taken {
            book.injections.push(injection.clone());
        }
        taken
    });
    if taken {
        let text = format!("fault {name} is on in {service} already; clear it first");
        return Err(Refusal(StatusCode::CONFLICT, text));
    }
    if let Err(error) = bring_about(&supervisor, fault, service, intensity, true).await {
        supervisor.book(|book| book.injections.retain(|injection| injection.id != id));
        return Err(error.into());
    }
    Ok(Json(json!(injection)))
}

fn clear(book: &mut Book, fault: FaultName, service: &str) -> usize {
    let open = book.injections.iter_mut().filter(|old| old.open() && old.name == fault && old.service == service);
    open.map(|injection| {
        injection.cleared = true;
        injection.active = false;
    })
    .count()
}

/// Switches the real cause on or off.
async fn bring_about(
    supervisor: &Supervisor,
    fault: FaultName,
    service: &'static str,
    intensity: f64,
    on: bool,
) -> anyhow::Result<()> {
    let fleet = &supervisor.fleet;
    match (fault.home(), fault, on) {
        (Home::Supervisor, FaultName::DependencyDown, true) => fleet.crash_dependency().await,
        (Home::Supervisor, FaultName::DependencyDown, false) => fleet.start_dependency().await,
        (Home::Supervisor, _, true) => {
            write_json(&fleet.layout.release(service, BAD_VERSION), &Release::bad(intensity))?;
            fleet.switch(service, fleet.deployment(service).deploy(BAD_VERSION)).await
        }
        (Home::Supervisor, _, false) => match fleet.deployment(service).roll_back() {
            Some(back) => fleet.switch(service, back).await,
            None => Ok(()),
        },
        (Home::Flags | Home::Process, _, _) => {
            fleet.switch_fault(service, fault.as_str(), &Switch { on, intensity }).await?;
            if fault == FaultName::DiskFill && !on {
                empty_spool(fleet, service)?;
            }
            Ok(())
        }
    }
}
