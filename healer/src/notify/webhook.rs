//! Webhook channel: HTTP POST of JSON, signed with HMAC-SHA256 over time and body.

use super::{Notifier, SendError};
use async_trait::async_trait;
use domain::catalog::{Channel, ChannelKind};
use domain::clock::Clock;
use domain::outbox::Notification;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

/// Sends to webhooks.
#[derive(Debug, Clone)]
pub struct Webhook {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
}

/// Value of `X-Aiops-Signature`: `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`. The receiver recomputes it over the
/// raw body and refuses old times.
#[must_use]
pub fn sign(secret: &str, epoch_secs: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{epoch_secs}.").as_bytes());
    mac.update(body);
    format!("t={epoch_secs},v1={}", hex::encode(mac.finalize().into_bytes()))
}

impl Webhook {
    /// A sender with its own client: 10 s in all, 3 s to connect, no redirects, no proxy from the environment.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("aiops/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self::with_client(client, clock))
    }

    /// A sender with a given (guarded) client; it must not follow redirects.
    #[must_use]
    pub fn with_client(client: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }
}

/// The body that is sent.
fn body(n: &Notification) -> Vec<u8> {
    json!({ "id": n.id, "topic": n.topic, "incident_id": n.incident_id, "created_at": n.created_at, "data": n.payload })
        .to_string()
        .into_bytes()
}

#[async_trait]
impl Notifier for Webhook {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Webhook
    }

    async fn send(&self, channel: &Channel, notification: &Notification) -> Result<(), SendError> {
        let body = body(notification);
        let mut request = self
            .client
            .post(&channel.spec.url)
            .header("content-type", "application/json")
            .header("idempotency-key", notification.id.to_string())
            .header("x-aiops-topic", &notification.topic);
        if let Some(secret) = &channel.spec.secret {
            request = request.header("x-aiops-signature", sign(secret, self.clock.now().timestamp(), &body));
        }
        let answer = request.body(body).send().await.map_err(|e| SendError {
            reason: transport(&e),
            permanent: e.is_builder(),
            retry_after_secs: None,
        })?;
        judge(answer.status().as_u16(), answer.headers().get("retry-after").and_then(|v| v.to_str().ok()))
    }
}

/// What went wrong on the way, without the address (it may hold a token).
fn transport(e: &reqwest::Error) -> String {
    let what = if e.is_timeout() {
        "no answer in time"
    } else if e.is_connect() {
        "cannot connect"
    } else if e.is_builder() {
        "the address or a header is not valid"
    } else {
        "the connection broke"
    };
    what.to_owned()
}

/// 2xx is delivered; other 4xx than 408 and 429 will not get better; redirects are not followed.
fn judge(status: u16, retry_after: Option<&str>) -> Result<(), SendError> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let permanent = (300..500).contains(&status) && !matches!(status, 408 | 429);
    let hint = if (300..400).contains(&status) { "; redirects are not followed, give the final address" } else { "" };
    Err(SendError {
        reason: format!("answered HTTP {status}{hint}"),
        permanent,
        retry_after_secs: retry_after.and_then(|v| v.trim().parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_over_time_and_body() {
        // Computed with: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        assert_eq!(sign("key", 1_700_000_000, br#"{"a":1}"#), expected);
        assert_ne!(sign("key", 1_700_000_001, br#"{"a":1}"#), expected);
    }

    #[test]
    fn answers() {
        for (status, delivered, permanent) in [
            (200, true, false),
            (204, true, false),
            (301, false, true),
            (400, false, true),
            (404, false, true),
            (408, false, false),
            (429, false, false),
            (500, false, false),
            (503, false, false),
        ] {
            match judge(status, Some("7")) {
                Ok(()) => assert!(delivered, "{status}"),
                Err(e) => {
                    assert!(!delivered, "{status}");
                    assert_eq!((e.permanent, e.retry_after_secs), (permanent, Some(7)), "{status}");
                }
            }
        }
    }
}
