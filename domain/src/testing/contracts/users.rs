//! Contract of users and sessions: setup once, rotation, reuse, failures, secrets.

use super::{Stores, by_alice, conflict, failed};
use crate::error::{Kind, Result};
use crate::identity::{RefreshToken, Role, Rotation};
use crate::new_id;
use crate::testing::{samples, together};
use chrono::TimeDelta;

/// The setup token works once, in time, for one of ten callers; never after a user exists.
pub async fn setup_happens_once(s: &Stores) -> Result<()> {
    assert!(!s.users.any_user().await?);
    let now = samples::at(0);
    let setup = |token: &'static str, name: String, at: i64| {
        s.users.complete_setup(token, samples::user(&name, Role::Admin), samples::at(at), by_alice("setup"))
    };
    assert_eq!(failed(setup("none", "a".to_owned(), 0).await).kind, Kind::Unauthenticated);
    s.users.put_setup_token("old", now + TimeDelta::hours(1)).await?;
    s.users.put_setup_token("new", now + TimeDelta::hours(1)).await?;
    assert_eq!(failed(setup("old", "a".to_owned(), 0).await).kind, Kind::Unauthenticated, "replaced");
    assert_eq!(failed(setup("new", "a".to_owned(), 3_600).await).kind, Kind::Unauthenticated, "expired");
    let tries = together((0..10).map(|i| setup("new", format!("admin{i}"), 10))).await;
    assert_eq!(tries.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(s.users.any_user().await?);
    s.users.put_setup_token("again", now + TimeDelta::hours(1)).await?;
    conflict(setup("again", "b".to_owned(), 10).await);
    assert_eq!(s.audit.verify_audit().await?, 1);
    Ok(())
}

/// Names are unique, and users are found by name and id.
pub async fn users_are_found(s: &Stores) -> Result<()> {
    let user = samples::user("alice", Role::Editor);
    s.users.create_user(user.clone(), by_alice("user.create")).await?;
    conflict(s.users.create_user(samples::user("alice", Role::Admin), by_alice("user.create")).await);
    assert_eq!(s.users.user_by_name("alice").await?, Some(user.clone()));
    assert_eq!(s.users.user(user.id).await?, Some(user));
    assert_eq!(s.users.user_by_name("bob").await?, None);
    Ok(())
}

/// A token is traded once; its second use voids the family; unknown, expired and void ones are unknown.
pub async fn reuse_voids_the_family(s: &Stores) -> Result<()> {
    let user = samples::user("alice", Role::Viewer);
    s.users.create_user(user.clone(), by_alice("user.create")).await?;
    let family = new_id();
    let token = |hash: &str| RefreshToken {
        id: new_id(),
        family,
        user_id: user.id,
        hash: hash.to_owned(),
        expires_at: samples::at(1_000),
    };
    // The family and user of the next token are filled in by the store.
    let next = |hash: &str| RefreshToken { family: new_id(), user_id: new_id(), ..token(hash) };
    s.users.put_refresh(token("t1")).await?;
    assert_eq!(s.users.rotate_refresh("t1", next("t2"), samples::at(1)).await?, Rotation::Rotated(user.clone()));
    assert_eq!(s.users.rotate_refresh("t2", next("t3"), samples::at(2)).await?, Rotation::Rotated(user.clone()));
    assert_eq!(s.users.rotate_refresh("nope", next("t4"), samples::at(2)).await?, Rotation::Unknown);
    assert_eq!(s.users.rotate_refresh("t3", next("t4"), samples::at(1_000)).await?, Rotation::Unknown, "expired");
    assert_eq!(s.users.rotate_refresh("t1", next("t4"), samples::at(3)).await?, Rotation::Reused);
    assert_eq!(s.users.rotate_refresh("t3", next("t5"), samples::at(4)).await?, Rotation::Unknown, "void");
    s.users.put_refresh(RefreshToken { family: new_id(), ..token("u1") }).await?;
    let tries = together((0..8).map(|i| s.users.rotate_refresh("u1", next(&format!("v{i}")), samples::at(5)))).await;
    let tries = tries.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(tries.iter().filter(|r| matches!(r, Rotation::Rotated(_))).count(), 1);
    assert_eq!(tries.iter().filter(|r| **r == Rotation::Reused).count(), 7);
    s.users.put_refresh(RefreshToken { family: new_id(), ..token("w1") }).await?;
    s.users.revoke_refresh("w1").await?;
    s.users.revoke_refresh("unknown").await?;
    assert_eq!(s.users.rotate_refresh("w1", next("w2"), samples::at(6)).await?, Rotation::Unknown);
    Ok(())
}

/// A disabled user, and one whose tokens were voided after this one was made, get no new token.
pub async fn voided_users_get_no_token(s: &Stores) -> Result<()> {
    let far = chrono::Utc::now() + TimeDelta::days(1);
    let disabled = crate::identity::User { disabled: true, ..samples::user("off", Role::Viewer) };
    let voided = crate::identity::User {
        tokens_valid_from: crate::clock::from_millis(far.timestamp_millis()),
        ..samples::user("void", Role::Viewer)
    };
    for user in [disabled, voided] {
        s.users.create_user(user.clone(), by_alice("user.create")).await?;
        let token =
            |hash: String| RefreshToken { id: new_id(), family: new_id(), user_id: user.id, hash, expires_at: far };
        s.users.put_refresh(token(user.username.clone())).await?;
        let got = s.users.rotate_refresh(&user.username, token(format!("{}2", user.username)), samples::at(1)).await?;
        assert_eq!(got, Rotation::Unknown, "{}", user.username);
    }
    Ok(())
}

/// Failures count by key for fifteen minutes.
pub async fn failures_count_for_a_while(s: &Stores) -> Result<()> {
    for (at, n) in [(0, 1), (60, 2), (899, 3)] {
        assert_eq!(s.users.login_failed("alice", samples::at(at)).await?, n);
    }
    assert_eq!(s.users.login_failures("bob", samples::at(899)).await?, 0);
    assert_eq!(s.users.login_failures("alice", samples::at(900)).await?, 2, "the first is too old");
    assert_eq!(s.users.login_failed("alice", samples::at(5_000)).await?, 1);
    Ok(())
}

/// A secret is made once, also by ten callers at once, and stays.
pub async fn secrets_are_made_once(s: &Stores) -> Result<()> {
    let fresh: Vec<[u8; 4]> = (0..10).map(|i| [i, 0, 255, 1]).collect();
    let got = together(fresh.iter().map(|f| s.users.secret("jwt", f))).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert!(got.iter().all(|secret| *secret == got[0]) && got[0].len() == 4);
    assert_eq!(s.users.secret("jwt", b"later").await?, got[0]);
    assert_eq!(s.users.secret("other", b"x").await?, b"x");
    Ok(())
}
