//! The machine, against a device that is played in memory.
//!
//! ```text
//!   Pair: Connection <-- bytes, in pieces of any length --> Device (its own keys, a host key, and what a test says)
//!             |
//!             +--> Recorder: what the handler was told
//! ```
//!
//! [`device::Device`] exchanges keys by itself and fails the test where the client sends what has no place; all else
//! is up to each test.

mod channels;
mod device;
mod exchanges;
mod hostile;
mod logins;
mod pair;
mod pieces;
mod times;
mod windows;
