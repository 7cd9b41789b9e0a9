//! An authority: the key that says who belongs to this manager, and what it signs.

use netwolf_wire::{
    AgentName,
    tls::{
        BACKDATE_SECONDS, CERTIFICATE_SECONDS, SERVER_NAME,
        certificate::{Validity, agent_uri},
        pem,
        pki::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        request::ProvenKey,
        token::Pin,
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// How long an authority holds, in seconds: ten years. It is to be replaced by [`super::rotation`], not by its end.
const LIFE_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// An authority's certificate begins so long before it is made, in seconds, for clocks that are behind.
const AUTHORITY_BACKDATE: u64 = 24 * BACKDATE_SECONDS;

/// An authority with its key.
pub struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    pin: Pin,
    validity: Validity,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.pin).finish()
    }
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make(now: u64) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pin = Pin::of_key(&key.subject_public_key_info());
        let validity = Validity {
            from: now.saturating_sub(AUTHORITY_BACKDATE),
            to: now + LIFE_SECONDS,
        };
        let params = params_of_authority(pin, validity);
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self {
            key,
            certificate,
            pin,
            validity,
        })
    }

    /// An authority that was kept; `None` where the texts are not a key and its certificate.
    pub fn read(key: &str, certificate: &str) -> Option<Self> {
        let key = KeyPair::from_pem(key).ok()?;
        let pin = Pin::of_key(&key.subject_public_key_info());
        let certificate = pem::certificates(certificate.as_bytes())?
            .into_iter()
            .next()?;
        let validity = Validity::of(&certificate)?;
        (Pin::of_certificate(&certificate)? == pin).then_some(Self {
            key,
            certificate,
            pin,
            validity,
        })
    }

    /// Which one it is.
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// How long it holds.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate as a text.
    pub fn certificate_pem(&self) -> String {
        pem::write(pem::CERTIFICATE, &self.certificate).to_string()
    }

    /// Its key as a text, to be kept.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// A certificate for an agent.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign_agent(
        &self,
        agent: &AgentName,
        key: &ProvenKey,
        validity: Validity,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let name = SanType::URI(agent_uri(agent).try_into()?);
        let params = params_of_leaf(name, "NetWolf agent", ExtendedKeyUsagePurpose::ClientAuth);
        self.sign(params, &AgentKey(key), validity)
    }

    /// A certificate for the manager itself with a new key, which is kept nowhere.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign_server(
        &self,
        now: u64,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let name = SanType::DnsName(SERVER_NAME.try_into()?);
        let params = params_of_leaf(name, "NetWolf manager", ExtendedKeyUsagePurpose::ServerAuth);
        let validity = Validity {
            from: now.saturating_sub(BACKDATE_SECONDS),
            to: now + CERTIFICATE_SECONDS,
        };
        let certificate = self.sign(params, &key, validity)?;
        Ok((
            certificate,
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        ))
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
        validity: Validity,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        (params.not_before, params.not_after) = (time(validity.from), time(validity.to));
        let issuer = params_of_authority(self.pin, self.validity);
        let issuer = Issuer::new(issuer, &self.key);
        Ok(params.signed_by(key, &issuer)?.der().clone())
    }
}

/// What an authority's certificate says, and what those that it signs say of it.
fn params_of_authority(pin: Pin, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    // A name of its own, so that of two authorities the right one is found.
    params.distinguished_name = named(&format!("NetWolf authority {}", pin.short()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (time(validity.from), time(validity.to));
    params
}

fn params_of_leaf(name: SanType, about: &str, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(about);
    params.subject_alt_names = vec![name];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn time(unix: u64) -> OffsetDateTime {
    // What a certificate cannot say is past its end anyway.
    let seconds = i64::try_from(unix).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// An agent's key, as rcgen takes it.
struct AgentKey<'a>(&'a ProvenKey);

impl PublicKeyData for AgentKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.point()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::tls::{certificate::agent_of, request::NewKey};

    use super::*;

    const T: u64 = 1_800_000_000;

    #[test]
    fn what_was_kept_is_the_same_authority() {
        let made = Authority::make(T).unwrap();
        let (key, certificate) = (made.key_pem(), made.certificate_pem());
        let read = Authority::read(&key, &certificate).unwrap();
        assert_eq!((read.pin(), read.validity()), (made.pin(), made.validity()));
        let other = Authority::make(T).unwrap();
        assert!(Authority::read(&other.key_pem(), &certificate).is_none());
        assert!(Authority::read("", &certificate).is_none());
    }

    #[test]
    fn an_agents_certificate_says_whose_it_is_and_how_long_it_holds() {
        let agent: AgentName = "ams/r2-東".parse().unwrap();
        let key = NewKey::generate(&agent).unwrap();
        let proven = ProvenKey::check(&agent, &key.public, &key.proof).unwrap();
        let validity = Validity {
            from: T,
            to: T + 100,
        };
        let authority = Authority::make(T).unwrap();
        let certificate = authority.sign_agent(&agent, &proven, validity).unwrap();
        assert_eq!(agent_of(&certificate), Some(agent));
        assert_eq!(Validity::of(&certificate), Some(validity));
        assert_eq!(
            Pin::of_certificate(&certificate),
            Some(Pin::of_key(&key.public))
        );
    }
}
