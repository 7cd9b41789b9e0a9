//! A small authority for tests.

use netwolf_wire::{
    AgentName,
    certify::Certified,
    tls::{
        BACKDATE_SECONDS, CERTIFICATE_SECONDS,
        certificate::agent_uri,
        request::{NewKey, ProvenKey},
        token::Pin,
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData, SanType,
    SignatureAlgorithm,
};
use time::OffsetDateTime;

use super::{Identity, IdentityStore};

struct Public(Vec<u8>);

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// An authority.
pub(crate) struct Authority {
    key: KeyPair,
    params: CertificateParams,
}

fn at(unix: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix.try_into().unwrap()).unwrap()
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            key: KeyPair::generate().unwrap(),
            params,
        }
    }

    pub(crate) fn pin(&self) -> Pin {
        Pin::of_key(&self.key.subject_public_key_info())
    }

    /// Gives `agent` an identity that was made at `made`, and keeps it.
    pub(crate) fn enrol(&self, store: &IdentityStore, agent: &AgentName, made: u64) -> Identity {
        let key = NewKey::generate(agent).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(agent_uri(agent).try_into().unwrap())];
        params.not_before = at(made - BACKDATE_SECONDS);
        params.not_after = at(made + CERTIFICATE_SECONDS);
        let issuer = Issuer::from_params(&self.params, &self.key);
        let proven = ProvenKey::check(agent, &key.public, &key.proof).unwrap();
        let public = Public(proven.point().to_vec());
        let certified = Certified {
            certificate: params.signed_by(&public, &issuer).unwrap().pem(),
            authorities: vec![self.params.self_signed(&self.key).unwrap().pem()],
        };
        store.prepare().unwrap();
        store.write(&key.pkcs8, &certified).unwrap()
    }
}
