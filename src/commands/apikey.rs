//! `aiops apikey`: keys of programs, made, listed and revoked on the database itself.

use crate::cli::ApikeyCommand;
use crate::settings::Settings;
use anyhow::Context as _;
use domain::clock::{Clock as _, SystemClock};
use domain::identity::{Audit, Role};
use domain::ports::ApiKeyStore as _;
use std::process::ExitCode;

pub(crate) async fn run(settings: Settings, command: ApikeyCommand) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    match command {
        ApikeyCommand::Create { name, role, days, database } => {
            let role: Role = serde_json::from_value(serde_json::Value::String(role))
                .ok()
                .context("--role: give viewer, operator, approver, editor or admin")?;
            let (secret, key) = api::setup::new_api_key(&name, role, days, "cli", now)?;
            let store = super::open(&super::with_database(settings, database)?).await?;
            let hash = api::setup::api_key_hash(&secret);
            store.create_key(key, &hash, Audit::new("cli", "api_key.create")).await?;
            super::say(&secret);
        }
        ApikeyCommand::List(database) => {
            let store = super::open(&super::with_database(settings, database)?).await?;
            for key in store.list_keys().await? {
                let state = if key.valid(now) { "valid" } else { "refused" };
                let used =
                    key.used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", at.to_rfc3339()));
                let (role, until) = (word(&key.role), key.expires_at.to_rfc3339());
                super::say(&format!("{}  {}  {role}  {state}  until {until}  {used}", key.prefix, key.name));
            }
        }
        ApikeyCommand::Revoke { name, database } => {
            let store = super::open(&super::with_database(settings, database)?).await?;
            let keys = store.list_keys().await?;
            let key = keys.iter().find(|key| key.name == name && key.valid(now));
            let key = key.with_context(|| format!("name: no valid key is named {name:?}"))?;
            store.revoke_key(key.id, now, Audit::new("cli", "api_key.revoke")).await?;
            super::say(&format!("key {name} revoked"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn word(role: &Role) -> String {
    serde_json::to_value(role).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
