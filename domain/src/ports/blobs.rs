//! File storage: objects by key, for chunks of logs and for artifacts.

use crate::blob::BlobInfo;
use crate::error::Result;
use async_trait::async_trait;

/// Objects by key. An object is written whole or not at all, and is never seen half written.
///
/// Keys are those that [`crate::blob::check_key`] lets pass; every call refuses others as `Invalid`. What fails because the
/// storage does not answer or has no room is `Unavailable`.
#[async_trait]
pub trait BlobStore: Send + Sync + std::fmt::Debug {
    /// Where it is, for people; without secrets.
    fn place(&self) -> String;

    /// Stores an object; one of the same key is replaced.
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()>;

    /// Begins an object that is too large for memory; it exists when [`BlobWriter::finish`] has returned.
    async fn create(&self, key: &str) -> Result<Box<dyn BlobWriter>>;

    /// The whole object. `NotFound` when there is none.
    async fn get(&self, key: &str) -> Result<Vec<u8>>;

    /// Bytes `from..from + length`, fewer at the end of the object, none behind it. `NotFound` when there is none.
    async fn get_range(&self, key: &str, from: u64, length: u64) -> Result<Vec<u8>>;

    /// Objects whose key begins with `prefix` (empty, or ending with `/`), by key.
    async fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>>;

    /// Removes an object; one that is not there is removed already.
    async fn delete(&self, key: &str) -> Result<()>;
}

/// An object on its way; dropped without [`BlobWriter::finish`] it leaves nothing to be seen.
#[async_trait]
pub trait BlobWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// Makes the object visible.
    async fn finish(self: Box<Self>) -> Result<()>;
}
