//! Policy, gates, runtimes, verification and notification.
