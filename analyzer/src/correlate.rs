//! Groups anomalies into incidents: which incident an anomaly joins, opens or brings back. Pure.

mod texts;

use crate::cause::{Topology, rank};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Id;
use domain::alert::group_of;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState};
use domain::change::ChangeEvent;
use domain::incident::{Actor, DEFAULT_SOAK_SECS, EventKind, Incident, IncidentEvent, IncidentState, Severity};
use domain::ports::IncidentWrite;
use domain::signal::SignalKind;
use domain::trace::TraceContext;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use texts::{anomaly_event, beyond_event, cause_event, entities, title};

/// Anomalies that begin within this time of an incident's start may belong to it, wherever they are. The start stays
/// where it is, so incidents do not grow into each other.
const JOIN_WINDOW: TimeDelta = TimeDelta::seconds(150);
/// The same while the incident is acted on: what begins later elsewhere is not what is being repaired.
const ACTING_WINDOW: TimeDelta = TimeDelta::seconds(30);
/// Resolved incidents are looked at for so long after their resolution and after their soak: rows come late.
pub(crate) const LOOK_BACK: TimeDelta = TimeDelta::seconds(DEFAULT_SOAK_SECS);
/// An incident nobody acts on is over when all its anomalies have been closed for so long.
const QUIET: TimeDelta = TimeDelta::seconds(30);
/// What is still seen so long after the resolution was not over. Longer than common windows of rates go on showing it.
const GOING_ON: TimeDelta = TimeDelta::seconds(60);
/// Why an incident of alerts alone is over.
const TOLD_OVER: &str = "the senders say that every alert is over; nothing of ours measured it";

/// Members of one incident at most; what comes beyond belongs to it and is counted, without a line of its own.
pub(crate) const MAX_MEMBERS: usize = 200;
/// First members, and strongest members, that an incident is known by: what joins is compared with them alone, so that
/// incidents do not grow from neighbour to neighbour.
const CORE: usize = 3;

/// An anomaly that just opened or closed, with what its monitor says about it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) anomaly: Anomaly,
    pub(crate) severity: Severity,
}

/// Anomalies by incident, and what is known of the service graph.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    members: HashMap<Id, Vec<Anomaly>>,
    topology: Topology,
    changes: Vec<ChangeEvent>,
}

impl Correlator {
    /// Takes over the anomalies of before a restart, those of active incidents also when they are closed: an incident
    /// is over, and its causes are ranked, by all of its members.
    pub(crate) fn adopt(&mut self, anomalies: &[Anomaly]) {
        for anomaly in anomalies {
            if let Some(incident) = anomaly.incident_id {
                self.members.entry(incident).or_default().push(anomaly.clone());
            }
        }
    }

    /// Another service graph.
    pub(crate) fn set_topology(&mut self, topology: Topology) {
        self.topology = topology;
    }

    /// Other changes that may be evidence.
    pub(crate) fn set_changes(&mut self, changes: Vec<ChangeEvent>) {
        self.changes = changes;
    }

    /// Finds the place of each change. Opened anomalies get their `incident_id`.
    ///
    /// `incidents`: all active ones and those whose soak is not long over, as stored now.
    pub(crate) fn place(
        &mut self,
        changes: &mut [Change],
        incidents: &[Incident],
        trace: &TraceContext,
        now: DateTime<Utc>,
    ) -> Vec<IncidentWrite> {
        self.members.retain(|id, _| incidents.iter().any(|i| i.id == *id));
        let mut opened: Vec<Incident> = Vec::new();
        let mut writes = Vec::new();
        let mut touched: BTreeSet<Id> = BTreeSet::new();
        let mut events: HashMap<Id, Vec<IncidentEvent>> = HashMap::new();
        let mut severities: HashMap<Id, Severity> = HashMap::new();
        let mut beyond: HashMap<Id, usize> = HashMap::new();
        for change in changes.iter_mut() {
            let known = change.anomaly.incident_id.or_else(|| self.home(&change.anomaly, incidents, &opened));
            // Metrics that are unusual together support an incident; by themselves they are shown, and call nobody.
            if known.is_none() && change.anomaly.kind == AnomalyKind::Entity {
                continue;
            }
            let id = known.unwrap_or_else(|| {
                let incident = new_incident(change, trace, now);
                let id = incident.id;
                opened.push(incident);
                id
            });
            change.anomaly.incident_id = Some(id);
            let severity = severities.entry(id).or_default();
            *severity = (*severity).max(change.severity);
            if let Some(write) = reopen(incidents, id, &change.anomaly, now) {
                writes.push(write);
            }
            if self.full(id, change.anomaly.id) {
                *beyond.entry(id).or_default() += 1;
                touched.insert(id);
                continue;
            }
            events.entry(id).or_default().push(anomaly_event(id, &change.anomaly, now));
            self.remember(id, &change.anomaly);
            touched.insert(id);
        }
        for id in touched {
            let mut notes = events.remove(&id).unwrap_or_default();
            notes.extend(beyond.get(&id).map(|n| beyond_event(id, *n, now)));
            let members = self.members.get(&id).map(Vec::as_slice).unwrap_or_default();
            let severity = severities.get(&id).copied().unwrap_or_default();
            if let Some(incident) = opened.iter().find(|i| i.id == id) {
                writes.push(open(incident.clone(), members, severity, notes, (&self.topology, &self.changes), now));
            } else if let Some(stored) = incidents.iter().find(|i| i.id == id) {
                writes.push(update(stored, members, severity, notes, (&self.topology, &self.changes), now));
            }
        }
        writes
    }

    /// Incidents that got well by themselves.
    pub(crate) fn natural_recoveries(&self, incidents: &[Incident], now: DateTime<Utc>) -> Vec<IncidentWrite> {
        incidents
            .iter()
            .filter(|i| matches!(i.state, IncidentState::Open | IncidentState::Acknowledged | IncidentState::Escalated))
            .filter_map(|incident| {
                let members = self.members.get(&incident.id)?;
                let last = members.iter().map(|a| a.ended_at).collect::<Option<Vec<_>>>()?.into_iter().max()?;
                (now - last >= QUIET).then(|| {
                    let told = members.iter().all(|a| a.kind == AnomalyKind::Alert);
                    let text = if told { TOLD_OVER } else { "every anomaly closed without an action of ours" };
                    let actor = Actor::system("analyzer");
                    let event = IncidentEvent::new(incident.id, now, EventKind::Resolved, actor, text);
                    IncidentWrite::ResolveNatural { id: incident.id, at: now, event }
                })
            })
            .collect()
    }

    /// Resolved incidents of which an anomaly goes on all the same: it never closed, so it cannot open again.
    pub(crate) fn relapses(&self, incidents: &[Incident], now: DateTime<Utc>) -> Vec<IncidentWrite> {
        let resolved = incidents.iter().filter(|i| i.state == IncidentState::Resolved && !replaced(incidents, i));
        resolved
            .filter_map(|incident| {
                let since = incident.resolved_at? + GOING_ON;
                let mut open = self.members.get(&incident.id)?.iter().filter(|a| a.state == AnomalyState::Open);
                let going_on = open.find(|a| a.last_seen_at > since)?;
                let text = format!("still going on: {}", going_on.evidence.en);
                let event = IncidentEvent::new(incident.id, now, EventKind::Reopened, Actor::system("analyzer"), text)
                    .with(json!({ "zh": format!("仍在持续：{}", going_on.evidence.zh) }));
                Some(IncidentWrite::Reopen { id: incident.id, at: now, event })
            })
            .collect()
    }

    /// Takes in a member that goes on.
    pub(crate) fn follow(&mut self, anomaly: &Anomaly) {
        let members = anomaly.incident_id.and_then(|id| self.members.get_mut(&id));
        if let Some(known) = members.and_then(|m| m.iter_mut().find(|a| a.id == anomaly.id)) {
            *known = anomaly.clone();
        }
    }

    /// Whether the anomaly is a member that is kept.
    pub(crate) fn has(&self, incident: Id, anomaly: Id) -> bool {
        self.members.get(&incident).is_some_and(|members| members.iter().any(|a| a.id == anomaly))
    }

    /// Whether the incident has all the members that it may have, and the anomaly is none of them.
    fn full(&self, incident: Id, anomaly: Id) -> bool {
        self.members.get(&incident).is_some_and(|m| m.len() >= MAX_MEMBERS) && !self.has(incident, anomaly)
    }

    /// A person put the member elsewhere; the member as it is now, when it is known.
    pub(crate) fn moved(&mut self, anomaly: Id, to: Id) -> Option<Anomaly> {
        let taken = self.members.values_mut().find_map(|members| {
            let at = members.iter().position(|a| a.id == anomaly)?;
            Some(members.swap_remove(at))
        });
        let moved = Anomaly { incident_id: Some(to), ..taken? };
        self.remember(to, &moved);
        Some(moved)
    }

    /// Entities of the first and the strongest members; all entities of an incident whose members are not known here.
    fn core<'a>(&'a self, incident: &'a Incident) -> Vec<&'a str> {
        let Some(members) = self.members.get(&incident.id).filter(|m| !m.is_empty()) else {
            return incident.entities.iter().map(String::as_str).collect();
        };
        let mut first: Vec<&Anomaly> = members.iter().collect();
        let mut strongest = first.clone();
        first.sort_by_key(|a| a.started_at);
        strongest.sort_by(|a, b| b.score.total_cmp(&a.score));
        first.into_iter().take(CORE).chain(strongest.into_iter().take(CORE)).map(|a| a.entity.as_str()).collect()
    }

    /// Whether an alert of the same group at the same sender is a member.
    fn grouped(&self, incident: &Incident, group: &str) -> bool {
        let members = self.members.get(&incident.id).into_iter().flatten();
        members.into_iter().any(|a| group_of(&a.series_key) == Some(group))
    }

    fn remember(&mut self, id: Id, anomaly: &Anomaly) {
        let members = self.members.entry(id).or_default();
        match members.iter_mut().find(|a| a.id == anomaly.id) {
            Some(known) => *known = anomaly.clone(),
            None => members.push(anomaly.clone()),
        }
    }

    /// The stored incident became another one: an active one had its fingerprint.
    pub(crate) fn redirect(&mut self, from: Id, to: Id) {
        if let Some(mut moved) = self.members.remove(&from) {
            moved.iter_mut().for_each(|a| a.incident_id = Some(to));
            self.members.entry(to).or_default().append(&mut moved);
        }
    }

    /// When what is wrong now began: the first of the anomalies that are open; a relapse is a new beginning.
    fn episode_start(&self, incident: &Incident) -> DateTime<Utc> {
        let members = self.members.get(&incident.id).into_iter().flatten();
        let open = members.filter(|a| a.state == AnomalyState::Open).map(|a| a.started_at).min();
        open.map_or(incident.started_at, |at| at.max(incident.started_at))
    }

    /// The incident that a new anomaly belongs to.
    fn home(&self, anomaly: &Anomaly, incidents: &[Incident], opened: &[Incident]) -> Option<Id> {
        let group = group_of(&anomaly.series_key);
        let after = |i: &Incident| (anomaly.started_at - self.episode_start(i)).abs();
        let acting = |i: &Incident| matches!(i.state, IncidentState::Healing | IncidentState::Verifying);
        // What a person has in hand already takes up its own kind of trouble, and what is being repaired takes up what
        // its target shows; another trouble, later, is another incident.
        let same = |i: &Incident| {
            let escalated = i.state == IncidentState::Escalated
                && i.fingerprint != fingerprint(&anomaly.entity, anomaly.signal)
                && after(i) > JOIN_WINDOW;
            let elsewhere = acting(i) && i.entity != anomaly.entity && after(i) > ACTING_WINDOW;
            !escalated && !elsewhere
        };
        let about = |i: &&Incident| (i.entities.contains(&anomaly.entity) || i.entity == anomaly.entity) && same(i);
        let near = |i: &&Incident| {
            after(i) <= if acting(i) { ACTING_WINDOW } else { JOIN_WINDOW }
                && (self.topology.is_empty()
                    || self.core(i).iter().any(|e| self.topology.linked(e, &anomaly.entity))
                    || group.is_some_and(|g| self.grouped(i, g)))
        };
        let joinable = |i: &&Incident| i.state.is_active() && i.state != IncidentState::Suppressed;
        let all = || incidents.iter().chain(opened);
        all()
            .filter(joinable)
            .find(about)
            .or_else(|| all().filter(joinable).find(near))
            .or_else(|| {
                all().filter(|i| i.state == IncidentState::Resolved && about(i)).find(|i| {
                    i.resolved_at.is_some_and(|at| anomaly.started_at >= at)
                        && i.soak_end().is_some_and(|end| anomaly.started_at <= end)
                        && !replaced(incidents, i)
                })
            })
            .map(|i| i.id)
    }
}

/// Whether an active incident has the fingerprint of the resolved one, so that this one cannot come back.
fn replaced(incidents: &[Incident], resolved: &Incident) -> bool {
    incidents.iter().any(|i| i.state.is_active() && i.id != resolved.id && i.fingerprint == resolved.fingerprint)
}

/// Identity of the trouble: where and what.
pub(crate) fn fingerprint(entity: &str, signal: SignalKind) -> String {
    let signal = serde_json::to_value(signal).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    format!("{entity}|{signal}")
}

fn new_incident(change: &Change, trace: &TraceContext, now: DateTime<Utc>) -> Incident {
    let anomaly = &change.anomaly;
    Incident {
        id: domain::new_id(),
        version: 1,
        fingerprint: fingerprint(&anomaly.entity, anomaly.signal),
        title: String::new(),
        severity: change.severity,
        state: IncidentState::Open,
        entity: anomaly.entity.clone(),
        entities: vec![anomaly.entity.clone()],
        started_at: anomaly.started_at,
        detected_at: now,
        updated_at: now,
        resolved_at: None,
        soak_until: None,
        causes: Vec::new(),
        attempts: 0,
        reopened: 0,
        acknowledged_by: None,
        trace: trace.clone(),
    }
}

fn reopen(incidents: &[Incident], id: Id, anomaly: &Anomaly, now: DateTime<Utc>) -> Option<IncidentWrite> {
    let resolved = incidents.iter().any(|i| i.id == id && i.state == IncidentState::Resolved);
    (resolved && anomaly.state == AnomalyState::Open).then(|| {
        let text = format!("came back within the soak: {}", anomaly.evidence.en);
        let event = IncidentEvent::new(id, now, EventKind::Reopened, Actor::system("analyzer"), text)
            .with(json!({ "zh": format!("观察期内复发：{}", anomaly.evidence.zh) }));
        IncidentWrite::Reopen { id, at: now, event }
    })
}

fn open(
    mut incident: Incident,
    members: &[Anomaly],
    severity: Severity,
    notes: Vec<IncidentEvent>,
    (topology, changes): (&Topology, &[ChangeEvent]),
    now: DateTime<Utc>,
) -> IncidentWrite {
    incident.causes = rank(members, topology, changes);
    if let Some(best) = incident.causes.first() {
        incident.entity.clone_from(&best.entity);
    }
    incident.entities = entities(members);
    incident.severity = severity;
    incident.title = title(&incident.entity, members);
    let opened =
        IncidentEvent::new(incident.id, now, EventKind::Opened, Actor::system("analyzer"), incident.title.clone());
    let ranked = cause_event(incident.id, &incident.causes, now);
    let events = std::iter::once(opened).chain(notes).chain([ranked]).collect();
    IncidentWrite::Open { incident: Box::new(incident), events }
}

fn update(
    stored: &Incident,
    members: &[Anomaly],
    severity: Severity,
    mut events: Vec<IncidentEvent>,
    (topology, changes): (&Topology, &[ChangeEvent]),
    now: DateTime<Utc>,
) -> IncidentWrite {
    let causes = rank(members, topology, changes);
    // What is being acted on keeps its target; the rank may still be read.
    let acting = matches!(stored.state, IncidentState::Healing | IncidentState::Verifying);
    let best = causes.first().map(|c| c.entity.clone()).filter(|_| !acting);
    let moved = causes.first().map(|c| &c.entity) != stored.causes.first().map(|c| &c.entity);
    if moved {
        events.push(cause_event(stored.id, &causes, now));
    }
    IncidentWrite::Update {
        id: stored.id,
        severity: severity.max(stored.severity),
        entity: best.unwrap_or_else(|| stored.entity.clone()),
        entities: entities(members)
            .into_iter()
            .chain(stored.entities.iter().cloned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        causes,
        events,
    }
}

#[cfg(test)]
#[path = "correlate_tests.rs"]
mod tests;
