//! HTTP clients of the demo: the product's API and the shop's control API.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

fn http() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?)
}

/// A password nobody else has.
pub(super) fn random_password() -> anyhow::Result<String> {
    Ok(uuid::Uuid::new_v4().simple().to_string()[..20].to_owned())
}

/// Deletes what an earlier demo left in Prometheus and Elasticsearch, so that its faults are not learned as normal.
pub(super) async fn forget_earlier(prometheus: &str, elasticsearch: &str) -> anyhow::Result<()> {
    let http = http()?;
    let url = format!("{}/api/v1/admin/tsdb/delete_series", prometheus.trim_end_matches('/'));
    http.post(url).query(&[("match[]", "{job=\"shop\"}")]).send().await?.error_for_status()?;
    let base = elasticsearch.trim_end_matches('/');
    let found: Value =
        http.get(format!("{base}/shop-logs*/_settings")).send().await?.error_for_status()?.json().await?;
    for index in found.as_object().into_iter().flat_map(|o| o.keys()) {
        http.delete(format!("{base}/{index}")).send().await?.error_for_status()?;
    }
    Ok(())
}

/// The product, logged in.
#[derive(Debug)]
pub(super) struct Product {
    http: reqwest::Client,
    base: String,
    token: tokio::sync::Mutex<Session>,
    first: String,
}

#[derive(Debug)]
struct Session {
    access: String,
    refresh: String,
    renew_at: Instant,
}

impl Session {
    fn of(answer: &Value) -> anyhow::Result<Self> {
        let text =
            |key: &str| answer[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in the answer"));
        let lives = answer["expires_in"].as_u64().unwrap_or(600);
        Ok(Self {
            access: text("access_token")?,
            refresh: text("refresh_token")?,
            renew_at: Instant::now() + Duration::from_secs(lives / 2),
        })
    }
}

impl Product {
    pub(super) async fn login(base: &str, username: &str, password: &str) -> anyhow::Result<Self> {
        let http = http()?;
        let body = json!({ "username": username, "password": password });
        let answer = http.post(format!("{base}/api/v1/session")).json(&body).send().await?.error_for_status()?;
        let session = Session::of(&answer.json().await?)?;
        Ok(Self { http, base: base.to_owned(), first: session.access.clone(), token: tokio::sync::Mutex::new(session) })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The first access token.
    pub(super) fn token(&self) -> &str {
        &self.first
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let token = self.access().await?;
        let url = format!("{}/api/v1{path}", self.base);
        let answer = self.http.get(url).bearer_auth(token).send().await?;
        if !answer.status().is_success() {
            bail!("GET {path} answered {}", answer.status());
        }
        Ok(answer.json().await?)
    }

    async fn access(&self) -> anyhow::Result<String> {
        let mut session = self.token.lock().await;
        if Instant::now() >= session.renew_at {
            let body = json!({ "refresh_token": session.refresh });
            let url = format!("{}/api/v1/session/refresh", self.base);
            let answer = self.http.post(url).json(&body).send().await?.error_for_status()?;
            *session = Session::of(&answer.json().await?)?;
        }
        Ok(session.access.clone())
    }

    /// Ids of all incidents that `wanted` takes.
    pub(super) async fn incident_ids(&self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<HashSet<String>> {
        let page = self.get("/incidents?limit=200").await?;
        let items = page["items"].as_array().into_iter().flatten().filter(|i| wanted(i));
        Ok(items.filter_map(|i| i["id"].as_str()).map(str::to_owned).collect())
    }

    /// How many monitors there are, and how many have learned.
    pub(super) async fn monitors(&self) -> anyhow::Result<(usize, usize)> {
        let statuses = self.get("/monitors/statuses").await?;
        let all = statuses.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok((all.len(), all.iter().filter(|s| s["health"] == "ok").count()))
    }
}

/// The shop's control API.
#[derive(Debug)]
pub(super) struct Shop {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Shop {
    /// Address and token from the folder of a running shop.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Self> {
        let handle: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("testbed.json"))?)?;
        let text =
            |key: &str| handle[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in testbed.json"));
        Ok(Self { http: http()?, base: text("control_url")?, token: text("token")? })
    }

    pub(super) async fn healthy(&self) -> bool {
        let url = format!("{}/control/health", self.base);
        self.http.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) async fn inject(&self, fault: &str, service: &str) -> anyhow::Result<()> {
        let url = format!("{}/control/faults/{fault}", self.base);
        let body = json!({ "on": true, "service": service });
        let answer = self.http.post(url).bearer_auth(&self.token).json(&body).send().await?;
        if !answer.status().is_success() {
            bail!("the shop refused the fault {fault}: {}", answer.text().await.unwrap_or_default());
        }
        Ok(())
    }

    /// Whether, within `time`, the shop measures that no fault is in effect.
    pub(super) async fn cured_within(&self, time: Duration) -> anyhow::Result<bool> {
        let deadline = Instant::now() + time;
        loop {
            let url = format!("{}/control/truth", self.base);
            let truth: Value = self.http.get(url).bearer_auth(&self.token).send().await?.json().await?;
            let faults = truth["faults"].as_array().map(Vec::as_slice).unwrap_or_default();
            let cured = |f: &Value| !f["cured_at_ms"].is_null() && f["active"] == false && f["cleared"] == false;
            if !faults.is_empty() && faults.iter().all(cured) {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
