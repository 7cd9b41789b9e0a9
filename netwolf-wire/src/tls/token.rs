//! What an operator carries from the manager to a new agent: `NW1.<pin>.<id>.<secret>`.
//!
//! The pin comes first because it is used first: an agent shows the secret to nobody who does not hold a
//! certificate of the authority that the pin names.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use base64ct::{Base64UrlUnpadded, Encoding};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use crate::certify::{Invite, InviteSecret};

/// What the first part of a token reads.
const MARK: &str = "NW1";

/// SHA-256 of an authority's public key (its `SubjectPublicKeyInfo`), as `openssl` computes it, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Of a public key in DER.
    pub fn of_key(spki: &[u8]) -> Self {
        let mut pin = [0; 32];
        pin.copy_from_slice(digest(&SHA256, spki).as_ref());
        Self(pin)
    }

    /// Of the key in a certificate; `None` where that cannot be read.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        store.add(certificate.clone().into_owned()).ok()?;
        let anchor = store.roots.first()?;
        // The anchor has what is inside the sequence.
        Some(Self::of_key(&sequence(&anchor.subject_public_key_info)))
    }

    /// Its first digits, by which people tell authorities apart.
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

/// A DER sequence of `content`.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[content.len().leading_zeros() as usize / 8..];
    let mut der = vec![0x30];
    if content.len() > 0x7f {
        // A length of a length is at most eight.
        der.push(0x80 | u8::try_from(length.len()).unwrap_or(u8::MAX));
    }
    der.extend_from_slice(length);
    der.extend_from_slice(content);
    der
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no token. The text itself is not told: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "this is not a join token\n  hint: `netwolf agents invite` prints one; it begins with `{MARK}.` and has four parts"
)]
pub struct NotAToken;

/// A join token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// The authority whose manager may see the secret.
    pub pin: Pin,
    /// What the manager is shown.
    pub invite: Invite,
}

impl JoinToken {
    /// The text that is carried; the only way to the secret besides the wire.
    pub fn reveal(&self) -> String {
        let Self { pin, invite } = self;
        format!("{MARK}.{pin}.{}.{}", invite.id, invite.secret.reveal())
    }
}

impl FromStr for JoinToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let parts: Vec<_> = text.trim().split('.').collect();
        let [MARK, pin, id, secret] = parts[..] else {
            return Err(NotAToken);
        };
        let mut bytes = [0; 32];
        let decoded = Base64UrlUnpadded::decode(pin, &mut bytes).map_err(|_| NotAToken)?;
        if decoded.len() != bytes.len() || id.is_empty() || secret.is_empty() {
            return Err(NotAToken);
        }
        Ok(Self {
            pin: Pin(bytes),
            invite: Invite {
                id: id.to_owned(),
                secret: InviteSecret::new(secret),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            pin: Pin::of_key(b"key"),
            invite: Invite {
                id: "one".into(),
                secret: InviteSecret::new("hush-hush"),
            },
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let text = token().reveal();
        assert!(text.starts_with("NW1."), "{text}");
        assert_eq!(text.parse::<JoinToken>().unwrap(), token());
        assert_eq!(format!("  {text}\n").parse::<JoinToken>().unwrap(), token());
    }

    #[test]
    fn the_secret_shows_nowhere_else() {
        assert!(!format!("{:?}", token()).contains("hush"));
    }

    #[test]
    fn another_text_is_refused_without_being_told() {
        let text = token().reveal();
        let cut = text.strip_suffix("hush-hush").unwrap();
        for bad in ["", "NW1", "NW2.a.b.c", "NW1.a.b.c", cut, "hush.hush.hush"] {
            let error = bad.parse::<JoinToken>().unwrap_err().to_string();
            assert!(!error.contains("hush") && error.contains("hint:"), "{bad}");
        }
    }

    #[test]
    fn a_pin_of_a_certificate_is_that_of_its_key() {
        use rcgen::PublicKeyData;

        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default()
            .self_signed(&key)
            .unwrap();
        assert_eq!(
            Pin::of_certificate(certificate.der()),
            Some(Pin::of_key(&key.subject_public_key_info()))
        );
        assert_eq!(Pin::of_certificate(&b"junk".to_vec().into()), None);
    }

    #[test]
    fn long_sequences_have_long_lengths() {
        assert_eq!(sequence(&[7]), [0x30, 1, 7]);
        assert_eq!(sequence(&[0; 0x80])[..3], [0x30, 0x81, 0x80]);
        assert_eq!(sequence(&[0; 0x123])[..4], [0x30, 0x82, 1, 0x23]);
    }
}
