//! The program `netwolf-agent`; what it does is in [`netwolf_agent::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    netwolf_agent::cli::main(&netwolf_agent::cli::Args::parse())
}
