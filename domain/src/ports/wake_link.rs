//! Carries wakes between processes; what is lost costs one tick.

use super::Topic;
use crate::error::Result;
use async_trait::async_trait;

/// A link over which the processes of one installation wake each other. It may lose, double and reorder: rows are the
/// message, a wake only says that a look may pay.
#[async_trait]
pub trait WakeLink: Send + Sync + std::fmt::Debug {
    /// Tells the other processes.
    ///
    /// # Errors
    /// `Unavailable` when the link is down; the wake is lost then.
    async fn tell(&self, topics: &[Topic]) -> Result<()>;

    /// Connects for hearing.
    ///
    /// # Errors
    /// `Unavailable` when the link is down.
    async fn hear(&self) -> Result<Box<dyn WakeHeard>>;
}

/// What is heard over a link since it was connected.
#[async_trait]
pub trait WakeHeard: Send + std::fmt::Debug {
    /// The topics of the next message of another process.
    ///
    /// # Errors
    /// `Unavailable` when the link broke: connect again, and look at everything, as messages may have been lost.
    async fn next(&mut self) -> Result<Vec<Topic>>;
}
