//! A TLS proxy before a server: asks for a credential, and refuses searches as too many; one request a connection.

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The only value of `Authorization` that is let through.
    pub(super) authorization: Option<String>,
    /// Each n-th search is refused with 429; 0 refuses none.
    pub(super) busy_each: u64,
}

pub(super) struct Proxy {
    pub(super) url: String,
    /// Certificate of the authority, PEM.
    pub(super) authority: String,
    counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    searches: AtomicU64,
    refused: AtomicU64,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(super) async fn start(upstream: &str, rules: Rules) -> Self {
        let (config, authority) = identity();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let counts = Arc::<Counts>::default();
        let shared = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, upstream, rules, counts) =
                    (acceptor.clone(), upstream.clone(), rules.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if let Ok(client) = acceptor.accept(client).await {
                        serve(client, &upstream, &rules, &counts).await;
                    }
                });
            }
        });
        Self { url, authority, counts, task }
    }

    pub(super) fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::SeqCst)
    }
}

/// A server certificate for localhost by an authority that nobody else trusts.
fn identity() -> (rustls::ServerConfig, String) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut of_authority = CertificateParams::default();
    of_authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (config, authority.pem())
}

async fn serve(mut client: impl AsyncRead + AsyncWrite + Unpin, upstream: &str, rules: &Rules, counts: &Counts) {
    let Some((head, body)) = request(&mut client).await else { return };
    let given = head.lines().find_map(|l| l.split_once(':').filter(|(k, _)| k.eq_ignore_ascii_case("authorization")));
    let refusal = if rules.authorization.is_some() && rules.authorization.as_deref() != given.map(|(_, v)| v.trim()) {
        Some("401 Unauthorized")
    } else if head.lines().next().is_some_and(|l| l.contains("_search")) && rules.busy_each > 0 {
        let nth = counts.searches.fetch_add(1, Ordering::SeqCst) + 1;
        nth.is_multiple_of(rules.busy_each).then_some("429 Too Many Requests")
    } else {
        None
    };
    if let Some(status) = refusal {
        counts.refused.fetch_add(u64::from(status.starts_with("429")), Ordering::SeqCst);
        let answer = format!("HTTP/1.1 {status}\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        client.write_all(answer.as_bytes()).await.ok();
    } else if let Ok(mut server) = TcpStream::connect(upstream).await {
        let kept: Vec<&str> = head.lines().filter(|l| !l.to_lowercase().starts_with("connection:")).collect();
        let head = format!("{}\r\nconnection: close\r\n\r\n", kept.join("\r\n"));
        server.write_all(&[head.as_bytes(), &body].concat()).await.ok();
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await.ok();
        // Not every server says by itself that it ends the connection, and the client would use it again.
        let line = answer.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        answer.splice(line..line, b"connection: close\r\n".iter().copied());
        client.write_all(&answer).await.ok();
    }
    client.shutdown().await.ok();
}

/// Head (without its blank line) and body of one request.
async fn request(client: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut body = bytes.split_off(end + 4);
    let length = head.lines().find_map(|l| l.split_once(':').filter(|(k, _)| k.eq_ignore_ascii_case("content-length")));
    let length: usize = length.and_then(|(_, v)| v.trim().parse().ok()).unwrap_or(0);
    while body.len() < length {
        if client.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}
