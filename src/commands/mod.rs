//! The subcommands: each parses nothing and decides little; the crates do the work.

mod apikey;
mod audit;
mod backtest;
mod backup;
mod check;
mod demo;
mod migrate;
mod offline;
pub(crate) mod serve;
mod user;

use crate::cli::{Cli, Command, DatabaseArgs};
use crate::remote;
use crate::settings::Settings;
use anyhow::Context as _;
use std::io::Write as _;
use std::process::ExitCode;

/// Runs the subcommand.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Detect(args) => return offline::detect(args),
        Command::Mine(args) => return offline::mine(args),
        Command::Rank(args) => return offline::rank(args),
        Command::Openapi => {
            say(&api::openapi());
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(dispatch(cli))
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Login(args) => remote::login::login(args).await,
        Command::Run(args) => remote::run::run(args).await,
        Command::Runs(command) => remote::runs::run(command).await,
        Command::Apply(args) => remote::apply::apply(args).await,
        Command::Export(args) => remote::export::export(args).await,
        Command::Secret(command) => remote::secrets::run(command).await,
        _ => on_this_host(cli).await,
    }
}

/// What needs the settings of this host.
async fn on_this_host(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(cli.config.as_ref())?;
    match cli.command {
        Command::Serve(args) => serve::run(settings, args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Migrate(args) => migrate::run(&with_database(settings, args)?).await,
        Command::Backup(args) => backup::run(settings, args).await,
        Command::Backtest(args) => backtest::run(settings, args).await,
        Command::Check(args) => check::run(&with_database(settings, args)?).await,
        Command::User(command) => user::run(settings, command).await,
        Command::Audit(command) => audit::run(settings, command).await,
        Command::Apikey(command) => apikey::run(settings, command).await,
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The settings with the database that the flags name.
pub(crate) fn with_database(mut settings: Settings, args: DatabaseArgs) -> anyhow::Result<Settings> {
    if let Some(dir) = args.data_dir {
        settings.data_dir = dir;
    }
    if let Some(url) = args.database_url {
        settings.database_url = url;
    }
    settings.checked()
}

/// Opens the database at this version's schema.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<store::Database> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("data_dir: cannot create {}; give a writable folder", settings.data_dir.display()))?;
    writable(&settings.data_dir).with_context(|| {
        format!("data_dir: cannot write in {}; give a writable folder", settings.data_dir.display())
    })?;
    let database = store::Database::connect(&settings.database()).await.context("database_url")?;
    database.migrate().await.context("bring the database to this version's schema")?;
    crate::sealing::unlock(database, settings).await
}

/// Makes a file in the folder and removes it: rights alone do not tell (full or read-only disks, network shares).
fn writable(dir: &std::path::Path) -> std::io::Result<()> {
    let file = dir.join(format!(".writable-{}", std::process::id()));
    std::fs::write(&file, "")?;
    std::fs::remove_file(&file)
}

/// What went wrong as one line: each cause once, and of a quoted file what is said about it, not its picture.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = flat(&cause.to_string());
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

pub(crate) fn flat(text: &str) -> String {
    let picture = |l: &&str| l.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let lines: Vec<&str> = text.lines().filter(|l| !picture(l)).map(str::trim).filter(|l| !l.is_empty()).collect();
    lines.join("; ")
}

/// One line for people on standard output.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone away (`| head`) is no reason to fail.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// One line for people on standard error.
pub(crate) fn complain(line: &str) {
    if writeln!(std::io::stderr().lock(), "{line}").is_err() {
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_one_line_and_say_each_cause_once() {
        let toml = "TOML parse error at line 1, column 10\n  |\n1 | listen = \n  |          ^\nstring values must be quoted\n in a.toml";
        let error = anyhow::anyhow!("{toml}").context("the settings are wrong");
        let line =
            "the settings are wrong: TOML parse error at line 1, column 10; string values must be quoted; in a.toml";
        assert_eq!(one_line(&error), line);
        let twice = anyhow::anyhow!("no such file").context("cannot read a: no such file");
        assert_eq!(one_line(&twice), "cannot read a: no such file");
    }
}
