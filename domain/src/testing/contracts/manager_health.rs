//! Contract of the kept health checks: in order, one a slot, failures win, the old goes.

use super::Stores;
use crate::error::Result;
use crate::manager_health::{HealthCheck, KEPT_SECS, SLOT_SECS};
use crate::new_id;
use crate::status::Health;
use crate::testing::samples::at;

/// Checks come back in order and of one manager; several of one slot are one, and a failed one is not overwritten.
pub async fn checks_are_kept_and_bounded(s: &Stores) -> Result<()> {
    let (one, other) = (new_id(), new_id());
    let check = |manager_id, secs: i64, wrong: &str| HealthCheck {
        manager_id,
        at: at(secs),
        health: if wrong.is_empty() { Health::Ok } else { Health::SourceError },
        latency_ms: secs,
        running: wrong.is_empty().then_some(2),
        message: wrong.to_owned(),
    };
    let begin = at(0).timestamp().div_euclid(SLOT_SECS) * SLOT_SECS - at(0).timestamp() + SLOT_SECS;
    for kept in [
        check(one, begin + 60, ""),
        check(other, begin, "refused"),
        check(one, begin, ""),
        check(one, begin + 2, "no answer"),
        check(one, begin + 4, ""),
        check(one, begin + 6, "gone"),
        check(one, begin + 30, ""),
        check(one, begin + 31, ""),
    ] {
        s.checks.keep_check(kept).await?;
    }
    let all = s.checks.checks(one, at(0), at(begin + 3_600)).await?;
    let wanted = [check(one, begin + 6, "gone"), check(one, begin + 31, ""), check(one, begin + 60, "")];
    assert_eq!(all, wanted, "the failed one of a slot, else its latest");
    assert_eq!(s.checks.checks(one, at(begin + 31), at(begin + 60)).await?, wanted[1..2], "from counts, to does not");
    assert_eq!(s.checks.checks(other, at(0), at(begin + 3_600)).await?.len(), 1);
    assert_eq!(s.checks.checks(new_id(), at(0), at(begin + 3_600)).await?, []);

    s.checks.keep_check(check(one, begin + KEPT_SECS + 45, "")).await?;
    let left = s.checks.checks(one, at(0), at(begin + 2 * KEPT_SECS)).await?;
    assert_eq!(left.len(), 2, "what is older than that is gone: {left:?}");
    assert_eq!(s.checks.checks(other, at(0), at(begin + 3_600)).await?, [], "of every manager");
    Ok(())
}
