//! The agent: keeps one SSH session to each device, runs its commands on their intervals, turns output into
//! samples and streams them to the manager.
//!
//! ```text
//!   agent --+-- shard 0 (thread, event loop, core) --+-- device task: session > dialogue > filter
//!           |                                        +-- device task ...
//!           |                                        +-- link --> manager
//!           +-- shard 1 ...
//! ```
//!
//! | Word | Means here |
//! |---|---|
//! | shard | one core's event loop with its devices and its own link; shards share nothing |
//! | session | one SSH connection to one device, kept for its whole life |
//! | dialogue | the machine that turns what a shell shows into command output |
//! | poll | one run of one command, and the samples of its output |
//! | lease | the right to poll a device, with an epoch; ages out when the manager is gone for long |
//!
//! Layers: [`agent`] and [`cli`] start things; [`enrol`] gets the [`identity`] that links show; [`web`] is a page
//! about the process; `shard`, `session` and `link` are drivers (sockets, tasks,
//! time); `shard::core`, `link::machine`, `dialogue`, `schedule`, `backoff` and `pacing` decide and own no
//! socket, no clock and no random source.
//!
//! Invariants: one slow, dead or flooding device never delays another on its shard; every queue is bounded
//! and every poll that is left out or dropped is counted; every wait has a deadline; a secret is in no log,
//! message or metric. What is not here: who polls what is the manager's matter, and what output means is
//! `netwolf-filter`'s.

// It panics where nobody reads standard error any more, as when a pipe is closed.
#![warn(clippy::print_stderr)]

pub mod agent;
pub mod cli;
pub mod dialogue;
pub mod enrol;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod host_keys;
pub mod identity;
pub mod known_keys;
pub mod record;
pub mod redact;
pub mod telemetry;
pub mod visit;
pub mod web;

mod backoff;
mod batching;
mod clock;
mod dial;
mod link;
mod links;
mod pacing;
mod plan;
mod random;
mod schedule;
mod session;
mod shard;

pub use agent::{Agent, AgentConfig, AgentError, AgentHandle};
pub use links::Links;
pub use shard::ShardError;
#[cfg(feature = "simulation")]
pub use shard::simulation;
