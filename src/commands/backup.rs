//! `aiops backup FILE`: a sound copy of the SQLite database, also while the product runs.

use crate::cli::BackupArgs;
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) async fn run(settings: Settings, args: BackupArgs) -> anyhow::Result<ExitCode> {
    let settings = super::with_database(settings, args.database)?;
    let url = settings.database();
    let Some(rest) = url.strip_prefix("sqlite:") else {
        bail!("backup copies SQLite databases; of PostgreSQL take one with: pg_dump --format=custom");
    };
    let source = PathBuf::from(rest.trim_start_matches("//").split('?').next().unwrap_or_default());
    if !source.is_file() {
        bail!("there is no database at {}; name its folder with --data-dir", source.display());
    }
    if args.file.exists() {
        bail!("{} is there already; name a new file", args.file.display());
    }
    // Not `open`: a backup before an upgrade must not upgrade.
    let database = store::Database::connect(&url).await.context("database_url")?;
    let part = args.file.with_added_extension("part");
    let copied = copy(&database, &part).await;
    database.close().await;
    if let Err(error) = copied {
        // What is there of it is of no use to anybody.
        let _ = std::fs::remove_file(&part);
        return Err(error);
    }
    std::fs::rename(&part, &args.file).with_context(|| format!("name the copy {}", args.file.display()))?;
    let bytes = std::fs::metadata(&args.file)?.len();
    super::say(&format!("{} holds the database, {bytes} bytes, integrity checked", args.file.display()));
    super::say(
        "logs and artifacts of runs are in file storage, the key of secrets in secret.key: keep copies of both, the key apart",
    );
    Ok(ExitCode::SUCCESS)
}

/// Only we may read it: it has password hashes in it. It is on the disk when this returns.
async fn copy(database: &store::Database, part: &Path) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(part)
        .with_context(|| format!("cannot write {}; name a file in a writable folder", part.display()))?;
    let name = part.to_str().context("the file's name is no UTF-8")?;
    database.copy_to(name).await?;
    file.sync_all().with_context(|| format!("write {}", part.display()))
}
