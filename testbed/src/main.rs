//! Entry point: reads the command line and starts the one thing that was asked for.
mod bench;
mod cli;
mod client;
mod fault;
mod procfs;
mod say;
mod series;
mod service;
mod settings;
mod up;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    // A second install only happens in tests that share the process; the first one stays in force then.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        say::warn("a TLS provider was installed before");
    }
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            say::warn(&format!("testbed: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
