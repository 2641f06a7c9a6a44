//! An engine that is reached by TLS with certificates on both sides (socat stands in front of its socket).

use crate::contract::Lab as _;
use crate::docker::{DockerLab, connect, context, manager, settings};
use crate::support::{eventually, run_to_end, skipped, texts};
use domain::catalog::{DockerSettings, DockerTls};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Keys, certificates and the server; killed with the test.
struct Front {
    dir: tempfile::TempDir,
    server: Child,
    port: u16,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn openssl(dir: &Path, args: &str) {
    let status = Command::new("openssl").args(args.split(' ')).current_dir(dir).stderr(Stdio::null()).status();
    assert!(status.expect("openssl").success(), "{args}");
}

/// An authority `ca`, and what it signed for `server` and `client`; `other` is signed by nobody.
fn keys(dir: &Path) {
    std::fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1").expect("written");
    openssl(
        dir,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
    );
    openssl(
        dir,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=other",
    );
    for name in ["server", "client"] {
        openssl(
            dir,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
            ),
        );
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile san"
            ),
        );
    }
}

impl Front {
    async fn of(engine: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        keys(dir.path());
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let listen = format!(
            "OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,cert=server.pem,key=server.key,cafile=ca.pem,verify=1"
        );
        let to = format!("UNIX-CONNECT:{}", engine.trim_start_matches("unix://"));
        let server = Command::new("socat").args([listen, to]).current_dir(dir.path()).stderr(Stdio::null()).spawn();
        let front = Self { dir, server: server.expect("socat"), port };
        eventually("the front listens", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        front
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(file)).expect("a file")
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).display().to_string()
    }
}

fn installed(program: &str, test: &str) -> bool {
    let there = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        skipped(test, program);
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_behind_tls_serves_who_has_a_certificate() {
    let test = "an_engine_behind_tls_serves_who_has_a_certificate";
    drop(rustls::crypto::ring::default_provider().install_default());
    let Some(lab) = DockerLab::with(test, settings()).await else { return };
    if !lab.endpoint.starts_with("unix://") {
        return skipped(test, "AIOPS_TEST_DOCKER_HOST with a unix:// address");
    }
    if !installed("socat", test) || !installed("openssl", test) {
        return;
    }
    let front = Front::of(&lab.endpoint).await;
    let address = format!("tcp://127.0.0.1:{}", front.port);
    let with =
        |ca: String, cert: String, key: String| DockerSettings { tls: Some(DockerTls { ca, cert, key }), ..settings() };
    let by_text = with(front.text("ca.pem"), front.text("client.pem"), front.text("client.key"));
    let by_path = with(front.path("ca.pem"), front.path("client.pem"), front.path("client.key"));
    for settings in [by_text, by_path] {
        let runtime = connect(&address, &settings, lab.manager).await;
        let request = lab.request("echo hi");
        assert_eq!(run_to_end(&*runtime, &request).await.exit_code, Some(0));
        assert_eq!(texts(&*runtime, request.handle).await, ["hi"]);
    }
    let stranger = with(front.text("ca.pem"), front.text("other.pem"), front.text("other.key"));
    let imposter = with(front.text("other.pem"), front.text("client.pem"), front.text("client.key"));
    for settings in [stranger, imposter, settings()] {
        let refused = healer::runtime::docker::connect(&manager(&address, &settings), context(lab.manager)).await;
        let why = refused.expect_err("no connection").to_string();
        assert!(why.starts_with(&format!("no engine at {address}")), "{why}");
    }
}
