//! The command line.

mod remote;

pub(crate) use remote::{ApplyArgs, Connection, ExportArgs, LoginArgs, RunArgs, RunsCommand, SecretCommand};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Observability-first AIOps: detect, explain, heal, and measure whether the fix worked.
#[derive(Debug, Parser)]
#[command(name = "aiops", version)]
pub(crate) struct Cli {
    /// TOML file with settings.
    #[arg(long, global = true, env = "AIOPS_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the product.
    Serve(ServeArgs),
    /// Show the whole loop on a web shop with real faults.
    Demo(DemoArgs),
    /// Bring the database to this version's schema.
    Migrate(DatabaseArgs),
    /// Write a copy of the SQLite database to a new file, also while the product runs.
    Backup(BackupArgs),
    /// Check the settings, the database and every source, and say what would run.
    Check(DatabaseArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Score CSV files for anomalies.
    Detect(DetectArgs),
    /// Show what a monitor would have said of recorded history, with a chart.
    Backtest(BacktestArgs),
    /// Mine log templates.
    Mine(MineArgs),
    /// Rank root causes of recorded cases.
    Rank(RankArgs),
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// The audit chain.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// API keys, made on the database itself.
    #[command(subcommand)]
    Apikey(ApikeyCommand),
    /// Keep an address and an API key for the subcommands below.
    Login(LoginArgs),
    /// Run a case on a product.
    Run(RunArgs),
    /// Runs of a product.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Bring a product to what YAML files say.
    Apply(ApplyArgs),
    /// Write what a product has as YAML.
    Export(ExportArgs),
    /// Secrets of a product.
    #[command(subcommand)]
    Secret(SecretCommand),
    #[command(hide = true)]
    Supervise {
        /// Folder of the run.
        run_dir: PathBuf,
    },
}

/// Parts of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// HTTP API, UI and live streams.
    Api,
    /// Pulls from sources.
    Ingest,
    /// Finds anomalies and incidents.
    Analyzer,
    /// Decides, runs, verifies and notifies.
    Healer,
    /// All of them.
    All,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Parts to run; all when left out.
    #[arg(long = "role", value_enum)]
    pub roles: Vec<Role>,
    /// Address of API and UI.
    #[arg(long, value_name = "IP:PORT", value_parser = crate::settings::socket_address)]
    pub listen: Option<SocketAddr>,
    /// Folder for the database and the runs.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Database; SQLite in the data folder when left out.
    #[arg(long, env = "AIOPS_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    #[command(flatten)]
    pub given: Given,
}

/// Sources given by flags.
#[derive(Debug, Clone, Args)]
pub(crate) struct Given {
    /// Prometheus to watch: becomes a source with monitors for what is found there.
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// Elasticsearch or OpenSearch to watch: becomes a source with a log monitor.
    #[arg(long, value_name = "URL")]
    pub elasticsearch: Option<String>,
    /// Index pattern of the logs.
    #[arg(long, default_value = "logs-*,*-logs,filebeat-*")]
    pub index: String,
    /// Time between polls of proposed monitors, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub interval: u32,
    /// Whether to propose monitors for what the given sources hold.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub discover: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Prometheus that scrapes the shop.
    #[arg(long, env = "AIOPS_TEST_PROMETHEUS_URL")]
    pub prometheus: String,
    /// Elasticsearch for the shop's logs.
    #[arg(long, env = "AIOPS_TEST_ELASTICSEARCH_URL")]
    pub elasticsearch: String,
    /// Redis behind the shop.
    #[arg(long, env = "AIOPS_TEST_REDIS_URL")]
    pub redis: String,
    /// Folder that Prometheus reads scrape targets from.
    #[arg(long)]
    pub targets: PathBuf,
    /// Folder for everything the demo writes; emptied at start.
    #[arg(long, default_value = ".dev/demo")]
    pub dir: PathBuf,
    /// Address of API and UI.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3030", value_parser = crate::settings::socket_address)]
    pub listen: SocketAddr,
    /// Learning time before the fault, seconds.
    #[arg(long, default_value_t = 120)]
    pub learn: u64,
    /// Fault to inject.
    #[arg(long, default_value = "error_rate")]
    pub fault: String,
    /// Service to hit.
    #[arg(long, default_value = "checkout")]
    pub service: String,
    /// Stop after the first fault; exit 0 only if the fix was verified and really there.
    #[arg(long)]
    pub once: bool,
    /// Delete the series and logs of earlier demos first; only for a Prometheus and an Elasticsearch of the demo's own.
    #[arg(long)]
    pub fresh: bool,
    /// Longest time for the loop, seconds.
    #[arg(long, default_value_t = 420)]
    pub deadline: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// Folder for the database and the runs.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Database; SQLite in the data folder when left out.
    #[arg(long, env = "AIOPS_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// File to write; it must not exist.
    pub file: PathBuf,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DetectArgs {
    /// Folder with CSV files: timestamp, then one numeric column or many.
    #[arg(long)]
    pub input: PathBuf,
    /// Folder for the scored files, same paths.
    #[arg(long)]
    pub output: PathBuf,
    /// Files at once.
    #[arg(long, default_value_t = 1)]
    pub jobs: usize,
}

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// Name or id of a stored monitor.
    #[arg(required_unless_present = "query")]
    pub monitor: Option<String>,
    /// PromQL to judge instead of a stored monitor's.
    #[arg(long, value_name = "PROMQL")]
    pub query: Option<String>,
    /// Prometheus to ask; the monitor's source, or the only stored one, when left out.
    #[arg(long)]
    pub url: Option<String>,
    /// First row: 2026-11-25T08:00:00Z, epoch seconds, or how long ago (90m, 24h, 7d).
    #[arg(long, default_value = "24h", allow_hyphen_values = true)]
    pub from: String,
    /// Last row, written as --from.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub to: String,
    /// Seconds between rows; the monitor's interval, or 15, when left out.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub step: Option<u32>,
    /// 1 (only the gross) to 10 (everything); the monitor's own, or 5, when left out.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub sensitivity: Option<u8>,
    /// Write a chart of series, band, score and events here (SVG).
    #[arg(short, long, value_name = "FILE.svg")]
    pub output: Option<PathBuf>,
    /// Write the whole report here as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MineArgs {
    /// One message a line, `.jsonl` with one JSON string a line, or `-`.
    #[arg(long)]
    pub input: PathBuf,
    /// CSV: `line_no,template_id,template`.
    #[arg(long)]
    pub output: PathBuf,
    /// Lines carry a log header that is to be stripped.
    #[arg(long)]
    pub framed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RankArgs {
    /// Folder of a set: cases, metrics, logs, topology.
    #[arg(long)]
    pub input: PathBuf,
    /// JSON with the ranks.
    #[arg(long)]
    pub output: PathBuf,
    /// Do not read the injection times; find the incidents.
    #[arg(long)]
    pub blind: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user; the password is read from standard input.
    Add {
        /// Login name.
        name: String,
        /// viewer, operator, approver, editor or admin.
        #[arg(long, default_value = "viewer")]
        role: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApikeyCommand {
    /// Make a key; it is printed once.
    Create {
        /// What it is for: 1 to 64 letters, digits, '-', '_' or '.'.
        name: String,
        /// viewer, operator, approver, editor or admin.
        #[arg(long, default_value = "operator")]
        role: String,
        /// Its life, days.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=730))]
        days: u32,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// List keys; the keys themselves are not stored.
    List(DatabaseArgs),
    /// Revoke a key.
    Revoke {
        /// Its name.
        name: String,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Walk the hash chain and name the first bad row.
    Verify(DatabaseArgs),
}
