//! Contract of roles: one owner at a time, taken over when its lease has ended.

use super::Stores;
use crate::error::Result;
use crate::testing::together;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(600);

/// Of many that ask, one has the role; it may ask again; the others get it when it is given back.
pub async fn one_has_the_role(s: &Stores) -> Result<()> {
    let names: Vec<String> = (0..8).map(|n| format!("p{n}")).collect();
    let asked = together(names.iter().map(|n| s.roles.hold_role("detection", n, LEASE))).await;
    let got = asked.into_iter().collect::<Result<Vec<_>>>()?;
    let held: Vec<&String> = names.iter().zip(&got).filter(|(_, g)| g.is_some()).map(|(n, _)| n).collect();
    assert_eq!(held.len(), 1, "{got:?}");
    assert_eq!(s.roles.hold_role("detection", held[0], LEASE).await?, Some(1), "renewing keeps the term");
    assert_eq!(s.roles.hold_role("another", "x", LEASE).await?, Some(1), "roles are apart");
    s.roles.leave_role("detection", "somebody else").await?;
    assert_eq!(s.roles.hold_role("detection", "x", LEASE).await?, None, "only its owner gives it back");
    s.roles.leave_role("detection", held[0]).await?;
    assert_eq!(s.roles.hold_role("detection", "x", LEASE).await?, Some(2), "a new owner begins a new term");
    assert_eq!(s.roles.hold_role("detection", held[0], LEASE).await?, None);
    Ok(())
}

/// A lease that ended is taken over, and who had it does not get it back by renewing.
pub async fn an_ended_lease_is_taken_over(s: &Stores) -> Result<()> {
    assert_eq!(s.roles.hold_role("detection", "old", Duration::ZERO).await?, Some(1));
    assert_eq!(s.roles.hold_role("detection", "new", LEASE).await?, Some(2));
    assert_eq!(s.roles.hold_role("detection", "old", LEASE).await?, None);
    Ok(())
}
