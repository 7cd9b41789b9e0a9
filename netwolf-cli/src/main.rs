//! The program `netwolf`; what it does is in [`netwolf_cli`].

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is given back: the SSH library leaves passwords and keys in buffers that it lets go.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    netwolf_cli::main()
}
