//! Every secret that the product keeps itself or for scripts; they are masked in the logs of all runs.

use crate::settings::Settings;
use async_trait::async_trait;
use domain::catalog::{ChannelSpec, RuntimeManagerSpec, SourceSpec};
use domain::ports::{CatalogStore, KnownSecrets, SecretStore};
use domain::resource::{SECRET_MARK, Spec};
use domain::{Error, Result};
use serde_json::Value;
use std::sync::Arc;
use store::Database;

/// What is stored in one database.
pub(crate) struct Stored {
    pub(crate) database: Arc<Database>,
    pub(crate) vault: Arc<dyn SecretStore>,
}

#[async_trait]
impl KnownSecrets for Stored {
    async fn known_secrets(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        of::<SourceSpec>(&self.database, &mut found).await?;
        of::<ChannelSpec>(&self.database, &mut found).await?;
        of::<RuntimeManagerSpec>(&self.database, &mut found).await?;
        let names: Vec<String> = self.vault.list_secrets().await?.into_iter().map(|info| info.name).collect();
        for name in names {
            // One that was removed meanwhile, or whose key is gone, hides none of the others.
            match self.vault.reveal(std::slice::from_ref(&name)).await {
                Ok(values) => found.extend(values.into_values()),
                Err(error) => tracing::debug!(%error, name, "a secret cannot be read and is not masked"),
            }
        }
        Ok(found)
    }
}

/// The secrets of every living object of a kind.
async fn of<T: Spec>(database: &Database, found: &mut Vec<String>) -> Result<()>
where
    Database: CatalogStore<T>,
{
    for object in CatalogStore::<T>::all(database).await? {
        of_spec(&object.spec, found)?;
    }
    Ok(())
}

/// What a specification has and does not show.
fn of_spec<T: Spec>(spec: &T, found: &mut Vec<String>) -> Result<()> {
    let plain = serde_json::to_value(spec).map_err(Error::internal)?;
    let shown = serde_json::to_value(spec.redacted()).map_err(Error::internal)?;
    hidden(&plain, &shown, found);
    Ok(())
}

/// Texts that are the mark where the object is shown.
fn hidden(plain: &Value, shown: &Value, found: &mut Vec<String>) {
    match (plain, shown) {
        (Value::String(secret), Value::String(mark)) if mark == SECRET_MARK && secret != SECRET_MARK => {
            found.push(secret.clone());
        }
        (Value::Object(map), _) => map.iter().for_each(|(key, value)| hidden(value, &shown[key], found)),
        (Value::Array(list), _) => list.iter().enumerate().for_each(|(at, value)| hidden(value, &shown[at], found)),
        _ => {}
    }
}

/// Passwords within the addresses that the product was started with, as they stand there and as they are.
pub(crate) fn own_passwords(settings: &Settings) -> Vec<String> {
    let urls = [&settings.database_url, &settings.redis_url];
    let passwords = urls.into_iter().filter_map(|url| url::Url::parse(url).ok()?.password().map(str::to_owned));
    let plain = |text: &str| {
        let query = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
        url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    passwords.flat_map(|text| [plain(&text), text]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secrets<T: Spec>(spec: Value) -> Vec<String> {
        let spec: T = serde_json::from_value(spec).expect("a specification");
        let mut found = Vec::new();
        of_spec(&spec, &mut found).expect("json");
        found
    }

    #[test]
    fn passwords_in_addresses_are_found() {
        let mut settings = Settings::load(None).expect("defaults");
        settings.database_url = "postgres://me:p%40ss%2Bw+rd@host/db".to_owned();
        settings.redis_url = "redis://host".to_owned();
        assert_eq!(own_passwords(&settings), ["p@ss+w+rd", "p%40ss%2Bw+rd"]);
    }

    #[test]
    fn whatever_is_not_shown_is_found() {
        let prom = json!({"kind": "prometheus", "url": "http://p", "credentials": {"kind": "basic", "username": "u", "password": "pass-word"}});
        assert_eq!(secrets::<SourceSpec>(prom), ["pass-word"]);
        let hook = json!({"kind": "webhook", "url": "http://h", "secret": "hook-key"});
        assert_eq!(secrets::<ChannelSpec>(hook), ["hook-key"]);
        let tls = json!({"ca": "authority", "cert": "certificate", "key": "-----BEGIN PRIVATE KEY-----\nabc\n"});
        let dock = json!({"kind": "docker", "endpoint": "https://h:2376", "docker": {"tls": tls}});
        assert_eq!(secrets::<RuntimeManagerSpec>(dock), ["-----BEGIN PRIVATE KEY-----\nabc\n"]);
        let cluster = json!({"kind": "kubernetes", "endpoint": "https://k:6443", "kubernetes": {"kubeconfig": "text"}});
        assert_eq!(secrets::<RuntimeManagerSpec>(cluster), ["text"]);
    }
}
