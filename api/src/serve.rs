//! Listens until told to stop, then lets requests end and streams close within a bounded time.

use axum::{Extension, Router};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest wait for open requests after the stop.
const GRACE: Duration = Duration::from_secs(10);

/// Told to streams: they end when it is cancelled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Closing(pub(crate) CancellationToken);

/// Serves `router` on `listener` until `stop` is cancelled; streams end at once, other requests get 10 s.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let router = router.layer(Extension(Closing(stop.clone())));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopping = stop.clone().cancelled_owned();
    let server = axum::serve(listener, service).with_graceful_shutdown(stopping);
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = async { server.await } => ended,
        () = late => {
            tracing::warn!("requests were still open after {} s and were cut", GRACE.as_secs());
            Ok(())
        }
    }
}
