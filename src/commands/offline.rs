//! `aiops detect`, `mine` and `rank`: files in, files out, a summary as JSON.

use super::{complain, say};
use crate::cli::{DetectArgs, MineArgs, RankArgs};
use analyzer::detect::offline::{FileError, Progress, detect_dir};
use analyzer::logs::{MineOptions, mine as mine_stream};
use anyhow::{Context as _, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::process::ExitCode;

pub(crate) fn detect(args: &DetectArgs) -> anyhow::Result<ExitCode> {
    if same_place(&args.input, &args.output) {
        bail!("--output: give another folder than --input; the input would be overwritten");
    }
    let progress = |p: Progress<'_>| complain(&format!("[{}/{}] {}", p.done, p.total, p.file));
    let summary = detect_dir(&args.input, &args.output, args.jobs, &progress)?;
    for error in &summary.errors {
        complain(&line(error));
    }
    say(&serde_json::to_string(&summary)?);
    Ok(if summary.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(error: &FileError) -> String {
    let row = error.row.map(|r| format!(", row {r}")).unwrap_or_default();
    let column = error.column.as_ref().map(|c| format!(", column {c}")).unwrap_or_default();
    format!("{}{row}{column}: {}", error.file, error.message)
}

fn same_place(a: &std::path::Path, b: &std::path::Path) -> bool {
    a == b || std::fs::canonicalize(a).ok().zip(std::fs::canonicalize(b).ok()).is_some_and(|(a, b)| a == b)
}

pub(crate) fn mine(args: &MineArgs) -> anyhow::Result<ExitCode> {
    let stdin = args.input.as_os_str() == "-";
    let mut input: Box<dyn BufRead> = if stdin {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.input).with_context(|| format!("--input: cannot read {}", args.input.display()))?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let file =
        File::create(&args.output).with_context(|| format!("--output: cannot write {}", args.output.display()))?;
    let mut output = BufWriter::with_capacity(1 << 20, file);
    let jsonl = args.input.extension().is_some_and(|e| e == "jsonl");
    let mut progress = |lines: u64| complain(&format!("{lines} lines"));
    let summary = mine_stream(&mut *input, &mut output, MineOptions { framed: args.framed, jsonl }, &mut progress)?;
    output.flush().context("--output: cannot write")?;
    say(&serde_json::to_string(&summary)?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn rank(args: &RankArgs) -> anyhow::Result<ExitCode> {
    let ranked = analyzer::rca::rank(&args.input, args.blind)?;
    std::fs::write(&args.output, serde_json::to_string_pretty(&ranked)?)
        .with_context(|| format!("--output: cannot write {}", args.output.display()))?;
    say(&serde_json::to_string(&ranked.summary)?);
    Ok(ExitCode::SUCCESS)
}
