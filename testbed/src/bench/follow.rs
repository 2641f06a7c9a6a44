//! One repetition of a scenario: break the shop, watch product and truth, put everything back in order.
use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::product::Product;
use super::scenario::{Fault, Scenario};
use super::score::{SeenEvent, SeenIncident, SeenRun, SeenVerification, Story};
use crate::client::Control;
use crate::say;
use crate::up::{FaultOrder, Injection};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks in a row without change that end a repetition.
const STEADY: u32 = 6;

/// Both ends of the benchmark.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The testbed.
    pub(crate) control: Control,
    /// The product.
    pub(crate) product: Product,
}

impl Bench {
    /// Runs a scenario once after `calm` of quiet.
    pub(crate) async fn repeat(&self, scenario: &Scenario, calm: Duration) -> anyhow::Result<Story> {
        self.clear_faults().await?;
        say::warn(&format!("{}: {} s of calm", scenario.name, calm.as_secs()));
        tokio::time::sleep(calm).await;
        self.close_incidents().await?;
        let before = self.reopened_counts().await?;
        let begun_ms = self.control.truth().await?.now_ms;
        let injection = match &scenario.fault {
            Some(fault) => Some(self.inject(fault).await?),
            None => None,
        };
        let mut story = Story { scenario: scenario.name.clone(), begun_ms, ..Story::default() };
        let deadline = Instant::now() + Duration::from_secs(scenario.deadline_secs);
        let id = injection.map(|injection| injection.id);
        self.watch(&mut story, id.as_deref(), &before, deadline).await?;
        self.clear_faults().await?;
        Ok(story)
    }

    async fn inject(&self, fault: &Fault) -> anyhow::Result<Injection> {
        let service = fault.service().to_owned();
        say::warn(&format!("injecting {} into {service}", fault.name.as_str()));
        let order = FaultOrder { on: true, service: Some(service), intensity: Some(fault.intensity) };
        let injection = self.control.switch(fault.name, &order).await?;
        serde_json::from_value(injection).context("read the testbed's injection")
    }

    /// Looks once a second until everything has come to an end, or the deadline.
    async fn watch(
        &self,
        story: &mut Story,
        injection: Option<&str>,
        before: &HashMap<String, i64>,
        deadline: Instant,
    ) -> anyhow::Result<()> {
        let mut steady = 0;
        let mut told = String::new();
        while Instant::now() < deadline {
            let truth = self.control.truth().await?;
            story.ended_ms = truth.now_ms;
            story.fault = truth.faults.into_iter().find(|fault| Some(fault.id.as_str()) == injection);
            story.actions = truth.actions.into_iter().filter(|action| action.at_ms >= story.begun_ms).collect();
            if let Some(rate) = truth.slo.success_rate {
                story.worst_success_rate = Some(story.worst_success_rate.map_or(rate, |worst| worst.min(rate)));
            }
            story.incidents = self.new_incidents(before, story.begun_ms).await?;
            let line = summary_line(story);
            if line != told {
                say::warn(&format!("  {:>6.1} s {line}", (story.ended_ms - story.begun_ms) as f64 / 1000.0));
                told = line;
            }
            steady = if over(story) { steady + 1 } else { 0 };
            if injection.is_some() && steady >= STEADY {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Incidents that were opened or came back since `begun_ms`, with what happened in them since then.
    async fn new_incidents(&self, before: &HashMap<String, i64>, begun_ms: i64) -> anyhow::Result<Vec<SeenIncident>> {
        let mut incidents = Vec::new();
        for item in self.product.items("/incidents").await? {
            let id = item["id"].as_str().unwrap_or_default();
            let reopened = item["reopened"].as_i64().unwrap_or(0);
            if before.get(id).is_none_or(|count| *count < reopened) {
                incidents.push(self.details(id, &item, begun_ms).await?);
            }
        }
        Ok(incidents)
    }

    async fn details(&self, id: &str, item: &Value, begun_ms: i64) -> anyhow::Result<SeenIncident> {
        let mut incident: SeenIncident = serde_json::from_value(item.clone()).context("read an incident")?;
        let since = |at: Option<DateTime<Utc>>| at.is_none_or(|at| at.timestamp_millis() >= begun_ms);
        let events = self.product.get(&format!("/incidents/{id}/events?limit=200")).await?;
        let events: Vec<SeenEvent> = serde_json::from_value(events).context("read an incident's events")?;
        incident.events = events.into_iter().filter(|event| since(event.at)).collect();
        let runs = Value::Array(self.product.items(&format!("/incidents/{id}/runs")).await?);
        let runs: Vec<SeenRun> = serde_json::from_value(runs).context("read an incident's runs")?;
        incident.runs = runs.into_iter().filter(|run| since(run.started_at)).collect();
        let seen = self.product.get(&format!("/incidents/{id}/verifications")).await?;
        let seen: Vec<SeenVerification> = serde_json::from_value(seen).context("read an incident's verifications")?;
        incident.verifications = seen.into_iter().filter(|seen| since(seen.ended_at)).collect();
        if !since(incident.detected_at) {
            let back = incident.events.iter().find(|event| event.kind == "reopened");
            incident.detected_at = back.and_then(|event| event.at);
        }
        Ok(incident)
    }

    async fn reopened_counts(&self) -> anyhow::Result<HashMap<String, i64>> {
        let items = self.product.items("/incidents").await?;
        let count = |item: &Value| Some((item["id"].as_str()?.to_owned(), item["reopened"].as_i64().unwrap_or(0)));
        Ok(items.iter().filter_map(count).collect())
    }

    async fn clear_faults(&self) -> anyhow::Result<()> {
        for fault in self.control.truth().await?.faults.iter().filter(|fault| fault.open()) {
            let order = FaultOrder { on: false, service: Some(fault.service.clone()), intensity: None };
            self.control.switch(fault.name, &order).await?;
        }
        Ok(())
    }

    /// Resolves what an earlier repetition left open, so that the next fault opens an incident of its own.
    async fn close_incidents(&self) -> anyhow::Result<()> {
        for item in self.product.items("/incidents").await? {
            let state = item["state"].as_str().unwrap_or_default();
            if matches!(state, "resolved" | "merged") {
                continue;
            }
            let (id, version) = (item["id"].as_str().unwrap_or_default(), item["version"].as_i64().unwrap_or(0));
            let body = json!({"comment": "left by an earlier repetition of the benchmark"});
            if let Err(error) = self.product.change(&format!("/incidents/{id}/resolve"), &body, version).await {
                say::warn(&format!("incident {id} stays {state}: {error:#}"));
            }
        }
        Ok(())
    }
}

/// Everything has come to an end: there is an incident, and none is still being worked on.
fn over(story: &Story) -> bool {
    let ended =
        |incident: &SeenIncident| matches!(incident.state.as_str(), "resolved" | "escalated" | "merged" | "suppressed");
    !story.incidents.is_empty() && story.incidents.iter().all(ended)
}

fn summary_line(story: &Story) -> String {
    let fault = story.fault.as_ref().map_or("no fault", |fault| match (fault.active, fault.cured_at_ms) {
        (_, Some(_)) => "fault cured",
        (true, None) => "fault active",
        (false, None) => "fault not in effect yet",
    });
    let incidents: Vec<String> = story
        .incidents
        .iter()
        .map(|incident| {
            let verdicts: Vec<&str> =
                incident.verifications.iter().filter_map(|seen| seen.verdict.as_deref()).collect();
            format!("{} {} ({} runs, {})", incident.entity, incident.state, incident.runs.len(), verdicts.join(" "))
        })
        .collect();
    format!("{fault}; {}", if incidents.is_empty() { "no incident".to_owned() } else { incidents.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_needs_an_incident_and_none_at_work() {
        let incident = |state: &str| SeenIncident { state: state.into(), ..SeenIncident::default() };
        let story =
            |states: &[&str]| Story { incidents: states.iter().map(|s| incident(s)).collect(), ..Story::default() };
        assert!(!over(&story(&[])));
        assert!(!over(&story(&["resolved", "verifying"])));
        assert!(!over(&story(&["open"])));
        assert!(over(&story(&["resolved", "escalated", "merged"])));
    }
}
