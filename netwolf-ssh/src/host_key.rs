//! Whether a device has the host key that it shows: the signature of an exchange, checked.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::{codec::Reader, error::Error, negotiation::HostKeyAlgorithm};

/// Many devices have keys of 1024 bits, which OpenSSH takes, too, and whoever pins or knows such a key has chosen it.
const LEAST_RSA_BITS: usize = 1024;

/// Checks that whoever has the private half of `key` has signed `message`, in the way that was agreed on.
///
/// # Errors
/// It was not so, key or signature are not well-formed or of another kind, or the key is too short.
pub(crate) fn verify(
    algorithm: HostKeyAlgorithm,
    key: &[u8],
    signature: &[u8],
    message: &[u8],
) -> Result<(), Error> {
    let mut key = Reader::new(key);
    let mut signature = Reader::new(signature);
    let (key_kind, signature_kind) = kinds(algorithm);
    if key.string()? != key_kind.as_bytes() || signature.string()? != signature_kind.as_bytes() {
        return Err(Error::Signature);
    }
    let signed = signature.string()?;
    match algorithm {
        HostKeyAlgorithm::Ed25519 => check(&ED25519, key.string()?, message, signed),
        HostKeyAlgorithm::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_FIXED, 32, key, message, signed),
        HostKeyAlgorithm::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_FIXED, 48, key, message, signed),
        HostKeyAlgorithm::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_FIXED, 66, key, message, signed),
        HostKeyAlgorithm::RsaSha256 | HostKeyAlgorithm::RsaSha512 => {
            rsa(algorithm, key, message, signed)
        }
    }
}

/// What key and signature call themselves.
const fn kinds(algorithm: HostKeyAlgorithm) -> (&'static str, &'static str) {
    match algorithm {
        HostKeyAlgorithm::Ed25519 => ("ssh-ed25519", "ssh-ed25519"),
        HostKeyAlgorithm::EcdsaP256 => ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
        HostKeyAlgorithm::EcdsaP384 => ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
        HostKeyAlgorithm::EcdsaP521 => ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
        HostKeyAlgorithm::RsaSha256 => ("ssh-rsa", "rsa-sha2-256"),
        HostKeyAlgorithm::RsaSha512 => ("ssh-rsa", "rsa-sha2-512"),
    }
}

fn check(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    UnparsedPublicKey::new(algorithm, key)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

/// `width` is the length of each of the two numbers of a signature.
fn ecdsa(
    algorithm: &'static dyn VerificationAlgorithm,
    width: usize,
    mut key: Reader<'_>,
    message: &[u8],
    signed: &[u8],
) -> Result<(), Error> {
    let _curve = key.string()?;
    let point = key.string()?;
    let mut signed = Reader::new(signed);
    let mut fixed = Vec::with_capacity(2 * width);
    for _number in ["r", "s"] {
        // Some devices write more zeros before the number than SSH has.
        let magnitude = signed.magnitude()?;
        let zeros = width.checked_sub(magnitude.len()).ok_or(Error::Signature)?;
        fixed.resize(fixed.len() + zeros, 0);
        fixed.extend_from_slice(magnitude);
    }
    check(algorithm, point, message, &fixed)
}

fn rsa(
    algorithm: HostKeyAlgorithm,
    mut key: Reader<'_>,
    message: &[u8],
    signed: &[u8],
) -> Result<(), Error> {
    let e = key.magnitude()?;
    let n = key.magnitude()?;
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if bits < LEAST_RSA_BITS {
        return Err(Error::ShortKey {
            bits,
            least: LEAST_RSA_BITS,
        });
    }
    // Some devices leave out the zeros before a signature.
    let zeros = n.len().checked_sub(signed.len()).ok_or(Error::Signature)?;
    let mut whole = vec![0; zeros];
    whole.extend_from_slice(signed);
    let parameters = if algorithm == HostKeyAlgorithm::RsaSha256 {
        &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
    } else {
        &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
    };
    RsaPublicKeyComponents { n, e }
        .verify(parameters, message, &whole)
        .map_err(|_| Error::Signature)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::KeySize,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
            ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
            KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
        },
    };

    use super::*;
    use crate::codec::Write;

    const MESSAGE: &[u8] = b"the hash of an exchange";

    /// A good signature is taken; one of another message, a changed one, and one under another name are not.
    #[track_caller]
    fn check_pair(algorithm: HostKeyAlgorithm, key: &[u8], signature: &[u8]) {
        verify(algorithm, key, signature, MESSAGE).unwrap();
        let other = verify(algorithm, key, signature, b"another");
        assert_eq!(other, Err(Error::Signature));
        let mut changed = signature.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(
            verify(algorithm, key, &changed, MESSAGE),
            Err(Error::Signature)
        );
        let elsewhere = if algorithm == HostKeyAlgorithm::Ed25519 {
            HostKeyAlgorithm::RsaSha256
        } else {
            HostKeyAlgorithm::Ed25519
        };
        assert_eq!(
            verify(elsewhere, key, signature, MESSAGE),
            Err(Error::Signature)
        );
        for n in 0..signature.len() {
            verify(algorithm, key, &signature[..n], MESSAGE).unwrap_err();
        }
        for n in 0..key.len() {
            verify(algorithm, &key[..n], signature, MESSAGE).unwrap_err();
        }
    }

    fn wrapped(kind: &str, inner: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_string(kind.as_bytes());
        out.put_string(inner);
        out
    }

    #[test]
    fn ed25519() {
        let pair = Ed25519KeyPair::generate().unwrap();
        check_pair(
            HostKeyAlgorithm::Ed25519,
            &wrapped("ssh-ed25519", pair.public_key().as_ref()),
            &wrapped("ssh-ed25519", pair.sign(MESSAGE).as_ref()),
        );
    }

    fn check_ecdsa(
        algorithm: HostKeyAlgorithm,
        signing: &'static EcdsaSigningAlgorithm,
        curve: &str,
    ) {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let kind = format!("ecdsa-sha2-{curve}");
        let mut key = wrapped(&kind, curve.as_bytes());
        key.put_string(pair.public_key().as_ref());
        // Often enough for numbers that begin with zeros and with a set bit.
        for _ in 0..40 {
            let signed = pair.sign(&SystemRandom::new(), MESSAGE).unwrap();
            let (r, s) = signed.as_ref().split_at(signed.as_ref().len() / 2);
            let mut numbers = Vec::new();
            numbers.put_number(r);
            numbers.put_number(s);
            verify(algorithm, &key, &wrapped(&kind, &numbers), MESSAGE).unwrap();
            let mut padded = Vec::new();
            padded.put_number(r);
            padded.put_string(&[&[0, 0], s].concat());
            check_pair(algorithm, &key, &wrapped(&kind, &padded));
        }
    }

    #[test]
    fn the_curves_of_nist_with_numbers_of_any_length() {
        check_ecdsa(
            HostKeyAlgorithm::EcdsaP256,
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            "nistp256",
        );
        check_ecdsa(
            HostKeyAlgorithm::EcdsaP384,
            &ECDSA_P384_SHA384_FIXED_SIGNING,
            "nistp384",
        );
        check_ecdsa(
            HostKeyAlgorithm::EcdsaP521,
            &ECDSA_P521_SHA512_FIXED_SIGNING,
            "nistp521",
        );
    }

    #[test]
    fn rsa_in_both_safe_ways() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // DER: a sequence, the number n with its length in three bytes, and the number e, which is 65537.
        let public = pair.public_key().as_ref();
        let (n, e) = (&public[8..8 + 257], &public[public.len() - 3..]);
        let mut key = Vec::new();
        key.put_string(b"ssh-rsa");
        key.put_number(e);
        key.put_number(n);
        let mut signed = vec![0; pair.public_modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            MESSAGE,
            &mut signed,
        )
        .unwrap();
        check_pair(
            HostKeyAlgorithm::RsaSha256,
            &key,
            &wrapped("rsa-sha2-256", &signed),
        );
        pair.sign(
            &RSA_PKCS1_SHA512,
            &SystemRandom::new(),
            MESSAGE,
            &mut signed,
        )
        .unwrap();
        check_pair(
            HostKeyAlgorithm::RsaSha512,
            &key,
            &wrapped("rsa-sha2-512", &signed),
        );
        let short = {
            let mut key = Vec::new();
            key.put_string(b"ssh-rsa");
            key.put_number(&[1, 0, 1]);
            key.put_number(&[0xc5; 96]);
            key
        };
        let refused = verify(
            HostKeyAlgorithm::RsaSha256,
            &short,
            &wrapped("rsa-sha2-256", &signed),
            MESSAGE,
        );
        assert_eq!(
            refused,
            Err(Error::ShortKey {
                bits: 768,
                least: 1024
            })
        );
    }
}
