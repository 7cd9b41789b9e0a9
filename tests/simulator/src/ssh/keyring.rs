//! Host keys, made from the fleet's seed when first asked for.
//!
//! Anybody can compute them: they are for simulation only.

use std::convert::Infallible;
use std::sync::OnceLock;

use russh::keys::ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData, RsaKeypair};
use russh::keys::ssh_key::rand_core::{TryCryptoRng, TryRng};
use russh::keys::{EcdsaCurve, HashAlg, PrivateKey};

use crate::device::HostKeyType;
use crate::laws;

/// Bits of an RSA key.
const RSA_BITS: usize = 2048;

/// The keys of one fleet: for each type a true one and another one.
#[derive(Debug)]
pub(crate) struct Keyring {
    seed: u64,
    keys: [[OnceLock<PrivateKey>; 2]; 3],
}

impl Keyring {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            keys: Default::default(),
        }
    }

    /// The key of type `kind`; the other one if `changed`.
    pub(crate) fn key(&self, kind: HostKeyType, changed: bool) -> PrivateKey {
        let row = match kind {
            HostKeyType::Ed25519 => 0,
            HostKeyType::Ecdsa => 1,
            HostKeyType::Rsa => 2,
        };
        let seed = if changed { !self.seed } else { self.seed };
        let key = self.keys[row][usize::from(changed)].get_or_init(|| make(kind, seed));
        key.clone()
    }

    /// The fingerprint of the true key of type `kind`, as `SHA256:...`.
    pub(crate) fn fingerprint(&self, kind: HostKeyType) -> String {
        let key = self.key(kind, false);
        key.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

fn make(kind: HostKeyType, seed: u64) -> PrivateKey {
    let mut scatter = Scatter { seed, number: 0 };
    let data = match kind {
        HostKeyType::Ed25519 => return PrivateKey::from(Ed25519Keypair::from_seed(&seed32(seed))),
        HostKeyType::Ecdsa => KeypairData::from(
            EcdsaKeypair::random(&mut scatter, EcdsaCurve::NistP256)
                .expect("the curve is built in"),
        ),
        HostKeyType::Rsa => KeypairData::from(
            RsaKeypair::random(&mut scatter, RSA_BITS).expect("the size is a usual one"),
        ),
    };
    PrivateKey::new(data, "").expect("a pair just made is whole")
}

fn seed32(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (number, chunk) in (1..).zip(bytes.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&laws::part(laws::mix(seed), number << 32).to_be_bytes());
    }
    bytes
}

/// Numbers that look random and are the same for the same seed. Not for secrets.
struct Scatter {
    seed: u64,
    number: u64,
}

impl TryRng for Scatter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [.., a, b, c, d] = self.try_next_u64()?.to_be_bytes();
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.number += 1;
        Ok(laws::part(laws::mix(self.seed), self.number << 16))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

// The key generators ask for this mark; what they make here guards nothing.
impl TryCryptoRng for Scatter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_from_the_seed_and_differ_when_changed() {
        for kind in [HostKeyType::Ed25519, HostKeyType::Ecdsa] {
            let (ring, again) = (Keyring::new(7), Keyring::new(7));
            assert_eq!(ring.fingerprint(kind), again.fingerprint(kind));
            assert_ne!(ring.fingerprint(kind), Keyring::new(8).fingerprint(kind));
            let changed = ring.key(kind, true);
            assert_ne!(ring.key(kind, false).public_key(), changed.public_key());
        }
    }
}
