//! Credentials inside editable objects, and the product's own: sealed where they are stored, opened where they are read.

use crate::connect::{Backend, Database};
use crate::secrets::SecretKeys;
use crate::sql::{Row, args, json};
use crate::tx::Tx;
use domain::catalog::{ChannelSpec, RuntimeManagerSpec, SourceSpec};
use domain::resource::{SECRET_MARK, Spec};
use domain::{Error, Id, Kind, Result};
use serde_json::Value;
use sqlx::AssertSqlSafe;

/// Begins every sealed text: the mark, the key's id, the ciphertext.
const MARK: &str = "aiops-sealed:";
/// Row that tells which key the database belongs to.
const CANARY: &str = "canary";

/// A text sealed under the name of its place.
fn sealed(keys: &SecretKeys, place: &str, plain: &str) -> Result<String> {
    Ok(format!("{MARK}{}:{}", keys.current(), keys.seal(place, plain)?))
}

/// What [`sealed`] made; `None` for a text that is not of its form.
fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(MARK)?.split_once(':')
}

/// Calls `change` on every string of `value` with its path and its twin in `shown`.
fn walk(
    value: &mut Value,
    shown: &Value,
    path: &str,
    change: &mut dyn FnMut(&str, &mut String, &Value) -> Result<()>,
) -> Result<()> {
    match value {
        Value::String(text) => change(path, text, shown),
        Value::Array(items) => {
            items.iter_mut().enumerate().try_for_each(|(i, v)| walk(v, &shown[i], &format!("{path}.{i}"), change))
        }
        Value::Object(map) => map.iter_mut().try_for_each(|(k, v)| {
            let here = if path.is_empty() { k.clone() } else { format!("{path}.{k}") };
            walk(v, &shown[k.as_str()], &here, change)
        }),
        _ => Ok(()),
    }
}

fn value_of<T: serde::Serialize>(spec: &T) -> Result<Value> {
    serde_json::to_value(spec).map_err(Error::internal)
}

/// The specification as it is stored: JSON whose secrets are sealed under table, object and field. Without keys as it is.
pub(crate) fn write<T: Spec>(keys: Option<&SecretKeys>, id: Id, spec: &T) -> Result<String> {
    let Some(keys) = keys else { return json(spec) };
    let (mut value, shown) = (value_of(spec)?, value_of(&spec.redacted())?);
    walk(&mut value, &shown, "", &mut |path, text, shown| {
        if shown.as_str() == Some(SECRET_MARK) && text != SECRET_MARK {
            *text = sealed(keys, &format!("{}/{id}/{path}", T::TABLE), text)?;
        }
        Ok(())
    })?;
    json(&value)
}

/// The stored specification with its secrets opened, and whether all of them were sealed with the current key.
fn opened<T: Spec>(keys: Option<&SecretKeys>, id: Id, text: &str) -> Result<(T, bool)> {
    let parse = |value: Value| serde_json::from_value::<T>(value).map_err(|e| crate::error::corrupt("spec", e));
    let mut value: Value = serde_json::from_str(text).map_err(|e| crate::error::corrupt("spec", e))?;
    let (mut current, mut failed) = (0, None);
    if text.contains(MARK) {
        walk(&mut value, &Value::Null, "", &mut |path, text, _| {
            let Some((key, sealed)) = parts(text) else { return Ok(()) };
            let place = format!("{}/{id}/{path}", T::TABLE);
            match keys.map(|keys| (keys, keys.open(key, &place, sealed))) {
                Some((keys, Ok(plain))) => {
                    current += usize::from(key == keys.current());
                    *text = plain;
                }
                // It may be a text of a person that only looks so; what is a secret is looked at below.
                Some((_, Err(error))) => failed = Some(error),
                None => failed = Some(Error::new(Kind::Internal, "no secret key: set AIOPS_SECRET_KEY")),
            }
            Ok(())
        })?;
    }
    let spec = parse(value)?;
    let (mut value, shown) = (value_of(&spec)?, value_of(&spec.redacted())?);
    let mut secrets = 0;
    walk(&mut value, &shown, "", &mut |_, text, shown| {
        let secret = shown.as_str() == Some(SECRET_MARK) && text != SECRET_MARK;
        secrets += usize::from(secret);
        match failed.take_if(|_| secret && parts(text).is_some()) {
            Some(error) => Err(Error { message: format!("a {}: {}", T::KIND, error.message), ..error }),
            None => Ok(()),
        }
    })?;
    Ok((spec, secrets == current))
}

/// The specification of a row with its secrets opened.
pub(crate) fn read<T: Spec>(keys: Option<&SecretKeys>, id: Id, row: &Row) -> Result<T> {
    let text = row.text("spec")?;
    if text.contains(MARK) {
        return Ok(opened(keys, id, &text)?.0);
    }
    serde_json::from_str(&text).map_err(|e| crate::error::corrupt("spec", e))
}

/// Seals the secrets of one kind that are stored in clear or with an older key; the number of objects.
async fn seal_kind<T: Spec>(tx: &mut Tx, keys: &SecretKeys) -> Result<u32> {
    let sql = format!("SELECT id, spec FROM {}", T::TABLE);
    let mut done = 0;
    for row in tx.rows(AssertSqlSafe(sql), Vec::new()).await? {
        let id = row.id("id")?;
        let (spec, fine) = opened::<T>(Some(keys), id, &row.text("spec")?)?;
        if !fine {
            let sql = format!("UPDATE {} SET spec = $2 WHERE id = $1", T::TABLE);
            tx.run(AssertSqlSafe(sql), args![id, write(Some(keys), id, &spec)?]).await?;
            done += 1;
        }
    }
    Ok(done)
}

/// The product's own secrets: rows in clear, or with an older key, are sealed; the number of rows.
async fn seal_own(tx: &mut Tx, keys: &SecretKeys) -> Result<u32> {
    let mut done = 0;
    for row in tx.rows("SELECT name, value FROM secrets", Vec::new()).await? {
        let (name, value) = (row.text("name")?, row.text("value")?);
        if parts(&value).is_some_and(|(key, _)| key == keys.current()) {
            continue;
        }
        let fresh = sealed(keys, &format!("secrets/{name}"), &own(Some(keys), &name, &value)?)?;
        tx.run("UPDATE secrets SET value = $2 WHERE name = $1", args![name, fresh]).await?;
        done += 1;
    }
    Ok(done)
}

/// One of the product's own secrets, opened when it is sealed.
pub(crate) fn own(keys: Option<&SecretKeys>, name: &str, value: &str) -> Result<String> {
    let Some((key, sealed)) = parts(value) else { return Ok(value.to_owned()) };
    let keys = keys.ok_or_else(|| Error::new(Kind::Internal, "no secret key: set AIOPS_SECRET_KEY"))?;
    keys.open(key, &format!("secrets/{name}"), sealed)
}

/// One of the product's own secrets as it is stored.
pub(crate) fn own_stored(keys: Option<&SecretKeys>, name: &str, plain: &str) -> Result<String> {
    keys.map_or_else(|| Ok(plain.to_owned()), |keys| sealed(keys, &format!("secrets/{name}"), plain))
}

impl Database {
    /// Id of the key that this database was sealed with; absent when it was never sealed.
    ///
    /// # Errors
    /// As the database's.
    pub async fn sealed_by(&self) -> Result<Option<String>> {
        let row = self.row("SELECT value FROM secrets WHERE name = $1", args![CANARY]).await?;
        let value = row.map(|row| row.text("value")).transpose()?;
        Ok(value.and_then(|value| parts(&value).map(|(key, _)| key.to_owned())))
    }

    /// Goes on with these keys: refuses when they are not this database's, then seals what is stored in clear or was
    /// sealed with an older key. The database with its keys, and the number of objects that were sealed.
    ///
    /// # Errors
    /// `Conflict` when the database was sealed with a key that is not among these.
    pub async fn unlocked(self, keys: SecretKeys) -> Result<(Self, u32)> {
        let mut tx = self.begin().await?;
        tx.turn("seal").await?;
        let fresh = sealed(&keys, &format!("secrets/{CANARY}"), CANARY)?;
        let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let first = tx.run(sql, args![CANARY, fresh]).await? == 1;
        let row = tx.row("SELECT value FROM secrets WHERE name = $1", args![CANARY]).await?;
        let value = row.ok_or_else(|| Error::not_found("canary"))?.text("value")?;
        if own(Some(&keys), CANARY, &value).ok().as_deref() != Some(CANARY) {
            let key = parts(&value).map_or("unknown", |(key, _)| key);
            return Err(Error::conflict(format!(
                "the secrets of this database were sealed with key {key}, which was not given: set AIOPS_SECRET_KEY or \
                 secret_key_file to it (newest key first, all keys that are still in use)"
            )));
        }
        let mut done = seal_own(&mut tx, &keys).await?;
        done += seal_kind::<SourceSpec>(&mut tx, &keys).await?;
        done += seal_kind::<ChannelSpec>(&mut tx, &keys).await?;
        done += seal_kind::<RuntimeManagerSpec>(&mut tx, &keys).await?;
        tx.commit().await?;
        let database = self.with_keys(keys.clone());
        done += crate::Vault::new(database.clone(), keys).rotate().await?;
        if first && done > 0 && database.backend() == Backend::Sqlite {
            // What was in clear must not stay in the file's free pages.
            database.compact().await?;
        }
        Ok((database, done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::catalog::Credentials;

    fn source(token: &str, description: &str) -> SourceSpec {
        let json = serde_json::json!({
            "kind": "prometheus", "url": format!("http://{description}"),
            "credentials": {"kind": "bearer", "token": token},
        });
        serde_json::from_value(json).unwrap()
    }

    fn keys() -> SecretKeys {
        SecretKeys::parse(&SecretKeys::generate().unwrap()).unwrap()
    }

    #[test]
    fn secrets_are_sealed_and_the_rest_is_readable() {
        let (keys, id) = (keys(), domain::new_id());
        let spec = source("hunter2-Zq9", "prom");
        let text = write(Some(&keys), id, &spec).unwrap();
        assert!(!text.contains("hunter2") && text.contains("http://prom"), "{text}");
        assert_eq!(opened::<SourceSpec>(Some(&keys), id, &text).unwrap(), (spec.clone(), true));
        assert!(opened::<SourceSpec>(Some(&keys), domain::new_id(), &text).is_err(), "bound to its object");
        assert!(opened::<SourceSpec>(None, id, &text).is_err());
        let clear = json(&spec).unwrap();
        assert_eq!(opened::<SourceSpec>(Some(&keys), id, &clear).unwrap(), (spec, false), "in clear: to be sealed");
    }

    #[test]
    fn an_older_key_opens_and_is_replaced() {
        let (old, new) = (SecretKeys::generate().unwrap(), SecretKeys::generate().unwrap());
        let (id, spec) = (domain::new_id(), source("hunter2-Zq9", "prom"));
        let text = write(Some(&SecretKeys::parse(&old).unwrap()), id, &spec).unwrap();
        let both = SecretKeys::parse(&format!("{new},{old}")).unwrap();
        assert_eq!(opened::<SourceSpec>(Some(&both), id, &text).unwrap(), (spec, false));
        let gone = opened::<SourceSpec>(Some(&SecretKeys::parse(&new).unwrap()), id, &text).unwrap_err();
        assert!(gone.message.contains("AIOPS_SECRET_KEY"), "{gone}");
    }

    #[test]
    fn a_text_that_only_looks_sealed_is_a_text() {
        let (keys, id) = (keys(), domain::new_id());
        let mut spec = source("hunter2-Zq9", "prom");
        spec.index = Some(format!("{MARK}{}:00", keys.current()));
        let text = write(Some(&keys), id, &spec).unwrap();
        assert_eq!(opened::<SourceSpec>(Some(&keys), id, &text).unwrap().0, spec);
        let Credentials::Bearer { token } = source(&format!("{MARK}x:y"), "prom").credentials else { panic!("bearer") };
        let spec = source(&token, "prom");
        let text = write(Some(&keys), id, &spec).unwrap();
        assert_eq!(opened::<SourceSpec>(Some(&keys), id, &text).unwrap().0, spec, "a secret may look so too");
    }
}
