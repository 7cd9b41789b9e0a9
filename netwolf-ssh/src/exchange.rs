//! Agreeing on a secret: X25519 (RFC 8731), the curves of NIST (RFC 5656), and X25519 together with ML-KEM-768
//! (draft-ietf-sshm-mlkem-hybrid-kex), which a quantum computer does not undo.

use aws_lc_rs::{
    agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey, X25519},
    digest::{self, SHA256, SHA384, SHA512, digest},
    kem::{Ciphertext, DecapsulationKey, ML_KEM_768},
};
use zeroize::Zeroizing;

use crate::{codec::Write, error::Error, negotiation::Kex};

/// Length of what a device sends back to the public key of ML-KEM-768.
const ML_KEM_CIPHERTEXT: usize = 1088;

/// Our half of an exchange that is under way.
pub(crate) struct Exchange {
    kex: Kex,
    curve: PrivateKey,
    kem: Option<DecapsulationKey>,
    share: Vec<u8>,
}

impl Exchange {
    /// Makes fresh keys.
    pub(crate) fn begin(kex: Kex) -> Result<Self, Error> {
        let curve = PrivateKey::generate(match kex {
            Kex::MlKem768X25519 | Kex::X25519 => &X25519,
            Kex::NistP256 => &ECDH_P256,
            Kex::NistP384 => &ECDH_P384,
            Kex::NistP521 => &ECDH_P521,
        })?;
        let kem = match kex {
            Kex::MlKem768X25519 => Some(DecapsulationKey::generate(&ML_KEM_768)?),
            _ => None,
        };
        let mut share = Vec::new();
        if let Some(kem) = &kem {
            share.extend_from_slice(kem.encapsulation_key()?.key_bytes()?.as_ref());
        }
        share.extend_from_slice(curve.compute_public_key()?.as_ref());
        Ok(Self {
            kex,
            curve,
            kem,
            share,
        })
    }

    /// What the device must be told.
    pub(crate) fn share(&self) -> &[u8] {
        &self.share
    }

    pub(crate) fn hash(&self) -> &'static digest::Algorithm {
        match self.kex {
            Kex::MlKem768X25519 | Kex::X25519 | Kex::NistP256 => &SHA256,
            Kex::NistP384 => &SHA384,
            Kex::NistP521 => &SHA512,
        }
    }

    /// The secret that comes of the device's `share`, encoded as it goes into hashes.
    ///
    /// # Errors
    /// The share is none: of a wrong length, not on the curve, or such that the secret would be known to all.
    pub(crate) fn finish(&self, share: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut encoded = Zeroizing::new(Vec::with_capacity(80));
        let Some(kem) = &self.kem else {
            self.agree(share, |secret| encoded.put_number(secret))?;
            return Ok(encoded);
        };
        let (ciphertext, point) = share
            .split_at_checked(ML_KEM_CIPHERTEXT)
            .ok_or(Error::Exchange)?;
        let first = kem
            .decapsulate(Ciphertext::from(ciphertext))
            .map_err(|_| Error::Exchange)?;
        // Room for both, so that none is left behind where the buffer had to grow.
        let mut both = Zeroizing::new(Vec::with_capacity(64));
        both.extend_from_slice(first.as_ref());
        self.agree(point, |second| both.extend_from_slice(second))?;
        encoded.put_string(digest(&SHA256, &both).as_ref());
        Ok(encoded)
    }

    fn agree(&self, point: &[u8], with: impl FnOnce(&[u8])) -> Result<(), Error> {
        let point = UnparsedPublicKey::new(self.curve.algorithm(), point);
        agreement::agree(&self.curve, point, Error::Exchange, |secret| {
            with(secret);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::kem::EncapsulationKey;

    use super::*;

    #[track_caller]
    fn check_both_sides_agree(kex: Kex) {
        let (one, other) = (Exchange::begin(kex).unwrap(), Exchange::begin(kex).unwrap());
        let secret = one.finish(other.share()).unwrap();
        assert_eq!(secret, other.finish(one.share()).unwrap());
        assert!(secret.len() > 32);
        assert_ne!(one.share(), other.share());
    }

    #[test]
    fn two_of_a_curve_agree() {
        for kex in [Kex::X25519, Kex::NistP256, Kex::NistP384, Kex::NistP521] {
            check_both_sides_agree(kex);
        }
    }

    #[test]
    fn the_hybrid_is_of_both_secrets() {
        let ours = Exchange::begin(Kex::MlKem768X25519).unwrap();
        let (kem, curve) = ours.share().split_at(1184);
        let key = EncapsulationKey::new(&ML_KEM_768, kem).unwrap();
        let (ciphertext, first) = key.encapsulate().unwrap();
        let theirs = Exchange::begin(Kex::X25519).unwrap();
        let mut answer = ciphertext.as_ref().to_vec();
        answer.extend_from_slice(theirs.share());
        let mut both = first.as_ref().to_vec();
        theirs
            .agree(curve, |second| both.extend_from_slice(second))
            .unwrap();
        let mut expected = Vec::new();
        expected.put_string(digest(&SHA256, &both).as_ref());
        assert_eq!(*ours.finish(&answer).unwrap(), expected);
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        let exchange = Exchange::begin(Kex::X25519).unwrap();
        assert_eq!(exchange.finish(&[0; 32]), Err(Error::Exchange), "all zeros");
        assert_eq!(exchange.finish(&[9; 31]), Err(Error::Exchange), "too short");
        let exchange = Exchange::begin(Kex::NistP256).unwrap();
        assert_eq!(
            exchange.finish(&[4; 65]),
            Err(Error::Exchange),
            "not on the curve"
        );
        let exchange = Exchange::begin(Kex::MlKem768X25519).unwrap();
        assert_eq!(exchange.finish(&[1; 100]), Err(Error::Exchange));
    }
}
