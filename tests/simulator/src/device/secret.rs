//! A text that must not reach a log.

use std::fmt;

/// A password. `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Whether it is the empty text, which no login may use.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `attempt` is this very text. An empty secret matches nothing.
    pub(crate) fn matches(&self, attempt: &[u8]) -> bool {
        !self.is_empty() && self.0.as_bytes() == attempt
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_tell() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(..)");
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        assert!(!Secret::default().matches(b""));
        assert!(Secret::from("a").matches(b"a"));
        assert!(!Secret::from("a").matches(b"ab"));
    }
}
