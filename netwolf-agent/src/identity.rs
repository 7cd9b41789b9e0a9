//! Who an agent is for its manager: a key, the certificate for it, and the authorities whose manager it believes.
//!
//! All of it is one file, `identity.pem` in the storage folder, 0600 in a folder of 0700: written whole to a new
//! file that then takes the old one's place, so that a key and a certificate that do not belong together never
//! meet. The key was made here and goes nowhere.

use std::{
    fmt, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use netwolf_secret::keeping;
use netwolf_wire::{
    AgentName,
    certify::Certified,
    tls::{
        BACKDATE_SECONDS, VERSIONS,
        certificate::{Validity, agent_of},
        pem,
        pki::{PrivateKeyDer, pem::PemObject},
        provider,
        token::Pin,
    },
};
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use thiserror::Error;
use zeroize::Zeroizing;

/// The file's name in the storage folder.
pub const FILE: &str = "identity.pem";

/// Why there is no identity where there should be one.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The operating system refused.
    #[error(
        "cannot access \"{}\"\n  hint: the folder given with `--storage.path` must be the agent's own and writable", .0.display()
    )]
    Io(PathBuf, #[source] io::Error),
    /// It holds something else.
    #[error(
        "\"{}\" is not an agent's identity\n  hint: remove it and let the agent join again, with `--join`", .0.display()
    )]
    Content(PathBuf),
}

/// What an agent shows and whom it believes. It does not change; a renewed one takes its place.
#[derive(Clone)]
pub struct Identity {
    agent: AgentName,
    validity: Validity,
    authorities: Vec<Pin>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("agent", &self.agent)
            .field("validity", &self.validity)
            .field("authorities", &self.authorities)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads a key, a certificate of an agent and authorities after it; `None` where that is not what it is.
    fn parse(text: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::from_pem_slice(text).ok()?;
        let mut certificates = pem::certificates(text)?;
        let authorities = certificates.split_off(1);
        let (agent, validity) = {
            let certificate = certificates.first()?;
            (agent_of(certificate)?, Validity::of(certificate)?)
        };
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).ok()?;
        }
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .ok()?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates, key)
            .ok()?;
        config.enable_sni = false;
        config.resumption = Resumption::disabled();
        let pins = authorities.iter().map(Pin::of_certificate);
        Some(Self {
            agent,
            validity,
            authorities: pins.collect::<Option<_>>()?,
            config: Arc::new(config),
        })
    }

    /// The agent.
    pub const fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// When its certificate ends, in Unix seconds.
    pub const fn expires(&self) -> u64 {
        self.validity.to
    }

    /// When its certificate is to be renewed: at two thirds of the time from its making to its end.
    pub const fn renewal_due(&self) -> u64 {
        let made = self.validity.from.saturating_add(BACKDATE_SECONDS);
        made + self.validity.to.saturating_sub(made) / 3 * 2
    }

    /// Whether it believes the manager of this authority.
    pub fn believes(&self, authority: &Pin) -> bool {
        self.authorities.contains(authority)
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }
}

/// The identity that all shards of an agent show, which is renewed while they run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<RwLock<Identity>>);

impl Credentials {
    /// Begins with `identity`.
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(RwLock::new(identity)))
    }

    /// The present one.
    pub fn present(&self) -> Identity {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Links that are made from now on show `identity`.
    pub fn replace(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }
}

/// How an agent's links are kept from others.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: the manager is on this machine, or the operator said so by name.
    Plaintext {
        /// The manager is, or may be, on another machine.
        insecure: bool,
    },
    /// TLS with certificates on both sides, and nothing else ever.
    Tls(Credentials),
}

/// The folder where an identity is kept.
#[derive(Clone, Debug)]
pub struct IdentityStore(PathBuf);

impl IdentityStore {
    /// In this folder, which is made when there is something to keep.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// What is kept, if anything is.
    ///
    /// # Errors
    /// [`IdentityError`] when something is there and cannot be used.
    pub fn read(&self) -> Result<Option<Identity>, IdentityError> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IdentityError::Io(path, error)),
        };
        let identity = Identity::parse(&text).ok_or(IdentityError::Content(path))?;
        Ok(Some(identity))
    }

    /// Makes the folder, so that what is wrong with it is known before a token is used.
    ///
    /// # Errors
    /// [`IdentityError::Io`].
    pub fn prepare(&self) -> Result<(), IdentityError> {
        let probe = || {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(&self.0)?;
            keeping::probe(&self.path())
        };
        probe().map_err(|error| IdentityError::Io(self.path(), error))
    }

    /// Keeps what the manager gave for `key` (PKCS #8 in DER).
    ///
    /// # Errors
    /// [`IdentityError`] when that is not an identity, or cannot be kept: then [`keeping::replace`] says what is.
    pub fn write(&self, key: &[u8], certified: &Certified) -> Result<Identity, IdentityError> {
        let key = pem::write(pem::PRIVATE_KEY, key);
        let certificates = std::iter::once(&certified.certificate).chain(&certified.authorities);
        let room = certificates.clone().map(String::len).sum::<usize>();
        // One that grows by itself would leave the key behind.
        let mut text = Zeroizing::new(String::with_capacity(key.len() + room));
        text.push_str(&key);
        certificates.for_each(|certificate| text.push_str(certificate));
        let path = self.path();
        let identity =
            Identity::parse(text.as_bytes()).ok_or_else(|| IdentityError::Content(path.clone()))?;
        keeping::replace(&path, text.as_bytes()).map_err(|error| IdentityError::Io(path, error))?;
        Ok(identity)
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{testing::Authority, *};

    const T: u64 = 1_800_000_000;

    fn name() -> AgentName {
        "a1".parse().unwrap()
    }

    #[test]
    fn what_was_kept_is_read_and_others_cannot_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = IdentityStore::new(&folder.path().join("not/there/yet"));
        assert!(store.read().unwrap().is_none());
        let authority = Authority::new();
        authority.enrol(&store, &name(), T);
        let identity = store.read().unwrap().unwrap();
        assert_eq!(identity.agent(), &name());
        assert_eq!(identity.expires(), T + 24 * 3600);
        assert_eq!(identity.renewal_due(), T + 16 * 3600);
        assert!(identity.believes(&authority.pin()));
        assert!(!identity.believes(&Authority::new().pin()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.path()), 0o600);
        assert_eq!(mode(store.path().parent().unwrap()), 0o700);
        assert!(!format!("{identity:?}").contains("key"));
    }

    #[test]
    fn what_is_no_identity_is_not_kept_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = IdentityStore::new(folder.path());
        Authority::new().enrol(&store, &name(), T);
        let before = fs::read(store.path()).unwrap();
        let certified = Certified {
            certificate: "no certificate".into(),
            authorities: Vec::new(),
        };
        assert!(store.write(b"no key", &certified).is_err());
        assert_eq!(fs::read(store.path()).unwrap(), before);
        fs::write(store.path(), &before[..before.len() / 4]).unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(error.contains(FILE) && error.contains("--join"), "{error}");
    }
}
