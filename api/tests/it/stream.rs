//! Server-sent events: resume without loss or double, tickets, the end of a session, the end of the process.

use crate::harness::{App, request};
use axum::body::BodyDataStream;
use domain::clock::from_millis;
use domain::incident::{Actor, EventKind, IncidentEvent};
use domain::ports::{RunLogs, RunStore, Topic, Wake};
use domain::run::{LogRecord, Run, RunEnd, RunState, Stream};
use domain::{Id, new_id};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest wait for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

struct Reader {
    body: BodyDataStream,
    text: String,
}

impl Reader {
    async fn open(app: &App, path: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Self {
        let response = app.raw(request("GET", path, token, headers, None)).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().get("content-encoding").is_none());
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` when the stream ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
                };
                let (id, name, data) = (field("id"), field("event"), field("data"));
                self.text = rest.to_owned();
                if !name.is_empty() {
                    return Some(Event { id, name, data: serde_json::from_str(&data).unwrap() });
                }
                continue;
            }
            let chunk = tokio::time::timeout(DEADLINE, self.body.next()).await.expect("the stream goes on or ends");
            self.text.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}

fn event(app: &App, message: &str) -> Id {
    let event = IncidentEvent::new(new_id(), from_millis(0), EventKind::Comment, Actor::system("test"), message);
    let id = event.id;
    app.work.events.lock().unwrap().push(event);
    app.wakes.wake(Topic::Incidents);
    id
}

fn queued(app: &App) -> Run {
    let run = crate::fake_live::run("ann", std::collections::BTreeMap::new());
    app.work.runs.lock().unwrap().push(run.clone());
    run
}

async fn log(app: &App, run: Id, seq: i64) {
    let line = LogRecord { seq, at: from_millis(seq), stream: Stream::Stdout, text: format!("line {seq}\u{1b}[31m") };
    app.kept.append(run, 1, &[line]).await.unwrap();
    app.wakes.wake(Topic::RunLogs);
}

async fn ticket(app: &App, user: &str, scope: &str) -> String {
    let token = app.token(user).await;
    let answer = app.send("POST", "/api/v1/stream-tickets", Some(&token), Some(json!({"scope": scope}))).await;
    assert_eq!(answer.json()["expires_in"], 30);
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn events_come_live_and_a_reader_resumes_where_it_was() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    event(&app, "before");
    let mut live = Reader::open(&app, "/api/v1/stream", Some(&token), &[]).await;
    let mut ids = Vec::new();
    for n in 0..450 {
        ids.push(event(&app, &n.to_string()).to_string());
    }
    for id in &ids[..300] {
        let next = live.next().await.expect("live");
        assert_eq!((next.name.as_str(), &next.id), ("incident", id));
        assert_eq!(next.data["id"], json!(id));
    }
    drop(live);
    let mut again = Reader::open(&app, "/api/v1/stream", Some(&token), &[("last-event-id", &ids[299])]).await;
    for id in &ids[300..] {
        assert_eq!(&again.next().await.expect("resumed").id, id);
    }
    let by_query = format!("/api/v1/stream?after={}", ids[448]);
    let mut third = Reader::open(&app, &by_query, Some(&token), &[]).await;
    assert_eq!(third.next().await.expect("resumed").id, ids[449]);
    let wrong = app.send("GET", "/api/v1/stream?after=7", Some(&token), None).await;
    assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, "after"));
}

#[tokio::test]
async fn changes_of_runs_are_told() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let run = queued(&app);
    let mut live = Reader::open(&app, "/api/v1/stream", Some(&token), &[]).await;
    event(&app, "first");
    assert_eq!(live.next().await.unwrap().name, "incident", "the stream has looked once");
    let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: String::new() };
    app.work.finish(run.id, 1, end, from_millis(1)).await.unwrap();
    app.wakes.wake(Topic::Runs);
    let told = live.next().await.unwrap();
    assert_eq!((told.name.as_str(), told.id.as_str()), ("run", ""));
    assert_eq!(told.data, json!({"id": run.id, "state": "succeeded"}));
}

#[tokio::test]
async fn a_log_is_read_live_to_its_end_and_resumed_by_line() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let run = queued(&app);
    for seq in 1..=3 {
        log(&app, run.id, seq).await;
    }
    let path = format!("/api/v1/runs/{}/logs/stream", run.id);
    let mut live = Reader::open(&app, &path, Some(&token), &[]).await;
    for seq in 1..=3 {
        assert_eq!(live.next().await.unwrap().id, seq.to_string());
    }
    for seq in 4..=700 {
        log(&app, run.id, seq).await;
    }
    let end = RunEnd { state: RunState::Failed, exit_code: Some(2), reason: "no".to_owned() };
    app.work.finish(run.id, 1, end, from_millis(1)).await.unwrap();
    for seq in 4..=700 {
        let next = live.next().await.unwrap();
        assert_eq!((next.name.as_str(), next.id), ("log", seq.to_string()));
    }
    let last = live.next().await.unwrap();
    assert_eq!((last.name.as_str(), last.data["exit_code"].clone()), ("end", json!(2)));
    assert_eq!(live.next().await, None);
    for (headers, query) in [(vec![("last-event-id", "699")], ""), (vec![], "?after=699")] {
        let mut again = Reader::open(&app, &format!("{path}{query}"), Some(&token), &headers).await;
        assert_eq!(again.next().await.unwrap().data["seq"], 700);
        assert_eq!(again.next().await.unwrap().name, "end");
    }
    let page = app.send("GET", &format!("/api/v1/runs/{}/logs?after=698", run.id), Some(&token), None).await.json();
    assert_eq!((page[0]["seq"].clone(), page.as_array().unwrap().len()), (json!(699), 2));
    let file = app.send("GET", &format!("/api/v1/runs/{}/logs.txt", run.id), Some(&token), None).await;
    assert_eq!(file.text.lines().count(), 700);
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"run-"));
    assert!(file.header("content-type").starts_with("text/plain") && !file.text.contains('\u{1b}'));
}

#[tokio::test]
async fn a_ticket_opens_one_stream_once_and_nothing_else() {
    let app = App::new().await;
    let (run, other) = (queued(&app), queued(&app));
    let scope = format!("run:{}", run.id);
    let path = |id: Id, ticket: &str| format!("/api/v1/runs/{id}/logs/stream?ticket={ticket}");
    let status = |path: String| {
        let app = &app;
        async move { app.raw(request("GET", &path, None, &[], None)).await.status().as_u16() }
    };
    let one = ticket(&app, "viewer", &scope).await;
    assert_eq!(status(path(run.id, &one)).await, 200);
    assert_eq!(status(path(run.id, &one)).await, 401, "second use");
    assert_eq!(status(path(other.id, &ticket(&app, "viewer", &scope).await)).await, 401, "another run");
    assert_eq!(
        status(format!("/api/v1/stream?ticket={}", ticket(&app, "viewer", &scope).await)).await,
        401,
        "another stream"
    );
    assert_eq!(
        status(format!("/api/v1/me?ticket={}", ticket(&app, "viewer", "events").await)).await,
        401,
        "not a stream"
    );
    let late = ticket(&app, "viewer", "events").await;
    app.later(31);
    assert_eq!(status(format!("/api/v1/stream?ticket={late}")).await, 401, "31 s later");
    assert_eq!(status(format!("/api/v1/stream?ticket={}", ticket(&app, "viewer", "events").await)).await, 200);
    let token = app.token("viewer").await;
    for (scope, status) in [("all", 400), ("run:x", 400), ("run:", 400), (&format!("run:{}", new_id()), 404)] {
        let answer = app.send("POST", "/api/v1/stream-tickets", Some(&token), Some(json!({"scope": scope}))).await;
        assert_eq!(answer.status.as_u16(), status, "{scope}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let app = App::new().await;
    let tokens = app.login("viewer").await;
    let token = tokens["access_token"].as_str();
    let mut by_token = Reader::open(&app, "/api/v1/stream", token, &[]).await;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    assert_eq!(app.send("DELETE", "/api/v1/session", token, Some(body)).await.status, 204);
    by_token.ends().await;

    let (admin, run) = (app.token("admin").await, queued(&app));
    let ticket = ticket(&app, "operator", &format!("run:{}", run.id)).await;
    let mut by_ticket =
        Reader::open(&app, &format!("/api/v1/runs/{}/logs/stream?ticket={ticket}", run.id), None, &[]).await;
    let id = app.login("operator").await["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.send("DELETE", &format!("/api/v1/users/{id}"), Some(&admin), None).await.status, 200);
    by_ticket.ends().await;
}

#[tokio::test]
async fn too_many_streams_of_one_user_are_refused_and_closing_frees_them() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Reader::open(&app, "/api/v1/stream", Some(&token), &[]).await);
    }
    let full = app.send("GET", "/api/v1/stream", Some(&token), None).await;
    assert_eq!((full.status.as_u16(), full.json()["code"].clone()), (429, json!("too_many")));
    drop(open);
    let freed = async {
        while app.raw(request("GET", "/api/v1/stream", Some(&token), &[], None)).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, freed).await.expect("places are given back");
}

#[tokio::test]
async fn the_server_stops_with_a_stream_open() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let server = tokio::spawn(api::serve(listener, app.router.clone(), stop.clone()));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("GET /api/v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.unwrap();
    event(&app, "x");
    let mut seen = Vec::new();
    let mut buffer = [0; 4_096];
    while !String::from_utf8_lossy(&seen).contains("200 OK") {
        let read = tokio::io::AsyncReadExt::read(&mut socket, &mut buffer);
        let n = tokio::time::timeout(DEADLINE, read).await.expect("an answer").unwrap();
        seen.extend_from_slice(&buffer[..n]);
    }
    stop.cancel();
    let ended = tokio::time::timeout(DEADLINE, server).await.expect("the server stops").unwrap();
    assert!(ended.is_ok(), "{ended:?}");
}
