//! AES-GCM as SSH has it (RFC 5647, with the names and the order of OpenSSH).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{LENGTH, TAG};
use crate::{
    error::Error,
    keys::{Purpose, Secrets, Way},
};

/// Length of a nonce: four bytes that stay, eight that count.
const NONCE: usize = 12;

/// One key, and the nonce of its next packet.
pub(crate) struct Gcm {
    key: LessSafeKey,
    fixed: [u8; 4],
    /// Never the same twice: a connection renews its keys long before it comes round.
    count: u64,
}

impl Gcm {
    pub(super) fn new(key: &[u8], way: Way, secrets: &Secrets<'_>) -> Result<Self, Error> {
        let algorithm = if key.len() == 16 {
            &AES_128_GCM
        } else {
            &AES_256_GCM
        };
        let iv = secrets.derive(Purpose::Iv, way, NONCE);
        let (fixed, count) = iv.split_first_chunk::<4>().ok_or(Error::Crypto)?;
        let count = count.first_chunk::<8>().ok_or(Error::Crypto)?;
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(algorithm, key)?),
            fixed: *fixed,
            count: u64::from_be_bytes(*count),
        })
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; NONCE];
        nonce[..4].copy_from_slice(&self.fixed);
        nonce[4..].copy_from_slice(&self.count.to_be_bytes());
        self.count = self.count.wrapping_add(1);
        Nonce::assume_unique_for_key(nonce)
    }

    pub(super) fn seal(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), Error> {
        let nonce = self.nonce();
        let (length, inner) = out[start..]
            .split_first_chunk_mut::<LENGTH>()
            .ok_or(Error::Length)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(*length), inner)?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    pub(super) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let nonce = self.nonce();
        let (length, sealed) = packet
            .split_first_chunk_mut::<LENGTH>()
            .ok_or(Error::Length)?;
        let n = sealed.len().checked_sub(TAG).ok_or(Error::Length)?;
        self.key
            .open_in_place(nonce, Aad::from(*length), sealed)
            .map_err(|_| Error::Tampered)?;
        Ok(&sealed[..n])
    }
}
