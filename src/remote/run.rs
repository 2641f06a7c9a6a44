//! `aiops run`: starts a case, prints its log, and ends as it ended.

use super::client::{Product, encoded};
use super::stream;
use crate::cli::RunArgs;
use crate::commands::{complain, one_line, say};
use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::process::ExitCode;

/// Exit code when a run could not be asked for or followed.
const NOT_ASKED: u8 = 126;

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    Ok(started(&args).await.unwrap_or_else(|error| {
        complain(&format!("aiops: {}", one_line(&error)));
        ExitCode::from(NOT_ASKED)
    }))
}

async fn started(args: &RunArgs) -> anyhow::Result<ExitCode> {
    values(&args.params, &Value::Null)?;
    let product = Product::of(&args.connection)?;
    let case = case_id(&product, &args.case).await?;
    let schema = if args.params.is_empty() { Value::Null } else { schema(&product, &case).await? };
    let body = json!({"values": values(&args.params, &schema)?, "target": args.target});
    let run = product.post(&format!("/cases/{case}/runs"), &body).await?;
    let id = run["id"].as_str().context("the product gave no run")?;
    complain(&format!("run {id}"));
    if !(args.follow || args.wait) {
        say(id);
        return Ok(ExitCode::SUCCESS);
    }
    let run = stream::follow(&product, id, None, |line| {
        if args.follow {
            print(line);
        }
    })
    .await?;
    Ok(ended(&run))
}

/// Says how the run ended; its exit code.
pub(super) fn ended(run: &Value) -> ExitCode {
    let (state, reason) = (run["state"].as_str().unwrap_or_default(), run["reason"].as_str().unwrap_or_default());
    complain(&format!("{state}: {reason}"));
    ExitCode::from(exit_code(state, run["exit_code"].as_i64()))
}

/// The exit code that stands for the end of a run.
fn exit_code(state: &str, code: Option<i64>) -> u8 {
    match state {
        "succeeded" => 0,
        "timed_out" => 124,
        "lost" => 125,
        "cancelled" => 130,
        _ => code.and_then(|code| u8::try_from(code).ok()).filter(|code| (1..100).contains(code)).unwrap_or(1),
    }
}

/// One line of the log: what the script printed goes where it printed it, remarks of the product to standard error.
pub(super) fn print(line: &Value) {
    let text = line["text"].as_str().unwrap_or_default();
    if line["stream"] == "stdout" {
        say(text);
    } else if writeln!(std::io::stderr().lock(), "{text}").is_err() {
        std::process::exit(1);
    }
}

/// Schema of the parameters of the case's script; null without one.
async fn schema(product: &Product, case: &str) -> anyhow::Result<Value> {
    let case = product.get(&format!("/cases/{case}")).await?;
    let Some(script) = case["script_id"].as_str() else { return Ok(Value::Null) };
    Ok(product.get(&format!("/scripts/{script}")).await?["parameters"].take())
}

/// Parameters by name: JSON where the schema wants another type than text and the value is JSON, else the text itself.
fn values(params: &[String], schema: &Value) -> anyhow::Result<Map<String, Value>> {
    let mut values = Map::new();
    for param in params {
        let Some((name, text)) = param.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            bail!("--param: give NAME=VALUE, not {param:?}");
        };
        let kind = &schema["properties"][name]["type"];
        let other = kind.as_str().is_some_and(|kind| kind != "string");
        let value = other.then(|| serde_json::from_str(text).ok()).flatten();
        values.insert(name.to_owned(), value.unwrap_or_else(|| Value::String(text.to_owned())));
    }
    Ok(values)
}

/// The id of a case by its name or id.
pub(super) async fn case_id(product: &Product, case: &str) -> anyhow::Result<String> {
    let named = product.all(&format!("/cases?search={}", encoded(case))).await?;
    if let Some(found) = named.iter().find(|found| found["name"] == *case) {
        return found["id"].as_str().map(str::to_owned).context("a case without id");
    }
    if case.parse::<uuid::Uuid>().is_ok() {
        return Ok(case.to_owned());
    }
    bail!("case: there is none named {case:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        for (state, code, wanted) in [
            ("succeeded", Some(0), 0),
            ("succeeded", Some(3), 0),
            ("failed", Some(3), 3),
            ("failed", Some(0), 1),
            ("failed", Some(137), 1),
            ("failed", None, 1),
            ("timed_out", None, 124),
            ("lost", None, 125),
            ("cancelled", Some(143), 130),
        ] {
            assert_eq!(exit_code(state, code), wanted, "{state} {code:?}");
        }
    }

    #[test]
    fn values_are_of_the_type_that_the_schema_wants() {
        let kind = |kind: &str| json!({"type": kind});
        let schema = json!({"properties": {"A": kind("string"), "B": kind("integer"), "C": kind("array"), "D": kind("integer")}});
        let given = ["A=3", "B=3", "C=[1]", "D=x", "E=a=b", "F="].map(str::to_owned);
        let wanted = json!({"A": "3", "B": 3, "C": [1], "D": "x", "E": "a=b", "F": ""});
        assert_eq!(Value::Object(values(&given, &schema).expect("fine")), wanted);
        for bad in ["x", "=x"] {
            assert!(values(&[bad.to_owned()], &Value::Null).is_err(), "{bad}");
        }
    }
}
