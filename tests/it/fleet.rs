//! Several `aiops serve` processes on one database, each of which may be killed, stopped and started again.

use crate::harness::{ADMIN, client, create_admin, free_port, wait_for};
use reqwest::blocking::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// One process: what it is started with, and whether it lives.
pub(crate) struct Member {
    /// Its name in messages.
    pub(crate) name: &'static str,
    /// Roles, or none for all.
    roles: &'static [&'static str],
    port: u16,
    data: PathBuf,
    env: Vec<(String, String)>,
    child: Mutex<Option<Child>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    /// Starts it when it does not live.
    pub(crate) fn start(&self, log: &Path) {
        let mut child = locked(&self.child);
        if child.is_some() {
            return;
        }
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiops"));
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data-dir"]).arg(&self.data);
        for role in self.roles {
            command.args(["--role", role]);
        }
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a handle")).stderr(log);
        *child = Some(command.spawn().expect("aiops starts"));
    }

    fn signal(&self, signal: Signal) -> bool {
        let pid = self.pid().and_then(|p| Pid::from_raw(i32::try_from(p).ok()?));
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// `kill -9`; whether it lived.
    pub(crate) fn kill(&self) -> bool {
        let Some(mut child) = locked(&self.child).take() else { return false };
        child.kill().ok();
        child.wait().is_ok()
    }

    /// Stands still (SIGSTOP), but keeps its connections.
    pub(crate) fn freeze(&self) -> bool {
        self.signal(Signal::STOP)
    }

    /// Goes on after [`Member::freeze`].
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it in order; it has to end.
    pub(crate) fn stop(&self) {
        self.signal(Signal::TERM);
        if let Some(mut child) = locked(&self.child).take() {
            wait_for("an orderly end", Duration::from_secs(60), || child.try_wait().ok().flatten());
        }
    }

    /// Whether it ended by itself.
    pub(crate) fn has_died(&self) -> bool {
        locked(&self.child).as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_))))
    }

    /// Its process, while it lives.
    pub(crate) fn pid(&self) -> Option<u32> {
        locked(&self.child).as_ref().map(Child::id)
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How its leases are named.
    pub(crate) fn owner(&self) -> String {
        format!("aiops@127.0.0.1:{}/", self.port)
    }
}

/// All processes of one installation and a client for them.
pub(crate) struct Fleet {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) members: Vec<Member>,
    schema: Option<store::testing::Schema>,
    http: Client,
    token: RwLock<(String, Instant)>,
}

/// How a fleet is made.
pub(crate) struct Plan<'a> {
    /// PostgreSQL; SQLite when absent.
    pub(crate) postgres: Option<&'a str>,
    /// Name, roles, and whether it has a data folder (a node) of its own.
    pub(crate) members: &'a [(&'static str, &'static [&'static str], bool)],
    /// Further environment of all.
    pub(crate) env: &'a [(&'a str, &'a str)],
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

impl Fleet {
    /// Starts all members, with an admin, and logs in.
    pub(crate) fn start(plan: &Plan<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let schema = plan.postgres.map(|url| block_on(store::testing::Schema::create(url)).expect("a schema"));
        let mut env: Vec<(String, String)> = plan.env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        // Nodes with folders of their own seal with one key.
        env.push(("AIOPS_SECRET_KEY".to_owned(), "7a".repeat(32)));
        let files = dir.path().join("files");
        env.push(("AIOPS_BLOB_URL".to_owned(), format!("file://{}", files.display())));
        if let Some(schema) = &schema {
            env.push(("AIOPS_DATABASE_URL".to_owned(), schema.url()));
        }
        create_admin(&dir.path().join("data"), &env);
        let member = |(name, roles, apart): &(&'static str, &'static [&'static str], bool)| Member {
            name,
            roles,
            port: free_port(),
            data: dir.path().join(if *apart { format!("data-{name}") } else { "data".to_owned() }),
            env: env.clone(),
            child: Mutex::new(None),
        };
        let members: Vec<Member> = plan.members.iter().map(member).collect();
        let token = RwLock::new((String::new(), Instant::now()));
        let fleet = Self { dir, members, schema, http: client(), token };
        for member in &fleet.members {
            fleet.begin(member);
        }
        for member in fleet.members.iter().filter(|m| m.roles.is_empty() || m.roles.contains(&"api")) {
            fleet.ready(member);
        }
        fleet
    }

    /// Starts a member; its log is beside the others.
    pub(crate) fn begin(&self, member: &Member) {
        member.start(&self.dir.path().join(format!("{}.log", member.name)));
    }

    /// Waits until it answers.
    pub(crate) fn ready(&self, member: &Member) {
        wait_for(&format!("{} answers", member.name), Duration::from_secs(120), || self.login(member));
    }

    fn login(&self, member: &Member) -> Option<()> {
        let body = json!({ "username": ADMIN.0, "password": ADMIN.1 });
        let url = format!("{}/api/v1/session", member.base());
        let answer = self.http.post(&url).json(&body).send().ok()?;
        let answer: Value = answer.status().is_success().then(|| answer.json().ok()).flatten()?;
        let token = answer["access_token"].as_str()?.to_owned();
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = (token, Instant::now());
        Some(())
    }

    fn token(&self, member: &Member) -> String {
        let age = self.token.read().unwrap_or_else(PoisonError::into_inner).1.elapsed();
        if age > Duration::from_secs(240) {
            self.login(member);
        }
        self.token.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn call(&self, member: &Member, path: &str, body: Option<&Value>, version: Option<i64>) -> Option<Value> {
        let url = format!("{}/api/v1{path}", member.base());
        let request = match (body, version) {
            (Some(body), Some(at)) => self.http.put(url).header("If-Match", format!("\"{at}\"")).json(body),
            (Some(body), None) => self.http.post(url).json(body),
            (None, _) => self.http.get(url),
        };
        let answer = request.bearer_auth(self.token(member)).timeout(Duration::from_secs(20)).send().ok()?;
        answer.status().is_success().then(|| answer.json().ok()).flatten()
    }

    /// The answer of a member, unless it is away or refuses.
    pub(crate) fn get(&self, member: &Member, path: &str) -> Option<Value> {
        self.call(member, path, None, None)
    }

    /// As [`Fleet::get`], for a POST.
    pub(crate) fn post(&self, member: &Member, path: &str, body: &Value) -> Option<Value> {
        self.call(member, path, Some(body), None)
    }

    /// Members with an API.
    pub(crate) fn doors(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.roles.is_empty() || m.roles.contains(&"api"))
    }

    /// The answer of any member.
    pub(crate) fn ask(&self, path: &str) -> Option<Value> {
        self.doors().find_map(|m| self.get(m, path))
    }

    /// Creates an object; its id.
    pub(crate) fn create(&self, kind: &str, body: &Value) -> String {
        let made = self.doors().find_map(|m| self.post(m, &format!("/{kind}"), body));
        made.unwrap_or_else(|| panic!("{kind} was not made: {body}"))["id"].as_str().expect("an id").to_owned()
    }

    /// Changes the capacity of the runtime manager `local`; every process looks at its runtimes then.
    pub(crate) fn capacity(&self, capacity: u32) {
        let changed = wait_for("the runtime manager", Duration::from_secs(60), || {
            let page = self.ask("/runtime-managers")?;
            let local = page["items"].as_array()?.iter().find(|m| m["name"] == "local")?.clone();
            let body = json!({ "name": "local", "tags": ["local"], "kind": "local", "capacity": capacity });
            let path = format!("/runtime-managers/{}", local["id"].as_str()?);
            self.doors().find_map(|m| self.call(m, &path, Some(&body), local["version"].as_i64()))
        });
        assert!(changed["id"].is_string(), "{changed}");
    }

    /// All runs of a filter, newest first.
    pub(crate) fn runs(&self, filter: &str) -> Option<Vec<Value>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.ask(&format!("/runs?limit=200{filter}{cursor}"))?;
            all.extend(page["items"].as_array()?.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(all),
            }
        }
    }

    /// Reads lines of a stream of events from a member until `take` has enough, the stream ends or `limit` has passed;
    /// false when the member does not answer.
    pub(crate) fn stream(
        &self,
        member: &Member,
        path: &str,
        limit: Duration,
        mut take: impl FnMut(&str) -> bool,
    ) -> bool {
        use std::io::{BufRead as _, BufReader};
        let url = format!("{}/api/v1{path}", member.base());
        let Ok(answer) = self.http.get(url).bearer_auth(self.token(member)).timeout(limit).send() else { return false };
        if !answer.status().is_success() {
            return false;
        }
        for line in BufReader::new(answer).lines() {
            if line.map_or(true, |line| take(&line)) {
                break;
            }
        }
        true
    }

    /// What a member has logged.
    pub(crate) fn log(&self, member: &Member) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{}.log", member.name))).unwrap_or_default()
    }

    /// The last lines of all logs, for a failed test.
    pub(crate) fn tell_logs(&self) {
        for member in &self.members {
            let text = self.log(member);
            let lines: Vec<&str> = text.lines().filter(|l| l.contains("WARN") || l.contains("ERROR")).collect();
            for line in lines.iter().rev().take(40).rev() {
                eprintln!("{}: {line}", member.name);
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for member in &self.members {
            member.kill();
        }
        if let Some(schema) = self.schema.take()
            && let Err(error) = block_on(schema.drop())
        {
            eprintln!("the schema of a test stays: {error}");
        }
    }
}
