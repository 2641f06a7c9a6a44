//! Integration tests of the healer: the runtime contract, the local supervisor, the runner, the loops and the webhook.

mod contract;
mod docker;
mod docker_hard;
mod docker_pull;
mod docker_runs;
mod docker_tls;
mod fakes;
mod full_disk;
mod heal;
mod health;
mod kubernetes;
mod kubernetes_cures;
mod kubernetes_ends;
mod local;
mod local_hard;
mod local_limits;
mod notify;
mod proxy;
mod runs;
mod schedules;
mod support;
mod world;
mod zoo;
