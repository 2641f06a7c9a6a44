//! Follows an incident through the product's API and tells what happens, with times since the fault.

use super::client::Product;
use crate::commands::say;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Instant;

/// The story of one fault.
#[derive(Debug)]
pub(super) struct Story {
    begun: Instant,
    begun_at: chrono::DateTime<chrono::Utc>,
    before: HashSet<String>,
    heard: HashSet<String>,
    incidents: Vec<String>,
    verified: bool,
    over: bool,
}

impl Story {
    /// Begins now; `before` are the incidents that were over already.
    pub(super) fn begin(before: HashSet<String>) -> Self {
        let begun_at = domain::clock::Clock::now(&domain::clock::SystemClock);
        Self {
            begun: Instant::now(),
            begun_at,
            before,
            heard: HashSet::new(),
            incidents: Vec::new(),
            verified: false,
            over: false,
        }
    }

    /// One line with the time since the fault.
    pub(super) fn tell(&self, text: &str) {
        say(&format!("[{:>6.1} s] {text}", self.begun.elapsed().as_secs_f64()));
    }

    /// Whether the product has come to an end.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Whether an incident was resolved by a verified fix.
    pub(super) const fn verified(&self) -> bool {
        self.verified
    }

    /// Reads what is new and tells it.
    pub(super) async fn follow(&mut self, product: &Product) -> anyhow::Result<()> {
        for id in product.incident_ids(|_| true).await? {
            if !self.before.contains(&id) && !self.incidents.contains(&id) {
                self.incidents.push(id);
            }
        }
        let mut states = Vec::new();
        for id in self.incidents.clone() {
            let events = product.get(&format!("/incidents/{id}/events?limit=200")).await?;
            for event in events.as_array().into_iter().flatten() {
                self.hear(event);
            }
            states
                .push(product.get(&format!("/incidents/{id}")).await?["state"].as_str().unwrap_or_default().to_owned());
        }
        let done = |s: &String| s == "resolved" || s == "escalated" || s == "merged";
        self.over =
            !states.is_empty() && states.iter().all(done) && (self.verified || states.iter().any(|s| s == "escalated"));
        Ok(())
    }

    fn hear(&mut self, event: &Value) {
        let id = event["id"].as_str().unwrap_or_default();
        let at = event["at"].as_str().and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
        if at.is_none_or(|at| at < self.begun_at) || !self.heard.insert(id.to_owned()) {
            return;
        }
        let kind = event["kind"].as_str().unwrap_or_default();
        let message = event["message"].as_str().unwrap_or_default();
        let word = match kind {
            "opened" => "detected",
            "anomaly_added" => "  evidence",
            "cause_ranked" => "explained",
            "decided" => "decided",
            "run_queued" | "run_started" | "run_ended" => "acting",
            "verification_started" | "verification_sampled" => "verifying",
            "verdict" => "verdict",
            "resolved" => "resolved",
            "escalated" => "escalated",
            "reopened" => "reopened",
            _ => return,
        };
        if kind == "verdict" && event["data"]["verdict"] == "fixed" {
            self.verified = true;
        }
        self.tell(&format!("{word}: {message}"));
    }
}
