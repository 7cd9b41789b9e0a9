//! The audit log: who had which command typed on which device, in lines that cannot be changed unnoticed.
//!
//! ```text
//!   audit/audit-000001.jsonl    {"seq":1, ..., "prev":"000...", "hash":"a1..."}
//!                               {"seq":2, ..., "prev":"a1...",  "hash":"b2..."}
//!   audit/audit-000002.jsonl    {"seq":3, ..., "prev":"b2...",  "hash":"c3..."}   <- head, kept in the journal, too
//! ```
//!
//! Each line carries the hash of the one before it and its own, so a line that is changed, missing or at another place
//! breaks the chain there ([`chain`]). That the end is missing is seen by the [`Head`], which the journal keeps: it is
//! committed after the lines are on the disk, so the files may be ahead of it and are never behind.
//!
//! Invariants: a line is written once and never again, unless the group that it was written with could not be kept;
//! a file is a sequence of whole lines, except for the end of the newest one after a crash, which [`Log::open`] cuts
//! off; the folder and all files are their owner's alone.
//!
//! What is not here: what it proves and what not, which is told in `docs/audit.md`.

pub mod chain;
mod files;
mod log;
mod record;
mod verify;

pub use chain::{Hash, Head};
pub(crate) use files::private_folder;
pub use files::{MAX_FILE, file_name};
pub(crate) use log::is_full;
pub use log::{AuditError, Log, Opened};
pub use record::{Action, MAX_LINE, Outcome, Record};
pub use verify::{Place, Report, VerifyError, verify};

#[cfg(test)]
mod tests;
