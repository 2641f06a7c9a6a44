//! Bus and wake of a single process: a bounded channel and watch counters.

use async_trait::async_trait;
use domain::error::{Error, Result};
use domain::ports::{Bus, BusReceiver, Topic, Wake, WakeListener};
use domain::signal::{Batch, Payload};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Batches that may wait between ingest and the analyzer.
const BUS_CAPACITY: usize = 256;
/// Samples and lines that may wait, in all batches together: about 50 MB. A larger batch goes alone.
const BUS_ROWS: u32 = 1_000_000;

/// A batch, and the room that it takes until it is received.
type Waiting = (Batch, OwnedSemaphorePermit);

/// The sending end of the in-process bus.
#[derive(Debug)]
pub(crate) struct LocalBus(mpsc::Sender<Waiting>, Arc<Semaphore>);

/// The receiving end of the in-process bus.
#[derive(Debug)]
pub(crate) struct LocalReceiver(mpsc::Receiver<Waiting>);

/// A bus within this process, bounded by batches and by rows.
pub(crate) fn bus() -> (LocalBus, LocalReceiver) {
    let (sender, receiver) = mpsc::channel(BUS_CAPACITY);
    (LocalBus(sender, Arc::new(Semaphore::new(BUS_ROWS as usize))), LocalReceiver(receiver))
}

/// Rows that a batch counts for: a series without a sample takes room, too.
fn rows(batch: &Batch) -> u32 {
    let rows = match &batch.payload {
        Payload::Metrics(answer) => answer.series.iter().map(|s| s.points.len() + 8).sum(),
        Payload::Logs { lines, .. } => lines.len() * 8,
        Payload::Failed(_) => 0,
    };
    u32::try_from(rows).unwrap_or(BUS_ROWS).clamp(1, BUS_ROWS)
}

#[async_trait]
impl Bus for LocalBus {
    async fn send(&self, batch: Batch) -> Result<()> {
        let stopped = || Error::unavailable("the analyzer has stopped");
        let room = Arc::clone(&self.1).acquire_many_owned(rows(&batch));
        let room = tokio::select! {
            room = room => room.map_err(|_| stopped())?,
            () = self.0.closed() => return Err(stopped()),
        };
        self.0.send((batch, room)).await.map_err(|_| stopped())
    }
}

#[async_trait]
impl BusReceiver for LocalReceiver {
    async fn receive(&mut self) -> Option<Batch> {
        self.0.recv().await.map(|(batch, _room)| batch)
    }
}

/// Wakes within this process: one counter a topic.
#[derive(Debug)]
pub(crate) struct LocalWake([watch::Sender<u64>; Topic::ALL.len()]);

impl Default for LocalWake {
    fn default() -> Self {
        Self(std::array::from_fn(|_| watch::Sender::new(0)))
    }
}

impl Wake for LocalWake {
    fn wake(&self, topic: Topic) {
        self.0[topic.slot()].send_modify(|n| *n = n.wrapping_add(1));
    }

    fn listen(&self, topic: Topic) -> Box<dyn WakeListener> {
        Box::new(LocalListener(self.0[topic.slot()].subscribe()))
    }
}

#[derive(Debug)]
struct LocalListener(watch::Receiver<u64>);

#[async_trait]
impl WakeListener for LocalListener {
    async fn wait(&mut self, tick: Duration) {
        if let Ok(Err(_closed)) = tokio::time::timeout(tick, self.0.changed()).await {
            // The sender is gone at shutdown only; the tick keeps the loop from spinning.
            tokio::time::sleep(tick).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::testing::contracts::transport as contract;

    fn ends() -> contract::Ends {
        let (bus, receiver) = bus();
        (Box::new(bus), Box::new(receiver))
    }

    #[tokio::test]
    async fn the_bus_keeps_the_contract() {
        contract::batches_arrive_once_and_in_order(ends()).await.expect("in order");
        contract::a_full_bus_waits(ends()).await.expect("bounded");
        contract::a_closed_bus_is_read_to_its_end(ends()).await.expect("read to its end");
        contract::a_bus_without_reader_refuses(ends()).await.expect("refused");
    }

    #[tokio::test]
    async fn wakes_keep_the_contract() {
        contract::every_listener_hears(&LocalWake::default()).await;
        contract::topics_are_apart(&LocalWake::default()).await;
        contract::wakes_do_not_multiply(&LocalWake::default()).await;
        contract::a_tick_ends_the_wait(&LocalWake::default()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_is_heard_once_and_a_missed_one_costs_a_tick() {
        let wake = LocalWake::default();
        let mut listener = wake.listen(Topic::Runs);
        wake.wake(Topic::Runs);
        wake.wake(Topic::Runs);
        let start = tokio::time::Instant::now();
        listener.wait(Duration::from_secs(5)).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "two wakes are heard at once");
        listener.wait(Duration::from_secs(5)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(5), "nothing more: the tick");
    }
}
