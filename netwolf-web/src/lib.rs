//! What the web ports of manager and agent have in common.
//!
//! ```text
//!   listen --> server: connections, TLS handshakes --> gate: rate, users --> the program's own answers
//!                                                       ^
//!                             config: --web.config.file, read again when it changes
//! ```
//!
//! [`client`] is for connections the other way.
//!
//! Everything that decides is free of IO: buckets, what is known of passwords, what the configuration means.
//!
//! Not here: what is answered, tokens and roles, which each program decides for itself.

pub mod bucket;
pub mod caller;
pub mod client;
pub mod config;
pub mod gate;
pub mod listen;
pub mod refusals;
pub mod server;
mod users;
