//! A private way to a shared Redis: a TCP proxy in a process of its own, so that killing it harms nobody else.
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};

/// Command line of the proxy.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProxyArgs {
    /// Port on 127.0.0.1.
    #[arg(long)]
    pub(crate) port: u16,
    /// HOST:PORT to connect to.
    #[arg(long)]
    pub(crate) upstream: String,
}

/// Forwards connections until killed.
pub(crate) async fn run(args: ProxyArgs) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.context("listen for the proxy")?;
    let never = tokio_util::sync::CancellationToken::new();
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            done = crate::service::wait_for_stop(&never) => return done,
        };
        let Ok((mut near, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let upstream = args.upstream.clone();
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(&upstream).await {
                // Either side may end the connection at any time; that is not a failure of the proxy.
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            }
        });
    }
}
