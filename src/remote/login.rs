//! `aiops login`: keeps an address with an API key that was tried, for the other subcommands.

use super::client::{Login, Product};
use crate::cli::LoginArgs;
use crate::commands::say;
use anyhow::{Context as _, bail};
use serde_json::json;
use std::process::ExitCode;

pub(crate) async fn login(args: LoginArgs) -> anyhow::Result<ExitCode> {
    let mut line = String::new();
    let wanted = if args.user.is_some() { "the password" } else { "the API key" };
    std::io::stdin().read_line(&mut line).with_context(|| format!("read {wanted} from standard input"))?;
    let typed = line.trim_end_matches(['\r', '\n']);
    if typed.is_empty() {
        bail!("give {wanted} on standard input");
    }
    let key = match &args.user {
        Some(name) => make_key(&args, name, typed).await?,
        None => typed.to_owned(),
    };
    let product = Product::new(&args.url, &key)?;
    let me = product.get("/me").await?;
    let login = Login { url: product.base().to_owned(), api_key: key };
    let path = login.save()?;
    let (name, role) = (me["username"].as_str().unwrap_or("?"), me["role"].as_str().unwrap_or("?"));
    say(&format!("logged in to {} as {name} ({role}); kept in {}", login.url, path.display()));
    Ok(ExitCode::SUCCESS)
}

/// An API key for this computer, made by the user whose password it is.
async fn make_key(args: &LoginArgs, name: &str, password: &str) -> anyhow::Result<String> {
    let nobody = Product::new(&args.url, "")?;
    let session = nobody.post("/session", &json!({"username": name, "password": password})).await;
    let session = session.map_err(|e| match e.downcast_ref::<super::client::Refused>() {
        Some(refused) if refused.status == 401 => anyhow::anyhow!("name or password is wrong"),
        _ => e,
    })?;
    let token = session["access_token"].as_str().context("the product gave no token")?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
    let unique = &uuid::Uuid::new_v4().simple().to_string()[..6];
    let body = json!({"name": format!("cli-{name}-{host}-{unique}"), "role": args.role, "expires_days": args.days});
    let made = Product::new(&args.url, token)?.post("/api-keys", &body).await;
    let made =
        made.context("only an administrator makes API keys: ask one for a key, and run aiops login URL with it")?;
    made["secret"].as_str().map(str::to_owned).context("the product gave no key")
}
