//! Starts a testbed in a folder of its own, talks to it, and makes sure that nothing is left of it.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_testbed");

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running testbed; killed with all its processes when dropped.
pub(crate) struct Testbed {
    pub(crate) child: Child,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) handle: Value,
    http: reqwest::blocking::Client,
}

/// Arguments that give the catalog a Redis; `None` (with a line that says why) when there is none.
pub(crate) fn redis_arguments() -> Option<Vec<String>> {
    let found = Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success());
    if found {
        return Some(Vec::new());
    }
    let url = environment("redis", "AIOPS_TEST_REDIS_URL")?;
    Some(vec!["--redis-url".into(), url])
}

/// An address from the environment; `None` (with a line that says why) when it is not set.
pub(crate) fn environment(what: &str, name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        eprintln!("skipped: {what} needs {name}");
    }
    value
}

impl Testbed {
    /// Starts one; `None` when there is no Redis for it.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Option<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let redis = redis_arguments()?;
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(BINARY)
            .args(["up", "--watch-stdin", "--dir"])
            .arg(dir.path())
            .args(redis)
            .args(arguments)
            .env_remove("TESTBED_TOKEN")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut testbed = Self { child, dir, handle: Value::Null, http };
        let file = testbed.dir.path().join("testbed.json");
        testbed.handle = wait("testbed.json", || serde_json::from_slice(&std::fs::read(&file).ok()?).ok());
        Some(testbed)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.handle[key].as_str().unwrap()
    }

    /// Sends a request to the control API; returns status and body.
    pub(crate) fn control(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.text("control_url"));
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(self.text("token"));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }

    pub(crate) fn truth(&self) -> Value {
        self.control("GET", "/control/truth", None).1
    }

    /// What the truth says of a service.
    pub(crate) fn service(&self, name: &str) -> Value {
        let truth = self.truth();
        let services = truth["services"].as_array().unwrap();
        services.iter().find(|service| service["name"] == name).unwrap().clone()
    }

    /// The newest injection.
    pub(crate) fn fault(&self) -> Value {
        self.truth()["faults"].as_array().unwrap().last().cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn inject(&self, fault: &str, service: &str, intensity: f64) {
        let body = json!({"on": true, "service": service, "intensity": intensity});
        let (status, answer) = self.control("POST", &format!("/control/faults/{fault}"), Some(body));
        assert_eq!(status, 200, "{answer}");
        wait(&format!("{fault} takes effect"), || self.fault()["active"].as_bool().filter(|active| *active));
    }

    /// The value of a metric whose line starts with `name` and holds every part of `labels`; sums over the lines.
    pub(crate) fn metric(&self, service: &str, name: &str, labels: &[&str]) -> f64 {
        let url = format!("{}/metrics", self.service(service)["url"].as_str().unwrap());
        let text = self.http.get(url).send().and_then(|answer| answer.text()).unwrap_or_default();
        let wanted = |line: &&str| {
            let own = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            own && labels.iter().all(|label| line.contains(label))
        };
        text.lines().filter(wanted).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Sends a request to a service as a user would; returns the status.
    pub(crate) fn ask(&self, service: &str, method: &str, path: &str, body: Option<Value>) -> u16 {
        let url = format!("{}{path}", self.service(service)["url"].as_str().unwrap());
        let request = self.http.request(method.parse().unwrap(), url);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().map_or(0, |answer| answer.status().as_u16())
    }

    /// Runs one of the project's cure scripts as the product's local runtime would.
    pub(crate) fn script(&self, name: &str, service: &str) -> Output {
        Command::new("sh")
            .arg(script_path(name))
            .env("TESTBED_CONTROL_URL", self.text("control_url"))
            .env("TESTBED_TOKEN", self.text("token"))
            .env("TARGET_NAME", service)
            .output()
            .unwrap()
    }

    /// Processes that the supervisor started and that live.
    pub(crate) fn children(&self) -> Vec<u32> {
        children_of(self.child.id())
    }

    /// Asks the supervisor to stop; returns whether it ended well.
    pub(crate) fn terminate(&mut self) -> bool {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        wait("the supervisor ends", || self.child.try_wait().unwrap()).success()
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        // Ends standard input, by which supervisor and services stop; the kill is for a supervisor that hangs.
        drop(self.child.stdin.take());
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(format!("{name}.sh"))
}

/// Runs the testbed's binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Waits until `look` yields something; fails after a minute.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut all: Vec<u32> = text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(other) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let stat = std::fs::read_to_string(format!("/proc/{other}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) && !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

/// Says whether a process is there and no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
