//! Wires the `netwolf-simulator` program together: flags, logs to stderr, exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let args = netwolf_simulator::cli::Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match netwolf_simulator::cli::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Straight to stderr: a person must see it whatever the log filter says.
            eprintln!("netwolf-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
