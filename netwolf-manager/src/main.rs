//! The program `netwolf-manager`; what it does is in [`netwolf_manager::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    netwolf_manager::cli::main(netwolf_manager::cli::Args::parse())
}
