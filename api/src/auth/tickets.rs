//! Stream tickets: a browser's EventSource cannot send headers, so it carries a ticket that is good once, for 30 s.

use crate::auth::extract::Session;
use crate::auth::tokens::{hash, new_secret};
use chrono::TimeDelta;
use domain::{Result, Time};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Life of a ticket, seconds.
pub(crate) const LIFE_SECS: i64 = 30;
/// Tickets kept at most; beyond it the oldest goes.
const MOST: usize = 10_000;

struct Ticket {
    session: Session,
    scope: String,
    until: Time,
}

/// Tickets that were given out and not used, by the hash of their secret.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, Ticket>>);

impl Tickets {
    /// A new ticket for `scope`.
    pub(crate) fn give(&self, session: Session, scope: String, now: Time) -> Result<String> {
        let secret = new_secret()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, ticket| ticket.until > now);
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, t)| t.until).map(|(key, _)| key.clone())
        {
            all.remove(&oldest);
        }
        let until = now + TimeDelta::seconds(LIFE_SECS);
        all.insert(hash(&secret), Ticket { session, scope, until });
        Ok(secret)
    }

    /// Uses a ticket up; the session behind it when it was for `scope` and in time.
    pub(crate) fn take(&self, secret: &str, scope: &str, now: Time) -> Option<Session> {
        let ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(secret))?;
        (ticket.until > now && ticket.scope == scope).then_some(ticket.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use domain::identity::Role;

    fn session() -> Session {
        Session {
            user: domain::new_id(),
            username: "ann".to_owned(),
            role: Role::Viewer,
            sid: domain::new_id(),
            issued_ms: 0,
            program: false,
        }
    }

    #[test]
    fn a_ticket_is_good_once_in_time_for_its_scope() {
        let (tickets, now) = (Tickets::default(), from_millis(1_000_000));
        let give = || tickets.give(session(), "events".to_owned(), now).unwrap();
        let one = give();
        assert!(tickets.take(&one, "events", now).is_some());
        assert!(tickets.take(&one, "events", now).is_none(), "used up");
        assert!(tickets.take(&give(), "run:x", now).is_none(), "another scope");
        assert!(tickets.take(&give(), "events", now + TimeDelta::seconds(30)).is_none(), "too late");
        assert!(tickets.take(&give(), "events", now + TimeDelta::seconds(29)).is_some());
        assert!(tickets.take("", "events", now).is_none());
    }
}
