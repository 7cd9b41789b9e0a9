//! Why a connection came to its end.

use thiserror::Error;

use crate::codec::Reader;

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
    /// What it asks for is not read by it, and would pile up here without end.
    #[error("the device asks for answers and does not read them")]
    Unread,
    /// The cryptography refused, which it does not unless the machine is out of memory or of random numbers.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl Error {
    /// What a device meant by its goodbye, of which some leave out the words, or all but the number.
    pub(crate) fn of_goodbye(payload: &[u8]) -> Self {
        let mut reader = Reader::new(payload.get(1..).unwrap_or_default());
        let reason = reader.uint32().unwrap_or_default();
        let words = reader.words().unwrap_or_default();
        if !words.is_empty() {
            return Self::Disconnected(words);
        }
        // RFC 4253, section 11.1.
        let words = match reason {
            1 => "host not allowed to connect",
            2 => "protocol error",
            3 => "key exchange failed",
            5 => "MAC error",
            6 => "compression error",
            7 => "service not available",
            8 => "protocol version not supported",
            9 => "host key not verifiable",
            10 => "connection lost",
            11 => "by application",
            12 => "too many connections",
            13 => "auth cancelled by user",
            14 => "no more auth methods available",
            15 => "illegal user name",
            _ => "",
        };
        Self::Disconnected(words.to_owned())
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
