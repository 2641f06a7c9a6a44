//! Integration tests of the healer: the runtime contract, the local supervisor, the runner, the loops and the webhook.

mod contract;
mod fakes;
mod full_disk;
mod heal;
mod local;
mod local_hard;
mod local_limits;
mod notify;
mod runs;
mod support;
mod world;
mod zoo;
