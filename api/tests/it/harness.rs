//! The whole router on fakes, and how tests talk to it.

use crate::fake_alerts::{Alerts, Nothing};
use crate::fake_catalog::{Catalog, Statuses, Trail};
use crate::fake_changes::Changes;
use crate::fake_feedback::Opinions;
use crate::fake_live::{Binary, LiveSources, Wakes};
use crate::fake_people::People;
use crate::fake_templates::Templates;
use crate::fake_topology::Graph;
use crate::fake_work::Work;
use api::{ApiConfig, ApiDeps};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use chrono::TimeDelta;
use domain::catalog::{CaseSpec, MonitorSpec, ScriptSpec, SourceSpec};
use domain::clock::{Clock, FixedClock, from_millis};
use domain::identity::{Role, User};
use domain::incident::{Incident, IncidentState, Severity};
use domain::new_id;
use domain::policy::PolicySpec;
use domain::testing::{MemApiKeys, MemBlobs, MemChecks, MemKept, MemSecrets, MemWindows};
use domain::trace::TraceContext;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "a good long password";
pub(crate) const ROLES: [(&str, Role); 5] = [
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("approver", Role::Approver),
    ("editor", Role::Editor),
    ("admin", Role::Admin),
];

/// The API with its fakes.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) clock: FixedClock,
    pub(crate) people: Arc<People>,
    pub(crate) work: Arc<Work>,
    pub(crate) kept: Arc<MemKept>,
    pub(crate) blobs: MemBlobs,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) feedback: Arc<Opinions>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) monitors: Arc<Catalog<MonitorSpec>>,
    pub(crate) sources: Arc<Catalog<SourceSpec>>,
    pub(crate) scripts: Arc<Catalog<ScriptSpec>>,
    pub(crate) cases: Arc<Catalog<CaseSpec>>,
    pub(crate) policies: Arc<Catalog<PolicySpec>>,
    pub(crate) checks: Arc<MemChecks>,
    pub(crate) trail: Trail,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The first wrong field.
    pub(crate) fn field(&self) -> String {
        self.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }
}

fn config() -> ApiConfig {
    ApiConfig { password_memory_kib: 8, session_check: Duration::from_millis(10), ..ApiConfig::default() }
}

impl App {
    /// Without users.
    #[expect(clippy::too_many_lines, reason = "one line for each port")]
    pub(crate) async fn empty() -> Self {
        let (clock, trail) = (FixedClock::at(from_millis(1_800_000_000_000)), Trail::default());
        let (alerts, feedback) = (Arc::new(Alerts::default()), Arc::new(Opinions::default()));
        let (templates, graph) = (Arc::new(Templates::default()), Arc::new(Graph::default()));
        let (kept, blobs, checks) = (Arc::<MemKept>::default(), MemBlobs::default(), Arc::<MemChecks>::default());
        let (people, work, wakes) = (People::new(&trail), Arc::new(Work::default()), Wakes::new());
        let (sources, scripts) = (Catalog::new(&clock, &trail), Catalog::new(&clock, &trail));
        let (cases, policies) = (Catalog::new(&clock, &trail), Catalog::new(&clock, &trail));
        let monitors = Catalog::new(&clock, &trail);
        let deps = ApiDeps {
            sources: sources.clone(),
            monitors: monitors.clone(),
            scripts: scripts.clone(),
            versions: scripts.clone(),
            cases: cases.clone(),
            schedules: Catalog::new(&clock, &trail),
            windows: Arc::new(MemWindows::default()),
            managers: Catalog::new(&clock, &trail),
            policies: policies.clone(),
            channels: Catalog::new(&clock, &trail),
            status: Arc::new(Statuses::default()),
            health: checks.clone(),
            try_manager: Arc::new(Binary),
            incidents: work.clone(),
            heal: work.clone(),
            runs: work.clone(),
            queue: work.clone(),
            logs: kept.clone(),
            results: kept.clone(),
            blobs: Arc::new(blobs.clone()),
            outbox: work.clone(),
            alerts: alerts.clone(),
            feedback: feedback.clone(),
            templates: templates.clone(),
            topology: graph.clone(),
            changes: Arc::new(Changes::default()),
            work: Arc::new(Nothing),
            users: people.clone(),
            api_keys: Arc::new(MemApiKeys::default()),
            secrets: Arc::new(MemSecrets::default()),
            audit: people.clone(),
            live_sources: Arc::new(LiveSources),
            discovery: Arc::new(Binary),
            backtest: Arc::new(Binary),
            wake: wakes.clone(),
            clock: Arc::new(clock.clone()),
            metrics: Arc::new(|| "up 1\n".to_owned()),
            ready: Arc::new(|| vec![("roles".to_owned(), true, String::new())]),
            manual_heal: Arc::new(Binary),
            run_factory: Arc::new(Binary),
        };
        let router = api::router(deps, config()).await.expect("the router is built");
        Self {
            router,
            clock,
            people,
            work,
            kept,
            blobs,
            wakes,
            alerts,
            feedback,
            templates,
            graph,
            monitors,
            sources,
            scripts,
            cases,
            policies,
            checks,
            trail,
        }
    }

    /// With one user of each role, named after it.
    pub(crate) async fn new() -> Self {
        let app = Self::empty().await;
        let token = api::setup::ensure_token(app.people.as_ref(), &app.clock).await.unwrap().expect("no user yet");
        let body = json!({"token": token, "username": "admin", "password": PASSWORD});
        let made = app.send("POST", "/api/v1/setup", None, Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let password_hash = domain::ports::UserStore::user_by_name(app.people.as_ref(), "admin").await;
        let admin = password_hash.unwrap().expect("the admin was made");
        for (name, role) in ROLES.into_iter().filter(|(name, _)| *name != "admin") {
            app.people.add(User { id: new_id(), username: name.to_owned(), role, ..admin.clone() });
        }
        app
    }

    /// An access token of the user.
    pub(crate) async fn token(&self, user: &str) -> String {
        self.login(user).await["access_token"].as_str().unwrap().to_owned()
    }

    /// The tokens of a new login.
    pub(crate) async fn login(&self, user: &str) -> Value {
        let body = json!({"username": user, "password": PASSWORD});
        let answer = self.send("POST", "/api/v1/session", None, Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.raw(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, 10 << 20).await.expect("the body can be read");
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        self.call(request(method, path, token, &[], body)).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        self.call(request(method, path, Some(token), headers, body)).await
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// An open incident.
    pub(crate) fn incident(&self, title: &str) -> Incident {
        let now = self.clock.now();
        let incident = Incident {
            id: new_id(),
            version: 1,
            fingerprint: title.to_owned(),
            title: title.to_owned(),
            severity: Severity::Warning,
            state: IncidentState::Open,
            entity: "service=shop".to_owned(),
            entities: Vec::new(),
            started_at: now,
            detected_at: now,
            updated_at: now,
            resolved_at: None,
            soak_until: None,
            causes: Vec::new(),
            attempts: 0,
            reopened: 0,
            acknowledged_by: None,
            trace: TraceContext::random(),
        };
        self.work.incidents.lock().unwrap().push(incident.clone());
        incident
    }
}

/// A request from a fixed address; a body is sent as JSON.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Request<Body> {
    let mut builder = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if let Some(token) = token {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        builder = builder.header("content-type", "application/json");
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut request = builder.body(body).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 1234))));
    request
}
