//! From the secret of an exchange to keys (RFC 4253, section 7.2).

use aws_lc_rs::digest::{Algorithm, Context};
use zeroize::Zeroizing;

/// What all keys of an exchange come from.
pub(crate) struct Secrets<'a> {
    pub(crate) hash: &'static Algorithm,
    /// The agreed secret, encoded.
    pub(crate) shared: &'a [u8],
    /// The hash of this exchange.
    pub(crate) exchange: &'a [u8],
    /// The hash of the first exchange.
    pub(crate) session: &'a [u8],
}

/// Which way packets go that a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToDevice,
    FromDevice,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Iv,
    Cipher,
    Mac,
}

impl Secrets<'_> {
    /// A key of `length` bytes.
    pub(crate) fn derive(&self, purpose: Purpose, way: Way, length: usize) -> Zeroizing<Vec<u8>> {
        let letter = match (purpose, way) {
            (Purpose::Iv, Way::ToDevice) => b'A',
            (Purpose::Iv, Way::FromDevice) => b'B',
            (Purpose::Cipher, Way::ToDevice) => b'C',
            (Purpose::Cipher, Way::FromDevice) => b'D',
            (Purpose::Mac, Way::ToDevice) => b'E',
            (Purpose::Mac, Way::FromDevice) => b'F',
        };
        let mut key = Zeroizing::new(Vec::with_capacity(length + self.hash.output_len()));
        while key.len() < length {
            let mut context = Context::new(self.hash);
            context.update(self.shared);
            context.update(self.exchange);
            if key.is_empty() {
                context.update(&[letter]);
                context.update(self.session);
            } else {
                context.update(&key);
            }
            key.extend_from_slice(context.finish().as_ref());
        }
        key.truncate(length);
        key
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn long_keys_go_on_from_short_ones_and_no_two_are_the_same() {
        let secrets = Secrets {
            hash: &SHA256,
            shared: b"K",
            exchange: b"H",
            session: b"S",
        };
        let first = digest(&SHA256, b"KHCS");
        let second = digest(&SHA256, &[b"KH".as_slice(), first.as_ref()].concat());
        let long = secrets.derive(Purpose::Cipher, Way::ToDevice, 64);
        assert_eq!(long[..32], *first.as_ref());
        assert_eq!(long[32..], *second.as_ref());
        assert_eq!(
            *secrets.derive(Purpose::Cipher, Way::ToDevice, 16),
            long[..16]
        );
        let mut all: Vec<_> = [Purpose::Iv, Purpose::Cipher, Purpose::Mac]
            .into_iter()
            .flat_map(|purpose| [Way::ToDevice, Way::FromDevice].map(|way| (purpose, way)))
            .map(|(purpose, way)| secrets.derive(purpose, way, 12).to_vec())
            .collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }
}
