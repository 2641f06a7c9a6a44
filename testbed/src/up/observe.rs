//! Looks at every service once a second: its state, its process, and probes of a real route.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::control::Supervisor;
use super::truth::{Look, effect_present};
use crate::procfs;
use crate::service::ServiceName;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Probes kept.
const KEEP: usize = 20;

/// The last look at each service, and what is needed for the next one.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<BTreeMap<&'static str, Look>>);

impl Looks {
    /// The last look at a service; empty before the first.
    pub(crate) fn of(&self, name: &str) -> Look {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    fn set(&self, name: &'static str, look: Look) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, look);
    }
}

#[derive(Debug, Default)]
struct Memory {
    cpu: Option<(u32, f64, Instant)>,
    probes: VecDeque<(bool, f64)>,
}

/// Looks until told to stop, and keeps the injections' truth current.
pub(crate) async fn run(supervisor: Arc<Supervisor>, stop: CancellationToken) {
    let Ok(http) = reqwest::Client::builder().timeout(Duration::from_secs(3)).build() else { return };
    let mut memory: BTreeMap<&'static str, Memory> = BTreeMap::new();
    while !stop.is_cancelled() {
        supervisor.fleet.revive().await;
        let names = ServiceName::ALL.map(ServiceName::as_str);
        let probes = names.map(|name| probe(&http, name, supervisor.fleet.url(name)));
        let probes = futures::future::join_all(probes).await;
        for (name, probe) in names.into_iter().zip(probes) {
            let look = look(&supervisor, name, probe, memory.entry(name).or_default()).await;
            supervisor.looks.set(name, look);
        }
        let now_ms = chrono::Utc::now().timestamp_millis();
        supervisor.book(|book| {
            for injection in book.injections.iter_mut().filter(|injection| injection.open()) {
                let look = supervisor.looks.of(&injection.service);
                injection.read(effect_present(injection.name, injection.resident_before, &look), now_ms);
            }
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn look(supervisor: &Supervisor, name: &'static str, probe: (bool, f64), memory: &mut Memory) -> Look {
    memory.probes.push_back(probe);
    if memory.probes.len() > KEEP {
        memory.probes.pop_front();
    }
    let state = supervisor.fleet.state(name).await;
    let pid = supervisor.fleet.vital(name).and_then(|(pid, _)| pid);
    let reading = pid.and_then(procfs::read);
    let now = Instant::now();
    let former = memory.cpu.take();
    memory.cpu = pid.zip(reading).map(|(pid, reading)| (pid, reading.cpu_secs, now));
    let cpu_share = match (former, memory.cpu) {
        (Some((old_pid, old, then)), Some((pid, new, now))) if old_pid == pid => {
            (new - old) / now.duration_since(then).as_secs_f64().max(0.001)
        }
        _ => 0.0,
    };
    let resident_bytes = reading.map_or(0, |reading| reading.resident_bytes);
    Look { state, resident_bytes, cpu_share, probes: memory.probes.iter().copied().collect() }
}

/// Asks for what users ask for, on the service itself. A refused connection is a failed probe.
async fn probe(http: &reqwest::Client, name: &str, base: String) -> (bool, f64) {
    let product = rand::random_range(1..=crate::service::PRODUCTS);
    let request = match name {
        "checkout" => {
            let order = json!({"product": product, "quantity": 1, "price": 10.0});
            http.post(format!("{base}/api/orders")).json(&order)
        }
        "catalog" => http.get(format!("{base}/api/products/{product}")),
        _ => http.get(format!("{base}/products/{product}")),
    };
    let start = Instant::now();
    let ok = request.send().await.is_ok_and(|answer| answer.status().is_success());
    (ok, start.elapsed().as_secs_f64() * 1000.0)
}
