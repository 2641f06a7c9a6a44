//! Reads the log of a pod that ended at once, for what is looked for in all of it.

use super::client::{Said, Space, ask};
use super::marks::CONTAINER;
use crate::runtime::{Result, RuntimeError};
use futures::{AsyncRead, AsyncReadExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use std::time::Duration;

/// How long the cluster may take for the next piece.
const PIECE: Duration = Duration::from_secs(30);

/// Everything that the cluster keeps of a pod's log, in pieces.
pub(super) async fn whole(space: &Space, pod: &Pod, mut piece: impl FnMut(&[u8])) -> Result<()> {
    let params = LogParams { container: Some(CONTAINER.to_owned()), timestamps: true, ..LogParams::default() };
    let name = pod.metadata.name.clone().unwrap_or_default();
    let api = space.api::<Pod>();
    let answer = match ask("read a log", api.log_stream(&name, &params)).await? {
        Said::Yes(answer) => answer,
        _ => return Ok(()),
    };
    let mut answer = std::pin::pin!(answer);
    let mut bytes = vec![0; 64 << 10];
    loop {
        match read_some(&mut answer, &mut bytes).await? {
            0 => return Ok(()),
            count => piece(&bytes[..count]),
        }
    }
}

async fn read_some(answer: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Result<usize> {
    let failed = |e: std::io::Error| RuntimeError::unavailable("the answer of the cluster broke", e);
    match tokio::time::timeout(PIECE, answer.read(bytes)).await {
        Ok(read) => read.map_err(failed),
        Err(_) => Err(RuntimeError::Unavailable { what: "the cluster stopped sending a log".to_owned(), source: None }),
    }
}
