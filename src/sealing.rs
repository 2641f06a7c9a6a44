//! The keys that secrets are sealed with: given, or made in the data folder, and never another set than the database's.

use crate::settings::Settings;
use anyhow::{Context as _, bail};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use store::{Database, SecretKeys};

/// Holds the keys, newest first, separated by commas.
const VARIABLE: &str = "AIOPS_SECRET_KEY";

/// The database with its keys; what it holds of secrets in clear, or sealed with an older key, is sealed anew.
pub(crate) async fn unlock(database: Database, settings: &Settings) -> anyhow::Result<Database> {
    let keys = match database.sealed_by().await? {
        Some(key) => given(settings)?.with_context(|| missing(&key, settings))?,
        None => match given(settings)? {
            Some(keys) => keys,
            None => make(settings)?,
        },
    };
    let (database, sealed) = database.unlocked(keys).await.context("secret_key")?;
    if sealed > 0 {
        tracing::info!(sealed, "secrets that were stored in clear, or with an older key, are sealed");
    }
    Ok(database)
}

fn missing(key: &str, settings: &Settings) -> String {
    format!(
        "secret_key: this database was sealed with key {key}, and no key is given: set {VARIABLE}, or put the file back at {}",
        file(settings).display()
    )
}

fn file(settings: &Settings) -> PathBuf {
    if settings.secret_key_file.is_empty() {
        settings.data_dir.join("secret.key")
    } else {
        PathBuf::from(&settings.secret_key_file)
    }
}

/// Keys from the variable, else from the file; `None` when neither is there.
fn given(settings: &Settings) -> anyhow::Result<Option<SecretKeys>> {
    if let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty()) {
        return Ok(Some(SecretKeys::parse(&text).context(VARIABLE)?));
    }
    let path = file(settings);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let mode = std::fs::metadata(&path)?.permissions().mode();
            if mode & 0o077 != 0 {
                bail!("{}: others can read this key: chmod 600 it", path.display());
            }
            Ok(Some(SecretKeys::parse(&text).with_context(|| path.display().to_string())?))
        }
        Err(e) if e.kind() == ErrorKind::NotFound && settings.secret_key_file.is_empty() => Ok(None),
        Err(e) => Err(e).with_context(|| format!("secret_key_file: cannot read {}", path.display())),
    }
}

/// Makes a key in the data folder, readable by us alone; of several processes at once all get the same.
fn make(settings: &Settings) -> anyhow::Result<SecretKeys> {
    let path = file(settings);
    write_once(
        &path,
        &format!("# Opens the secrets in the database: keep a copy of it.\n{}\n", SecretKeys::generate()?),
    )
    .with_context(|| format!("write {}", path.display()))?;
    tracing::info!(file = %path.display(), "a key for secrets was made: keep a copy of it beside your backups");
    given(settings)?.context("secret_key: the key that was just made is gone")
}

/// Writes the file whole, unless it is there.
fn write_once(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::load(None).expect("defaults");
        settings.data_dir = dir.path().to_path_buf();
        assert!(given(&settings).expect("none").is_none());
        let made = make(&settings).expect("made");
        assert_eq!(make(&settings).expect("the same").current(), made.current());
        let path = file(&settings);
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        let open = format!("{:#}", given(&settings).expect_err("readable by others"));
        assert!(open.contains("chmod 600"), "{open}");
        settings.secret_key_file = dir.path().join("nowhere").display().to_string();
        let absent = format!("{:#}", given(&settings).expect_err("a file that is named has to be there"));
        assert!(absent.contains("nowhere"), "{absent}");
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 1, "nothing else is left");
    }
}
