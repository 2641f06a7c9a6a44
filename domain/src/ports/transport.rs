//! Ports between stages: batches travel on the bus, wakes carry nothing.

use crate::error::Result;
use crate::signal::Batch;
use async_trait::async_trait;
use std::time::Duration;

/// Carries batches from ingest to the analyzer, bounded.
#[async_trait]
pub trait Bus: Send + Sync + std::fmt::Debug {
    /// Sends one batch; waits while the bus is full.
    ///
    /// # Errors
    /// `Unavailable` when the other end is gone.
    async fn send(&self, batch: Batch) -> Result<()>;
}

/// The receiving end of a [`Bus`].
#[async_trait]
pub trait BusReceiver: Send + std::fmt::Debug {
    /// The next batch; `None` when the bus is closed.
    async fn receive(&mut self) -> Option<Batch>;
}

/// What a wake is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Incidents, anomalies or decisions changed.
    Incidents,
    /// Runs changed.
    Runs,
    /// Log lines of runs were stored.
    RunLogs,
    /// Notifications were written.
    Outbox,
    /// Sources, monitors or other settings changed.
    Catalog,
    /// Live state of a component changed.
    Status,
    /// Alerts were accepted, or members of incidents were moved by hand.
    Alerts,
}

impl Topic {
    /// Every topic, in the order of [`Topic::slot`].
    pub const ALL: [Self; 7] =
        [Self::Incidents, Self::Runs, Self::RunLogs, Self::Outbox, Self::Catalog, Self::Status, Self::Alerts];

    /// Its place in [`Topic::ALL`].
    #[must_use]
    pub const fn slot(self) -> usize {
        match self {
            Self::Incidents => 0,
            Self::Runs => 1,
            Self::RunLogs => 2,
            Self::Outbox => 3,
            Self::Catalog => 4,
            Self::Status => 5,
            Self::Alerts => 6,
        }
    }

    /// Its name between processes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Runs => "runs",
            Self::RunLogs => "run_logs",
            Self::Outbox => "outbox",
            Self::Catalog => "catalog",
            Self::Status => "status",
            Self::Alerts => "alerts",
        }
    }

    /// The topic of this name; none for one that a newer program made.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.word() == word)
    }
}

/// Wakes whoever waits on a topic; carries no data, and a lost wake costs one tick.
pub trait Wake: Send + Sync + std::fmt::Debug {
    /// Wakes all listeners of `topic`.
    fn wake(&self, topic: Topic);

    /// A listener that hears every wake from now on.
    fn listen(&self, topic: Topic) -> Box<dyn WakeListener>;
}

/// Waits for wakes.
#[async_trait]
pub trait WakeListener: Send + std::fmt::Debug {
    /// Returns at the next wake (several may be one) or after `tick`, whichever is first.
    async fn wait(&mut self, tick: Duration);
}
