//! Wakes of this process that also reach the others, over a link that may be down: then they find work at their ticks.

use crate::local::LocalWake;
use crate::settings::Settings;
use domain::ports::{Topic, Wake, WakeLink, WakeListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use store::{Backend, Database, NotifyLink, RedisLink};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Channel of PostgreSQL and of Redis.
const CHANNEL: &str = "aiops_wake";
/// Wakes of this time travel as one message.
const GATHER: Duration = Duration::from_millis(5);
/// Pause before a link that is down is tried again.
const PAUSE: Duration = Duration::from_secs(1);

const _: () = assert!(Topic::ALL.len() <= 8, "a topic is a bit");

/// Wakes here at once, and elsewhere over the link.
#[derive(Debug)]
pub(crate) struct LinkedWake {
    local: Arc<LocalWake>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    topics: AtomicU8,
    bell: Notify,
}

impl Wake for LinkedWake {
    fn wake(&self, topic: Topic) {
        self.local.wake(topic);
        self.waiting.topics.fetch_or(1 << topic.slot(), Ordering::Relaxed);
        self.waiting.bell.notify_one();
    }

    fn listen(&self, topic: Topic) -> Box<dyn WakeListener> {
        self.local.listen(topic)
    }
}

/// The link of the settings: Redis when it is set, else PostgreSQL itself; SQLite has one process and needs none.
fn link(settings: &Settings, database: &Arc<Database>) -> domain::Result<Option<Arc<dyn WakeLink>>> {
    if !settings.redis_url.is_empty() {
        return Ok(Some(Arc::new(RedisLink::new(&settings.redis_url, CHANNEL)?)));
    }
    Ok(match database.backend() {
        Backend::Postgres => Some(Arc::new(NotifyLink::new((**database).clone(), CHANNEL))),
        Backend::Sqlite => None,
    })
}

/// The wake of this process; its link works until `stop`.
///
/// # Errors
/// One line that names the setting.
pub(crate) fn start(
    settings: &Settings,
    database: &Arc<Database>,
    stop: &CancellationToken,
) -> domain::Result<Arc<dyn Wake>> {
    let local = Arc::new(LocalWake::default());
    let Some(link) = link(settings, database)? else { return Ok(local) };
    Ok(Arc::new(linked(local, link, stop)))
}

fn linked(local: Arc<LocalWake>, link: Arc<dyn WakeLink>, stop: &CancellationToken) -> LinkedWake {
    let waiting = Arc::new(Waiting::default());
    let tell = tell(Arc::clone(&link), Arc::clone(&waiting));
    let hear = hear(link, Arc::clone(&local));
    tokio::spawn(stop.clone().run_until_cancelled_owned(tell));
    tokio::spawn(stop.clone().run_until_cancelled_owned(hear));
    LinkedWake { local, waiting }
}

async fn tell(link: Arc<dyn WakeLink>, waiting: Arc<Waiting>) {
    let mut down = false;
    loop {
        waiting.bell.notified().await;
        tokio::time::sleep(GATHER).await;
        let bits = waiting.topics.swap(0, Ordering::Relaxed);
        let topics: Vec<Topic> = Topic::ALL.into_iter().filter(|t| bits & (1 << t.slot()) != 0).collect();
        if topics.is_empty() {
            continue;
        }
        match link.tell(&topics).await {
            Ok(()) if down => {
                info!("other processes are woken again");
                down = false;
            }
            Ok(()) => {}
            Err(error) => {
                if !down {
                    warn!(%error, cause = ?error.source, "other processes are not woken; they find work at their ticks");
                }
                down = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn hear(link: Arc<dyn WakeLink>, local: Arc<LocalWake>) {
    let mut told = false;
    loop {
        let error = match link.hear().await {
            Ok(mut heard) => {
                info!("hearing wakes of other processes");
                told = false;
                // What was told while nobody listened is lost: everybody looks.
                Topic::ALL.into_iter().for_each(|t| local.wake(t));
                loop {
                    match heard.next().await {
                        Ok(topics) => topics.into_iter().for_each(|t| local.wake(t)),
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        if !told {
            warn!(%error, cause = ?error.source, "wakes of other processes are not heard; work is found at the ticks");
        }
        told = true;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use domain::ports::WakeHeard;
    use domain::testing::contracts::transport as contract;
    use domain::{Error, Result};
    use std::sync::atomic::AtomicBool;
    use tokio::sync::broadcast;

    /// A link in memory that can be cut.
    #[derive(Debug, Clone)]
    struct Cable {
        me: u8,
        line: broadcast::Sender<(u8, Vec<Topic>)>,
        cut: Arc<AtomicBool>,
    }

    #[derive(Debug)]
    struct End(u8, broadcast::Receiver<(u8, Vec<Topic>)>, Arc<AtomicBool>);

    #[async_trait]
    impl WakeLink for Cable {
        async fn tell(&self, topics: &[Topic]) -> Result<()> {
            if self.cut.load(Ordering::SeqCst) {
                return Err(Error::unavailable("cut"));
            }
            self.line.send((self.me, topics.to_vec())).map(drop).map_err(|_| Error::unavailable("nobody"))
        }

        async fn hear(&self) -> Result<Box<dyn WakeHeard>> {
            if self.cut.load(Ordering::SeqCst) {
                return Err(Error::unavailable("cut"));
            }
            Ok(Box::new(End(self.me, self.line.subscribe(), Arc::clone(&self.cut))))
        }
    }

    #[async_trait]
    impl WakeHeard for End {
        async fn next(&mut self) -> Result<Vec<Topic>> {
            loop {
                let (from, topics) = self.1.recv().await.map_err(|_| Error::unavailable("gone"))?;
                if self.2.load(Ordering::SeqCst) {
                    return Err(Error::unavailable("cut"));
                }
                if from != self.0 {
                    return Ok(topics);
                }
            }
        }
    }

    fn pair() -> ([Cable; 2], broadcast::Sender<(u8, Vec<Topic>)>) {
        let (line, _) = broadcast::channel(64);
        let cut = Arc::new(AtomicBool::new(false));
        ([1, 2].map(|me| Cable { me, line: line.clone(), cut: Arc::clone(&cut) }), line)
    }

    #[tokio::test]
    async fn a_linked_wake_keeps_the_contract_of_wakes() {
        let stop = CancellationToken::new();
        let ([one, _], line) = pair();
        let wake = linked(Arc::default(), Arc::new(one), &stop);
        while line.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        contract::every_listener_hears(&wake).await;
        contract::topics_are_apart(&wake).await;
        contract::wakes_do_not_multiply(&wake).await;
        contract::a_tick_ends_the_wait(&wake).await;
        stop.cancel();
    }

    /// Paused time: what is heard before a tick costs none.
    #[tokio::test(start_paused = true)]
    async fn a_wake_reaches_the_other_process_and_a_cut_costs_a_tick() {
        let stop = CancellationToken::new();
        let ([one, two], line) = pair();
        let cut = Arc::clone(&one.cut);
        let here = linked(Arc::default(), Arc::new(one), &stop);
        let there = linked(Arc::default(), Arc::new(two), &stop);
        while line.receiver_count() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let tick = Duration::from_secs(60);
        let mut listener = there.listen(Topic::Runs);
        let begun = tokio::time::Instant::now();
        here.wake(Topic::Runs);
        listener.wait(tick).await;
        assert!(begun.elapsed() < PAUSE, "over the link");
        cut.store(true, Ordering::SeqCst);
        here.wake(Topic::Runs);
        let begun = tokio::time::Instant::now();
        listener.wait(tick).await;
        assert_eq!(begun.elapsed(), tick, "lost: found at the tick");
        // The end that was cut notices it; connected again, everything is looked at.
        assert!(line.send((9, vec![Topic::Status])).is_ok());
        let begun = tokio::time::Instant::now();
        let mut status = there.listen(Topic::Status);
        tokio::time::sleep(PAUSE / 2).await;
        cut.store(false, Ordering::SeqCst);
        listener.wait(tick).await;
        status.wait(tick).await;
        assert!(begun.elapsed() < 3 * PAUSE, "what was lost is looked for at once");
        stop.cancel();
    }
}
