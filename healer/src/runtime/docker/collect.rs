//! Hands over what a run left in its volume: the archive of it goes through a file without a name, within limits.

use super::engine::{failed, status};
use super::spec::OUT;
use super::{DockerRuntime, follow, pack, state};
use crate::results::Harvest;
use crate::runtime::{Handle, Result, RuntimeError};
use bollard::query_parameters::{ContainerArchiveInfoOptions, DownloadFromContainerOptionsBuilder};
use futures::StreamExt as _;
use pack::Found;
use std::fs::File;
use std::io::{SeekFrom, Write as _};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// Bytes of an archive beyond the files that are kept: names, padding, files that are left out.
const SLACK: u64 = 256 << 20;

fn unreadable(e: std::io::Error) -> RuntimeError {
    RuntimeError::unavailable("cannot read the run's files", e)
}

impl DockerRuntime {
    pub(super) async fn collect_files(&self, handle: Handle, into: &mut Harvest) -> Result<()> {
        let Some(found) = self.find(handle).await? else {
            into.note("nothing was collected: the engine knows nothing of the run any more");
            return Ok(());
        };
        if self.untouched(&found.id).await? {
            return Ok(());
        }
        let Some(mut archive) = self.download(&found.id, into).await? else { return Ok(()) };
        let listed = tokio::task::spawn_blocking(move || pack::list(&mut archive).map(|listing| (archive, listing)));
        let listed = listed.await.map_err(|e| RuntimeError::unavailable("reading the run's files was stopped", e))?;
        let (archive, listing) = listed.map_err(unreadable)?;
        for note in &listing.notes {
            into.note(note);
        }
        if let Some(result) = &listing.result {
            into.result(&mut content(&archive, result).await?).await?;
        }
        for (at, file) in listing.files.iter().enumerate() {
            if into.full() {
                let left = listing.files.len() - at;
                into.note(format!("{left} more files were left out: the limit of a run is reached"));
                break;
            }
            into.artifact(&file.name, &mut content(&archive, file).await?).await?;
        }
        Ok(())
    }

    /// Whether the script put nothing there: a folder that nobody wrote into has the time that it was given, zero.
    async fn untouched(&self, id: &str) -> Result<bool> {
        for path in [OUT.to_owned(), format!("{OUT}/artifacts")] {
            let options = ContainerArchiveInfoOptions { path };
            match self.engine.get_container_archive_info(id, Some(options)).await {
                Ok(found) if state::time(found.modification_time.as_ref()).is_none() => {}
                Ok(_) => return Ok(false),
                Err(e) if status(&e) == Some(404) => return Ok(false),
                Err(e) => return Err(failed("the engine does not say what the run left", e)),
            }
        }
        Ok(true)
    }

    /// The archive of what the run left; none when there is nothing.
    async fn download(&self, id: &str, into: &mut Harvest) -> Result<Option<File>> {
        let options = DownloadFromContainerOptionsBuilder::new().path(OUT).build();
        let mut file = follow::unnamed().map_err(unreadable)?;
        let most = into.most().saturating_add(SLACK);
        let mut bytes = 0_u64;
        let mut stream = std::pin::pin!(self.engine.download_from_container(id, Some(options)));
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(e) if status(&e) == Some(404) => return Ok(None),
                Err(e) => return Err(failed("the engine does not give the run's files", e)),
            };
            bytes += piece.len() as u64;
            if bytes > most {
                into.note(format!("of what the run left only the first {most} bytes were looked at"));
                break;
            }
            file.write_all(&piece).map_err(unreadable)?;
        }
        Ok(Some(file))
    }
}

/// The content of one file.
async fn content(archive: &File, file: &Found) -> Result<tokio::io::Take<tokio::fs::File>> {
    let mut open = tokio::fs::File::open(follow::path_of(archive)).await.map_err(unreadable)?;
    open.seek(SeekFrom::Start(file.at)).await.map_err(unreadable)?;
    Ok(open.take(file.bytes))
}
