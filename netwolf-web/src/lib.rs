//! What the web ports of manager and agent have in common: listening sockets ([`listen`]) and serving HTTP within
//! bounds ([`server`]).
//!
//! Not here: what is answered, which each program decides for itself.

pub mod listen;
pub mod server;
