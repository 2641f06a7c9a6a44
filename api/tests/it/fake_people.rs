//! Users, sessions and the audit trail in memory.

use crate::fake_catalog::{Trail, page};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::identity::{Audit, AuditRow, RefreshToken, Role, Rotation, User};
use domain::page::{Page, PageRequest};
use domain::ports::{AuditStore, UserStore};
use domain::{Error, Id, Kind, Result, Time};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct State {
    users: Vec<User>,
    setup: Option<(String, Time)>,
    failures: Vec<(String, Time)>,
    tokens: Vec<(RefreshToken, bool, bool)>,
    secrets: HashMap<String, Vec<u8>>,
}

/// People; `broken` makes every call fail.
#[derive(Debug)]
pub(crate) struct People {
    state: Mutex<State>,
    trail: Trail,
    pub(crate) broken: Mutex<bool>,
}

impl People {
    pub(crate) fn new(trail: &Trail) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), trail: Arc::clone(trail), broken: Mutex::new(false) })
    }

    pub(crate) fn add(&self, user: User) {
        self.state.lock().unwrap().users.push(user);
    }

    /// Stored hash of the setup token.
    pub(crate) fn setup_hash(&self) -> Option<String> {
        self.state.lock().unwrap().setup.clone().map(|(hash, _)| hash)
    }

    /// Text of everything stored, to look for secrets in.
    pub(crate) fn dump(&self) -> String {
        format!("{:?}", self.state.lock().unwrap())
    }
}

#[async_trait]
impl UserStore for People {
    async fn any_user(&self) -> Result<bool> {
        if *self.broken.lock().unwrap() {
            return Err(Error::internal("disk I/O error at /var/lib/secret.db"));
        }
        Ok(!self.state.lock().unwrap().users.is_empty())
    }

    async fn put_setup_token(&self, hash: &str, expires_at: Time) -> Result<()> {
        self.state.lock().unwrap().setup = Some((hash.to_owned(), expires_at));
        Ok(())
    }

    async fn complete_setup(&self, token_hash: &str, user: User, now: Time, audit: Audit) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        if !state.users.is_empty() {
            return Err(Error::conflict("setup is done: log in"));
        }
        if !state.setup.as_ref().is_some_and(|(hash, until)| hash == token_hash && *until > now) {
            return Err(Error::new(Kind::Unauthenticated, "the setup token is wrong or has expired"));
        }
        state.setup = None;
        state.users.push(user);
        self.trail.lock().unwrap().push(audit);
        Ok(())
    }

    async fn create_user(&self, user: User, audit: Audit) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.users.iter().any(|u| u.username == user.username) {
            return Err(Error::conflict("the name is taken"));
        }
        state.users.push(user);
        self.trail.lock().unwrap().push(audit);
        Ok(())
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        Ok(self.state.lock().unwrap().users.iter().find(|u| u.username == username).cloned())
    }

    async fn user(&self, id: Id) -> Result<Option<User>> {
        Ok(self.state.lock().unwrap().users.iter().find(|u| u.id == id).cloned())
    }

    async fn list_users(&self) -> Result<Vec<User>> {
        Ok(self.state.lock().unwrap().users.clone())
    }

    async fn update_user(
        &self,
        id: Id,
        role: Role,
        disabled: bool,
        password_hash: Option<String>,
        now: Time,
        audit: Audit,
    ) -> Result<User> {
        let mut state = self.state.lock().unwrap();
        let admin = |u: &User| u.role == Role::Admin && !u.disabled;
        let last = !state.users.iter().any(|u| u.id != id && admin(u)) && (role != Role::Admin || disabled);
        let user = state.users.iter_mut().find(|u| u.id == id).ok_or_else(|| Error::not_found("user"))?;
        if last {
            return Err(Error::conflict("this is the last admin"));
        }
        (user.role, user.disabled, user.tokens_valid_from) = (role, disabled, now);
        if let Some(hash) = password_hash {
            user.password_hash = hash;
        }
        let user = user.clone();
        state.tokens.iter_mut().filter(|t| t.0.user_id == id).for_each(|t| t.2 = true);
        self.trail.lock().unwrap().push(audit);
        Ok(user)
    }

    async fn session_active(&self, family: Id, now: Time) -> Result<bool> {
        let state = self.state.lock().unwrap();
        Ok(state.tokens.iter().any(|(t, used, void)| t.family == family && !used && !void && t.expires_at > now))
    }

    async fn login_failed(&self, key: &str, now: Time) -> Result<u32> {
        self.state.lock().unwrap().failures.push((key.to_owned(), now));
        self.login_failures(key, now).await
    }

    async fn login_failures(&self, key: &str, now: Time) -> Result<u32> {
        let state = self.state.lock().unwrap();
        let recent = |(k, at): &&(String, Time)| k == key && *at > now - TimeDelta::minutes(15);
        Ok(state.failures.iter().filter(recent).count() as u32)
    }

    async fn put_refresh(&self, token: RefreshToken) -> Result<()> {
        self.state.lock().unwrap().tokens.push((token, false, false));
        Ok(())
    }

    async fn rotate_refresh(&self, hash: &str, next: RefreshToken, now: Time) -> Result<Rotation> {
        let mut state = self.state.lock().unwrap();
        let Some(at) = state.tokens.iter().position(|t| t.0.hash == hash) else { return Ok(Rotation::Unknown) };
        let (old, used, void) = state.tokens[at].clone();
        if used {
            state.tokens.iter_mut().filter(|t| t.0.family == old.family).for_each(|t| t.2 = true);
            return Ok(Rotation::Reused);
        }
        if void || old.expires_at <= now {
            return Ok(Rotation::Unknown);
        }
        let user = state.users.iter().find(|u| u.id == old.user_id).cloned().unwrap();
        state.tokens[at].1 = true;
        state.tokens.push((RefreshToken { family: old.family, user_id: old.user_id, ..next }, false, false));
        Ok(Rotation::Rotated(user))
    }

    async fn revoke_refresh(&self, hash: &str) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        if let Some(family) = state.tokens.iter().find(|t| t.0.hash == hash).map(|t| t.0.family) {
            state.tokens.iter_mut().filter(|t| t.0.family == family).for_each(|t| t.2 = true);
        }
        Ok(())
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        Ok(self.state.lock().unwrap().secrets.entry(name.to_owned()).or_insert_with(|| fresh.to_vec()).clone())
    }
}

#[async_trait]
impl AuditStore for People {
    async fn list_audit(&self, request: &PageRequest) -> Result<Page<AuditRow>> {
        let trail = self.trail.lock().unwrap();
        let rows = trail.iter().zip(1..).map(|(audit, seq)| AuditRow {
            seq,
            at: Time::default(),
            actor: audit.actor.clone(),
            action: audit.action.clone(),
            object_kind: String::new(),
            object_id: String::new(),
            origin: audit.origin.clone(),
            hash: String::new(),
        });
        Ok(page(&rows.collect::<Vec<_>>(), request))
    }

    async fn verify_audit(&self) -> Result<i64> {
        unreachable!("the API does not verify the chain")
    }
}
