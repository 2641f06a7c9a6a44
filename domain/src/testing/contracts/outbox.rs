//! Contract of the outbox: who is told, held while one works on it, tried until delivered or dead.

use super::{Stores, by_alice};
use crate::catalog::ChannelSpec;
use crate::error::Result;
use crate::incident::{EventKind, Severity};
use crate::outbox::NotificationState;
use crate::testing::{samples, together};
use chrono::{TimeDelta, Utc};
use std::time::Duration;

const HOLD: Duration = Duration::from_secs(30);

/// Enabled, living channels whose lowest severity is reached are told; the others are not.
pub async fn the_right_channels_are_told(s: &Stores) -> Result<()> {
    let create =
        |name: &'static str, spec: ChannelSpec| s.channels.create(samples::draft(name, spec), by_alice("create"));
    let wanted = create("info", samples::channel(Severity::Info)).await?;
    let exact = create("warning", samples::channel(Severity::Warning)).await?;
    create("critical", samples::channel(Severity::Critical)).await?;
    create("off", ChannelSpec { enabled: false, ..samples::channel(Severity::Info) }).await?;
    let gone = create("gone", samples::channel(Severity::Info)).await?;
    s.channels.archive(gone.id, 1, by_alice("archive")).await?;
    let incident = s.open(samples::incident("f", "service=a")).await?;
    let told = s.outbox.notifications(incident.id).await?;
    let mut channels: Vec<_> = told.iter().map(|n| n.channel_id).collect();
    channels.sort_unstable();
    assert_eq!(channels, [wanted.id, exact.id]);
    let payload = &told[0].payload;
    assert_eq!(payload["topic"], "incident.opened");
    assert_eq!(payload["incident"]["id"], incident.id.to_string());
    assert_eq!(payload["links"]["incident_id"], incident.id.to_string());
    assert!(payload["message"].as_str().is_some_and(|m| m.contains("latency of service=a")));
    Ok(())
}

/// Of ten dispatchers at once each message goes to one; it comes again when the hold is over without an answer.
pub async fn a_message_is_held(s: &Stores) -> Result<()> {
    s.channels.create(samples::draft("hook", samples::channel(Severity::Info)), by_alice("create")).await?;
    let mut ids = Vec::new();
    for i in 0..6 {
        let incident = s.open(samples::incident(&format!("f{i}"), "service=a")).await?;
        ids.extend(s.outbox.notifications(incident.id).await?.into_iter().map(|n| n.id));
    }
    let now = Utc::now() + TimeDelta::seconds(60);
    let got = together((0..10).map(|_| s.outbox.due(now, HOLD, 2))).await;
    let mut got: Vec<_> = got.into_iter().collect::<Result<Vec<_>>>()?.concat().into_iter().map(|n| n.id).collect();
    loop {
        let more = s.outbox.due(now, HOLD, 10).await?;
        if more.is_empty() {
            break;
        }
        got.extend(more.into_iter().map(|n| n.id));
    }
    got.sort_unstable();
    ids.sort_unstable();
    assert_eq!(got, ids, "each once");
    assert_eq!(s.outbox.due(now + TimeDelta::seconds(29), HOLD, 10).await?.len(), 0);
    let again = s.outbox.due(now + TimeDelta::seconds(30), HOLD, 10).await?;
    assert_eq!(again.len(), 6);
    assert_eq!(again[0].attempts, 0);
    Ok(())
}

/// A failed try comes again at its time; the end is `delivered` or `dead`, once, and the incident shows it.
pub async fn a_message_ends_once(s: &Stores) -> Result<()> {
    for name in ["a", "b"] {
        s.channels.create(samples::draft(name, samples::channel(Severity::Info)), by_alice("create")).await?;
    }
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    let now = Utc::now() + TimeDelta::seconds(60);
    let due = s.outbox.due(now, HOLD, 10).await?;
    let (first, second) = (due[0].id, due[1].id);
    let later = now + TimeDelta::seconds(10);
    s.outbox.failed(first, "status 500", Some(later)).await?;
    assert_eq!(s.outbox.due(now, HOLD, 10).await?, []);
    let again = s.outbox.due(later, HOLD, 10).await?;
    assert_eq!(
        again.iter().map(|n| (n.id, n.attempts, n.last_error.as_str())).collect::<Vec<_>>(),
        [(first, 1, "status 500")]
    );
    s.outbox.delivered(first, later).await?;
    s.outbox.delivered(first, later).await?;
    s.outbox.failed(first, "late", None).await?;
    s.outbox.failed(second, "gone", None).await?;
    let states: Vec<_> = due.iter().map(|n| n.id).collect();
    let stored = s.outbox.notifications(id).await?;
    let of = |id| stored.iter().find(|n| n.id == id).map(|n| (n.state, n.attempts));
    assert_eq!(of(states[0]), Some((NotificationState::Delivered, 2)));
    assert_eq!(of(states[1]), Some((NotificationState::Dead, 1)));
    let told = s.incidents.events(id, None, 20).await?.into_iter().filter(|e| e.kind == EventKind::Notified).count();
    assert_eq!(told, 2);
    assert_eq!(s.outbox.due(later + TimeDelta::days(1), HOLD, 10).await?, []);
    Ok(())
}
