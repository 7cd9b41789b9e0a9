//! The client's side of an SSH connection as a state machine: bytes in, bytes out, no IO and no clock.
//!
//! ```text
//!   bytes that came --> Greeting --> Connection --> bytes to send
//!                                        |
//!                                        +--> Handler: host key, data, ends of commands
//! ```
//!
//! It does what a poller needs of a device that is not old, and nothing else: X25519, its hybrid with ML-KEM and the
//! curves of NIST; host keys of Ed25519, ECDSA and RSA with SHA-2; AES-GCM, `ChaCha20` and AES-CTR with HMAC-SHA-2;
//! strict key exchange; passwords, public keys and questions; sessions with shells and commands. Whether that is
//! enough for a device is known before anything is agreed on ([`Preferences::are_met`]), so that another
//! implementation can take its place on the same connection.
//!
//! Why it is here: a general client spends a task, queues and some 100 KB on each connection, for features that a
//! poller never asks for. This one is called by whoever has read some bytes, and keeps a few KB.
//!
//! - `greeting`, `negotiation`: what both sides say first, and what they agree on;
//! - `exchange`, `host_key`, `keys`: a secret, who it is shared with, and what is made of it;
//! - `packet`, `cipher`: packets sealed and opened;
//! - `connection`, `login`, `channels`: the machine.
//!
//! Not here: sockets, deadlines, which host key is the right one, and what to type.

mod channels;
mod cipher;
mod codec;
mod connection;
mod error;
mod exchange;
mod greeting;
mod host_key;
mod keys;
mod login;
mod negotiation;
mod numbers;
mod packet;

pub use self::{
    connection::{Connection, Settings},
    error::Error,
    greeting::Greeting,
    login::{Reply, RsaSignatures},
    negotiation::{Offer, Preferences},
};

/// What is told as it happens. Channels are those of [`Connection::open_session`], and only those that are open.
pub trait Handler {
    /// Whether this is the host key of the device, as it goes over the wire. It has proven that it has it.
    fn host_key(&mut self, key: &[u8]) -> bool;
    /// Bytes came.
    fn data(&mut self, channel: u32, bytes: &[u8]);
    /// Bytes came for errors.
    fn error_data(&mut self, channel: u32, bytes: &[u8]);
    /// The command ended so.
    fn exit_status(&mut self, channel: u32, status: u32);
    /// The command was ended by this signal.
    fn exit_signal(&mut self, channel: u32, name: &str);
    /// The device does not run what it was asked to.
    fn refused(&mut self, channel: u32);
    /// The device has closed the channel.
    fn closed(&mut self, channel: u32);
}
