//! `aiops apply`: brings the product to what the files say, by name; what is so already is left alone.

mod document;
pub(super) mod links;
mod secrets;
mod versions;

use super::client::{Product, Refused};
use super::export::yaml_of;
use super::kinds::{self, Kind, Normal};
use crate::cli::ApplyArgs;
use crate::commands::{complain, say};
use anyhow::bail;
use document::Document;
use links::{Known, Names};
use secrets::Given;
use serde_json::Value;
use similar::TextDiff;
use std::process::ExitCode;

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Create,
    Update,
    Keep,
}

/// An object of a file, ready to be sent.
#[derive(Debug)]
struct Planned {
    document: Document,
    normal: Normal,
    given: Given,
    change: Change,
    /// Script and content that a case stays at.
    pin: Option<(String, String)>,
    /// Contents that a script had before, as they are sent, and their hashes; those that the product lacks.
    older: Vec<(Value, String)>,
}

/// Prints problems, a line each, and fails when there are any.
fn all_or(wrong: Vec<String>) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let lines: Vec<&str> = wrong.iter().flat_map(|text| text.lines()).collect();
    for line in &lines[..lines.len() - 1] {
        complain(line);
    }
    bail!("{}", lines[lines.len() - 1]);
}

pub(crate) async fn apply(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let documents = document::read(&args.files)?;
    let product = Product::of(&args.connection)?;
    let mut known = Known::load(&product).await?;
    let planned = plan(documents, &mut known, args.secrets)?;
    let count = |change| planned.iter().filter(|p| p.change == change).count();
    let counts = (count(Change::Create), count(Change::Update), count(Change::Keep));
    for kind in &kinds::KINDS {
        for planned in planned.iter().filter(|p| p.document.kind.word == kind.word) {
            if args.dry_run {
                tell(planned, &known);
            } else {
                send(&product, planned, &mut known).await?;
            }
        }
    }
    let would = if args.dry_run { "would be " } else { "" };
    say(&format!("{would}{} created, {} changed, {} unchanged", counts.0, counts.1, counts.2));
    Ok(ExitCode::SUCCESS)
}

/// Checks everything before anything is sent: references, fields, credentials.
fn plan(documents: Vec<Document>, known: &mut Known, resend: bool) -> anyhow::Result<Vec<Planned>> {
    // What is to be made gets an id for now, so that others can refer to it.
    for document in &documents {
        known.expect(document.kind, document.name());
    }
    let (mut planned, mut wrong) = (Vec::new(), Vec::new());
    // What is wrong with a content is said where its script is planned.
    for document in documents.iter().filter(|d| d.kind.word == "script") {
        for hash in versions::contents(document).into_iter().flatten() {
            known.expect_content(document.name(), hash.1);
        }
    }
    for document in documents {
        match plan_one(document.clone(), known, resend) {
            Ok(one) => planned.push(one),
            Err(problems) => {
                wrong.extend(problems.into_iter().map(|(field, why)| format!("{}: {why}", document.at(&field))));
            }
        }
    }
    all_or(wrong)?;
    Ok(planned)
}

type Problems = Vec<(String, String)>;

fn plan_one(document: Document, known: &Known, resend: bool) -> Result<Planned, Problems> {
    let mut draft = Value::Object(document.draft.clone());
    let given = secrets::fill(&mut draft);
    links::to_ids(document.kind, &mut draft, known)?;
    let Value::Object(mut map) = draft else { return Err(vec![("spec".to_owned(), "give an object".to_owned())]) };
    let pin = links::pin_version(document.kind, &mut map, known)?;
    let normal = document.kind.normal(&map);
    let normal = normal.map_err(|wrong| wrong.into_iter().map(|w| (w.field, w.message)).collect::<Problems>())?;
    let older = versions::lacking(&document, known)?;
    let change = match known.object(document.kind, document.name()) {
        None => {
            if let Some((field, variable)) = given.unset.first() {
                return Err(vec![(field.clone(), format!("set the variable {variable}: this object is new"))]);
            }
            Change::Create
        }
        Some(object) if Value::Object(kinds::draft_of(object)) != normal.shown => Change::Update,
        Some(_) if !older.is_empty() || (resend && given.any()) => Change::Update,
        Some(_) => Change::Keep,
    };
    Ok(Planned { document, normal, given, change, pin, older })
}

/// What would change, with the lines that differ.
fn tell(planned: &Planned, known: &Known) {
    let (kind, name) = (planned.document.kind, planned.document.name());
    for (_, hash) in &planned.older {
        say(&format!("add an older version of {} {name}: {}", kind.word, &hash[..12.min(hash.len())]));
    }
    let new = readable(kind, &planned.normal.shown, &known.names());
    match planned.change {
        Change::Keep => {}
        Change::Create => say(&format!("create {} {name}", kind.word)),
        Change::Update => {
            say(&format!("change {} {name}", kind.word));
            let old = known.object(kind, name).map(|o| Value::Object(kinds::draft_of(o))).unwrap_or_default();
            let old = readable(kind, &old, &known.names());
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff.unified_diff().context_radius(2).header("product", &planned.document.file).to_string();
            diff.lines().for_each(|line| say(&format!("  {line}")));
            if planned.given.any() && old == new {
                say("  credentials are sent anew");
            }
        }
    }
}

/// A draft as it would stand in a file.
fn readable(kind: &Kind, draft: &Value, names: &Names) -> String {
    let mut draft = draft.clone();
    links::to_names(kind, &mut draft, names);
    yaml_of(kind, draft.as_object().cloned().unwrap_or_default()).unwrap_or_default()
}

async fn send(product: &Product, planned: &Planned, known: &mut Known) -> anyhow::Result<()> {
    let (document, kind) = (&planned.document, planned.document.kind);
    if planned.change == Change::Keep {
        return Ok(());
    }
    let mut body = planned.normal.sent.clone();
    known.settle(kind, &mut body);
    if let Some((script, hash)) = &planned.pin
        && let Some(number) = known.version(script, hash)
    {
        body["script_version"] = number.into();
    }
    // The contents one after the other: each becomes a version, the last one is the script as it is.
    let mut stored = known.object(kind, document.name()).cloned();
    for body in planned.older.iter().map(|(body, _)| body).chain([&body]) {
        let done = match &stored {
            None => product.post(kind.path, body).await,
            Some(there) => {
                let path = format!("{}/{}", kind.path, there["id"].as_str().unwrap_or_default());
                product.put(&path, there["version"].as_i64(), body).await
            }
        };
        stored = Some(done.map_err(|error| located(document, error))?);
    }
    let stored = stored.unwrap_or_default();
    known.made(kind, document.name(), &stored);
    if kind.word == "script" {
        known.reload_versions(product, document.name(), &stored).await?;
    }
    let word = if planned.change == Change::Create { "created" } else { "changed" };
    say(&format!("{word} {} {}", kind.word, document.name()));
    Ok(())
}

/// A refusal with the line that it is about.
fn located(document: &Document, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Refused>() {
        Some(refused) if refused.status == 412 => {
            anyhow::anyhow!("{}: somebody changed it meanwhile: apply again", document.at("name"))
        }
        Some(refused) if !refused.fields.is_empty() => {
            let lines = refused.fields.iter().map(|(field, why)| format!("{}: {why}", document.at(field)));
            anyhow::anyhow!("{}", lines.collect::<Vec<_>>().join("; "))
        }
        Some(refused) => anyhow::anyhow!("{}: {}", document.at("name"), refused.message),
        None => error,
    }
}
