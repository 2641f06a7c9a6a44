//! The outbox loop: sends what is due, channels independent of each other, and gives up visibly.

use super::SendError;
use crate::config::HealerDeps;
use crate::text::sha256_hex;
use domain::catalog::Channel;
use domain::outbox::Notification;
use domain::ports::Topic;
use domain::{Error, Id, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Notifications of one round.
const BATCH: u32 = 100;
/// How long a notification is held for us.
const HOLD: Duration = Duration::from_secs(60);
/// After so long a held one is not sent any more but left to become due again; with the limit of one send this stays
/// below [`HOLD`], so that no other dispatcher sends it at the same time.
const USE: Duration = Duration::from_secs(45);
/// Tries at most, and tries when the other side says it will never take it.
const TRIES: u32 = 15;
const TRIES_PERMANENT: u32 = 3;

/// One lock a channel: its notifications go in order, one at a time, and a slow channel holds up only itself.
type Turns = BTreeMap<Id, Arc<tokio::sync::Mutex<()>>>;

/// Dispatches until `cancel`; what is being sent then is finished.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut wakes = deps.wake.listen(Topic::Outbox);
    let mut turns = Turns::new();
    let mut sending = JoinSet::new();
    while !cancel.is_cancelled() {
        if let Err(e) = round(&deps, &cancel, &mut turns, &mut sending).await {
            deps.failed("dispatch notifications", &e);
        }
        while let Some(ended) = sending.try_join_next() {
            note(ended);
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = wakes.wait(deps.config.tick) => {}
        }
    }
    while let Some(ended) = sending.join_next().await {
        note(ended);
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended {
        tracing::error!(error = %e, "sending notifications died; they are due again later");
    }
}

async fn round(
    deps: &Arc<HealerDeps>,
    cancel: &CancellationToken,
    turns: &mut Turns,
    sending: &mut JoinSet<()>,
) -> Result<(), Error> {
    let taken_at = Instant::now();
    let due = deps.outbox.due(deps.clock.now(), HOLD, BATCH).await?;
    if due.is_empty() {
        return Ok(());
    }
    let channels: BTreeMap<Id, Channel> = deps.channels.all().await?.into_iter().map(|c| (c.id, c)).collect();
    turns.retain(|id, _| channels.contains_key(id));
    let mut by_channel: BTreeMap<Id, Vec<Notification>> = BTreeMap::new();
    for notification in due {
        by_channel.entry(notification.channel_id).or_default().push(notification);
    }
    for (id, notifications) in by_channel {
        let turn = Arc::clone(turns.entry(id).or_default());
        let (deps, channel, cancel) = (Arc::clone(deps), channels.get(&id).cloned(), cancel.clone());
        sending.spawn(async move {
            let _turn = turn.lock().await;
            to_channel(&deps, channel.as_ref(), &notifications, &cancel, taken_at).await;
        });
    }
    Ok(())
}

/// One channel's notifications in order.
async fn to_channel(
    deps: &HealerDeps,
    channel: Option<&Channel>,
    notifications: &[Notification],
    cancel: &CancellationToken,
    taken_at: Instant,
) {
    for notification in notifications {
        if cancel.is_cancelled() || taken_at.elapsed() > USE {
            return;
        }
        if let Err(e) = one(deps, channel, notification).await {
            deps.failed("record a notification", &e);
        }
    }
    deps.wake.wake(Topic::Incidents);
}

async fn one(deps: &HealerDeps, channel: Option<&Channel>, n: &Notification) -> Result<(), Error> {
    let trace = deps.incidents.incident(n.incident_id).await.ok().map(|i| i.trace);
    let span = tracing::info_span!("healer.notify", notification = %n.id, topic = %n.topic);
    let span = match &trace {
        Some(trace) => deps.adopted(span, trace),
        None => span,
    };
    async {
        let Some(channel) = channel.filter(|c| c.spec.enabled && c.archived_at.is_none()) else {
            deps.stats.notified("dead");
            return deps.outbox.failed(n.id, "the channel is switched off or archived", None).await;
        };
        let Some(notifier) = deps.notifier(channel.spec.kind) else {
            deps.stats.notified("dead");
            return deps.outbox.failed(n.id, "this build cannot deliver over this kind of channel", None).await;
        };
        fail::fail_point!("notify.before_send");
        let sent = notifier.send(channel, n).await;
        fail::fail_point!("notify.after_send");
        let now = deps.clock.now();
        match sent {
            Ok(()) => {
                deps.stats.notified("delivered");
                deps.outbox.delivered(n.id, now).await
            }
            Err(e) => {
                let next = next_try(n, &e, now, deps.config.notify_for);
                deps.stats.notified(if next.is_some() { "failed" } else { "dead" });
                tracing::warn!(channel = channel.name, error = %e, again = ?next, "a notification was not accepted");
                deps.outbox.failed(n.id, &e.reason, next).await
            }
        }
    }
    .instrument(span)
    .await
}

/// When to try again: 5 s doubled at each try up to 10 min, spread by up to a fifth so that many do not come at once, or
/// as late as the other side asks (at most an hour); absent when it is given up.
fn next_try(n: &Notification, e: &SendError, now: Time, give_up_after: Duration) -> Option<Time> {
    let tries = n.attempts + 1;
    let limit = if e.permanent { TRIES_PERMANENT } else { TRIES };
    let age = (now - n.created_at).to_std().unwrap_or_default();
    if tries >= limit || age >= give_up_after {
        return None;
    }
    let base = (5_000_u64 << n.attempts.min(10)).min(600_000);
    let dice = u64::from_str_radix(&sha256_hex(format!("{}{tries}", n.id).as_bytes())[..8], 16).unwrap_or(0);
    let spread = base / 5 * (dice % 1_000) / 1_000;
    let asked = e.retry_after_secs.unwrap_or(0).min(3_600) * 1_000;
    let wait = (base + spread).max(asked);
    Some(now + chrono::TimeDelta::milliseconds(i64::try_from(wait).unwrap_or(600_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::t;
    use domain::outbox::NotificationState;

    fn notification(attempts: u32) -> Notification {
        Notification {
            id: Id::from_u128(7),
            channel_id: Id::from_u128(8),
            incident_id: Id::from_u128(1),
            topic: "incident.resolved".into(),
            payload: serde_json::Value::Null,
            state: NotificationState::Pending,
            attempts,
            next_at: t(0),
            last_error: String::new(),
            created_at: t(0),
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let day = Duration::from_secs(86_400);
        let fail = |permanent, retry_after_secs| SendError { reason: "x".into(), permanent, retry_after_secs };
        let wait = |attempts, e: &SendError| {
            next_try(&notification(attempts), e, t(1), day).map(|at| (at - t(1)).num_milliseconds())
        };
        for (attempts, low) in [(0, 5_000), (1, 10_000), (3, 40_000), (9, 600_000), (13, 600_000)] {
            let got = wait(attempts, &fail(false, None)).expect("again");
            assert!((low..=low * 6 / 5).contains(&got), "{attempts}: {got}");
        }
        assert_eq!(wait(14, &fail(false, None)), None, "the last try");
        assert!(wait(1, &fail(true, None)).is_some());
        assert_eq!(wait(2, &fail(true, None)), None, "sooner when it will never be taken");
        assert_eq!(wait(0, &fail(false, Some(120))), Some(120_000));
        assert_eq!(wait(0, &fail(false, Some(999_999))), Some(3_600_000));
        assert_eq!(next_try(&notification(0), &fail(false, None), t(86_400), day), None, "too old");
    }
}
