//! The closed-loop benchmark: reads scenarios, repeats them against the product, writes the measurements.
mod catalog;
mod follow;
mod product;
mod report;
mod scenario;
mod score;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use follow::Bench;
use product::{Login, Product};
use report::{Repetition, Report};
use scenario::Scenario;

use crate::cli::Address;
use crate::say;

/// Where the product is and how to log in.
#[derive(Debug, Clone, clap::Args)]
struct ProductArgs {
    /// Base address of the product.
    #[arg(long, env = "AIOPS_URL", default_value = "http://127.0.0.1:3030")]
    aiops_url: url::Url,
    /// Access token or API key.
    #[arg(long, env = "AIOPS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Login name, for sessions longer than one token.
    #[arg(long, env = "AIOPS_USERNAME")]
    username: Option<String>,
    /// Password of the login name.
    #[arg(long, env = "AIOPS_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

impl ProductArgs {
    async fn connect(&self) -> anyhow::Result<Product> {
        let login = match (&self.username, &self.password, &self.token) {
            (Some(username), Some(password), _) => {
                Login::Password { username: username.clone(), password: password.clone() }
            }
            (_, _, Some(token)) => Login::Token(token.clone()),
            _ => bail!("give --token, or --username and --password"),
        };
        Product::connect(&self.aiops_url, login).await
    }
}

/// Command line of the benchmark.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunArgs {
    /// Scenario files.
    #[arg(long, required = true, num_args = 1..)]
    scenario: Vec<PathBuf>,
    /// Repetitions of each scenario.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// File that gets the result as JSON; standard output without it.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Seconds of learning before the first fault, instead of the scenario's own.
    #[arg(long)]
    learn_secs: Option<u64>,
    /// Exit with failure when a repetition did not end as it should.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    product: ProductArgs,
    #[command(flatten)]
    testbed: Address,
}

/// Command line of the catalog.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CatalogArgs {
    /// Folder with YAML files to install instead of the built-in catalog.
    #[arg(long)]
    catalog: Option<PathBuf>,
    #[command(flatten)]
    product: ProductArgs,
    #[command(flatten)]
    testbed: Address,
}

/// Runs every scenario as often as asked; the result is written after each repetition, so that none is lost.
pub(crate) async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let scenarios: Vec<Scenario> = args.scenario.iter().map(|path| Scenario::read(path)).collect::<Result<_, _>>()?;
    if args.repeat == 0 {
        bail!("--repeat: give at least 1");
    }
    let bench = Bench { control: args.testbed.connect()?, product: args.product.connect().await? };
    let mut repetitions: Vec<Repetition> = Vec::new();
    for scenario in scenarios.iter().flat_map(|scenario| (0..args.repeat).map(move |_| scenario)) {
        let calm =
            if repetitions.is_empty() { args.learn_secs.unwrap_or(scenario.learn_secs) } else { scenario.rest_secs };
        let story = bench.repeat(scenario, Duration::from_secs(calm)).await?;
        let score = score::score(&story);
        say::warn(&format!("{}: {}", scenario.name, if score.passed { "passed" } else { "not passed" }));
        repetitions.push(Repetition { score, story });
        write(&args, &Report::new(repetitions.clone()))?;
    }
    let report = Report::new(repetitions);
    if args.output.is_none() {
        say::line(&serde_json::to_string_pretty(&report)?);
    }
    Ok(if args.strict && !report.passed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn write(args: &RunArgs, report: &Report) -> anyhow::Result<()> {
    let Some(path) = &args.output else { return Ok(()) };
    crate::settings::write_json(path, report).with_context(|| format!("--output {}", path.display()))
}

/// Installs the catalog into the product.
pub(crate) async fn install(args: CatalogArgs) -> anyhow::Result<()> {
    let (control_url, token) = args.testbed.resolve()?;
    let items = match &args.catalog {
        Some(folder) => catalog::read(folder)?,
        None => catalog::built_in()?,
    };
    let product = args.product.connect().await?;
    catalog::install(&product, items, &catalog::Facts { control_url, token }).await
}
