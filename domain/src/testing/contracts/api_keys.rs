//! Contract of the keys of programs: found by hash, used while they are valid, never twice under one name.

use super::{Stores, by_alice};
use crate::Kind;
use crate::api_key::{ApiKey, prefix};
use crate::error::Result;
use crate::identity::Role;
use crate::testing::samples::at;

fn key(name: &str, expires: i64) -> ApiKey {
    let id = crate::new_id();
    ApiKey {
        id,
        name: name.to_owned(),
        prefix: prefix(id),
        role: Role::Operator,
        created_by: "alice".to_owned(),
        created_at: at(0),
        expires_at: at(expires),
        revoked_at: None,
        used_at: None,
    }
}

/// A key lives until it expires or is revoked, and its uses are noted by the minute.
pub async fn keys_live_until_revoked_or_expired(s: &Stores) -> Result<()> {
    let keys = &s.api_keys;
    let (one, two) = (key("ci", 600), key("other", 30));
    keys.create_key(one.clone(), "hash-1", by_alice("api_key.create")).await?;
    keys.create_key(two.clone(), "hash-2", by_alice("api_key.create")).await?;
    let twice = keys.create_key(key("ci", 600), "hash-3", by_alice("api_key.create")).await;
    assert_eq!(twice.map_err(|e| e.kind), Err(Kind::Conflict), "the name is taken");
    assert_eq!(keys.use_key("hash-x", at(1)).await?, None);
    let used = keys.use_key("hash-1", at(1)).await?.expect("known");
    assert_eq!((used.id, used.role, used.used_at), (one.id, Role::Operator, Some(at(1))));
    assert_eq!(keys.use_key("hash-1", at(31)).await?.expect("known").used_at, Some(at(1)), "once a minute");
    assert_eq!(keys.use_key("hash-1", at(90)).await?.expect("known").used_at, Some(at(90)));
    let late = keys.use_key("hash-2", at(30)).await?.expect("known");
    assert!(!late.valid(at(30)) && late.used_at.is_none(), "expired");
    let revoked = keys.revoke_key(one.id, at(100), by_alice("api_key.revoke")).await?;
    assert_eq!(revoked.revoked_at, Some(at(100)));
    assert_eq!(keys.revoke_key(one.id, at(200), by_alice("api_key.revoke")).await?.revoked_at, Some(at(100)));
    let after = keys.use_key("hash-1", at(300)).await?.expect("known");
    assert!(!after.valid(at(300)) && after.used_at == Some(at(90)), "a refused use is none");
    assert_eq!(keys.key(one.id).await?, Some(after));
    keys.create_key(key("ci", 600), "hash-4", by_alice("api_key.create")).await?;
    let names: Vec<String> = keys.list_keys().await?.into_iter().map(|k| k.name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let none = keys.revoke_key(crate::new_id(), at(1), by_alice("api_key.revoke")).await;
    assert_eq!(none.map_err(|e| e.kind), Err(Kind::NotFound));
    Ok(())
}
