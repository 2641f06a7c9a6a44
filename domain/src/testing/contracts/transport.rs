//! Contract of the bus and the wakes: batches arrive once and in order, a full bus waits, nobody sleeps through a wake.

use crate::error::{Kind, Result};
use crate::ports::{Bus, BusReceiver, Topic, Wake, WakeListener};
use crate::signal::{Batch, Completeness, MetricAnswer, Payload, Point, Series};
use crate::testing::{samples, together, within};
use crate::trace::TraceContext;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// The two ends of one empty bus.
pub type Ends = (Box<dyn Bus>, Box<dyn BusReceiver>);

/// Every topic.
pub const TOPICS: [Topic; 6] =
    [Topic::Incidents, Topic::Runs, Topic::RunLogs, Topic::Outbox, Topic::Catalog, Topic::Status];

/// So long that only a wake can end the wait.
const AGES: Duration = Duration::from_secs(86_400);

/// The `n`th batch: no two are alike.
fn batch(n: i64) -> Batch {
    let point = Point { at_ms: n, value: 0.5 };
    let series = Series { labels: BTreeMap::from([("n".to_owned(), n.to_string())]), points: vec![point] };
    Batch {
        monitor_id: crate::new_id(),
        polled_at: samples::at(n + 1),
        from: samples::at(n),
        to: samples::at(n + 1),
        payload: Payload::Metrics(MetricAnswer { series: vec![series], completeness: Completeness::Complete }),
        trace: TraceContext::random(),
    }
}

/// A thousand batches, more than any bus may hold: each comes once, unchanged, in the order of sending.
pub async fn batches_arrive_once_and_in_order((bus, mut receiver): Ends) -> Result<()> {
    type End<'a> = Pin<Box<dyn Future<Output = Result<Vec<Batch>>> + Send + 'a>>;
    let sent: Vec<Batch> = (0..1_000).map(batch).collect();
    let batches = sent.clone();
    let sending: End<'_> = Box::pin(async move {
        for batch in batches {
            bus.send(batch).await?;
        }
        Ok(Vec::new())
    });
    let receiving: End<'_> = Box::pin(async {
        let mut got = Vec::new();
        while let Some(batch) = receiver.receive().await {
            got.push(batch);
            if got.len() == 1_000 {
                break;
            }
        }
        Ok(got)
    });
    let ends = together([sending, receiving]).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(ends.concat(), sent);
    Ok(())
}

/// A sender waits while the bus is full, and goes on when there is room; nothing is dropped.
pub async fn a_full_bus_waits((bus, mut receiver): Ends) -> Result<()> {
    let mut count = 0;
    let waiting = loop {
        assert!(count < 100_000, "the bus takes batches without bound");
        let mut sending = bus.send(batch(count));
        count += 1;
        match within(Duration::from_millis(50), &mut sending).await {
            Some(done) => done?,
            None => break sending,
        }
    };
    let first = receiver.receive().await.expect("an open bus");
    assert_eq!(first.from, samples::at(0));
    waiting.await?;
    for n in 1..count {
        assert_eq!(receiver.receive().await.map(|b| b.from), Some(samples::at(n)));
    }
    Ok(())
}

/// What was sent before the sender went is still read; then the bus is closed.
pub async fn a_closed_bus_is_read_to_its_end((bus, mut receiver): Ends) -> Result<()> {
    bus.send(batch(0)).await?;
    bus.send(batch(1)).await?;
    drop(bus);
    let mut got = Vec::new();
    while let Some(batch) = receiver.receive().await {
        got.push(batch.from);
    }
    assert_eq!(got, [samples::at(0), samples::at(1)]);
    Ok(())
}

/// A batch for nobody is refused, so that the poll is made again.
pub async fn a_bus_without_reader_refuses((bus, receiver): Ends) -> Result<()> {
    drop(receiver);
    let refused = bus.send(batch(0)).await.map_err(|e| e.kind);
    assert_eq!(refused, Err(Kind::Unavailable));
    Ok(())
}

/// Whether a wake ends the wait; a wake may take a moment to arrive.
async fn heard(listener: &mut dyn WakeListener) -> bool {
    within(Duration::from_secs(10), listener.wait(AGES)).await.is_some()
}

/// Whether nothing is left to be heard.
async fn quiet(listener: &mut dyn WakeListener) -> bool {
    within(Duration::from_millis(20), listener.wait(AGES)).await.is_none()
}

/// Every listener of the topic hears a wake, also one that came between listening and waiting.
pub async fn every_listener_hears(wake: &dyn Wake) {
    for topic in TOPICS {
        let (mut one, mut other) = (wake.listen(topic), wake.listen(topic));
        wake.wake(topic);
        assert!(heard(&mut *one).await && heard(&mut *other).await, "{topic:?}");
    }
}

/// A wake is heard on its own topic alone.
pub async fn topics_are_apart(wake: &dyn Wake) {
    for topic in TOPICS {
        let mut listeners = TOPICS.map(|t| (t, wake.listen(t)));
        wake.wake(topic);
        for (of, listener) in &mut listeners {
            if *of == topic {
                assert!(heard(&mut **listener).await, "{topic:?}");
            } else {
                assert!(quiet(&mut **listener).await, "{topic:?} woke {of:?}");
            }
        }
    }
}

/// Three wakes are one to three for the listener, and old ones none for who listens later.
pub async fn wakes_do_not_multiply(wake: &dyn Wake) {
    let mut listener = wake.listen(Topic::Runs);
    for _ in 0..3 {
        wake.wake(Topic::Runs);
    }
    assert!(heard(&mut *listener).await);
    let mut more = 0;
    while !quiet(&mut *listener).await {
        more += 1;
        assert!(more < 3, "heard more wakes than there were");
    }
    assert!(quiet(&mut *wake.listen(Topic::Runs)).await, "a wake from before");
}

/// Without a wake the wait ends with its tick, each time.
pub async fn a_tick_ends_the_wait(wake: &dyn Wake) {
    let mut listener = wake.listen(Topic::Outbox);
    for _ in 0..3 {
        let waited = within(Duration::from_secs(10), listener.wait(Duration::from_millis(1))).await;
        assert!(waited.is_some(), "the tick is over and the listener still waits");
    }
}
