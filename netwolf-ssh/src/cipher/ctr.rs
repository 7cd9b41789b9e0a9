//! AES in counter mode (RFC 4344) with an HMAC (RFC 6668), of what was encrypted or of what it was before.

use aws_lc_rs::{
    cipher::{
        AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, StreamingDecryptingKey,
        StreamingEncryptingKey, UnboundCipherKey,
    },
    constant_time::verify_slices_are_equal,
    hmac::{self, HMAC_SHA256, HMAC_SHA512},
    iv::FixedLength,
};

use zeroize::Zeroizing;

use super::{LENGTH, Role};
use crate::{
    error::Error,
    keys::{Purpose, Secrets, Way},
    negotiation::MacName,
};

/// Length of AES's blocks: where the length is encrypted, so many bytes are opened to see it.
const BLOCK: usize = 16;
/// So much is encrypted at once: a multiple of the block, and all of most packets.
const CHUNK: usize = 1024;

/// The stream of one way.
enum Stream {
    Sealing(StreamingEncryptingKey),
    Opening(StreamingDecryptingKey),
}

impl Stream {
    fn apply(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        match self {
            Self::Sealing(key) => key.less_safe_update(input, output)?,
            Self::Opening(key) => key.less_safe_update(input, output)?,
        };
        Ok(())
    }
}

/// Cipher and code of one way.
pub(crate) struct Ctr {
    stream: Stream,
    code: hmac::Key,
    /// The code is of what goes over the wire, and the length is not encrypted.
    etm: bool,
    /// The first block of the packet that is under way was decrypted where it stands.
    head_is_open: bool,
}

impl Ctr {
    pub(super) fn new(
        key: &[u8],
        mac: MacName,
        way: Way,
        role: Role,
        secrets: &Secrets<'_>,
    ) -> Result<Self, Error> {
        let algorithm = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        let key = UnboundCipherKey::new(algorithm, key)?;
        let iv = secrets.derive(Purpose::Iv, way, BLOCK);
        let iv: &[u8; BLOCK] = iv.first_chunk().ok_or(Error::Crypto)?;
        let iv = FixedLength::from(iv);
        let stream = match role {
            Role::Seals => Stream::Sealing(StreamingEncryptingKey::less_safe_ctr(
                key,
                EncryptionContext::Iv128(iv),
            )?),
            Role::Opens => Stream::Opening(StreamingDecryptingKey::ctr(
                key,
                DecryptionContext::Iv128(iv),
            )?),
        };
        let (hash, length) = match mac {
            MacName::Sha256 | MacName::Sha256Etm => (HMAC_SHA256, 32),
            MacName::Sha512 | MacName::Sha512Etm => (HMAC_SHA512, 64),
        };
        Ok(Self {
            stream,
            code: hmac::Key::new(hash, &secrets.derive(Purpose::Mac, way, length)),
            etm: matches!(mac, MacName::Sha256Etm | MacName::Sha512Etm),
            head_is_open: false,
        })
    }

    pub(super) const fn length_is_apart(&self) -> bool {
        self.etm
    }

    pub(super) fn code_length(&self) -> usize {
        self.code.algorithm().tag_len()
    }

    fn code(&self, sequence: u32, bytes: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.code);
        context.update(&sequence.to_be_bytes());
        context.update(bytes);
        context.sign()
    }

    /// The library writes elsewhere than it reads, so that what may be a secret goes by way of a place that is wiped.
    fn apply_in_place(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut input = Zeroizing::new([0; CHUNK]);
        for chunk in bytes.chunks_mut(CHUNK) {
            let input = &mut input[..chunk.len()];
            input.copy_from_slice(chunk);
            self.stream.apply(input, chunk)?;
        }
        Ok(())
    }

    pub(super) fn seal(
        &mut self,
        sequence: u32,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Error> {
        let code = if self.etm {
            self.apply_in_place(&mut out[start + LENGTH..])?;
            self.code(sequence, &out[start..])
        } else {
            let code = self.code(sequence, &out[start..]);
            self.apply_in_place(&mut out[start..])?;
            code
        };
        out.extend_from_slice(code.as_ref());
        Ok(())
    }

    /// The length of the packet that `bytes` begin with, if enough of it is there.
    pub(super) fn head(&mut self, bytes: &mut [u8]) -> Result<Option<[u8; LENGTH]>, Error> {
        if !self.etm && !self.head_is_open {
            let Some(block) = bytes.first_chunk_mut::<BLOCK>() else {
                return Ok(None);
            };
            self.apply_in_place(block)?;
            self.head_is_open = true;
        }
        Ok(bytes.first_chunk().copied())
    }

    pub(super) fn open<'a>(
        &mut self,
        sequence: u32,
        packet: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        let n = packet
            .len()
            .checked_sub(self.code_length())
            .ok_or(Error::Length)?;
        let (packet, code) = packet.split_at_mut(n);
        let is_good = |expected: &hmac::Tag| {
            verify_slices_are_equal(expected.as_ref(), code).map_err(|_| Error::Tampered)
        };
        if self.etm {
            is_good(&self.code(sequence, packet))?;
            self.apply_in_place(&mut packet[LENGTH..])?;
        } else {
            self.apply_in_place(&mut packet[BLOCK..])?;
            self.head_is_open = false;
            is_good(&self.code(sequence, packet))?;
        }
        Ok(&packet[LENGTH..])
    }
}
