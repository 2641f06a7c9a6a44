//! The catalog's Redis cache and stock counters; an unreachable Redis is an error within 300 ms, never a hang.
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use redis::AsyncCommands as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::metrics::Metrics;

/// Longest wait for an answer or a connection.
const TIMEOUT: Duration = Duration::from_millis(300);

/// A connection that heals itself, and the prefix of this testbed's keys.
#[derive(Clone)]
pub(crate) struct Cache {
    connection: ConnectionManager,
    prefix: String,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Cache {
    /// Prepares a connection; Redis need not be up yet.
    pub(crate) fn open(url: &str, prefix: &str, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let client = redis::Client::open(url).context("read the redis url")?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let connection = ConnectionManager::new_lazy_with_config(client, config).context("prepare redis")?;
        Ok(Self { connection, prefix: prefix.to_owned(), metrics })
    }

    /// Reads a cached value and counts hit, miss or error.
    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let found: redis::RedisResult<Option<String>> = self.connection.clone().get(self.key(key)).await;
        match found {
            Ok(Some(value)) => {
                self.metrics.cache.hits.inc();
                Some(value)
            }
            Ok(None) => {
                self.metrics.cache.misses.inc();
                None
            }
            Err(_) => {
                self.metrics.cache.errors.inc();
                None
            }
        }
    }

    /// Stores a value for about `ttl_secs`, spread by a third so that entries do not expire at once; a failure is counted and otherwise harmless.
    pub(crate) async fn put(&self, key: &str, value: &str, ttl_secs: u64) {
        let spread = rand::random_range(ttl_secs - ttl_secs / 3..=ttl_secs + ttl_secs / 3).max(1);
        let done: redis::RedisResult<()> = self.connection.clone().set_ex(self.key(key), value, spread).await;
        if done.is_err() {
            self.metrics.cache.errors.inc();
        }
    }

    /// Takes from the stock of a product; returns what is left. A counter that is not there starts at `full`.
    pub(crate) async fn take_stock(&self, product: i64, count: i64, full: i64) -> redis::RedisResult<i64> {
        let key = self.key(&format!("stock:{product}"));
        let mut connection = self.connection.clone();
        let answer: redis::RedisResult<(i64,)> = redis::pipe()
            .cmd("SET")
            .arg(&key)
            .arg(full)
            .arg("NX")
            .arg("EX")
            .arg(3600)
            .ignore()
            .cmd("DECRBY")
            .arg(&key)
            .arg(count)
            .query_async(&mut connection)
            .await;
        if answer.is_err() {
            self.metrics.cache.errors.inc();
        }
        answer.map(|(left,)| left)
    }

    /// Drops the cached products, so that the next reads are computed by the database.
    pub(crate) async fn forget(&self, keys: &[String]) {
        let keys: Vec<String> = keys.iter().map(|key| self.key(key)).collect();
        let done: redis::RedisResult<()> = self.connection.clone().del(keys).await;
        if done.is_err() {
            self.metrics.cache.errors.inc();
        }
    }

    /// Pings Redis and keeps the `redis_up` gauge.
    pub(crate) async fn ping(&self) -> bool {
        let answer: redis::RedisResult<String> = redis::cmd("PING").query_async(&mut self.connection.clone()).await;
        self.metrics.cache.up.set(i64::from(answer.is_ok()));
        answer.is_ok()
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.prefix)
    }
}
