//! `aiops runs`: list, logs and cancel.

use super::client::Product;
use super::run::{case_id, ended, print};
use super::stream;
use crate::cli::RunsCommand;
use crate::commands::say;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

pub(crate) async fn run(command: RunsCommand) -> anyhow::Result<ExitCode> {
    match command {
        RunsCommand::List { states, case, limit, json, connection } => {
            list(&Product::of(&connection)?, &states, case.as_deref(), limit, json).await
        }
        RunsCommand::Logs { id, follow, tail, connection } => {
            logs(&Product::of(&connection)?, &id.to_string(), follow, tail).await
        }
        RunsCommand::Cancel { id, connection } => {
            let run = Product::of(&connection)?.post(&format!("/runs/{id}/cancel"), &json!({})).await?;
            say(&format!("run {id}: {}", run["state"].as_str().unwrap_or_default()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(
    product: &Product,
    states: &[String],
    case: Option<&str>,
    limit: u32,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut path = format!("/runs?limit={limit}");
    for state in states {
        path.push_str(&format!("&state={}", super::client::encoded(state)));
    }
    if let Some(case) = case {
        path.push_str(&format!("&case_id={}", case_id(product, case).await?));
    }
    for run in product.get(&path).await?["items"].as_array().into_iter().flatten() {
        say(&if json { run.to_string() } else { row(run) });
    }
    Ok(ExitCode::SUCCESS)
}

fn row(run: &Value) -> String {
    let text = |key: &str| run[key].as_str().unwrap_or("-").to_owned();
    format!("{}  {:10}  {}  {}  {}", text("id"), text("state"), text("queued_at"), text("case_name"), text("reason"))
}

async fn logs(product: &Product, id: &str, follow: bool, tail: Option<u32>) -> anyhow::Result<ExitCode> {
    if follow {
        return Ok(ended(&stream::follow(product, id, tail, print).await?));
    }
    let mut after = 0_i64;
    if let Some(tail) = tail {
        let run = product.get(&format!("/runs/{id}")).await?;
        after = (run["log_lines"].as_i64().unwrap_or(0) - i64::from(tail)).max(0);
    }
    loop {
        let path = format!("/runs/{id}/logs?after={after}&limit=1000");
        let answer = super::client::checked("GET logs", product.request(Method::GET, &path).send().await?).await?;
        let lines: Vec<Value> = answer.json().await?;
        let Some(last) = lines.last().and_then(|line| line["seq"].as_i64()) else { return Ok(ExitCode::SUCCESS) };
        lines.iter().for_each(print);
        after = last;
    }
}
