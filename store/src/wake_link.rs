//! Wakes between processes: LISTEN and NOTIFY of PostgreSQL, or a channel of Redis. Neither carries more than a hint.

use crate::connect::Database;
use crate::error;
use crate::sql::args;
use async_trait::async_trait;
use domain::error::FieldError;
use domain::ports::{Topic, WakeHeard, WakeLink};
use domain::{Error, Kind, Result};
use futures::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSubStream};
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::Mutex;

/// Time that one call to Redis may take.
const CALL: Duration = Duration::from_secs(2);
/// Silence after which a listening connection is asked for a sign of life: half-open connections stay silent for ever.
const SILENCE: Duration = Duration::from_secs(30);

/// `process topic topic`: who tells, so that it does not wake itself twice.
fn message(me: &str, topics: &[Topic]) -> String {
    topics.iter().fold(me.to_owned(), |text, topic| format!("{text} {}", topic.word()))
}

/// The topics of another process's message; none for our own.
fn topics(me: &str, text: &str) -> Vec<Topic> {
    let mut words = text.split(' ');
    if words.next() == Some(me) { Vec::new() } else { words.filter_map(Topic::of_word).collect() }
}

fn nonce() -> String {
    domain::new_id().simple().to_string()
}

fn down(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Unavailable, "wakes between processes are down").because(cause)
}

/// Wakes by LISTEN and NOTIFY.
#[derive(Debug)]
pub struct NotifyLink {
    db: Database,
    channel: String,
    me: String,
}

impl NotifyLink {
    /// A link over a channel of this PostgreSQL database.
    #[must_use]
    pub fn new(db: Database, channel: impl Into<String>) -> Self {
        Self { db, channel: channel.into(), me: nonce() }
    }
}

#[async_trait]
impl WakeLink for NotifyLink {
    async fn tell(&self, topics: &[Topic]) -> Result<()> {
        let text = message(&self.me, topics);
        self.db.rows("SELECT 1 AS one FROM (SELECT pg_notify($1, $2)) AS told", args![&self.channel, text]).await?;
        Ok(())
    }

    async fn hear(&self) -> Result<Box<dyn WakeHeard>> {
        let mut listener = self.db.listener().await?;
        listener.listen(&self.channel).await.map_err(error::of)?;
        Ok(Box::new(Notified { listener, me: self.me.clone() }))
    }
}

#[derive(Debug)]
struct Notified {
    listener: PgListener,
    me: String,
}

impl Notified {
    async fn alive(&mut self) -> Result<()> {
        let question = sqlx::query("SELECT 1").execute(&mut self.listener);
        match tokio::time::timeout(CALL * 5, question).await {
            Ok(answer) => answer.map(drop).map_err(error::of),
            Err(_) => Err(Error::unavailable("the listening connection does not answer")),
        }
    }
}

#[async_trait]
impl WakeHeard for Notified {
    async fn next(&mut self) -> Result<Vec<Topic>> {
        loop {
            let Ok(heard) = tokio::time::timeout(SILENCE, self.listener.try_recv()).await else {
                self.alive().await?;
                continue;
            };
            let Some(told) = heard.map_err(error::of)? else {
                return Err(Error::unavailable("the listening connection was closed"));
            };
            let topics = topics(&self.me, told.payload());
            if !topics.is_empty() {
                return Ok(topics);
            }
        }
    }
}

/// Wakes over a channel of Redis.
pub struct RedisLink {
    client: redis::Client,
    channel: String,
    me: String,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("RedisLink").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl RedisLink {
    /// A link over a channel of this Redis; connects when it is used.
    ///
    /// # Errors
    /// `Invalid` for an address that cannot be read.
    pub fn new(url: &str, channel: impl Into<String>) -> Result<Self> {
        let client = redis::Client::open(url).map_err(|e| {
            Error::invalid(vec![FieldError::new("redis_url", "give redis://HOST:PORT/NUMBER")]).because(e)
        })?;
        Ok(Self { client, channel: channel.into(), me: nonce(), connection: Mutex::default() })
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        within(self.client.get_multiplexed_async_connection()).await
    }
}

async fn within<T>(call: impl Future<Output = redis::RedisResult<T>> + Send) -> Result<T> {
    match tokio::time::timeout(CALL, call).await {
        Ok(answer) => answer.map_err(down),
        Err(_) => Err(Error::unavailable("Redis does not answer in time")),
    }
}

#[async_trait]
impl WakeLink for RedisLink {
    async fn tell(&self, topics: &[Topic]) -> Result<()> {
        let mut kept = self.connection.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.channel).arg(message(&self.me, topics));
        // A connection that failed is not kept.
        within(publish.query_async::<i64>(&mut connection)).await?;
        *kept = Some(connection);
        Ok(())
    }

    async fn hear(&self) -> Result<Box<dyn WakeHeard>> {
        let mut pubsub = within(self.client.get_async_pubsub()).await?;
        within(pubsub.subscribe(&self.channel)).await?;
        let (sink, messages) = pubsub.split();
        Ok(Box::new(Subscribed { sink, messages, me: self.me.clone() }))
    }
}

struct Subscribed {
    sink: redis::aio::PubSubSink,
    messages: PubSubStream,
    me: String,
}

impl std::fmt::Debug for Subscribed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscribed").finish_non_exhaustive()
    }
}

#[async_trait]
impl WakeHeard for Subscribed {
    async fn next(&mut self) -> Result<Vec<Topic>> {
        loop {
            let Ok(heard) = tokio::time::timeout(SILENCE, self.messages.next()).await else {
                within(self.sink.ping::<redis::Value>()).await?;
                continue;
            };
            let heard = heard.ok_or_else(|| Error::unavailable("the connection to Redis was closed"))?;
            let text: String = heard.get_payload().map_err(down)?;
            let topics = topics(&self.me, &text);
            if !topics.is_empty() {
                return Ok(topics);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_topics_and_its_sender_hears_nothing() {
        let text = message("a", &Topic::ALL);
        assert_eq!(topics("b", &text), Topic::ALL);
        assert_eq!(topics("a", &text), []);
        assert_eq!(topics("b", "c runs of_a_newer_program"), [Topic::Runs]);
        assert_eq!(topics("b", ""), []);
    }
}
