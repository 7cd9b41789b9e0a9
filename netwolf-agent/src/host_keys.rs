//! Collects the host keys of devices for review.
//!
//! What a scan over the network finds proves nothing by itself: whoever answers has shown a key, and somebody in
//! the middle has one, too. Fingerprints are to be compared with what the device shows on its console.

use std::time::Duration;

use netwolf_wire::{legacy::Legacy, status::Failure};

use crate::session::{host_key::PresentedKey, scan_host_keys};

/// A key that a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// Such as `ssh-ed25519`.
    pub algorithm: String,
    /// As OpenSSH writes it: `SHA256:...`.
    pub fingerprint: String,
    /// The whole public key as a `known_hosts` file has it behind the host: `ssh-ed25519 AAAA...`.
    pub line: String,
}

impl From<PresentedKey> for FoundKey {
    fn from(key: PresentedKey) -> Self {
        Self {
            algorithm: key.algorithm,
            fingerprint: key.fingerprint,
            line: key.text,
        }
    }
}

/// Asks the SSH server at `address` and `port` for its keys, one connection for each kind of key and one after the
/// other, all within `deadline`. `legacy` names algorithms that are off otherwise. Nobody logs in.
///
/// The best kind is first. When time runs out after a key was seen, the answer is what was seen.
///
/// ```no_run
/// # async fn example() -> Result<(), netwolf_wire::status::Failure> {
/// use std::time::Duration;
///
/// for key in netwolf_agent::host_keys::scan("192.0.2.1", 22, &[], Duration::from_secs(10)).await? {
///     println!("{} {}", key.algorithm, key.fingerprint);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Why no key was seen: no connection, no SSH, or no common algorithm.
pub async fn scan(
    address: &str,
    port: u16,
    legacy: &[Legacy],
    deadline: Duration,
) -> Result<Vec<FoundKey>, Failure> {
    let found = scan_host_keys(address, port, legacy, deadline).await?;
    Ok(found.into_iter().map(FoundKey::from).collect())
}
