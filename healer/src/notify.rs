//! Telling people: the notifier port, and the outbox dispatcher that drives it.

pub(crate) mod dispatch;
mod webhook;

pub use webhook::{Webhook, sign};

use async_trait::async_trait;
use domain::catalog::{Channel, ChannelKind};
use domain::outbox::Notification;

/// Why a notification was not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    /// One line for people; holds no address and no secret.
    pub reason: String,
    /// Whether the other side said that this message will never be taken.
    pub permanent: bool,
    /// How long it asks us to wait, seconds.
    pub retry_after_secs: Option<u64>,
}

/// Delivers notifications over one kind of channel. Delivery is at least once; the notification's id is the receiver's
/// key against doubles.
#[async_trait]
pub trait Notifier: Send + Sync + std::fmt::Debug {
    /// Which kind of channel it serves.
    fn kind(&self) -> ChannelKind;

    /// Sends; returns only when the other side accepted.
    ///
    /// # Errors
    /// [`SendError`] otherwise.
    async fn send(&self, channel: &Channel, notification: &Notification) -> Result<(), SendError>;
}
