//! Who asks, as far as the web port knows: in the extensions of every request that is let through.

use std::{net::SocketAddr, sync::Arc};

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// The user of the web configuration, whose password was right.
    pub user: Option<Arc<str>>,
    /// Whether a certificate was shown that leads to an authority of the web configuration.
    pub has_certificate: bool,
}

impl Caller {
    /// Whether the web configuration knows who it is.
    pub const fn is_known(&self) -> bool {
        self.user.is_some() || self.has_certificate
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback()
    }
}
