//! Ciphers, each with its check: how packets are sealed and opened.
//!
//! ```text
//!   plain          length  padding length, payload, padding
//!   AES-GCM        length  [ ...... encrypted ...... ]  tag      the tag covers the length, too
//!   ChaCha20      [length] [ ...... encrypted ...... ]  tag      the length has a key of its own
//!   CTR and HMAC  [length    ...... encrypted ...... ]  code     the code is of what it was before
//!   CTR, HMAC-ETM  length  [ ...... encrypted ...... ]  code     the code is of all that goes over the wire
//! ```
//!
//! Nothing of a packet is looked at before its check was good, but for its length.

use aws_lc_rs::aead::chacha20_poly1305_openssh as chacha;

use self::{ctr::Ctr, gcm::Gcm};
use crate::{
    error::Error,
    keys::{Purpose, Secrets, Way},
    negotiation::{CipherName, MacName},
    packet::MAX_PACKET,
};

mod ctr;
mod gcm;

/// Length of the field with the length.
pub(crate) const LENGTH: usize = 4;
/// Length of the tag of both kinds of AEAD.
const TAG: usize = 16;

/// One way of a connection.
pub(crate) enum Cipher {
    /// Before the first keys.
    Plain,
    Gcm(Gcm),
    ChaCha(Box<ChaCha>),
    Ctr(Box<Ctr>),
}

/// Both halves of the library's type for one key; which one is used depends on the way.
pub(crate) struct ChaCha {
    sealing: chacha::SealingKey,
    opening: chacha::OpeningKey,
}

/// What is done with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Seals,
    Opens,
}

impl Cipher {
    /// The cipher of this name for this way, with keys from `secrets`.
    pub(crate) fn new(
        (cipher, mac): (CipherName, Option<MacName>),
        way: Way,
        role: Role,
        secrets: &Secrets<'_>,
    ) -> Result<Self, Error> {
        let key = |length| secrets.derive(Purpose::Cipher, way, length);
        let ctr = |length| -> Result<Self, Error> {
            let mac = mac.ok_or(Error::NothingInCommon)?;
            let ctr = Ctr::new(&key(length), mac, way, role, secrets)?;
            Ok(Self::Ctr(Box::new(ctr)))
        };
        Ok(match cipher {
            CipherName::Aes128Gcm => Self::Gcm(Gcm::new(&key(16), way, secrets)?),
            CipherName::Aes256Gcm => Self::Gcm(Gcm::new(&key(32), way, secrets)?),
            CipherName::ChaCha20Poly1305 => {
                let key = key(chacha::KEY_LEN);
                let key: &[u8; chacha::KEY_LEN] =
                    key.as_slice().try_into().map_err(|_| Error::Crypto)?;
                Self::ChaCha(Box::new(ChaCha {
                    sealing: chacha::SealingKey::new(key),
                    opening: chacha::OpeningKey::new(key),
                }))
            }
            CipherName::Aes128Ctr => ctr(16)?,
            CipherName::Aes192Ctr => ctr(24)?,
            CipherName::Aes256Ctr => ctr(32)?,
        })
    }

    /// What the length of a packet is a multiple of, the field with the length included where it is encrypted with the
    /// rest.
    pub(crate) const fn block(&self) -> usize {
        match self {
            Self::Plain | Self::ChaCha(_) => 8,
            Self::Gcm(_) | Self::Ctr(_) => 16,
        }
    }

    /// Whether the field with the length stands outside of the blocks.
    pub(crate) const fn length_is_apart(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Gcm(_) | Self::ChaCha(_) => true,
            Self::Ctr(ctr) => ctr.length_is_apart(),
        }
    }

    /// Encrypts the packet that begins at `start` and ends with `out`, and puts its check behind it.
    pub(crate) fn seal(
        &mut self,
        sequence: u32,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Error> {
        match self {
            Self::Plain => Ok(()),
            Self::Gcm(gcm) => gcm.seal(out, start),
            Self::ChaCha(key) => {
                let mut tag = [0; TAG];
                key.sealing
                    .seal_in_place(sequence, &mut out[start..], &mut tag);
                out.extend_from_slice(&tag);
                Ok(())
            }
            Self::Ctr(ctr) => ctr.seal(sequence, out, start),
        }
    }

    /// Length of the packet that `bytes` begin with, check included; nothing where too few are there to tell. What it
    /// is told must be the same bytes again, with more behind them, until the packet is opened.
    ///
    /// # Errors
    /// The length is none that a packet has.
    pub(crate) fn measure(
        &mut self,
        sequence: u32,
        bytes: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        let Some(&head) = bytes.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let (head, check) = match self {
            Self::Plain => (head, 0),
            Self::Gcm(_) => (head, TAG),
            Self::ChaCha(key) => (key.opening.decrypt_packet_length(sequence, head), TAG),
            Self::Ctr(ctr) => match ctr.head(bytes)? {
                Some(head) => (head, ctr.code_length()),
                None => return Ok(None),
            },
        };
        let length = usize::try_from(u32::from_be_bytes(head)).map_err(|_| Error::Length)?;
        let in_blocks = if self.length_is_apart() {
            length
        } else {
            LENGTH + length
        };
        if length > MAX_PACKET || length < self.block() - LENGTH || in_blocks % self.block() != 0 {
            return Err(Error::Length);
        }
        Ok(Some(LENGTH + length + check))
    }

    /// What stands in `packet`, without length and check.
    ///
    /// # Errors
    /// [`Error::Tampered`] where the check is not good.
    pub(crate) fn open<'a>(
        &mut self,
        sequence: u32,
        packet: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        match self {
            Self::Plain => packet.get(LENGTH..).ok_or(Error::Length),
            Self::Gcm(gcm) => gcm.open(packet),
            Self::ChaCha(key) => {
                let (sealed, tag) = packet.split_last_chunk_mut::<TAG>().ok_or(Error::Length)?;
                key.opening
                    .open_in_place(sequence, sealed, tag)
                    .map_err(|_| Error::Tampered)
            }
            Self::Ctr(ctr) => ctr.open(sequence, packet),
        }
    }
}
