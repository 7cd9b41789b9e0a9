//! The door for `tests/fuzz`: what reads input from outside, without the files around it.

use std::io;

use crate::session::ssh::known_hosts_file;

/// The keys that a `known_hosts` file lists for one device, each as algorithm and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Those that may be taken.
    pub good: Vec<String>,
    /// Those that must not be.
    pub revoked: Vec<String>,
}

/// What a file of this content says of the device at `address` and `port`.
///
/// # Errors
/// A line that may revoke a key cannot be read.
pub fn known_hosts(content: &str, address: &str, port: u16) -> io::Result<Listed> {
    let keys = known_hosts_file::listed(content, address, port)?;
    Ok(Listed {
        good: keys.good,
        revoked: keys.revoked,
    })
}
