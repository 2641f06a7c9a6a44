//! File storage: a local folder, or a bucket of an S3-compatible service.

use async_trait::async_trait;
use domain::blob::{BlobInfo, check_key};
use domain::error::FieldError;
use domain::ports::{BlobStore, BlobWriter};
use domain::{Error, Result};
use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of an object that are held before it is sent in parts (S3 wants parts of at least 5 MiB).
const PART: usize = 5 << 20;

/// Where a bucket is and how to come in.
#[derive(Clone, Default)]
pub struct Bucket {
    /// Name of the bucket.
    pub name: String,
    /// Keys of ours begin with this; may be empty.
    pub prefix: String,
    /// `http://` or `https://` address of the service; empty: Amazon's own, by region.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Access key; empty with an empty secret: requests are not signed.
    pub access_key: String,
    /// Secret of the access key.
    pub secret_key: String,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket(s3://{}/{} at {:?})", self.name, self.prefix, self.endpoint)
    }
}

/// The file storage of the product; clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    place: String,
}

impl Blobs {
    /// Objects as files below `folder`, which is made when absent. A file is complete and durable when it has its name.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be made or written.
    pub fn folder(folder: &std::path::Path) -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| {
            Error::unavailable(format!("file storage: cannot use {}: {e}; give a writable folder", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
        let probe = folder.join(format!(".writable-{}", std::process::id()));
        std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)).map_err(|e| failed(&e))?;
        let inner = LocalFileSystem::new_with_prefix(folder).map_err(|e| failed(&e))?.with_fsync(true);
        Ok(Self { inner: Arc::new(inner), prefix: Path::default(), place: format!("folder {}", folder.display()) })
    }

    /// Objects in a bucket.
    ///
    /// # Errors
    /// `Invalid` when the address or the name cannot be used.
    pub fn bucket(bucket: &Bucket) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::invalid(vec![FieldError::new("blob_url", format!("give s3://BUCKET or s3://BUCKET/PREFIX: {e}"))])
        };
        let prefix = Path::parse(&bucket.prefix).map_err(|e| bad(&e))?;
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: 4,
            retry_timeout: Duration::from_secs(20),
        };
        let options = ClientOptions::new().with_timeout(Duration::from_secs(60)).with_allow_http(true);
        let mut builder = AmazonS3Builder::new()
            .with_client_options(options)
            .with_bucket_name(&bucket.name)
            .with_region(if bucket.region.is_empty() { "us-east-1" } else { &bucket.region })
            .with_retry(retry);
        if !bucket.endpoint.is_empty() {
            builder = builder.with_endpoint(&bucket.endpoint);
        }
        builder = if bucket.access_key.is_empty() && bucket.secret_key.is_empty() {
            builder.with_skip_signature(true)
        } else {
            builder.with_access_key_id(&bucket.access_key).with_secret_access_key(&bucket.secret_key)
        };
        let place = format!("bucket s3://{}/{}", bucket.name, bucket.prefix);
        Ok(Self { inner: Arc::new(builder.build().map_err(|e| bad(&e))?), prefix, place })
    }

    fn path(&self, key: &str) -> Result<Path> {
        check_key(key)?;
        let whole = if self.prefix.as_ref().is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) };
        Path::parse(whole).map_err(Error::internal)
    }

    fn failed(&self, cause: object_store::Error) -> Error {
        match cause {
            object_store::Error::NotFound { .. } => Error::not_found("object in file storage"),
            other => {
                Error::unavailable(format!("file storage ({}) did not do it: try again", self.place)).because(other)
            }
        }
    }
}

/// An object on its way.
struct Writer {
    store: Blobs,
    inner: BufWriter,
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.inner.put(bytes.into()).await.map_err(|e| self.store.failed(e))
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        use tokio::io::AsyncWriteExt as _;
        let done = self.inner.shutdown().await;
        done.map_err(|e| Error::unavailable(format!("file storage ({}) did not take it", self.store.place)).because(e))
    }
}

#[async_trait]
impl BlobStore for Blobs {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.path(key)?;
        self.inner.put(&path, bytes.into()).await.map(drop).map_err(|e| self.failed(e))
    }

    async fn create(&self, key: &str) -> Result<Box<dyn BlobWriter>> {
        let inner = BufWriter::with_capacity(Arc::clone(&self.inner), self.path(key)?, PART);
        Ok(Box::new(Writer { store: self.clone(), inner }))
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let path = self.path(key)?;
        let found = self.inner.get(&path).await.map_err(|e| self.failed(e))?;
        found.bytes().await.map(Into::into).map_err(|e| self.failed(e))
    }

    async fn get_range(&self, key: &str, from: u64, length: u64) -> Result<Vec<u8>> {
        let path = self.path(key)?;
        let size = self.inner.head(&path).await.map_err(|e| self.failed(e))?.size;
        let to = from.saturating_add(length).min(size);
        if from >= to {
            return Ok(Vec::new());
        }
        self.inner.get_range(&path, from..to).await.map(Into::into).map_err(|e| self.failed(e))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        let path = match prefix.strip_suffix('/') {
            Some(folder) => self.path(folder)?,
            None if prefix.is_empty() => self.prefix.clone(),
            None => return Err(Error::invalid(vec![FieldError::new("prefix", "end it with '/'")])),
        };
        let skip = if self.prefix.as_ref().is_empty() { 0 } else { self.prefix.as_ref().len() + 1 };
        let mut all: Vec<BlobInfo> = self
            .inner
            .list(Some(&path))
            .map_ok(|m| BlobInfo {
                key: m.location.as_ref()[skip..].to_owned(),
                bytes: m.size,
                modified: m.last_modified,
            })
            .try_collect()
            .await
            .map_err(|e| self.failed(e))?;
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        match self.inner.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed(e)),
        }
    }
}
