//! An engine that is reached by TLS with certificates on both sides: a TLS server stands in front of its socket.

use crate::contract::Lab as _;
use crate::docker::{DockerLab, connect, context, manager, settings};
use crate::support::{run_to_end, skipped, texts};
use domain::catalog::{DockerSettings, DockerTls};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

/// Keys, certificates and the server; it ends with the test's runtime.
struct Front {
    dir: tempfile::TempDir,
    port: u16,
}

/// A server that takes only who has a certificate of the authority.
fn acceptor(dir: &Path) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = |file| -> Vec<_> {
        CertificateDer::pem_file_iter(dir.join(file)).expect("a file").map(|c| c.expect("a certificate")).collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.pem"));
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let key = PrivateKeyDer::from_pem_file(dir.join("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_client_cert_verifier(clients.expect("an authority"));
    TlsAcceptor::from(Arc::new(config.with_single_cert(certificates("server.pem"), key).expect("a certificate")))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, socket: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, socket) = (acceptor.clone(), socket.clone());
        tokio::spawn(async move {
            if let (Ok(mut front), Ok(mut engine)) = (acceptor.accept(stream).await, UnixStream::connect(socket).await)
            {
                tokio::io::copy_bidirectional(&mut front, &mut engine).await.ok();
            }
        });
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = PathBuf::from(engine.trim_start_matches("unix://"));
        tokio::spawn(serve(listener, acceptor(dir.path()), socket));
        Self { dir, port }
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(file)).expect("a file")
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).display().to_string()
    }
}

fn installed(program: &str, test: &str) -> bool {
    let there = Command::new(program).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
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
    if !installed("openssl", test) {
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
