//! The program `netwolf`; what it does is in [`netwolf_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    netwolf_cli::main()
}
