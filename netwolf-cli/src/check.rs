//! `netwolf check FILE`: all faults of a configuration in one run, or what it comes to.

use std::{path::PathBuf, process::ExitCode};

use netwolf_manager::config;

use crate::print;

/// What `netwolf check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The manager's configuration.
    #[arg(value_name = "FILE", default_value = "netwolf.yml")]
    file: PathBuf,
}

/// Prints the faults and returns 2, or prints a summary and returns 0. Warnings do not change the exit code.
pub(crate) fn run(args: &Args) -> ExitCode {
    match config::load(&args.file) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                print::tell!("warning: {warning}");
            }
            match print::out(&format!("{}\n", loaded.summary())) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    print::complain(&format!("{error:#}"), None);
                    ExitCode::FAILURE
                }
            }
        }
        Err(faults) => {
            print::tell!("{faults}");
            ExitCode::from(2)
        }
    }
}
