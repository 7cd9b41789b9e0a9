//! A secret in memory, and bytes to be sent that may hold one.

use std::{fmt, ops::Deref};

use zeroize::Zeroizing;

use crate::imprint::{HIDDEN, Imprint};

/// A secret value.
///
/// ```
/// use netwolf_secret::Secret;
///
/// let secret = Secret::new("hunter2".into());
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.hide_in("no hunter2 here"), "no *** here");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it by whoever has to recognise it later.
    pub fn imprint(&self) -> Imprint {
        Imprint::of(self.expose())
    }

    /// `text` without the value.
    pub fn hide_in(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(self.expose(), HIDDEN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Bytes to be sent, a secret among them maybe: never shown, wiped when dropped.
#[derive(Default)]
pub struct Outgoing(Zeroizing<Vec<u8>>);

impl Outgoing {
    /// Adds `text` at the end.
    pub fn push(&mut self, text: &str) {
        let needed = self.0.len() + text.len();
        if needed > self.0.capacity() {
            // A vector that grows by itself leaves what it held behind.
            let mut grown = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(text.as_bytes());
    }
}

impl Deref for Outgoing {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} bytes)", self.0.len())
    }
}
