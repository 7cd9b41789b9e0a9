//! What is left of a secret that was wiped: enough to recognise it, too little to read it.
//!
//! A device may repeat a password long after the login, and what it says must be free of it; a session that kept the
//! password for that would have it in memory for weeks.
//!
//! Somebody who has the whole memory of the process has the key, too, and can try out guesses; that is all.

use std::{fmt, sync::LazyLock};

use aws_lc_rs::{
    hmac::{self, HMAC_SHA256, Key, Tag},
    rand::SystemRandom,
};

use crate::Secret;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "***";

/// Of this process alone, so that the same secret has another imprint in the next one.
static KEY: LazyLock<Key> = LazyLock::new(|| {
    Key::generate(HMAC_SHA256, &SystemRandom::new()).expect("the system has random numbers")
});

/// By what a secret is recognised.
///
/// ```
/// use netwolf_secret::Secret;
///
/// let imprint = Secret::new("hunter2".into()).imprint();
/// assert_eq!(imprint.hide_in("no hunter2 here"), "no *** here");
/// ```
#[derive(Clone)]
pub struct Imprint {
    len: usize,
    /// Of its bytes: spares nearly all pieces of a text the calculation of a tag.
    sum: u16,
    tag: Tag,
}

impl Imprint {
    pub(crate) fn of(secret: &str) -> Self {
        Self {
            len: secret.len(),
            sum: sum(secret.as_bytes()),
            tag: hmac::sign(&KEY, secret.as_bytes()),
        }
    }

    /// Whether it is that of `secret`.
    pub fn is_of(&self, secret: &Secret) -> bool {
        self.fits(secret.expose().as_bytes())
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.len && hmac::verify(&KEY, bytes, self.tag.as_ref()).is_ok()
    }

    /// `text` without the secret.
    pub fn hide_in(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let piece = |at: usize| bytes.get(at..at + self.len);
        let mut hidden = String::with_capacity(text.len());
        let (mut at, mut copied) = (0, 0);
        let mut rolling = piece(0).map_or(0, sum);
        while self.len > 0
            && let Some(found) = piece(at)
        {
            if rolling == self.sum && self.fits(found) {
                hidden.push_str(text.get(copied..at).unwrap_or_default());
                hidden.push_str(HIDDEN);
                at += self.len;
                copied = at;
                rolling = piece(at).map_or(0, sum);
            } else {
                let next = bytes.get(at + self.len).copied().unwrap_or_default();
                rolling = rolling
                    .wrapping_sub(found.first().copied().unwrap_or_default().into())
                    .wrapping_add(next.into());
                at += 1;
            }
        }
        hidden.push_str(text.get(copied..).unwrap_or_default());
        hidden
    }
}

impl fmt::Debug for Imprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Imprint(***)")
    }
}

fn sum(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum.wrapping_add((*byte).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, text: &str, expected: &str) {
        let secret = Secret::new(secret.into());
        assert_eq!(secret.imprint().hide_in(text), expected, "{text}");
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        check("hunter2", "hunter2", "***");
        check("hunter2", "a hunter2, hunter2!", "a ***, ***!");
        check("hunter2", "hunter2hunter2 hunter", "****** hunter");
        check("hunter2", "2retnuh retnuh2", "2retnuh retnuh2");
        check("aa", "aaaaa", "******a");
        check("pä", "ä pä ä", "ä *** ä");
        check("x", "", "");
        check("long", "lon", "lon");
        check("", "all of it", "all of it");
    }

    #[test]
    fn it_is_hidden_as_if_it_were_known() {
        let mut text = String::new();
        for n in 0..2_000_u32 {
            text.push(char::from(b'a' + u8::try_from(n * n % 7).unwrap()));
        }
        for len in 1..40 {
            let secret = Secret::new(text.get(900..900 + len).unwrap().to_owned());
            assert_eq!(secret.imprint().hide_in(&text), secret.hide_in(&text));
        }
    }

    #[test]
    fn it_shows_nothing_and_knows_its_own() {
        let secret = Secret::new("hunter2".into());
        let imprint = secret.imprint();
        assert!(imprint.is_of(&secret) && imprint.is_of(&Secret::new("hunter2".into())));
        assert!(!imprint.is_of(&Secret::new("2retnuh".into())));
        assert_eq!(format!("{imprint:?}"), "Imprint(***)");
    }
}
