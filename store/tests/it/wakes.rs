//! Wakes between processes: over PostgreSQL and over Redis, and what happens when the link breaks.

use crate::databases::with_schema;
use domain::ports::{Topic, WakeLink};
use std::time::Duration;
use store::{Database, NotifyLink, RedisLink};

const LONG: Duration = Duration::from_secs(20);

fn channel() -> String {
    format!("test_{}", domain::new_id().simple())
}

/// What one tells the other hears, and nobody hears what he told himself.
async fn carries(one: &dyn WakeLink, other: &dyn WakeLink) {
    let mut at_one = one.hear().await.unwrap();
    let mut at_other = other.hear().await.unwrap();
    for topic in Topic::ALL {
        one.tell(&[topic]).await.unwrap();
        assert_eq!(tokio::time::timeout(LONG, at_other.next()).await.unwrap().unwrap(), [topic]);
    }
    other.tell(&[Topic::Runs, Topic::Outbox]).await.unwrap();
    let heard = tokio::time::timeout(LONG, at_one.next()).await.unwrap().unwrap();
    assert_eq!(heard, [Topic::Runs, Topic::Outbox], "the first that it hears: not one of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_carries_wakes() {
    with_schema("notify_carries_wakes", |url| async move {
        let channel = channel();
        let [one, other] = [Database::connect(&url).await.unwrap(), Database::connect(&url).await.unwrap()];
        let links = [NotifyLink::new(one, channel.clone()), NotifyLink::new(other, channel)];
        carries(&links[0], &links[1]).await;
    })
    .await;
}

/// A listening connection that the server ends is an error at once, and connecting again hears again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_listener_says_so() {
    with_schema("a_broken_listener_says_so", |url| async move {
        use sqlx::Connection as _;
        let channel = channel();
        let db = Database::connect(&url).await.unwrap();
        let (one, other) = (NotifyLink::new(db.clone(), channel.clone()), NotifyLink::new(db, channel.clone()));
        let mut heard = other.hear().await.unwrap();
        let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1";
        sqlx::query(kill).bind(format!("LISTEN \"{channel}\"")).execute(&mut admin).await.unwrap();
        assert!(tokio::time::timeout(LONG, heard.next()).await.unwrap().is_err(), "told, so that all is looked at");
        let mut again = other.hear().await.unwrap();
        one.tell(&[Topic::Catalog]).await.unwrap();
        assert_eq!(tokio::time::timeout(LONG, again.next()).await.unwrap().unwrap(), [Topic::Catalog]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_carries_wakes() {
    let Ok(url) = std::env::var("AIOPS_TEST_REDIS_URL") else {
        eprintln!("skipped: redis_carries_wakes needs AIOPS_TEST_REDIS_URL");
        return;
    };
    let channel = channel();
    let links = [RedisLink::new(&url, channel.clone()).unwrap(), RedisLink::new(&url, channel).unwrap()];
    carries(&links[0], &links[1]).await;
}

/// A Redis that is not there costs the wake, and says so soon.
#[tokio::test]
async fn an_absent_redis_is_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let link = RedisLink::new(&format!("redis://{free}/0"), "x").unwrap();
    assert!(tokio::time::timeout(LONG, link.tell(&[Topic::Runs])).await.unwrap().is_err());
    assert!(tokio::time::timeout(LONG, link.hear()).await.unwrap().is_err());
    assert!(RedisLink::new("mysql://x", "x").is_err(), "an address of something else");
}
