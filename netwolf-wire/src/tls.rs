//! TLS of links: what the manager and its agents have to agree on to know each other.
//!
//! | Module | |
//! |---|---|
//! | [`token`] | what an operator carries from the manager to a new agent, and the pin of the authority in it |
//! | [`request`] | an agent's key, and the proof that it has it |
//! | [`certificate`] | whose a certificate is and how long it holds |
//! | [`pem`] | how keys and certificates are written down |
//! | [`stream`] | a link's bytes, plain or encrypted |
//!
//! Links speak TLS 1.3 and nothing older: both ends are ours. Who signs is the manager's matter, what is kept is
//! each side's own.
//!
//! Invariant: the manager is known by its authority and the one name [`SERVER_NAME`], never by an address or a name
//! that an operator chose; those change.

use std::sync::Arc;

use rustls::{SupportedProtocolVersion, crypto::CryptoProvider};

pub mod certificate;
pub mod pem;
pub mod request;
pub mod stream;
pub mod token;

pub use rustls_pki_types as pki;

/// The name in every manager's certificate.
pub const SERVER_NAME: &str = "manager.netwolf.internal";

/// How long an agent's certificate holds, in seconds: a stolen one is worth little, and a manager may be away for
/// the third of it that is left when an agent begins to renew.
pub const CERTIFICATE_SECONDS: u64 = 24 * 60 * 60;

/// Certificates begin so long before they are made, in seconds, for clocks that are behind.
pub const BACKDATE_SECONDS: u64 = 60 * 60;

/// The first byte of a TLS connection: a record of the handshake. A plain link begins with the highest byte of a
/// frame's length, which is 0.
pub const FIRST_BYTE: u8 = 0x16;

/// The versions that links speak.
pub static VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The one crypto library, named wherever TLS is set up, so that no other part of a process can change it.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
