//! Secrets: read from where they are kept when they are needed, never shown, wiped when they are dropped.
//!
//! ```text
//!   SecretRef (netwolf-wire) --resolve--> Secret --expose--> the one place that sends it
//!                                            +----imprint--> who has to hide it later
//! ```
//!
//! Both programs read secrets, and [`keeping`] writes the keys that they make; neither may import the
//! other, so this is a crate of its own.
//!
//! Invariants: an error names a reference and never a value; `Debug` of whatever holds a value shows none; memory that
//! held a value is wiped when it is given back, also where it had to grow.
//! What is not here: the shape of a reference is in `netwolf-wire`, since it crosses the network, and the value does not.

pub mod blocking;
pub mod keeping;

mod file;
mod imprint;
mod program;
mod resolve;
mod value;

pub use imprint::Imprint;
pub use program::{ProgramError, allow_programs, allowed_program};
pub use resolve::{SecretError, resolve};
pub use value::{Outgoing, Secret};
