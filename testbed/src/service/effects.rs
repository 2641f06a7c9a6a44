//! Faults inside the process: what they take hold of stays taken until the process ends.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::db::Connection;
use super::shop::Shop;
use crate::fault::{Amount, FaultName};

/// Most memory a leak may take, so that a small machine survives it.
const LEAK_CAP_BYTES: usize = 400 * 1024 * 1024;
/// Pause between two steps of a leak or a fill.
const STEP: Duration = Duration::from_millis(250);

/// What the faults hold at this moment.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    jobs: Mutex<HashMap<FaultName, CancellationToken>>,
    memory: Mutex<Vec<Vec<u8>>>,
    connections: Mutex<Vec<Connection>>,
    burning: AtomicUsize,
    filling: AtomicBool,
    failing_job: AtomicBool,
}

/// Counts of [`Effects`], as the service's own state shows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct EffectCounts {
    /// Bytes that leaked.
    pub(crate) leaked_bytes: u64,
    /// Database connections that leaked.
    pub(crate) leaked_connections: u64,
    /// Threads that burn CPU.
    pub(crate) burning_threads: u64,
    /// A dump is being written into the data folder.
    pub(crate) filling_disk: bool,
    /// The broken background job runs.
    pub(crate) failing_job: bool,
}

impl Effects {
    /// What is held now.
    pub(crate) fn counts(&self) -> EffectCounts {
        EffectCounts {
            leaked_bytes: lock(&self.memory).iter().map(|block| block.len() as u64).sum(),
            leaked_connections: lock(&self.connections).len() as u64,
            burning_threads: self.burning.load(Ordering::Relaxed) as u64,
            filling_disk: self.filling.load(Ordering::Relaxed),
            failing_job: self.failing_job.load(Ordering::Relaxed),
        }
    }

    /// Starts a fault of this process; one that runs already is restarted at the new amount.
    pub(crate) fn start(&self, shop: &Arc<Shop>, fault: FaultName, amount: Amount) {
        let stop = shop.stop.child_token();
        if let Some(old) = lock(&self.jobs).insert(fault, stop.clone()) {
            old.cancel();
        }
        let shop = Arc::clone(shop);
        match fault {
            FaultName::MemoryLeak => spawn(leak_memory(shop, amount.leak_bytes_per_sec(), stop)),
            FaultName::PoolLeak => spawn(leak_connections(shop, amount.connection_leak_interval_ms(), stop)),
            FaultName::DiskFill => spawn(fill_disk(shop, amount.fill_bytes_per_sec(), stop)),
            FaultName::LogErrorBurst => spawn(fail_loudly(shop, amount.log_errors_per_sec(), stop)),
            FaultName::CpuBurn => {
                std::thread::spawn(move || burn(&shop, amount.burn_percent(), &stop));
            }
            _ => {}
        }
    }

    /// Ends a fault and gives back what it took: for the harness, not a cure an operator has.
    pub(crate) fn stop(&self, fault: FaultName) {
        if let Some(job) = lock(&self.jobs).remove(&fault) {
            job.cancel();
        }
        match fault {
            FaultName::MemoryLeak => drop(std::mem::take(&mut *lock(&self.memory))),
            FaultName::PoolLeak => drop(std::mem::take(&mut *lock(&self.connections))),
            _ => {}
        }
    }
}

/// Jobs of faults end with the process or with their token; nobody waits for them.
fn spawn(job: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(job));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits one step; `false` when the fault was ended.
async fn step(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::time::timeout(pause, stop.cancelled()).await.is_err()
}

async fn leak_memory(shop: Arc<Shop>, bytes_per_sec: usize, stop: CancellationToken) {
    let block = bytes_per_sec / 4;
    while step(&stop, STEP).await {
        let mut memory = lock(&shop.effects.memory);
        if memory.iter().map(Vec::len).sum::<usize>() + block <= LEAK_CAP_BYTES {
            memory.push(vec![0x5A; block]);
        }
    }
}

async fn leak_connections(shop: Arc<Shop>, interval_ms: u64, stop: CancellationToken) {
    let Some(db) = &shop.db else { return };
    while step(&stop, Duration::from_millis(interval_ms)).await {
        if let Ok(connection) = db.acquire().await {
            if stop.is_cancelled() {
                return;
            }
            lock(&shop.effects.connections).push(connection);
        }
    }
}

async fn fill_disk(shop: Arc<Shop>, bytes_per_sec: usize, stop: CancellationToken) {
    let Some(data) = &shop.data else { return };
    let Ok(dump) = data.start_dump() else { return };
    shop.effects.filling.store(true, Ordering::Relaxed);
    shop.log.warn("debug dump started", json!({"file.path": dump.display().to_string()}));
    while step(&stop, STEP).await {
        match data.grow_dump(&dump, bytes_per_sec / 4) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    shop.effects.filling.store(false, Ordering::Relaxed);
}

/// Connects to a port where nobody listens, as a connector with a stale address would.
async fn fail_loudly(shop: Arc<Shop>, per_sec: u64, stop: CancellationToken) {
    let address = match std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()) {
        Ok(address) => address,
        Err(_) => return,
    };
    shop.effects.failing_job.store(true, Ordering::Relaxed);
    let pause = Duration::from_millis(1000 / per_sec.max(1));
    let mut batch = 0_u64;
    while step(&stop, pause).await {
        batch += 1;
        if let Err(error) = tokio::net::TcpStream::connect(address).await {
            let message = format!("settlement connector: cannot deliver batch {batch} to {address}: {error}");
            shop.log.error(&message, json!({"error.message": error.to_string(), "error.type": "ConnectError"}));
        }
    }
    shop.effects.failing_job.store(false, Ordering::Relaxed);
}

/// Spins for `percent` of each 50 ms.
fn burn(shop: &Shop, percent: u64, stop: &CancellationToken) {
    shop.effects.burning.fetch_add(1, Ordering::Relaxed);
    let mut sum = 0_u64;
    while !stop.is_cancelled() {
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(percent * 500) {
            sum = std::hint::black_box(sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        std::thread::sleep(Duration::from_micros((100 - percent) * 500));
    }
    shop.effects.burning.fetch_sub(1, Ordering::Relaxed);
}
