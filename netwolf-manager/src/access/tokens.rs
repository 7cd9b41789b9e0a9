//! API tokens: long random texts, of which the configuration has only a digest.

use std::fmt::{self, Write as _};

use aws_lc_rs::{constant_time, digest};

use super::Role;

/// What a token begins with, so that people and scanners for leaked secrets know it.
pub const PREFIX: &str = "nwt_";

/// The SHA-256 of a token: nobody guesses 256 random bits, so it needs no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a token.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).ok()?;
            if digits.starts_with('+') {
                return None;
            }
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell one from another.
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_char('…')
    }
}

/// Who has a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As the log calls whoever has it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// What it is known by.
    pub digest: Digest,
}

/// All tokens of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(pub Vec<Token>);

impl Tokens {
    /// Whether there are none, so that none is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token it is.
    pub fn find(&self, token: &str) -> Option<&Token> {
        let digest = Digest::of(token);
        // All are compared, each in constant time: how long it takes tells nothing.
        self.0.iter().fold(None, |found, token| {
            let is_same = constant_time::verify_slices_are_equal(&token.digest.0, &digest.0);
            is_same.ok().map(|()| token).or(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_digest() {
        let digest = Digest::of("nwt_abc");
        let text = digest.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(Digest::parse(&text), Some(digest));
        assert_eq!(Digest::parse(&text.to_uppercase()), Some(digest));
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Digest::of("abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let tokens = Tokens(vec![
            Token {
                name: "alice".into(),
                role: Role::Admin,
                digest,
            },
            Token {
                name: "bob".into(),
                role: Role::View,
                digest: Digest::of("nwt_b"),
            },
        ]);
        assert_eq!(tokens.find("nwt_abc").unwrap().name, "alice");
        assert_eq!(tokens.find("nwt_b").unwrap().role, Role::View);
        assert!(tokens.find("").is_none() && tokens.find(&text).is_none());
    }

    #[test]
    fn what_is_no_digest_is_none() {
        for text in [
            "",
            "abc",
            &"g".repeat(64),
            &"+1".repeat(32),
            &"é".repeat(32),
        ] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
