//! How long the steps of a login took.

use std::time::Duration;

/// How long it took to come to a connection that is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    /// TCP, or the way through a jump host with all that this takes.
    pub(crate) connect: Duration,
    /// Greetings, key exchange and the check of the host key.
    pub(crate) key_exchange: Duration,
    /// Until the credential was taken.
    pub(crate) login: Duration,
}
