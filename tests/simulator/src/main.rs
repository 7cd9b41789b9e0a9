//! The program `netwolf-simulator`; what it does is in [`netwolf_simulator::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    netwolf_simulator::cli::main(&netwolf_simulator::cli::Args::parse())
}
