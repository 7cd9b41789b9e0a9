//! The program `netwolf-agent`; what it does is in [`netwolf_agent::cli`].

use std::{alloc::System, process::ExitCode};

use clap::Parser;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is given back: the SSH library leaves passwords and keys in buffers that it lets go.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    netwolf_agent::cli::main(&netwolf_agent::cli::Args::parse())
}
