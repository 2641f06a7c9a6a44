//! One product to talk to: its address and key, and answers that say what was wrong.

use crate::cli::Connection;
use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// What `aiops login` keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    /// Address of the product.
    pub url: String,
    /// API key.
    pub api_key: String,
}

impl Login {
    /// Where it is kept: `$XDG_CONFIG_HOME/aiops/login.json`, or below `~/.config`.
    pub(crate) fn path() -> anyhow::Result<PathBuf> {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let base = std::env::var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Ok(base.or_else(home).context("HOME: not set, so there is no place for the login")?.join("aiops/login.json"))
    }

    fn load() -> anyhow::Result<Option<Self>> {
        let Ok(path) = Self::path() else { return Ok(None) };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                Ok(Some(serde_json::from_str(&text).with_context(|| format!("{}: log in again", path.display()))?))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("read {}", path.display())),
        }
    }

    /// Keeps it, readable by its owner alone.
    pub(crate) fn save(&self) -> anyhow::Result<PathBuf> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = Self::path()?;
        let text = serde_json::to_string_pretty(self)?;
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            // A file that is there keeps its rights: it is made anew.
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            writeln!(out, "{text}")
        };
        write().with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// An address as people give it, without the slash at its end.
fn address(url: &str) -> anyhow::Result<String> {
    let parsed = url::Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if parsed.is_none() {
        bail!("url: give the address of the product such as http://127.0.0.1:3030, not {url:?}");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

impl Product {
    /// The product that flags, variables or the login name.
    pub(crate) fn of(connection: &Connection) -> anyhow::Result<Self> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (mut url, mut key) = (given(&connection.url), given(&connection.api_key));
        if url.is_none() || key.is_none() {
            // A stored key goes to the product that it is for, and to no other.
            let login =
                Login::load()?.filter(|login| url.as_deref().is_none_or(|u| u.trim_end_matches('/') == login.url));
            if let Some(login) = login {
                url.get_or_insert(login.url);
                key.get_or_insert(login.api_key);
            }
        }
        let url = url.context("url: set AIOPS_URL, or run aiops login URL")?;
        let key = key.context("api-key: set AIOPS_API_KEY, or run aiops login URL")?;
        Self::new(&url, &key)
    }

    /// The product at `url`; `key` may be empty for what needs none.
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, base: address(url)?, key: key.trim().to_owned() })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path below `/api/v1`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        if self.key.is_empty() { request } else { request.bearer_auth(&self.key) }
    }

    async fn send(&self, what: &str, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.timeout(Duration::from_secs(60)).send().await;
        let answer = answer.with_context(|| format!("{} does not answer: check the address", self.base))?;
        let answer = checked(what, answer).await?;
        let text = answer.text().await?;
        if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(&format!("GET {path}"), self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(&format!("POST {path}"), self.request(Method::POST, path).json(body)).await
    }

    /// Replaces; of an editable object the version that was read.
    pub(crate) async fn put(&self, path: &str, version: Option<i64>, body: &Value) -> anyhow::Result<Value> {
        let mut request = self.request(Method::PUT, path).json(body);
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        self.send(&format!("PUT {path}"), request).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(&format!("DELETE {path}"), self.request(Method::DELETE, path)).await
    }

    /// Every object of a list.
    pub(crate) async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let more = cursor.map(|cursor| format!("&cursor={}", encoded(&cursor))).unwrap_or_default();
            let mut page = self.get(&format!("{path}{mark}limit=200{more}")).await?;
            if let Value::Array(list) = page["items"].take() {
                items.extend(list);
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }
}

/// A text in a query string.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A refusal of the product, with the fields that are wrong.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    /// HTTP status.
    pub status: u16,
    /// What was asked and what was said.
    pub message: String,
    /// Wrong fields with what to do about them.
    pub fields: Vec<(String, String)>,
}

/// The answer, unless it is a refusal.
pub(crate) async fn checked(what: &str, answer: Response) -> anyhow::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let fields: Vec<(String, String)> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|e| Some((e["field"].as_str()?.to_owned(), e["message"].as_str()?.to_owned())))
        .collect();
    let mut message = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("refused").to_owned();
    if !fields.is_empty() {
        message = fields.iter().map(|(field, why)| format!("{field}: {why}")).collect::<Vec<_>>().join("; ");
    }
    if status == reqwest::StatusCode::UNAUTHORIZED {
        "the API key is wrong, expired or revoked: run aiops login URL, or set AIOPS_API_KEY".clone_into(&mut message);
    }
    Err(Refused { status: status.as_u16(), message: format!("{what}: {message}"), fields }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        assert_eq!(address("http://host:3030/").expect("fine"), "http://host:3030");
        for bad in ["host:3030", "", "ftp://x", "http://"] {
            assert!(format!("{:#}", address(bad).expect_err("refused")).starts_with("url: give"), "{bad}");
        }
    }
}
