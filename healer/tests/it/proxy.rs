//! A connection to an engine that can be cut: TCP in front of its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards to an engine until it is cut.
pub(crate) struct Proxy {
    port: u16,
    cuts: watch::Sender<u64>,
    refusing: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both directions until an end, or a cut.
async fn forward(mut from: TcpStream, engine: String, mut cuts: watch::Receiver<u64>) {
    cuts.mark_unchanged();
    let copied = async {
        if let Some(path) = engine.strip_prefix("unix://") {
            let mut to = UnixStream::connect(path).await?;
            tokio::io::copy_bidirectional(&mut from, &mut to).await
        } else {
            let mut to = TcpStream::connect(engine.trim_start_matches("tcp://")).await?;
            tokio::io::copy_bidirectional(&mut from, &mut to).await
        }
    };
    tokio::select! {
        _ = copied => {}
        _ = cuts.changed() => {}
    }
}

impl Proxy {
    pub(crate) async fn to(engine: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (cuts, seen) = watch::channel(0);
        let refusing = Arc::new(AtomicBool::new(false));
        let (refuses, engine) = (Arc::clone(&refusing), engine.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !refuses.load(Ordering::SeqCst) {
                    tokio::spawn(forward(stream, engine.clone(), seen.clone()));
                }
            }
        });
        Self { port, cuts, refusing, task }
    }

    pub(crate) fn address(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// Ends every connection that is open now.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|n| *n += 1);
    }

    /// Whether new connections are closed at once.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.refusing.store(refuse, Ordering::SeqCst);
    }
}
