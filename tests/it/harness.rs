//! A running `aiops` process with its own data folder, and a client of its API.

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Name and password of the admin that every test creates.
pub(crate) const ADMIN: (&str, &str) = ("admin", "correct horse battery staple");

/// The address in `name`, or `None` after saying that the test is skipped.
pub(crate) fn needs(test: &str, name: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|v| !v.is_empty());
    if found.is_none() {
        eprintln!("skipped: {test} needs {name}");
    }
    found
}

/// Waits until `probe` yields something.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port()
}

/// A process and a client for it. Killed when dropped.
pub(crate) struct Product {
    child: Child,
    http: Client,
    base: String,
    token: String,
    port: u16,
}

impl Product {
    /// Starts on `dir` with further environment, creating the admin at the first start, and logs in.
    pub(crate) fn start(dir: &Path, env: &[(&str, &str)]) -> Self {
        let port = free_port();
        let child = spawn(dir, port, env);
        let http = client();
        let mut product = Self { child, http, base: format!("http://127.0.0.1:{port}"), token: String::new(), port };
        product.login();
        product
    }

    /// Starts again on the same port after the process has died.
    pub(crate) fn restart(&mut self, dir: &Path, env: &[(&str, &str)]) {
        self.child.wait().expect("the dead process is collected");
        self.child = spawn(dir, self.port, env);
        self.login();
    }

    fn login(&mut self) {
        let body = json!({ "username": ADMIN.0, "password": ADMIN.1 });
        let url = format!("{}/api/v1/session", self.base);
        let answer: Value = wait_for("login", Duration::from_secs(60), || {
            let answer = self.http.post(&url).json(&body).send().ok()?;
            answer.status().is_success().then(|| answer.json().ok()).flatten()
        });
        self.token = answer["access_token"].as_str().expect("a token").to_owned();
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Whether the process has ended.
    pub(crate) fn has_died(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    fn checked(path: &str, answer: reqwest::Result<Response>) -> Value {
        let answer = answer.unwrap_or_else(|e| panic!("{path}: {e}"));
        let status = answer.status();
        let text = answer.text().unwrap_or_default();
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        Self::checked(path, self.http.get(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token).send())
    }

    /// The answer, unless the process is gone or refuses.
    pub(crate) fn try_get(&self, path: &str) -> Option<Value> {
        let answer = self.http.get(format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token).send().ok()?;
        answer.status().is_success().then(|| answer.json().ok()).flatten()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v1{path}", self.base);
        Self::checked(path, self.http.post(url).bearer_auth(&self.token).json(body).send())
    }

    /// Creates an object; its id.
    pub(crate) fn create(&self, kind: &str, body: &Value) -> String {
        self.post(&format!("/{kind}"), body)["id"].as_str().expect("an id").to_owned()
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

pub(crate) fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().timeout(Duration::from_secs(15)).build().expect("a client")
}

fn spawn(dir: &Path, port: u16, env: &[(&str, &str)]) -> Child {
    let data = dir.join("data");
    if !data.join("aiops.db").exists() {
        create_admin(&data, &[]);
    }
    let log = std::fs::File::options().create(true).append(true).open(dir.join("aiops.log")).expect("a log");
    Command::new(env!("CARGO_BIN_EXE_aiops"))
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(&data)
        .env("AIOPS_LEASE_SECS", "3")
        .env("AIOPS_OBSERVE_SECS", "0")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a handle"))
        .stderr(log)
        .spawn()
        .expect("aiops starts")
}

pub(crate) fn create_admin(data: &Path, env: &[(String, String)]) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aiops"))
        .args(["user", "add", ADMIN.0, "--role", "admin", "--data-dir"])
        .arg(data)
        .envs(env.iter().map(|(k, v)| (k, v)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("aiops user starts");
    child.stdin.take().expect("a pipe").write_all(format!("{}\n", ADMIN.1).as_bytes()).expect("written");
    assert!(child.wait().expect("ended").success(), "the admin is created");
}
