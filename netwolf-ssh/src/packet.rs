//! Packets (RFC 4253, section 6): payloads with a length, padding and a check, numbered in each way.

use zeroize::Zeroize;

use crate::{
    cipher::{Cipher, LENGTH},
    codec::Write,
    error::Error,
};

/// The longest packet that is taken, as OpenSSH has it; SSH asks for a seventh of that.
pub(crate) const MAX_PACKET: usize = 256 * 1024;
/// Padding is at least so long.
const MIN_PADDING: usize = 4;

/// The payload in a packet without its length and check.
pub(crate) fn payload_of(inner: &[u8]) -> Result<&[u8], Error> {
    let (&padding, rest) = inner.split_first().ok_or(Error::Length)?;
    let padding = usize::from(padding);
    if padding < MIN_PADDING {
        return Err(Error::Malformed);
    }
    let n = rest.len().checked_sub(padding).ok_or(Error::Malformed)?;
    Ok(&rest[..n])
}

/// What seals or opens the packets of one way.
pub(crate) struct Keys {
    cipher: Cipher,
    /// Number of the next packet.
    sequence: u32,
    /// Bytes since they are in use.
    n_bytes: u64,
}

impl Keys {
    /// None, before the first exchange; `sequence` packets were there already.
    const fn none(sequence: u32) -> Self {
        Self {
            cipher: Cipher::Plain,
            sequence,
            n_bytes: 0,
        }
    }

    /// From the next packet on `cipher` is used, and where it is to `restart` the numbers begin anew.
    pub(crate) fn renew(&mut self, cipher: Cipher, restart: bool) {
        self.cipher = cipher;
        self.n_bytes = 0;
        if restart {
            self.sequence = 0;
        }
    }

    pub(crate) const fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// A packet of so many bytes has passed.
    fn count(&mut self, n: usize) {
        self.sequence = self.sequence.wrapping_add(1);
        self.n_bytes += n as u64;
    }
}

/// The way to the device.
pub(crate) struct Outgoing {
    pub(crate) keys: Keys,
}

impl Outgoing {
    pub(crate) const fn new() -> Self {
        Self {
            keys: Keys::none(0),
        }
    }

    /// Puts `payload` behind `out` as a packet. What stands in it is rounded up to a multiple of `rounded`, at most
    /// 128, so that its length does not tell that of a password.
    ///
    /// The padding is of zeros: under ciphers of these kinds nobody can tell it from anything else.
    pub(crate) fn put(
        &mut self,
        payload: &[u8],
        rounded: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let block = self.keys.cipher.block();
        let outside = if self.keys.cipher.length_is_apart() {
            0
        } else {
            LENGTH
        };
        let mut padding = block - (outside + 1 + payload.len()) % block;
        if padding < MIN_PADDING {
            padding += block;
        }
        let over = (payload.len() + padding) % rounded.max(1);
        if rounded > 1 && over != 0 {
            padding += (rounded - over).next_multiple_of(block);
        }
        let start = out.len();
        out.reserve(LENGTH + 1 + payload.len() + padding + 64);
        let length = u32::try_from(1 + payload.len() + padding).map_err(|_| Error::Length)?;
        out.put_uint32(length);
        out.put_byte(u8::try_from(padding).map_err(|_| Error::Length)?);
        out.extend_from_slice(payload);
        out.resize(out.len() + padding, 0);
        let sealed = self.keys.cipher.seal(self.keys.sequence, out, start);
        if sealed.is_err() {
            // Nothing plain is ever left to be sent.
            out[start..].zeroize();
            out.truncate(start);
        }
        sealed?;
        self.keys.count(out.len() - start);
        Ok(())
    }
}

/// The way from the device.
pub(crate) struct Incoming {
    pub(crate) keys: Keys,
}

impl Incoming {
    /// After `n_packets` that were read already.
    pub(crate) const fn after(n_packets: u32) -> Self {
        Self {
            keys: Keys::none(n_packets),
        }
    }

    /// Number of the packet that was opened last.
    pub(crate) const fn last(&self) -> u32 {
        self.keys.sequence.wrapping_sub(1)
    }

    /// Length of the packet that `bytes` begin with, if all of it is there.
    ///
    /// # Errors
    /// The length is none that a packet has.
    pub(crate) fn whole(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, Error> {
        let whole = self.keys.cipher.measure(self.keys.sequence, bytes)?;
        Ok(whole.filter(|whole| *whole <= bytes.len()))
    }

    /// The payload of `packet`, which is whole.
    ///
    /// # Errors
    /// Its check is not good, or it is not well-formed.
    pub(crate) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let n = packet.len();
        let inner = self.keys.cipher.open(self.keys.sequence, packet)?;
        self.keys.count(n);
        payload_of(inner)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::SHA256;

    use super::*;
    use crate::{
        cipher::Role,
        keys::{Secrets, Way},
        negotiation::{CipherName, MacName},
    };

    const ALL: &[(CipherName, Option<MacName>)] = &[
        (CipherName::Aes128Gcm, None),
        (CipherName::Aes256Gcm, None),
        (CipherName::ChaCha20Poly1305, None),
        (CipherName::Aes128Ctr, Some(MacName::Sha256)),
        (CipherName::Aes192Ctr, Some(MacName::Sha512)),
        (CipherName::Aes256Ctr, Some(MacName::Sha512Etm)),
        (CipherName::Aes128Ctr, Some(MacName::Sha256Etm)),
    ];

    /// Two ends with the same keys: what one seals with the keys to the device, the other opens with the keys from it.
    fn ends(name: (CipherName, Option<MacName>)) -> (Outgoing, Incoming) {
        let secrets = Secrets {
            hash: &SHA256,
            shared: b"shared",
            exchange: b"exchange",
            session: b"session",
        };
        let (mut outgoing, mut incoming) = (Outgoing::new(), Incoming::after(0));
        let cipher = |role| Cipher::new(name, Way::ToDevice, role, &secrets).unwrap();
        outgoing.keys.renew(cipher(Role::Seals), true);
        incoming.keys.renew(cipher(Role::Opens), true);
        (outgoing, incoming)
    }

    fn drain(incoming: &mut Incoming, bytes: &mut Vec<u8>) -> Result<Vec<Vec<u8>>, Error> {
        let mut payloads = Vec::new();
        while let Some(whole) = incoming.whole(bytes)? {
            payloads.push(incoming.open(&mut bytes[..whole])?.to_vec());
            bytes.drain(..whole);
        }
        Ok(payloads)
    }

    #[test]
    fn packets_arrive_as_they_were_sent_in_pieces_of_any_length() {
        for name in ALL {
            for piece in [1, 3, 16, 17, 1000] {
                let (mut outgoing, mut incoming) = ends(*name);
                let sent: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; usize::from(n) * 7]).collect();
                let mut wire = Vec::new();
                for payload in &sent {
                    outgoing.put(payload, 1, &mut wire).unwrap();
                }
                let mut received = Vec::new();
                let mut buffer = Vec::new();
                for bytes in wire.chunks(piece) {
                    buffer.extend_from_slice(bytes);
                    received.extend(drain(&mut incoming, &mut buffer).unwrap());
                }
                assert_eq!(received, sent, "{name:?} in pieces of {piece}");
                assert!(buffer.is_empty());
            }
        }
    }

    #[test]
    fn bytes_are_counted_from_new_keys_on() {
        let (mut outgoing, mut incoming) = ends(ALL[0]);
        for _ in 0..2 {
            assert_eq!((outgoing.keys.n_bytes(), incoming.keys.n_bytes()), (0, 0));
            let mut wire = Vec::new();
            outgoing.put(b"show version", 1, &mut wire).unwrap();
            let n_bytes = wire.len() as u64;
            drain(&mut incoming, &mut wire).unwrap();
            assert_eq!(
                (outgoing.keys.n_bytes(), incoming.keys.n_bytes()),
                (n_bytes, n_bytes)
            );
            outgoing.keys.renew(Cipher::Plain, false);
            incoming.keys.renew(Cipher::Plain, false);
        }
    }

    #[test]
    fn a_changed_bit_is_seen_wherever_it_is() {
        for name in ALL {
            let mut wire = Vec::new();
            ends(*name).0.put(b"reload in 5", 1, &mut wire).unwrap();
            for bit in 0..wire.len() * 8 {
                let mut changed = wire.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                // A length that grew waits for more, which fails with it.
                changed.resize(wire.len() + 64 * 1024, 0);
                let result = drain(&mut ends(*name).1, &mut changed);
                assert!(
                    matches!(result, Err(Error::Tampered | Error::Length))
                        || result.is_ok_and(|payloads| payloads.is_empty()),
                    "{name:?}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn packets_come_in_their_order_and_once() {
        for name in ALL {
            let (mut outgoing, mut incoming) = ends(*name);
            let (mut first, mut second) = (Vec::new(), Vec::new());
            outgoing.put(b"first", 1, &mut first).unwrap();
            outgoing.put(b"second", 1, &mut second).unwrap();
            assert!(
                drain(&mut ends(*name).1, &mut second.clone())
                    .is_ok_and(|payloads| payloads.is_empty())
                    || drain(&mut ends(*name).1, &mut second).is_err(),
                "{name:?}: the first was left out"
            );
            drain(&mut incoming, &mut first.clone()).unwrap();
            let again = drain(&mut incoming, &mut first);
            assert!(
                again.is_err() || again.is_ok_and(|payloads| payloads.is_empty()),
                "{name:?}: the first came twice"
            );
        }
    }

    #[test]
    fn the_length_of_a_password_does_not_show() {
        for name in ALL {
            let lengths: Vec<_> = (10..40)
                .map(|n| {
                    let mut wire = Vec::new();
                    ends(*name).0.put(&vec![0; n], 64, &mut wire).unwrap();
                    wire.len()
                })
                .collect();
            assert!(lengths.iter().all(|n| *n == lengths[0]), "{lengths:?}");
        }
    }

    #[test]
    fn a_packet_without_padding_is_malformed() {
        assert_eq!(payload_of(&[3, 1, 2, 3]), Err(Error::Malformed));
        assert_eq!(payload_of(&[9, 1, 2, 3, 4]), Err(Error::Malformed));
        assert_eq!(payload_of(&[]), Err(Error::Length));
        assert_eq!(payload_of(&[4, 7, 0, 0, 0, 0]), Ok(&[7][..]));
    }
}
