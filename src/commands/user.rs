//! `aiops user`: users from the command line.

use crate::cli::UserCommand;
use crate::settings::Settings;
use anyhow::Context as _;
use domain::clock::{Clock as _, SystemClock};
use domain::identity::{Audit, Role, User};
use domain::ports::UserStore as _;
use std::process::ExitCode;

pub(crate) async fn run(settings: Settings, command: UserCommand) -> anyhow::Result<ExitCode> {
    let UserCommand::Add { name, role, database } = command;
    let role: Role = serde_json::from_value(serde_json::Value::String(role))
        .ok()
        .context("--role: give viewer, operator, approver, editor or admin")?;
    let mut password = String::new();
    std::io::stdin().read_line(&mut password).context("read the password from standard input")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let hash = api::setup::hash_password(&name.to_lowercase(), password).await?;
    let store = super::open(&super::with_database(settings, database)?).await?;
    let now = SystemClock.now();
    let user = User {
        id: domain::new_id(),
        username: name.to_lowercase(),
        password_hash: hash,
        role,
        tokens_valid_from: now,
        disabled: false,
        created_at: now,
    };
    store.create_user(user, Audit::new("cli", "user.create")).await?;
    super::say(&format!("user {} created", name.to_lowercase()));
    Ok(ExitCode::SUCCESS)
}
