//! The outbox over real HTTP: signed, once accepted never again, given up visibly, channels independent.

use crate::fakes::resource;
use crate::support::eventually;
use crate::world::{Bench, bench};
use chrono::{TimeDelta, Utc};
use domain::Id;
use domain::catalog::{Channel, ChannelKind, ChannelSpec};
use domain::incident::Severity;
use domain::outbox::{Notification, NotificationState};
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn channel(url: String, secret: Option<&str>) -> Channel {
    let spec = ChannelSpec {
        kind: ChannelKind::Webhook,
        url,
        secret: secret.map(ToOwned::to_owned),
        min_severity: Severity::Info,
        enabled: true,
    };
    resource("hook", spec)
}

fn tell(bench: &Bench, channel: Id, attempts: u32, age: TimeDelta) -> Id {
    let id = domain::new_id();
    bench.world.tables().notifications.push(Notification {
        id,
        channel_id: channel,
        incident_id: domain::new_id(),
        topic: "incident.resolved".into(),
        payload: serde_json::json!({ "title": "latency" }),
        state: NotificationState::Pending,
        attempts,
        next_at: Utc::now(),
        last_error: String::new(),
        created_at: Utc::now() - age,
    });
    id
}

fn state(bench: &Bench, id: Id) -> Notification {
    bench.world.tables().notifications.iter().find(|n| n.id == id).expect("notification").clone()
}

async fn answering(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_is_signed_and_sent_once() {
    let server = MockServer::start().await;
    answering(&server, "/hook", ResponseTemplate::new(204)).await;
    let channel = channel(format!("{}/hook", server.uri()), Some("key"));
    let bench = bench(vec![], vec![], vec![channel.clone()]);
    let id = tell(&bench, channel.id, 0, TimeDelta::zero());
    let healer = bench.start();
    eventually("delivery", async || (state(&bench, id).state == NotificationState::Delivered).then_some(())).await;
    healer.stop().await;
    let requests: Vec<Request> = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1);
    let header = |name: &str| requests[0].headers.get(name).and_then(|v| v.to_str().ok()).expect("header").to_owned();
    let signature = header("x-aiops-signature");
    let at: i64 = signature.trim_start_matches("t=").split(',').next().expect("time").parse().expect("number");
    assert_eq!(signature, healer::notify::sign("key", at, &requests[0].body), "the receiver can check it");
    assert_eq!(header("idempotency-key"), id.to_string());
    let body: serde_json::Value = requests[0].body_json().expect("json");
    assert_eq!((body["topic"].as_str(), body["data"]["title"].as_str()), (Some("incident.resolved"), Some("latency")));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_wait_or_die_and_do_not_hold_others_up() {
    let server = MockServer::start().await;
    answering(&server, "/down", ResponseTemplate::new(503)).await;
    answering(&server, "/gone", ResponseTemplate::new(404)).await;
    answering(&server, "/moved", ResponseTemplate::new(302).insert_header("location", "/fine")).await;
    answering(&server, "/slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    answering(&server, "/fine", ResponseTemplate::new(200)).await;
    let hook = |at: &str| channel(format!("{}/{at}", server.uri()), None);
    let (down, gone, moved, slow, fine) = (hook("down"), hook("gone"), hook("moved"), hook("slow"), hook("fine"));
    let mut off = hook("fine");
    off.spec.enabled = false;
    let all = [&down, &gone, &moved, &slow, &fine, &off].map(Clone::clone).to_vec();
    let bench = bench(vec![], vec![], all);
    let none = TimeDelta::zero();
    let waits = tell(&bench, down.id, 0, none);
    let too_old = tell(&bench, down.id, 0, TimeDelta::hours(25));
    let dead = tell(&bench, gone.id, 2, none);
    let redirected = tell(&bench, moved.id, 2, none);
    let switched_off = tell(&bench, off.id, 0, none);
    let hanging = tell(&bench, slow.id, 0, none);
    let quick = tell(&bench, fine.id, 0, none);
    let healer = bench.start();
    for (id, expected, error) in [
        (quick, NotificationState::Delivered, ""),
        (too_old, NotificationState::Dead, "answered HTTP 503"),
        (dead, NotificationState::Dead, "answered HTTP 404"),
        (redirected, NotificationState::Dead, "answered HTTP 302"),
        (switched_off, NotificationState::Dead, "the channel is switched off"),
    ] {
        eventually(&format!("{expected:?} {error}"), async || (state(&bench, id).state == expected).then_some(()))
            .await;
        assert!(state(&bench, id).last_error.starts_with(error), "{}", state(&bench, id).last_error);
    }
    let later = tell(&bench, fine.id, 0, none);
    eventually("a later one", async || (state(&bench, later).state == NotificationState::Delivered).then_some(()))
        .await;
    assert_eq!(state(&bench, hanging).attempts, 0, "the slow channel has not even answered");
    let waiting = eventually("a failed try", async || Some(state(&bench, waits)).filter(|n| n.attempts == 1)).await;
    assert_eq!((waiting.state, waiting.last_error.as_str()), (NotificationState::Pending, "answered HTTP 503"));
    assert!(waiting.next_at > Utc::now(), "later");
    healer.kill().await;
}
