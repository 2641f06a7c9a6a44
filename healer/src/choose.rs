//! Chooses the runtime manager for a run, and says why. Pure.

use domain::catalog::RuntimeManager;
use domain::run::PIN;
use domain::status::{Health, Status};
use domain::{Id, Time};
use std::collections::BTreeSet;

/// Oldest health check that counts, seconds; checks come every 30.
const FRESH_SECS: i64 = 100;
/// Managers that were not chosen and are named in the reason, at most.
const NAMED: usize = 3;

/// The chosen manager and the reason, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The manager.
    pub manager: RuntimeManager,
    /// Why this one.
    pub reason: String,
}

/// Why none was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChoice {
    /// No enabled manager carries the tags; waiting helps only if somebody changes something.
    NoSuch(String),
    /// Those that carry them are full, draining or not healthy now.
    NotNow(String),
}

impl NoChoice {
    /// The reason, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::NoSuch(reason) | Self::NotNow(reason) => reason,
        }
    }
}

/// Why this manager cannot take a run now.
fn obstacle(manager: &RuntimeManager, status: Option<&Status>, running: u32, now: Time) -> Option<String> {
    let name = &manager.name;
    if manager.spec.draining {
        return Some(format!("{name} is draining"));
    }
    match status {
        None => return Some(format!("{name} was not checked yet")),
        Some(s) if s.health != Health::Ok => return Some(format!("{name} is not healthy: {}", s.message)),
        Some(s) if (now - s.checked_at).num_seconds() > FRESH_SECS => {
            return Some(format!("{name} was not checked lately"));
        }
        Some(_) => {}
    }
    (running >= manager.spec.capacity).then(|| format!("{name} is full ({running} of {})", manager.spec.capacity))
}

/// The enabled, living manager whose tags include `tags`, that is healthy, does not drain, and has the largest share of its
/// capacity free; of equal ones the first by name. `load` is the number of active runs by manager.
///
/// # Errors
/// [`NoChoice`] with the reason.
pub fn choose(
    managers: &[RuntimeManager],
    statuses: &[Status],
    load: &[(Id, u32)],
    tags: &[String],
    now: Time,
) -> Result<Choice, NoChoice> {
    let carries = |m: &RuntimeManager| {
        let own: BTreeSet<&String> = m.tags.iter().collect();
        tags.iter().all(|t| own.contains(t) || t.strip_prefix(PIN) == Some(m.name.as_str()))
    };
    let wanted = if tags.is_empty() { "any tags".to_owned() } else { format!("tags {}", tags.join(", ")) };
    let fitting: Vec<&RuntimeManager> =
        managers.iter().filter(|m| m.spec.enabled && m.archived_at.is_none() && carries(m)).collect();
    if fitting.is_empty() {
        let reason = format!("no enabled runtime manager carries {wanted}; add one or change the case's runtime_tags");
        return Err(NoChoice::NoSuch(reason));
    }
    let running = |m: &RuntimeManager| load.iter().find(|(id, _)| *id == m.id).map_or(0, |(_, n)| *n);
    let status = |m: &RuntimeManager| statuses.iter().find(|s| s.id == m.id);
    let (mut free, mut obstacles) = (Vec::new(), Vec::new());
    for manager in fitting {
        match obstacle(manager, status(manager), running(manager), now) {
            Some(why) => obstacles.push(why),
            None => free.push(manager),
        }
    }
    let share = |m: &RuntimeManager| f64::from(m.spec.capacity - running(m)) / f64::from(m.spec.capacity.max(1));
    let used = |m: &RuntimeManager| format!("{} of {} in use", running(m), m.spec.capacity);
    free.sort_by(|a, b| share(b).total_cmp(&share(a)).then_with(|| a.name.cmp(&b.name)));
    let Some((manager, others)) = free.split_first() else { return Err(NoChoice::NotNow(obstacles.join("; "))) };
    let mut reason = format!("{} carries {wanted}, is healthy, {}", manager.name, used(manager));
    let others: Vec<String> = others.iter().map(|m| format!("{} ({})", m.name, used(m))).collect();
    for (what, names) in [("no less free than", others), ("left out:", obstacles)] {
        reason.push_str(&listed(what, &names));
    }
    Ok(Choice { manager: (*manager).clone(), reason })
}

/// The first names behind `what`, and how many more there are; nothing when there are none.
fn listed(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let some = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    if more == 0 { format!("; {what} {some}") } else { format!("; {what} {some} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::t;
    use domain::catalog::RuntimeManagerSpec;
    use domain::resource::Resource;
    use domain::status::StatusOf;

    fn manager(n: u128, tags: &[&str], capacity: u32) -> RuntimeManager {
        Resource {
            id: Id::from_u128(n),
            version: 1,
            name: format!("m{n}"),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            created_at: t(0),
            updated_at: t(0),
            archived_at: None,
            spec: RuntimeManagerSpec { capacity, ..RuntimeManagerSpec::default() },
        }
    }

    fn status(n: u128, health: Health, at: i64) -> Status {
        Status {
            of: StatusOf::RuntimeManager,
            id: Id::from_u128(n),
            health,
            message: "refused".into(),
            checked_at: t(at),
            ok_at: None,
            latency_ms: 0,
            details: serde_json::Value::Null,
        }
    }

    #[test]
    fn the_reason_names_the_others() {
        let managers: Vec<RuntimeManager> = (1..=8).map(|n| manager(n, &["gpu"], 4)).collect();
        let statuses: Vec<Status> =
            (1..=8).map(|n| status(n, if n < 4 { Health::Ok } else { Health::SourceError }, 0)).collect();
        let tags = ["gpu".to_owned()];
        let found = choose(&managers, &statuses, &[(Id::from_u128(1), 2), (Id::from_u128(3), 1)], &tags, t(10));
        assert_eq!(
            found.expect("one is free").reason,
            "m2 carries tags gpu, is healthy, 0 of 4 in use; no less free than m3 (1 of 4 in use), m1 (2 of 4 in use); \
             left out: m4 is not healthy: refused, m5 is not healthy: refused, m6 is not healthy: refused and 2 more"
        );
        let alone = choose(&managers[..1], &statuses, &[], &[], t(10)).expect("it is free").reason;
        assert_eq!(alone, "m1 carries any tags, is healthy, 0 of 4 in use");
    }

    #[test]
    fn tags_health_drain_and_room_decide() {
        let tags = ["gpu".to_owned()];
        let (a, b) = (manager(1, &["gpu", "eu"], 4), manager(2, &["gpu"], 2));
        let fine = [status(1, Health::Ok, 0), status(2, Health::Ok, 0)];
        let id = |n| Id::from_u128(n);
        let pick = |managers: &[RuntimeManager], statuses: &[Status], load: &[(Id, u32)]| {
            choose(managers, statuses, load, &tags, t(10)).map(|c| c.manager.name)
        };
        let both = [a.clone(), b.clone()];
        assert_eq!(pick(&both, &fine, &[]), Ok("m1".into()));
        assert_eq!(pick(&both, &fine, &[(id(1), 3)]), Ok("m2".into()), "more of it is free");
        assert_eq!(pick(&both, &[status(1, Health::SourceError, 0), fine[1].clone()], &[]), Ok("m2".into()));
        let full = pick(&both, &fine, &[(id(1), 4), (id(2), 2)]);
        assert_eq!(full, Err(NoChoice::NotNow("m1 is full (4 of 4); m2 is full (2 of 2)".into())));
        assert!(matches!(pick(&[manager(3, &["eu"], 1)], &fine, &[]), Err(NoChoice::NoSuch(_))));
        let mut draining = a.clone();
        draining.spec.draining = true;
        assert_eq!(pick(&[draining], &fine, &[]), Err(NoChoice::NotNow("m1 is draining".into())));
        let mut off = a.clone();
        off.spec.enabled = false;
        assert!(matches!(pick(&[off], &fine, &[]), Err(NoChoice::NoSuch(_))));
        assert!(matches!(pick(std::slice::from_ref(&a), &[], &[]), Err(NoChoice::NotNow(_))), "not checked yet");
        assert!(
            matches!(pick(&[a], &[status(1, Health::Ok, -200)], &[]), Err(NoChoice::NotNow(_))),
            "checked long ago"
        );
    }
}
