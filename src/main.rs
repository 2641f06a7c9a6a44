//! Entry point of the `aiops` binary: reads the command line and hands over.

mod actions;
mod backtest;
mod bootstrap;
mod cli;
mod commands;
mod detection;
mod discovery;
mod exporter;
mod killpoint;
mod known;
mod local;
mod plot;
mod remote;
mod retention;
mod sealing;
mod settings;
mod telemetry;
mod topology;
mod wake;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The supervisor of one local run: small, synchronous, no runtime.
    if let cli::Command::Supervise { run_dir } = &cli.command {
        return healer::runtime::local::supervise(run_dir);
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        commands::complain("a TLS provider was installed before");
    }
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            commands::complain(&format!("aiops: {}", commands::one_line(&error)));
            ExitCode::FAILURE
        }
    }
}
