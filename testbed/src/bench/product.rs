//! Client of the product under test: its public HTTP API and nothing else.
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Pages read at most of one list.
const MAX_PAGES: usize = 50;

/// How to log in.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// An access token or API key.
    Token(String),
    /// Name and password; the session is opened again when its token has expired.
    Password {
        /// Login name.
        username: String,
        /// Password.
        password: String,
    },
}

/// The product's API.
#[derive(Debug)]
pub(crate) struct Product {
    http: reqwest::Client,
    base: String,
    login: Login,
    token: tokio::sync::Mutex<String>,
}

impl Product {
    /// Connects; a wrong password is found here.
    pub(crate) async fn connect(base: &url::Url, login: Login) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
        let base = format!("{}/api/v1", base.as_str().trim_end_matches('/'));
        let product = Self { http, base, login, token: tokio::sync::Mutex::default() };
        *product.token.lock().await = product.open_session().await?;
        Ok(product)
    }

    async fn open_session(&self) -> anyhow::Result<String> {
        let (username, password) = match &self.login {
            Login::Token(token) => return Ok(token.clone()),
            Login::Password { username, password } => (username, password),
        };
        let body = json!({"username": username, "password": password});
        let answer = self.http.post(format!("{}/session", self.base)).json(&body).send().await;
        let answer = answer.with_context(|| format!("--aiops-url: reach {}", self.base))?;
        if !answer.status().is_success() {
            bail!("--username: the product refused the login: {}", answer.status());
        }
        let answer: Value = answer.json().await?;
        answer["access_token"].as_str().map(str::to_owned).context("the product's answer has no access_token")
    }

    /// Reads one object or a plain list.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None, None).await
    }

    /// Reads every item of a paged list, newest first.
    pub(crate) async fn items(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        let mark = if path.contains('?') { '&' } else { '?' };
        for _ in 0..MAX_PAGES {
            let page = self.get(&format!("{path}{mark}limit=200{cursor}")).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", encode(next)),
                None => break,
            }
        }
        Ok(items)
    }

    /// Creates an object.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body), None).await
    }

    /// Acts on an object that still has this version.
    pub(crate) async fn change(&self, path: &str, body: &Value, version: i64) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body), Some(version)).await
    }

    /// Replaces an object that still has this version.
    pub(crate) async fn put(&self, path: &str, body: &Value, version: i64) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body), Some(version)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        version: Option<i64>,
    ) -> anyhow::Result<Value> {
        let mut token = self.token.lock().await.clone();
        for again in [true, false] {
            let url = format!("{}{path}", self.base);
            let mut request = self.http.request(method.clone(), url).bearer_auth(&token);
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some(version) = version {
                request = request.header("if-match", format!("\"{version}\""));
            }
            let answer = request.send().await.with_context(|| format!("reach the product for {method} {path}"))?;
            let may_renew = again && matches!(self.login, Login::Password { .. });
            if answer.status() == StatusCode::UNAUTHORIZED && may_renew {
                token = self.open_session().await?;
                self.token.lock().await.clone_from(&token);
                continue;
            }
            let status = answer.status();
            let text = answer.text().await.context("read the product's answer")?;
            if !status.is_success() {
                bail!("{method} {path}: {status}: {}", problem(&text));
            }
            return serde_json::from_str(&text).with_context(|| format!("{method} {path}: the answer is not JSON"));
        }
        bail!("{method} {path}: the session could not be renewed")
    }
}

/// The part of a problem document that a person needs.
fn problem(text: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(text) else { return text.chars().take(200).collect() };
    let mut line = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("no detail").to_owned();
    for error in problem["errors"].as_array().into_iter().flatten() {
        line.push_str(&format!(
            "; {}: {}",
            error["field"].as_str().unwrap_or("?"),
            error["message"].as_str().unwrap_or("")
        ));
    }
    line
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_fields() {
        let text = r#"{"title":"invalid","errors":[{"field":"query","message":"give a PromQL expression"}]}"#;
        assert_eq!(problem(text), "invalid; query: give a PromQL expression");
        assert_eq!(problem("<html>"), "<html>");
    }

    #[test]
    fn a_cursor_survives_the_query_string() {
        assert_eq!(encode("a+b&c="), "a%2Bb%26c%3D");
    }
}
