//! Port: every secret that the product keeps, so that no log of a run shows one.

use crate::error::Result;
use async_trait::async_trait;

/// Credentials of sources, channels and runtime managers, and the secrets of scripts.
#[async_trait]
pub trait KnownSecrets: Send + Sync {
    /// All values as they are now.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn known_secrets(&self) -> Result<Vec<String>>;
}
