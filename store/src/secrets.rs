//! Secrets sealed at rest: AES-256-GCM with a random nonce each, the name bound in, keys outside the database.

use crate::connect::Database;
use crate::sql::{Row, args};
use async_trait::async_trait;
use domain::identity::Audit;
use domain::ports::SecretStore;
use domain::secret::{SecretInfo, check};
use domain::{Error, Kind, Result, new_id};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Length of a key, bytes.
const KEY_LEN: usize = 32;

/// Keys by id; the first one seals, all of them open.
#[derive(Clone)]
pub struct SecretKeys(Arc<Vec<(String, LessSafeKey)>>);

impl std::fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl SecretKeys {
    /// Reads keys, newest first: 64 hex digits each, separated by commas or line breaks; lines that begin with `#` are remarks.
    ///
    /// # Errors
    /// `Invalid` for a key that is none, and when there is none at all.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                Kind::Invalid,
                "a secret key is 64 hex digits (32 random bytes); newest first, separated by commas",
            )
        };
        let mut keys = Vec::new();
        for word in text.lines().filter(|l| !l.trim_start().starts_with('#')).flat_map(|l| l.split(',')) {
            let word = word.trim();
            if word.is_empty() {
                continue;
            }
            let bytes: [u8; KEY_LEN] = hex::decode(word).ok().and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| wrong())?;
            keys.push((key_id(&bytes), LessSafeKey::new(key)));
        }
        if keys.is_empty() { Err(wrong()) } else { Ok(Self(Arc::new(keys))) }
    }

    /// A fresh key as text.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn generate() -> Result<String> {
        let mut bytes = [0; KEY_LEN];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("no randomness"))?;
        Ok(hex::encode(bytes))
    }

    /// Id of the key that seals.
    #[must_use]
    pub fn current(&self) -> &str {
        self.0.first().map_or("", |(id, _)| id)
    }

    /// Seals a value under its name: the nonce and the ciphertext with its tag, hex.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn seal(&self, name: &str, value: &str) -> Result<String> {
        let (_, key) = self.0.first().ok_or_else(|| Error::internal("no secret key"))?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::internal("no randomness"))?;
        let mut text = value.as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut text)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok(hex::encode(nonce) + &hex::encode(text))
    }

    /// Opens what [`SecretKeys::seal`] made under the same name with the key `id`.
    ///
    /// # Errors
    /// `Internal` when the key is not there, or the text was changed or belongs to another name.
    pub fn open(&self, id: &str, name: &str, sealed: &str) -> Result<String> {
        let gone = || {
            Error::new(
                Kind::Internal,
                format!(
                    "secret {name} was sealed with key {id}, which is not there: add it to AIOPS_SECRET_KEY, or set the secret again"
                ),
            )
        };
        let (_, key) = self.0.iter().find(|(known, _)| known == id).ok_or_else(gone)?;
        let broken = || Error::new(Kind::Internal, format!("secret {name} cannot be opened: set it again"));
        let bytes = hex::decode(sealed).map_err(|_| broken())?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut text = text.to_vec();
        let plain = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text).map_err(|_| broken())?;
        String::from_utf8(plain.to_vec()).map_err(|_| broken())
    }
}

/// Tells keys apart without telling anything about them: 8 hex digits of a hash with a label of its own.
fn key_id(key: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::new().chain_update(b"aiops secret key id\0").chain_update(key).finalize())[..8].to_owned()
}

/// The secrets of one database with the keys that open them.
#[derive(Debug, Clone)]
pub struct Vault {
    database: Database,
    keys: SecretKeys,
}

fn read(row: &Row) -> Result<SecretInfo> {
    Ok(SecretInfo {
        id: row.id("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        version: row.int("version")?,
        key_id: row.text("key_id")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text("updated_by")?,
    })
}

impl Vault {
    /// The secrets of `database`, opened by `keys`.
    #[must_use]
    pub const fn new(database: Database, keys: SecretKeys) -> Self {
        Self { database, keys }
    }

    /// Seals everything anew that an older key sealed; the number of secrets. Called at the start after a rotation.
    ///
    /// # Errors
    /// As [`SecretKeys::open`], for a secret whose key is gone; the others are sealed anew all the same.
    pub async fn rotate(&self) -> Result<u32> {
        let rows = self
            .database
            .rows("SELECT name, key_id, sealed FROM sealed_secrets WHERE key_id <> $1", args![self.keys.current()])
            .await?;
        let (mut done, mut failed) = (0, None);
        for row in &rows {
            let (name, key_id, sealed) = (row.text("name")?, row.text("key_id")?, row.text("sealed")?);
            match self.keys.open(&key_id, &name, &sealed) {
                Ok(value) => {
                    let mut tx = self.database.begin().await?;
                    let sql = "UPDATE sealed_secrets SET key_id = $2, sealed = $3 WHERE name = $1 AND sealed = $4";
                    let fresh = self.keys.seal(&name, &value)?;
                    tx.run(sql, args![&name, self.keys.current(), fresh, &sealed]).await?;
                    tx.commit().await?;
                    done += 1;
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Every value, for the masker of logs; what cannot be opened is left out.
    ///
    /// # Errors
    /// As the database's.
    pub async fn values(&self) -> Result<Vec<String>> {
        let rows = self.database.rows("SELECT name, key_id, sealed FROM sealed_secrets", Vec::new()).await?;
        let open = |row: &Row| self.keys.open(&row.text("key_id")?, &row.text("name")?, &row.text("sealed")?);
        Ok(rows.iter().filter_map(|row| open(row).ok()).collect())
    }
}

#[async_trait]
impl SecretStore for Vault {
    async fn list_secrets(&self) -> Result<Vec<SecretInfo>> {
        let rows = self.database.rows("SELECT * FROM sealed_secrets ORDER BY name", Vec::new()).await?;
        rows.iter().map(read).collect()
    }

    async fn put_secret(&self, name: &str, description: &str, value: &str, audit: Audit) -> Result<SecretInfo> {
        let wrong = check(name, value);
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong));
        }
        let sealed = self.keys.seal(name, value)?;
        let mut tx = self.database.begin().await?;
        let now = tx.now().await?;
        tx.run(
            "INSERT INTO sealed_secrets (id, name, description, version, key_id, sealed, created_at, updated_at, updated_by) \
             VALUES ($1, $2, $3, 1, $4, $5, $6, $6, $7) ON CONFLICT (name) DO UPDATE SET \
             version = sealed_secrets.version + 1, description = excluded.description, key_id = excluded.key_id, \
             sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
            args![new_id(), name, description, self.keys.current(), sealed, now, &audit.actor],
        )
        .await?;
        let row = tx.row("SELECT * FROM sealed_secrets WHERE name = $1", args![name]).await?;
        let info = read(&row.ok_or_else(|| Error::not_found("secret"))?)?;
        tx.audit(audit, "secret", info.id);
        tx.commit().await?;
        Ok(info)
    }

    async fn delete_secret(&self, name: &str, audit: Audit) -> Result<()> {
        let mut tx = self.database.begin().await?;
        let row = tx.row("SELECT id FROM sealed_secrets WHERE name = $1", args![name]).await?;
        let id = row.ok_or_else(|| Error::not_found(format!("secret {name}")))?.id("id")?;
        tx.run("DELETE FROM sealed_secrets WHERE name = $1", args![name]).await?;
        tx.audit(audit, "secret", id);
        tx.commit().await
    }

    async fn reveal(&self, names: &[String]) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for name in names {
            let sql = "SELECT key_id, sealed FROM sealed_secrets WHERE name = $1";
            let row = self.database.row(sql, args![name]).await?;
            let row = row.ok_or_else(|| Error::not_found(format!("secret {name}")))?;
            found.insert(name.clone(), self.keys.open(&row.text("key_id")?, name, &row.text("sealed")?)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_with_its_key_and_name_only() {
        let (old, new) = (SecretKeys::generate().unwrap(), SecretKeys::generate().unwrap());
        let keys = SecretKeys::parse(&old).unwrap();
        let sealed = keys.seal("db", "hunter2").unwrap();
        assert_ne!(sealed, keys.seal("db", "hunter2").unwrap(), "a nonce each");
        assert!(!sealed.contains(&hex::encode("hunter2")));
        let id = keys.current().to_owned();
        assert_eq!(keys.open(&id, "db", &sealed).unwrap(), "hunter2");
        assert!(keys.open(&id, "other", &sealed).is_err(), "the name is bound in");
        let mut changed = sealed.clone();
        changed.replace_range(30..31, if &sealed[30..31] == "0" { "1" } else { "0" });
        assert!(keys.open(&id, "db", &changed).is_err());
        assert!(keys.open(&id, "db", "00").is_err());
        let rotated = SecretKeys::parse(&format!("# newest first\n{new}\n{old}\n")).unwrap();
        assert_ne!(rotated.current(), id);
        assert_eq!(rotated.open(&id, "db", &sealed).unwrap(), "hunter2");
        let gone = SecretKeys::parse(&new).unwrap().open(&id, "db", &sealed).unwrap_err();
        assert!(gone.message.contains("AIOPS_SECRET_KEY"), "{gone}");
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        for text in ["", "abc", "# only a remark", &"0".repeat(63), &format!("{},x", "0".repeat(64))] {
            assert!(SecretKeys::parse(text).is_err(), "{text:?}");
        }
    }
}
