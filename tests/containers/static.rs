//! The program `netwolf`, to be linked without a library: what is in images. Flags for the last step of a build alone
//! need a target of their own, so this is an example; `README.md` beside it has the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    netwolf_cli::main()
}
