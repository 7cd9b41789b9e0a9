//! `netwolf check FILE`: all faults of a configuration in one run, or what it comes to.

use std::{path::PathBuf, process::ExitCode};

use netwolf_manager::config;

/// What `netwolf check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The manager's configuration.
    #[arg(value_name = "FILE", default_value = "netwolf.yml")]
    file: PathBuf,
}

/// Prints the faults and returns 2, or prints a summary and returns 0. Warnings do not change the exit code.
#[expect(clippy::print_stdout, reason = "the summary is this verb's output")]
pub(crate) fn run(args: &Args) -> ExitCode {
    match config::load(&args.file) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{}", loaded.summary());
            ExitCode::SUCCESS
        }
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::from(2)
        }
    }
}
