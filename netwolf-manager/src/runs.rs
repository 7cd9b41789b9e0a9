//! Runs: procedures on many devices, that always end in a known state.
//!
//! ```text
//!   POST /api/v1/runs --> submitting --> resolve: devices, programs, judged
//!                                           v
//!        procedures, credentials ------> engine <--> journal, audit log (keeping)
//!        (book)                            |  ^
//!                     core: send, cancel --+  +-- held, told, not sent, lost
//!                                          v
//!                             live runs --> pages, events, metrics
//! ```
//!
//! What a run is and how it goes on is in `netwolf-runs`, which is pure; here is what drives it. [`handle`] is the
//! way in, [`engine`] the task, [`live`] what is shown.
//!
//! Invariants: no step leaves the manager before it is on the disk; monitoring waits for nothing here; a step goes
//! out only under the lease that was written down for it.

pub mod book;
pub mod engine;
mod guards;
pub mod handle;
mod keeping;
pub mod live;
mod meters;
mod refusal;
mod resolve;
pub mod retrying;
pub mod submitting;
mod words;

pub use handle::{Control, Handle, Mailbox, STREAMS};
pub use meters::Meters;
pub use refusal::{Kind, Refusal};

/// Where the journal and the audit log are, in the storage folder.
pub const FOLDER: &str = "runs";

/// Steps of all runs that are live, at most: they are kept in memory. Ten runs on ten thousand devices.
pub const MAX_LIVE: usize = 100_000;
