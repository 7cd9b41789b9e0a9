//! Why a connection came to its end.

use thiserror::Error;

/// Why a connection is of no use any more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// What answers does not speak SSH 2.
    #[error("what answers there is not an SSH 2 server")]
    NotSsh,
    /// A message is not what its number says.
    #[error("the device sent a message that is not well-formed")]
    Malformed,
    /// A message that has no place where it came.
    #[error("the device sent message {0} out of turn")]
    OutOfTurn(u8),
    /// A packet whose length is not one that SSH allows, which mostly means that the keys differ.
    #[error("the device sent a packet of a length that cannot be")]
    Length,
    /// A packet that was changed under way.
    #[error("the device sent a packet that fails its check")]
    Tampered,
    /// The device offers nothing that is done here, when it renews its keys.
    #[error("the device has no algorithm in common any more")]
    NothingInCommon,
    /// The exchange of keys gave no secret.
    #[error("the device sent a share of a key that is none")]
    Exchange,
    /// The device has not proven that it has its host key.
    #[error("the device did not prove that its host key is its own")]
    Signature,
    /// Its host key has too few bits to prove anything.
    #[error("the device's host key of RSA has {bits} bits, and {least} are the least")]
    ShortKey {
        /// What it has.
        bits: usize,
        /// What it takes.
        least: usize,
    },
    /// Whoever judges host keys did not take this one, or it was another one than before.
    #[error("the host key was not taken")]
    HostKey,
    /// The device said goodbye, in these words.
    #[error("the device ended the connection: \"{0}\"")]
    Disconnected(String),
    /// The device does not let anybody log in.
    #[error("the device offers no login")]
    NoLogin,
    /// Signs of life were asked for and did not come.
    #[error("the device gave no sign of life")]
    NoSignOfLife,
    /// The cryptography refused, which it does not unless the machine is out of memory or of random numbers.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
