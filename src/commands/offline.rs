//! `aiops detect`, `mine` and `rank`: files in, files out, a summary as JSON.

use super::{complain, say};
use crate::cli::{DetectArgs, MineArgs, RankArgs};
use std::process::ExitCode;

pub(crate) fn detect(args: &DetectArgs) -> anyhow::Result<ExitCode> {
    let progress = |done: usize, all: usize, path: &str| complain(&format!("[{done}/{all}] {path}"));
    let summary = analyzer::detect::offline::detect_dir(&args.input, &args.output, args.jobs, &progress)?;
    for problem in &summary.problems {
        complain(problem);
    }
    say(&serde_json::to_string(&summary)?);
    Ok(if summary.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn mine(args: &MineArgs) -> anyhow::Result<ExitCode> {
    let progress = |lines: u64| complain(&format!("{lines} lines"));
    let summary = analyzer::logs::offline::mine(&args.input, &args.output, args.framed, &progress)?;
    say(&serde_json::to_string(&summary)?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn rank(args: &RankArgs) -> anyhow::Result<ExitCode> {
    let summary = analyzer::rca::offline::rank(&args.input, &args.output, args.blind)?;
    say(&serde_json::to_string(&summary)?);
    Ok(ExitCode::SUCCESS)
}
