//! An agent's key, and the proof that it has it: what it asks the manager to certify.
//!
//! Not a PKCS #10 request: of one, the manager would use the public key and the proof and nothing else, and the
//! parser for the rest would read what strangers send.

use aws_lc_rs::{
    encoding::AsDer,
    error::Unspecified,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
        ParsedPublicKey,
    },
};
use zeroize::Zeroizing;

use crate::AgentName;

/// What comes before the rest of what is signed, so that the signature is good for nothing else.
const CONTEXT: &[u8] = b"netwolf certify 1\0";

/// A new key of an agent.
pub struct NewKey {
    /// The private key, PKCS #8 in DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The public key, `SubjectPublicKeyInfo` in DER.
    pub public: Vec<u8>,
    /// Shows that whoever asks has the private key.
    pub proof: Vec<u8>,
}

impl NewKey {
    /// Makes a key for `agent` (ECDSA on P-256).
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn generate(agent: &AgentName) -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
        let public = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
        let public = public.as_ref().to_vec();
        let proof = pair.sign(&random, &signed(agent, &public))?;
        Ok(Self {
            pkcs8,
            proof: proof.as_ref().to_vec(),
            public,
        })
    }
}

/// A public key whose owner has shown that it has the private one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenKey {
    /// The point, as it stands in a certificate.
    point: Vec<u8>,
}

impl ProvenKey {
    /// Checks what `agent` sent: a P-256 key and the proof; `None` where either is not good.
    pub fn check(agent: &AgentName, public: &[u8], proof: &[u8]) -> Option<Self> {
        // The one form of a P-256 key, so that nothing else is ever put into a certificate.
        let point = public.strip_prefix(P256_HEAD.as_slice())?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public).ok()?;
        key.verify_sig(&signed(agent, public), proof).ok()?;
        Some(Self {
            point: point.to_vec(),
        })
    }

    /// The point, uncompressed.
    pub fn point(&self) -> &[u8] {
        &self.point
    }
}

/// What comes before the point in the `SubjectPublicKeyInfo` of a P-256 key (RFC 5480): its length, the two
/// algorithm numbers and the head of a bit string of 65 bytes.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn signed(agent: &AgentName, public: &[u8]) -> Vec<u8> {
    [CONTEXT, agent.as_str().as_bytes(), b"\0", public].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_proven_for_its_agent_only() {
        let (agent, other) = (AgentName::new("a1").unwrap(), AgentName::new("a2").unwrap());
        let NewKey { public, proof, .. } = NewKey::generate(&agent).unwrap();
        let proven = ProvenKey::check(&agent, &public, &proof).unwrap();
        assert_eq!(proven.point().len(), 65);
        assert_eq!(ProvenKey::check(&other, &public, &proof), None);
        let another = NewKey::generate(&agent).unwrap();
        assert_eq!(ProvenKey::check(&agent, &another.public, &proof), None);
        assert_eq!(ProvenKey::check(&agent, &public[..90], &proof), None);
        assert_eq!(ProvenKey::check(&agent, &public, &[]), None);
    }
}
