//! Secrets in memory: never shown, wiped when dropped, read at each login from where they are kept.

use std::{fmt, io, ops::Deref, path::Path};

use netwolf_wire::SecretRef;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::blocking;

/// A private key with its comment and certificates is a few KiB; a larger file is not a secret.
const MAX_SECRET: u64 = 64 * 1024;

/// A secret value.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the value.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(self.expose(), "***")
    }
}

/// Bytes to be sent, a secret among them maybe: never shown, wiped when dropped.
#[derive(Default)]
pub struct Outgoing(Zeroizing<Vec<u8>>);

impl Outgoing {
    /// Adds `text` at the end.
    pub(crate) fn push(&mut self, text: &str) {
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

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Why a secret could not be had. Names the reference, never the value.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    #[error("environment variable \"{0}\" is not set for the agent")]
    Unset(String),
    #[error("environment variable \"{0}\" is not UTF-8 text")]
    NotText(String),
    #[error("cannot read \"{path}\": {error}")]
    File { path: String, error: io::Error },
    #[error("\"{0}\" is not a regular file")]
    NoFile(String),
    #[error("\"{0}\" is empty")]
    Empty(String),
    #[error("\"{0}\" is longer than any secret")]
    TooLong(String),
}

/// Reads a secret from where it is kept on this machine, off the shard's thread where that can block.
///
/// # Errors
/// [`SecretError`] when it is not there, not readable or empty.
pub(crate) async fn resolve(reference: &SecretRef) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(value) if value.is_empty() => Err(SecretError::Empty(reference.to_string())),
            Ok(value) => Ok(Secret::new(value)),
            Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(name.clone())),
            Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(name.clone())),
        },
        SecretRef::File(path) => {
            let path = path.clone();
            blocking::run(move || read(&path))
                .await
                .unwrap_or_else(|_| Err(SecretError::Empty("a reader that was cancelled".into())))
        }
    }
}

fn read(path: &Path) -> Result<Secret, SecretError> {
    let shown = || path.display().to_string();
    let failed = |error| SecretError::File {
        path: shown(),
        error,
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        // Reading a pipe could wait for ever, and would find nothing at the next login.
        return Err(SecretError::NoFile(shown()));
    }
    if metadata.len() > MAX_SECRET {
        return Err(SecretError::TooLong(shown()));
    }
    let mut text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    // Editors and `echo` end a file with a line end that nobody means to be part of a password.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(SecretError::Empty(shown()));
    }
    Ok(Secret(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, SecretRef) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, content).unwrap();
        let reference = SecretRef::File(path);
        (dir, reference)
    }

    #[tokio::test]
    async fn one_line_end_is_not_part_of_the_secret() {
        for (content, expected) in [
            ("a b\n", "a b"),
            ("x\r\n", "x"),
            ("x\n\n", "x\n"),
            (" x ", " x "),
        ] {
            let (_dir, reference) = file(content);
            assert_eq!(resolve(&reference).await.unwrap().expose(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named_and_never_shown() {
        let (_dir, empty) = file("\n");
        assert!(matches!(resolve(&empty).await, Err(SecretError::Empty(_))));
        let gone = SecretRef::File("/nowhere/at/all".into());
        assert!(
            resolve(&gone)
                .await
                .unwrap_err()
                .to_string()
                .contains("/nowhere/at/all")
        );
        let unset = SecretRef::Env("NETWOLF_TEST_UNSET_VARIABLE".into());
        assert!(
            resolve(&unset)
                .await
                .unwrap_err()
                .to_string()
                .contains("NETWOLF_TEST_UNSET_VARIABLE")
        );
        let secret = Secret::new("hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
