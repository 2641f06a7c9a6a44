//! `aiops secret`: values go in by standard input and never come out.

use super::client::Product;
use crate::cli::SecretCommand;
use crate::commands::say;
use anyhow::Context as _;
use serde_json::json;
use std::io::Read as _;
use std::process::ExitCode;

/// A name as a part of a path.
fn part(name: &str) -> String {
    super::client::encoded(name).replace('+', "%20")
}

pub(crate) async fn run(command: SecretCommand) -> anyhow::Result<ExitCode> {
    match command {
        SecretCommand::Set { name, description, connection } => {
            let mut value = String::new();
            std::io::stdin().read_to_string(&mut value).context("read the value from standard input")?;
            let value = value.strip_suffix('\n').map_or(value.as_str(), |v| v.strip_suffix('\r').unwrap_or(v));
            let body = json!({"value": value, "description": description});
            let info = Product::of(&connection)?.put(&format!("/secrets/{}", part(&name)), None, &body).await?;
            say(&format!("secret {name} stored, version {}", info["version"]));
        }
        SecretCommand::List { connection } => {
            for info in Product::of(&connection)?.get("/secrets").await?["items"].as_array().into_iter().flatten() {
                let text = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
                say(&format!(
                    "{}\tversion {}\t{}\t{}",
                    text("name"),
                    info["version"],
                    text("updated_at"),
                    text("description")
                ));
            }
        }
        SecretCommand::Delete { name, connection } => {
            Product::of(&connection)?.delete(&format!("/secrets/{}", part(&name))).await?;
            say(&format!("secret {name} removed"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
