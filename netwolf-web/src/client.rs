//! TLS of connections that NetWolf itself makes: whose certificates are believed, and what is shown of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Whom a client believes, and who it says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Authorities, as PEM; the system's where none are named.
    pub ca_file: Option<PathBuf>,
    /// A certificate of its own and its key, as PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Why there can be no TLS.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("{path:?} cannot be read")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file has something else in it.
    #[error("{path:?} has no {what}, as PEM")]
    Content {
        /// Which one.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// The system has no authorities.
    #[error(
        "this system has no authorities to believe\n  hint: name a file with the authority's certificate, or install them (the package ca-certificates)"
    )]
    NoAuthorities,
    /// Certificate and key do not go together, or cannot be used.
    #[error("the certificate and its key cannot be used")]
    Identity(#[source] rustls::Error),
    /// The versions are not to be had, which is a fault of this program.
    #[error("there is no TLS")]
    Versions(#[source] rustls::Error),
}

impl Trust {
    /// Reads the files; it blocks.
    ///
    /// # Errors
    /// [`TrustError`], which names the file.
    pub fn load(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let roots = match &self.ca_file {
            Some(path) => authorities(path)?,
            None => system_authorities()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Versions)?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key_der = PrivateKeyDer::from_pem_slice(&read(key)?);
                let key_der = key_der.map_err(|_| TrustError::Content {
                    path: key.clone(),
                    what: "private key",
                })?;
                builder
                    .with_client_auth_cert(chain, key_der)
                    .map_err(TrustError::Identity)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| TrustError::Content {
            path: path.to_owned(),
            what: "certificate of an authority",
        })?;
    }
    Ok(roots)
}

fn system_authorities() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    // Some of the system's are too odd to be read; the others do.
    let (n_added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if n_added == 0 {
        return Err(TrustError::NoAuthorities);
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| TrustError::Content {
            path: path.to_owned(),
            what: "certificate",
        })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TrustError> {
    let content = fs::read(path).map_err(|source| TrustError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.crt");
        let trust = Trust {
            ca_file: Some(path.clone()),
            identity: None,
        };
        assert!(matches!(trust.load(), Err(TrustError::Read { .. })));
        fs::write(&path, "no certificate").unwrap();
        let error = trust.load().unwrap_err().to_string();
        assert!(error.contains("ca.crt") && error.contains("PEM"), "{error}");
    }
}
