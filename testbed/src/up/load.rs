//! The users: steady seasonal traffic on the storefront, and how well it was served.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::PRODUCTS;

/// Span that the rolling figures cover.
const WINDOW_MS: i64 = 60_000;
/// Requests in flight at most; users beyond that are counted as failed.
const MAX_IN_FLIGHT: usize = 64;

/// Shape of the traffic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    /// Mean user requests a second; the shop makes about 2.6 requests of each.
    pub(crate) rate: f64,
    /// Length of one "day" in seconds.
    pub(crate) period_secs: f64,
    /// Seed of the random numbers.
    pub(crate) seed: u64,
}

/// A page a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Page {
    /// The list of products.
    Home,
    /// One product.
    Product,
    /// An order.
    Checkout,
    /// Recent orders.
    Orders,
}

impl Page {
    fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Product => "product",
            Self::Checkout => "checkout",
            Self::Orders => "orders",
        }
    }

    /// 15 % home, 45 % product, 30 % checkout, 10 % orders.
    fn draw(roll: f64) -> Self {
        match roll {
            r if r < 0.15 => Self::Home,
            r if r < 0.60 => Self::Product,
            r if r < 0.90 => Self::Checkout,
            _ => Self::Orders,
        }
    }
}

/// Wanted rate at a time: a sine over the period, times slow noise around 1.
pub(crate) fn rate_at(traffic: Traffic, unix_secs: f64, noise: f64) -> f64 {
    let phase = unix_secs / traffic.period_secs * std::f64::consts::TAU;
    traffic.rate * (1.0 + 0.35 * phase.sin()) * (1.0 + noise.clamp(-0.2, 0.2))
}

/// How users were served in the last minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slo {
    /// Requests finished in the window.
    pub(crate) requests: u64,
    /// Share answered well, 0..=1; `None` without requests.
    pub(crate) success_rate: Option<f64>,
    /// 95th percentile of the time to answer, milliseconds.
    pub(crate) p95_ms: Option<f64>,
    /// Length of the window in seconds.
    pub(crate) window_secs: i64,
    /// Share answered well by page.
    pub(crate) success_by_page: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy)]
struct Served {
    at_ms: i64,
    page: Page,
    ok: bool,
    millis: f64,
}

/// Rolling record of what users got.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<VecDeque<Served>>);

impl Ledger {
    fn add(&self, served: Served) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(served);
        while all.front().is_some_and(|oldest| oldest.at_ms < served.at_ms - WINDOW_MS) {
            all.pop_front();
        }
    }

    /// The figures at a time.
    pub(crate) fn slo(&self, now_ms: i64) -> Slo {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<Served> = all.iter().filter(|served| served.at_ms > now_ms - WINDOW_MS).copied().collect();
        drop(all);
        let mut millis: Vec<f64> = recent.iter().map(|served| served.millis).collect();
        millis.sort_by(f64::total_cmp);
        let mut pages: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for served in &recent {
            let entry = pages.entry(served.page.as_str().to_owned()).or_default();
            *entry = (entry.0 + u32::from(served.ok), entry.1 + 1);
        }
        let good = recent.iter().filter(|served| served.ok).count();
        Slo {
            requests: recent.len() as u64,
            success_rate: (!recent.is_empty()).then(|| good as f64 / recent.len() as f64),
            p95_ms: millis.get((millis.len() * 95 / 100).min(millis.len().saturating_sub(1))).copied(),
            window_secs: WINDOW_MS / 1000,
            success_by_page: pages
                .into_iter()
                .map(|(page, (ok, all))| (page, f64::from(ok) / f64::from(all)))
                .collect(),
        }
    }
}

/// Sends traffic to the storefront until told to stop.
pub(crate) async fn run(base: url::Url, traffic: Traffic, ledger: Arc<Ledger>, stop: CancellationToken) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build();
    let Ok(client) = client else { return };
    let mut random = StdRng::seed_from_u64(traffic.seed);
    let room = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let users = TaskTracker::new();
    let mut noise = 0.0_f64;
    let mut due = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        let now_ms = chrono::Utc::now().timestamp_millis();
        noise = 0.98 * noise + 0.012 * (random.random::<f64>() * 2.0 - 1.0);
        let rate = rate_at(traffic, now_ms as f64 / 1000.0, noise).max(0.1);
        // Exponential gaps make the arrivals a Poisson process; the cap keeps a pause from looking like an outage.
        let gap = (-(1.0 - random.random::<f64>()).ln() / rate).min(2.0);
        due = due.max(tokio::time::Instant::now() - Duration::from_secs(1)) + Duration::from_secs_f64(gap);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(due) => {}
        }
        let page = Page::draw(random.random());
        // The square makes a few products popular.
        let product = 1 + (random.random::<f64>().powi(2) * PRODUCTS as f64) as i64;
        match Arc::clone(&room).try_acquire_owned() {
            Ok(permit) => {
                let (client, base, ledger) = (client.clone(), base.clone(), Arc::clone(&ledger));
                users.spawn(async move {
                    ask(&client, &base, page, product, &ledger).await;
                    drop(permit);
                });
            }
            Err(_) => ledger.add(Served { at_ms: now_ms, page, ok: false, millis: 5000.0 }),
        }
    }
}

async fn ask(client: &reqwest::Client, base: &url::Url, page: Page, product: i64, ledger: &Ledger) {
    let start = Instant::now();
    let path = match page {
        Page::Home => "/".to_owned(),
        Page::Product => format!("/products/{product}"),
        Page::Checkout => "/checkout".to_owned(),
        Page::Orders => "/orders".to_owned(),
    };
    let Ok(url) = base.join(&path) else { return };
    let request = match page {
        Page::Checkout => client.post(url).json(&json!({"product": product, "quantity": 1})),
        _ => client.get(url),
    };
    let ok = match request.send().await {
        Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
        Err(_) => false,
    };
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    ledger.add(Served { at_ms: chrono::Utc::now().timestamp_millis(), page, ok, millis });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_peak_and_a_trough_and_noise_is_bounded() {
        let traffic = Traffic { rate: 10.0, period_secs: 600.0, seed: 1 };
        assert!((rate_at(traffic, 150.0, 0.0) - 13.5).abs() < 1e-9);
        assert!((rate_at(traffic, 450.0, 0.0) - 6.5).abs() < 1e-9);
        assert!(rate_at(traffic, 0.0, 50.0) <= 12.0 + 1e-9);
    }

    #[test]
    fn the_figures_cover_the_last_minute_only() {
        let ledger = Ledger::default();
        for (at_ms, ok) in [(0, false), (100_000, true), (110_000, true), (120_000, false)] {
            ledger.add(Served { at_ms, page: Page::Home, ok, millis: 10.0 });
        }
        let slo = ledger.slo(121_000);
        assert_eq!(slo.requests, 3);
        assert_eq!(slo.success_rate, Some(2.0 / 3.0));
        assert_eq!(ledger.slo(500_000).success_rate, None, "no request is not a success");
    }

    #[test]
    fn pages_follow_the_mix() {
        assert_eq!(Page::draw(0.0), Page::Home);
        assert_eq!(Page::draw(0.5), Page::Product);
        assert_eq!(Page::draw(0.7), Page::Checkout);
        assert_eq!(Page::draw(0.99), Page::Orders);
    }
}
