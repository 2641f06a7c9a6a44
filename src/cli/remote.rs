//! Subcommands that talk to a running product over HTTP.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Where the product is, and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Address of the product; that of `aiops login` when left out.
    #[arg(long, env = "AIOPS_URL", value_name = "URL")]
    pub url: Option<String>,
    /// API key; that of `aiops login` when left out.
    #[arg(long, env = "AIOPS_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub api_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Address of the product, for example http://127.0.0.1:3030.
    #[arg(value_name = "URL")]
    pub url: String,
    /// Log in with this name and make an API key for this computer; the password is read from standard input. Without it
    /// an API key is read from standard input.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Role of the key that is made.
    #[arg(long, default_value = "operator")]
    pub role: String,
    /// Life of the key that is made, days.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=730))]
    pub days: u32,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 passed; 1 to 99 the script's own (any other failure: 1); 124 stopped at its time limit; \
125 lost; 126 it could not be asked for or followed; 130 cancelled."
)]
pub(crate) struct RunArgs {
    /// Name or id of the case.
    pub case: String,
    /// Value of a parameter, over the case's own; JSON where it is JSON, else text. Repeatable.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Entity acted on, for example service=checkout.
    #[arg(long)]
    pub target: Option<String>,
    /// Print the log as it comes and wait for the end.
    #[arg(long, short)]
    pub follow: bool,
    /// Wait for the end without the log.
    #[arg(long, conflicts_with = "follow")]
    pub wait: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List {
        /// Only in this state. Repeatable.
        #[arg(long = "state")]
        states: Vec<String>,
        /// Only of this case, by name or id.
        #[arg(long)]
        case: Option<String>,
        /// Rows at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// As JSON, one run a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Print the log of a run.
    Logs {
        /// Id of the run.
        id: uuid::Uuid,
        /// Go on until it ends; the exit code is that of `aiops run`.
        #[arg(long, short)]
        follow: bool,
        /// Begin with so many of the last lines.
        #[arg(long)]
        tail: Option<u32>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Stop a run.
    Cancel {
        /// Id of the run.
        id: uuid::Uuid,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// YAML file, folder of them, or `-`. Repeatable.
    #[arg(short = 'f', long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Send credentials even where nothing else differs: they cannot be compared.
    #[arg(long)]
    pub secrets: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only this kind. Repeatable.
    #[arg(long = "kind")]
    pub kinds: Vec<String>,
    /// Only objects that carry this tag.
    #[arg(long)]
    pub tag: Option<String>,
    /// File to write; standard output when left out.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a secret; the value is read from standard input, without its last line break.
    Set {
        /// Name that cases and scripts refer to.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// List secrets; values are never shown.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Remove a secret.
    Delete {
        /// Its name.
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
}
