//! Ports towards the database, one per concern. Every write that belongs together is one call and one transaction.

use crate::anomaly::{Anomaly, AnomalyFilter, ChartPoint};
use crate::decision::{Decision, Evaluate, Plan};
use crate::error::Result;
use crate::identity::{Audit, AuditRow, RefreshToken, Role, Rotation, User};
use crate::incident::{Incident, IncidentEvent, IncidentState, Severity};
use crate::outbox::Notification;
use crate::page::{Page, PageRequest};
use crate::policy::Policy;
use crate::resource::{Draft, Resource, ResourceFilter, Spec};
use crate::run::{Run, RunEnd, RunPurpose, RunState};
use crate::status::{Status, StatusOf};
use crate::verification::{CheckSample, Verdict, Verification};
use crate::{Id, Time};
use async_trait::async_trait;
use std::time::Duration;

/// Editable objects of one kind.
#[async_trait]
pub trait CatalogStore<T: Spec>: Send + Sync {
    /// One page, newest first.
    async fn list(&self, filter: &ResourceFilter, page: &PageRequest) -> Result<Page<Resource<T>>>;
    /// All living objects, by name; for stages that work on all of them.
    async fn all(&self) -> Result<Vec<Resource<T>>>;
    /// One object, archived or not.
    async fn get(&self, id: Id) -> Result<Resource<T>>;
    /// The living object with this name.
    async fn by_name(&self, name: &str) -> Result<Option<Resource<T>>>;
    /// Stores a new object. `Conflict` when a living one has the name.
    async fn create(&self, draft: Draft<T>, audit: Audit) -> Result<Resource<T>>;
    /// Replaces name, tags and specification. `Conflict` when `version` is not the stored one.
    async fn update(&self, id: Id, version: i64, draft: Draft<T>, audit: Audit) -> Result<Resource<T>>;
    /// Archives it. `Conflict` when `version` is not the stored one, or when living objects refer to it.
    async fn archive(&self, id: Id, version: i64, audit: Audit) -> Result<Resource<T>>;
}

/// Live states of components.
#[async_trait]
pub trait StatusStore: Send + Sync {
    /// Writes the state; `ok_at` is kept from before unless the new one has it.
    async fn put_status(&self, status: Status) -> Result<()>;
    /// The state of one component.
    async fn status(&self, of: StatusOf, id: Id) -> Result<Option<Status>>;
    /// All states of one kind.
    async fn statuses(&self, of: StatusOf) -> Result<Vec<Status>>;
}

/// Memory of one detector, for restart.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRow {
    /// The monitor.
    pub monitor_id: Id,
    /// Series, template miner or entity key.
    pub key: String,
    /// Time of the last row that went in.
    pub as_of: Time,
    /// Versioned JSON.
    pub state: serde_json::Value,
}

/// What the analyzer wants done to incidents.
#[derive(Debug, Clone, PartialEq)]
pub enum IncidentWrite {
    /// A new incident. When an active one has the fingerprint, the anomalies join that one instead.
    Open {
        /// The incident, in state `open`.
        incident: Box<Incident>,
        /// Its first events.
        events: Vec<IncidentEvent>,
    },
    /// More anomalies, another rank, another severity; the state is not touched.
    Update {
        /// The incident.
        id: Id,
        /// New severity; never lowered.
        severity: Severity,
        /// Best entity.
        entity: String,
        /// Entities with anomalies.
        entities: Vec<String>,
        /// Ranked causes.
        causes: Vec<crate::incident::Cause>,
        /// Events.
        events: Vec<IncidentEvent>,
    },
    /// All its anomalies closed and nobody acts on it: resolved by itself. Ignored in `healing` and `verifying`.
    ResolveNatural {
        /// The incident.
        id: Id,
        /// When.
        at: Time,
        /// The event.
        event: IncidentEvent,
    },
    /// It came back within the soak: open again. Ignored unless `resolved`.
    Reopen {
        /// The incident.
        id: Id,
        /// When.
        at: Time,
        /// The event.
        event: IncidentEvent,
    },
}

/// Everything one analyzer tick writes, in one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnalyzerCommit {
    /// Detector memories that changed.
    pub states: Vec<StateRow>,
    /// Anomalies, new or changed (by id).
    pub anomalies: Vec<Anomaly>,
    /// Chart rows by anomaly; a second row of the same time replaces the first.
    pub points: Vec<(Id, Vec<ChartPoint>)>,
    /// Incidents; written before the anomalies that name them.
    pub incidents: Vec<IncidentWrite>,
}

/// What the analyzer reads and writes.
#[async_trait]
pub trait AnalyzerStore: Send + Sync {
    /// Writes one tick. Returns, for every `Open` that met an active incident, (proposed id, id it became);
    /// anomalies that named the proposed id were stored under the other one.
    async fn commit(&self, commit: AnalyzerCommit) -> Result<Vec<(Id, Id)>>;
    /// Detector memories of a monitor.
    async fn states(&self, monitor_id: Id) -> Result<Vec<StateRow>>;
    /// Anomalies that are open, and the closed ones of active incidents.
    async fn live_anomalies(&self) -> Result<Vec<Anomaly>>;
    /// Incidents that are active, and those resolved, or with a soak that ended, after `since`.
    async fn recent_incidents(&self, since: Time) -> Result<Vec<Incident>>;
    /// End of what was polled, per monitor.
    async fn checkpoint(&self, monitor_id: Id) -> Result<Option<Time>>;
    /// Moves that end forward; never back.
    async fn set_checkpoint(&self, monitor_id: Id, to: Time) -> Result<()>;
}

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// In one of these states; empty: any.
    pub states: Vec<IncidentState>,
    /// At least so bad.
    pub min_severity: Option<Severity>,
    /// Part of title or entity.
    pub search: Option<String>,
}

/// Incidents as people see and change them.
#[async_trait]
pub trait IncidentStore: Send + Sync {
    /// One page, newest first.
    async fn list_incidents(&self, filter: &IncidentFilter, page: &PageRequest) -> Result<Page<Incident>>;
    /// One incident.
    async fn incident(&self, id: Id) -> Result<Incident>;
    /// Its timeline after `after`, oldest first.
    async fn events(&self, id: Id, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>>;
    /// Events of all incidents after `after`, oldest first; for live streams.
    async fn events_since(&self, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>>;
    /// Its anomalies, by start.
    async fn anomalies_of(&self, id: Id) -> Result<Vec<Anomaly>>;
    /// One page of anomalies, newest first.
    async fn list_anomalies(&self, filter: &AnomalyFilter, page: &PageRequest) -> Result<Page<Anomaly>>;
    /// Chart rows of an anomaly, by time.
    async fn chart(&self, anomaly_id: Id) -> Result<Vec<ChartPoint>>;
    /// A person's change: the state moves along the automaton, the event is stored, audited.
    /// `Conflict` when `version` is old or the automaton has no such edge.
    async fn transition(
        &self,
        id: Id,
        version: i64,
        to: IncidentState,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident>;
    /// A remark, without a change of state.
    async fn comment(&self, event: IncidentEvent, audit: Audit) -> Result<()>;
    /// Number of incidents by state, and the medians (milliseconds) of time to detect and time to resolve since `since`.
    async fn summary(&self, since: Time) -> Result<serde_json::Value>;
}

/// What the healer reads and writes.
#[async_trait]
pub trait HealStore: Send + Sync {
    /// Incidents in `open` or `acknowledged` that no decision holds back now (no decision yet, its `retry_at` has
    /// passed, or the incident changed since), oldest first.
    async fn undecided(&self, now: Time, limit: u32) -> Result<Vec<Incident>>;
    /// Decides in one transaction: reads the facts, calls `evaluate`, stores the decision with its gates, and for
    /// `run` reserves (constraint: one active heal per target), enqueues, moves the incident to `healing` and writes
    /// the events; for `escalate` moves it to `escalated` and writes notifications.
    /// `None` when the incident is no longer in a state to decide on.
    async fn decide(&self, incident_id: Id, policy: &Policy, evaluate: &Evaluate<'_>) -> Result<Option<Plan>>;
    /// Stores a decision that no policy made (none matched); repeated ones with the same reason are stored once.
    async fn record_undecided(&self, decision: Decision) -> Result<()>;
    /// Decisions of an incident, newest first.
    async fn decisions(&self, incident_id: Id) -> Result<Vec<Decision>>;
    /// Writes the baseline of a heal run that is queued, for its verification.
    async fn set_baseline(&self, run_id: Id, baseline: Vec<CheckSample>) -> Result<()>;
    /// Heal runs that ended and have no verification yet: creates one each, moves the incident to `verifying`.
    /// A run that was an undo escalates instead. Returns those created.
    async fn start_verifications(&self, now: Time) -> Result<Vec<Verification>>;
    /// Verifications whose next round is due.
    async fn due_verifications(&self, now: Time, limit: u32) -> Result<Vec<Verification>>;
    /// Stores a round, or the verdict with what follows, in one transaction. `Conflict` when `version` is old.
    async fn step_verification(&self, id: Id, version: i64, step: VerificationStep) -> Result<()>;
    /// Verifications of an incident, oldest first.
    async fn verifications(&self, incident_id: Id) -> Result<Vec<Verification>>;
}

/// One step of a verification.
#[derive(Debug, Clone, PartialEq)]
pub enum VerificationStep {
    /// One more round; no verdict yet.
    Round {
        /// The samples.
        samples: Vec<CheckSample>,
        /// When the next is due.
        next_at: Time,
        /// Event, when the outcome changed.
        event: Option<IncidentEvent>,
    },
    /// The verdict, and where the incident goes.
    Verdict {
        /// The last samples.
        samples: Vec<CheckSample>,
        /// The verdict.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// When.
        at: Time,
        /// End of the soak, for `fixed`.
        soak_until: Option<Time>,
        /// State of the incident after it: `resolved`, `open` (next step), `healing` (undo) or `escalated`.
        to: IncidentState,
        /// Undo run to enqueue.
        undo: Option<Box<Run>>,
        /// Events.
        events: Vec<IncidentEvent>,
    },
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// In one of these states; empty: any.
    pub states: Vec<RunState>,
    /// Of this case.
    pub case_id: Option<Id>,
    /// For this incident.
    pub incident_id: Option<Id>,
    /// On this runtime manager.
    pub manager_id: Option<Id>,
    /// Of this request.
    pub batch_id: Option<Id>,
    /// Of this schedule.
    pub schedule_id: Option<Id>,
    /// For one of these purposes; empty: any.
    pub purposes: Vec<RunPurpose>,
    /// On this target.
    pub target: Option<String>,
    /// Part of the case's name, the target, who asked or the reason of its end, whatever the letter case.
    pub search: Option<String>,
    /// Queued at or after this time.
    pub since: Option<Time>,
    /// Queued before this time.
    pub until: Option<Time>,
    /// Exactly who asked.
    pub requested_by: Option<String>,
    /// Of cases that carry this tag now.
    pub tag: Option<String>,
}

/// A claimed run: what to run and under which epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The run, already `leased` with the new epoch.
    pub run: Run,
    /// Whether an earlier owner may have started it: attach, do not start (unless the runtime knows nothing of it and
    /// the mode allows).
    pub recovered: bool,
}

/// Runs and their queue.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Enqueues a manual or scheduled run. `Conflict` when its id, or its planned time of its schedule, has a run.
    async fn enqueue(&self, run: Run, audit: Audit) -> Result<Run>;
    /// Claims one run, as [`super::QueueStore::claim_many`] orders them.
    async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claim>>;
    /// Renews the lease. `Conflict` when the epoch is old: stop at once. Returns whether a cancel is asked for.
    async fn renew(&self, id: Id, epoch: i64, lease: Duration) -> Result<bool>;
    /// Gives the run to the chosen manager while that has room: its capacity, pause and drain are judged in the same
    /// transaction, so no two owners overfill it. `Conflict` when the epoch is old.
    async fn assign(
        &self,
        id: Id,
        epoch: i64,
        manager_id: Id,
        runtime: crate::catalog::RuntimeKind,
        reason: &str,
    ) -> Result<super::Assigned>;
    /// Marks it running. `Conflict` when the epoch is old.
    async fn started(&self, id: Id, epoch: i64, at: Time) -> Result<()>;
    /// Writes the one terminal state; a run that has one is left alone (no error). `Conflict` when the epoch is old.
    async fn finish(&self, id: Id, epoch: i64, end: RunEnd, at: Time) -> Result<()>;
    /// Puts a leased run back because no manager can take it now. `Conflict` when the epoch is old.
    async fn release(&self, id: Id, epoch: i64, reason: &str) -> Result<()>;
    /// Asks for a cancel; a queued run is cancelled at once.
    async fn cancel(&self, id: Id, audit: Audit) -> Result<Run>;
    /// One run.
    async fn run(&self, id: Id) -> Result<Run>;
    /// One page, newest first.
    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>>;
    /// Number of active runs by manager.
    async fn load(&self) -> Result<Vec<(Id, u32)>>;
}

/// Notifications on their way out.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Notifications that are due; each is held for `hold` so that no other dispatcher takes it meanwhile.
    async fn due(&self, now: Time, hold: Duration, limit: u32) -> Result<Vec<Notification>>;
    /// The other side accepted it.
    async fn delivered(&self, id: Id, at: Time) -> Result<()>;
    /// A try failed: again at `next_at`, or dead.
    async fn failed(&self, id: Id, error: &str, next_at: Option<Time>) -> Result<()>;
    /// Notifications of an incident, oldest first.
    async fn notifications(&self, incident_id: Id) -> Result<Vec<Notification>>;
}

/// Users and sessions.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Whether any user exists.
    async fn any_user(&self) -> Result<bool>;
    /// Stores the hash of the one-time setup token, replacing an older one.
    async fn put_setup_token(&self, hash: &str, expires_at: Time) -> Result<()>;
    /// Creates the first admin if the token's hash fits, has not expired, and no user exists; the token is used up.
    async fn complete_setup(&self, token_hash: &str, user: User, now: Time, audit: Audit) -> Result<()>;
    /// Creates a user. `Conflict` when the name is taken.
    async fn create_user(&self, user: User, audit: Audit) -> Result<()>;
    /// The user with this login name.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>>;
    /// The user with this id.
    async fn user(&self, id: Id) -> Result<Option<User>>;
    /// Every user, by login name.
    async fn list_users(&self) -> Result<Vec<User>>;
    /// Changes role, access and (when given) the password, voids every token the user has, audited. `Conflict` when no
    /// enabled admin would be left.
    async fn update_user(
        &self,
        id: Id,
        role: Role,
        disabled: bool,
        password_hash: Option<String>,
        now: Time,
        audit: Audit,
    ) -> Result<User>;
    /// Whether the login with this token family goes on: one of its tokens can still be traded.
    async fn session_active(&self, family: Id, now: Time) -> Result<bool>;
    /// Counts a failed login; returns the failures of this key in the last 15 minutes.
    async fn login_failed(&self, key: &str, now: Time) -> Result<u32>;
    /// Failures of this key in the last 15 minutes.
    async fn login_failures(&self, key: &str, now: Time) -> Result<u32>;
    /// Stores a refresh token of a new login.
    async fn put_refresh(&self, token: RefreshToken) -> Result<()>;
    /// Trades the token with this hash for `next` (whose family and user are filled in).
    async fn rotate_refresh(&self, hash: &str, next: RefreshToken, now: Time) -> Result<Rotation>;
    /// Voids the family of the token with this hash (logout).
    async fn revoke_refresh(&self, hash: &str) -> Result<()>;
    /// A small secret of the product itself (signing key); created from `fresh` at the first call.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>>;
}

/// The audit chain.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// One page, newest first.
    async fn list_audit(&self, page: &PageRequest) -> Result<Page<AuditRow>>;
    /// Walks the chain; the number of rows, or the first bad row in the error.
    async fn verify_audit(&self) -> Result<i64>;
}
