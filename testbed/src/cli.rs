//! The command line: what can be asked for, and who does it.
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::client::Control;
use crate::fault::FaultName;
use crate::up::FaultOrder;
use crate::{bench, say, series, service, up};

/// The web shop under test, its faults, its load and the closed-loop benchmark.
#[derive(Debug, Parser)]
#[command(name = "testbed", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the shop, its load and the control API; runs until stopped.
    Up(up::UpArgs),
    /// Run one service of the shop.
    Service(service::ServiceArgs),
    /// Bring about a fault.
    Inject(SwitchArgs),
    /// End a fault without a cure.
    Clear(SwitchArgs),
    /// Print the testbed's own truth as JSON.
    Truth(Address),
    /// Run closed-loop scenarios against the product and write the measurements as JSON.
    Run(bench::RunArgs),
    /// Install scripts, cases, monitors, policies and channels into the product; safe to repeat.
    Catalog(bench::CatalogArgs),
    /// Export any number of series, for measurements of scale.
    Series(series::SeriesArgs),
    #[command(hide = true)]
    Proxy(up::proxy::ProxyArgs),
    #[command(hide = true)]
    Exec {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// Where a running testbed is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Address {
    /// Folder of the running testbed; its testbed.json gives address and token.
    #[arg(long, env = "TESTBED_DIR")]
    dir: Option<PathBuf>,
    /// Address of the control API.
    #[arg(long, env = "TESTBED_CONTROL_URL")]
    control_url: Option<String>,
    /// Token of the control API.
    #[arg(long, env = "TESTBED_TOKEN", hide_env_values = true)]
    control_token: Option<String>,
}

impl Address {
    /// Address and token of the control API.
    pub(crate) fn resolve(&self) -> anyhow::Result<(String, String)> {
        if let (Some(url), Some(token)) = (&self.control_url, &self.control_token) {
            return Ok((url.clone(), token.clone()));
        }
        let folder = self.dir.as_deref().context("give --dir, or --control-url and --control-token")?;
        let handle = up::Handle::read(folder)?;
        Ok((handle.control_url, handle.token))
    }

    /// A client for it.
    pub(crate) fn connect(&self) -> anyhow::Result<Control> {
        let (url, token) = self.resolve()?;
        Control::new(&url, &token)
    }
}

#[derive(Debug, Clone, clap::Args)]
struct SwitchArgs {
    /// Which fault.
    fault: FaultName,
    /// Service to hit; each fault has a usual one.
    #[arg(long)]
    service: Option<String>,
    /// How strong, 0 to 1.
    #[arg(long)]
    intensity: Option<f64>,
    #[command(flatten)]
    address: Address,
}

/// Does what the command line asks for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Command::Exec { command } = &cli.command {
        return Err(up::process::exec(command));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the async runtime")?;
    runtime.block_on(dispatch(cli.command))
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => up::run(args).await?,
        Command::Service(args) => service::run(args).await?,
        Command::Proxy(args) => up::proxy::run(args).await?,
        Command::Series(args) => series::run(args).await?,
        Command::Inject(args) => switch(args, true).await?,
        Command::Clear(args) => switch(args, false).await?,
        Command::Truth(address) => {
            let truth = address.connect()?.truth_json().await?;
            say::line(&serde_json::to_string_pretty(&truth)?);
        }
        Command::Run(args) => return bench::run(args).await,
        Command::Catalog(args) => bench::install(args).await?,
        Command::Exec { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn switch(args: SwitchArgs, on: bool) -> anyhow::Result<()> {
    let order = FaultOrder { on, service: args.service, intensity: args.intensity };
    let answer = args.address.connect()?.switch(args.fault, &order).await?;
    say::line(&answer.to_string());
    Ok(())
}
