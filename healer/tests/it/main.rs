//! Integration tests of the healer: the runtime contract, the local supervisor, the runner, the loops and the webhook.

mod contract;
mod local;
mod local_hard;
mod support;
