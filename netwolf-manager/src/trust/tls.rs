//! What the manager's port shows and demands in a TLS handshake.

use std::sync::Arc;

use netwolf_wire::tls::{VERSIONS, provider};
use rustls::{
    RootCertStore, ServerConfig,
    server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier},
};
use thiserror::Error;

use super::{authority::Authority, store::Known};

/// Why no settings could be made.
#[derive(Debug, Error)]
pub enum TlsError {
    /// No certificate could be made.
    #[error("cannot make the manager's certificate")]
    Make(#[from] rcgen::Error),
    /// The library does not take it.
    #[error("the manager's certificate cannot be used")]
    Library(#[from] rustls::Error),
    /// The library does not take the authorities.
    #[error("the manager's authorities cannot be used")]
    Verifier(#[from] VerifierBuilderError),
}

/// Settings with a new certificate of the authority that is shown. Agents' certificates of all authorities are taken,
/// and connections without one, too: who joins has none.
///
/// # Errors
/// [`TlsError`], for want of randomness.
pub fn settings(known: &Known, now: u64) -> Result<ServerConfig, TlsError> {
    let authority = known.authority(known.rotation.shown());
    let (leaf, key) = authority.sign_server(now)?;
    let mut roots = RootCertStore::empty();
    for certificate in known.authorities.iter().map(Authority::certificate) {
        roots.add(certificate.clone())?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .clear_root_hint_subjects()
        .allow_unauthenticated()
        .build()?;
    // The authority goes along for those who join: they know its pin only.
    let chain = vec![leaf, authority.certificate().clone()];
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    // A resumed session would stand on a certificate that is not looked at again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
