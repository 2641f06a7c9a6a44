//! Live events of all incidents and state changes of runs, as server-sent events that can be resumed.

use crate::auth::extract::{Caller, Session};
use crate::error::{ApiError, ApiResult};
use crate::paging::Params;
use crate::serve::Closing;
use crate::state::AppState;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::page::PageRequest;
use domain::ports::{RunFilter, Topic};
use domain::run::RunState;
use domain::{Id, Kind, Result, new_id};
use serde::Serialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

/// Streams of one user at a time.
const PER_USER: usize = 32;
/// Streams at a time.
const IN_ALL: usize = 2_000;
/// Longest time between two looks when no wake comes.
const TICK: Duration = Duration::from_secs(1);
/// Rounds between two looks at runs when no wake comes.
const RUNS_EVERY: u32 = 5;
/// Rows read at once.
pub(crate) const BATCH: u32 = 200;

/// Counts open streams.
#[derive(Default)]
pub(crate) struct Seats(Arc<Mutex<HashMap<Id, usize>>>);

/// An open stream's place; given back when dropped.
pub(crate) struct Seat(Arc<Mutex<HashMap<Id, usize>>>, Id);

impl Seats {
    fn take(&self, user: Id) -> ApiResult<Seat> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.values().sum::<usize>() >= IN_ALL || all.get(&user).is_some_and(|n| *n >= PER_USER) {
            return Err(ApiError::new(Kind::TooMany, "too many open streams: close some"));
        }
        *all.entry(user).or_default() += 1;
        Ok(Seat(Arc::clone(&self.0), user))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = all.get_mut(&self.1) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                all.remove(&self.1);
            }
        }
    }
}

/// The sending end of a stream.
pub(crate) struct Line {
    to: Sender<Result<Event, Infallible>>,
    app: AppState,
    session: Session,
    closing: Closing,
    checked: Instant,
    _seat: Seat,
}

impl Line {
    /// Opens a stream that `feed` writes to; the answer is what the caller reads.
    pub(crate) fn open<F, W>(
        app: &AppState,
        caller: Caller,
        closing: Option<Extension<Closing>>,
        feed: F,
    ) -> ApiResult<Response>
    where
        F: FnOnce(Self) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        let seat = app.seats.take(caller.session.user)?;
        let (to, from) = channel(64);
        let closing = closing.map(|c| c.0).unwrap_or_default();
        let line =
            Self { to, app: app.clone(), session: caller.session, closing, checked: Instant::now(), _seat: seat };
        tokio::spawn(feed(line));
        let alive = KeepAlive::new().interval(Duration::from_secs(15)).text("alive");
        Ok(Sse::new(ReceiverStream::new(from)).keep_alive(alive).into_response())
    }

    /// Sends one event; false when nobody listens any more.
    pub(crate) async fn send<T: Serialize>(&self, id: Option<String>, name: &str, data: &T) -> bool {
        let event = Event::default().event(name);
        let event = if let Some(id) = id { event.id(id) } else { event };
        let Ok(event) = event.json_data(data) else { return false };
        tokio::select! {
            sent = self.to.send(Ok(event)) => sent.is_ok(),
            () = self.closing.0.cancelled() => false,
        }
    }

    /// Waits for the next wake of `listener`; false when the stream must end: nobody listens, the process stops, or
    /// the session is over.
    pub(crate) async fn wait(&mut self, listener: &mut dyn domain::ports::WakeListener) -> bool {
        tokio::select! {
            () = listener.wait(TICK) => {}
            () = self.to.closed() => return false,
            () = self.closing.0.cancelled() => return false,
        }
        if self.checked.elapsed() < self.app.config.session_check {
            return true;
        }
        self.checked = Instant::now();
        // A database that does not answer ends the stream too; the client comes back.
        matches!(self.session.renewed(&self.app).await, Ok(Some(_)))
    }
}

/// What the caller has seen last: the header that browsers send, or `?after=`.
pub(crate) fn resume(headers: &HeaderMap, params: &mut Params) -> ApiResult<Option<String>> {
    params.text("ticket")?;
    let after = params.text("after")?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    Ok(last.filter(|text| !text.is_empty()).or(after))
}

/// A run's new state.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RunChange {
    /// The run.
    id: Uuid,
    /// Its state.
    state: RunState,
}

/// Live events: `incident` (an IncidentEvent, its id is the resume cursor) and `run` (id and state, not resumed).
#[utoipa::path(get, path = "/api/v1/stream", tag = "live", operation_id = "stream_events",
    params(("ticket" = Option<String>, Query), ("after" = Option<Uuid>, Query, description = "resume after this event"),
        ("Last-Event-ID" = Option<Uuid>, Header)),
    responses((status = 200, body = RunChange, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(app): State<AppState>,
    caller: Caller,
    closing: Option<Extension<Closing>>,
    headers: HeaderMap,
    mut params: Params,
) -> ApiResult<Response> {
    let after = resume(&headers, &mut params)?;
    params.done()?;
    let after = match after {
        // A fresh id stands for now: everything that is stored later comes after it.
        None => new_id(),
        Some(text) => text.parse().map_err(|_| ApiError::field("after", "give the id of an event"))?,
    };
    Line::open(&app, caller, closing, |line| feed(line, after))
}

async fn feed(mut line: Line, mut after: Id) {
    let app = line.app.clone();
    let mut incidents = app.deps.wake.listen(Topic::Incidents);
    let mut runs = app.deps.wake.listen(Topic::Runs);
    let mut known: Option<HashMap<Id, RunState>> = None;
    let mut rounds = 0_u32;
    let mut woken = true;
    loop {
        let Ok(next) = send_events(&line, after).await else { return };
        after = next;
        // Runs are many rows: looked at when one changed, and now and then in case that wake was lost.
        if woken || rounds.is_multiple_of(RUNS_EVERY) {
            let Ok(states) = send_runs(&line, known.take()).await else { return };
            known = Some(states);
        }
        let mut either = Either { incidents: incidents.as_mut(), runs: runs.as_mut(), woken: false };
        if !line.wait(&mut either).await {
            return;
        }
        (woken, rounds) = (either.woken, rounds.wrapping_add(1));
    }
}

/// The stream is over.
struct Over;

impl From<domain::Error> for Over {
    fn from(error: domain::Error) -> Self {
        tracing::warn!(%error, "a stream ended because the database did not answer");
        Self
    }
}

async fn send_events(line: &Line, mut after: Id) -> Result<Id, Over> {
    loop {
        let events = line.app.deps.incidents.events_since(Some(after), BATCH).await?;
        let full = events.len() as u32 >= BATCH;
        for event in events {
            after = event.id;
            if !line.send(Some(event.id.to_string()), "incident", &event).await {
                return Err(Over);
            }
        }
        if !full {
            return Ok(after);
        }
    }
}

/// Sends runs whose state changed among the newest ones; the first look only takes note.
async fn send_runs(line: &Line, known: Option<HashMap<Id, RunState>>) -> Result<HashMap<Id, RunState>, Over> {
    let page = PageRequest { limit: 100, cursor: None };
    let newest = line.app.deps.runs.list_runs(&RunFilter::default(), &page).await?;
    for run in newest.items.iter().rev() {
        let changed = known.as_ref().is_some_and(|k| k.get(&run.id) != Some(&run.state));
        if changed && !line.send(None, "run", &RunChange { id: run.id, state: run.state }).await {
            return Err(Over);
        }
    }
    Ok(newest.items.into_iter().map(|run| (run.id, run.state)).collect())
}

/// Hears two topics.
#[derive(Debug)]
struct Either<'a> {
    incidents: &'a mut dyn domain::ports::WakeListener,
    runs: &'a mut dyn domain::ports::WakeListener,
    /// Whether it was the second.
    woken: bool,
}

#[async_trait::async_trait]
impl domain::ports::WakeListener for Either<'_> {
    async fn wait(&mut self, tick: Duration) {
        tokio::select! {
            () = self.incidents.wait(tick) => {}
            // A longer tick, so that only a wake ends it.
            () = self.runs.wait(tick * 60) => self.woken = true,
        }
    }
}
