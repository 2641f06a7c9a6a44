//! Client of the control API, for the command line and the benchmark.
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::FaultName;
use crate::up::{Action, FaultOrder, Injection, Slo};

/// The truth as the control API tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Truth {
    /// The testbed's clock, unix milliseconds.
    pub(crate) now_ms: i64,
    /// Faults, oldest first.
    pub(crate) faults: Vec<Injection>,
    /// What was done to the testbed, oldest first.
    pub(crate) actions: Vec<Action>,
    /// How users were served in the last minute.
    pub(crate) slo: Slo,
}

/// Talks to one running testbed.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Control {
    /// A client for a control address and token.
    pub(crate) fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(40)).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// The testbed's truth.
    pub(crate) async fn truth(&self) -> anyhow::Result<Truth> {
        let value = self.send(self.http.get(format!("{}/control/truth", self.base))).await?;
        serde_json::from_value(value).context("read the testbed's truth")
    }

    /// The truth as it came.
    pub(crate) async fn truth_json(&self) -> anyhow::Result<Value> {
        self.send(self.http.get(format!("{}/control/truth", self.base))).await
    }

    /// Switches a fault.
    pub(crate) async fn switch(&self, fault: FaultName, order: &FaultOrder) -> anyhow::Result<Value> {
        let url = format!("{}/control/faults/{}", self.base, fault.as_str());
        self.send(self.http.post(url).json(order)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await;
        let answer = answer.with_context(|| format!("reach the testbed at {}", self.base))?;
        let status = answer.status();
        let body: Value = answer.json().await.context("read the testbed's answer")?;
        if !status.is_success() {
            bail!("the testbed refused: {}", body["error"].as_str().unwrap_or(status.as_str()));
        }
        Ok(body)
    }
}
