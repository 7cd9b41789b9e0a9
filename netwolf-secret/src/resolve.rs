//! From a reference to the value, on this machine.

use std::{env, io};

use netwolf_wire::SecretRef;
use thiserror::Error;

use crate::{Secret, blocking, file};

/// Why a secret could not be had. Names the reference, never the value.
#[derive(Debug, Error)]
pub enum SecretError {
    /// No such variable.
    #[error("environment variable \"{0}\" is not set")]
    Unset(String),
    /// The file is not there, or not for us.
    #[error("cannot read \"{path}\": {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("\"{0}\" is not a regular file")]
    NoFile(String),
    /// There is nothing in it.
    #[error("\"{0}\" is empty")]
    Empty(String),
    /// What is there is not UTF-8.
    #[error("\"{0}\" is not UTF-8 text")]
    NotText(String),
    /// What is there is something else.
    #[error("\"{0}\" is longer than any secret")]
    TooLong(String),
}

/// Reads a secret from where it is kept on this machine, off the thread of the caller where that can block. The caller
/// has a deadline of its own.
///
/// # Errors
/// [`SecretError`] when it is not there, not readable or empty.
pub async fn resolve(reference: &SecretRef) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) => match env::var(name) {
            Ok(value) if value.is_empty() => Err(SecretError::Empty(reference.to_string())),
            Ok(value) => Ok(Secret::new(value)),
            Err(env::VarError::NotPresent) => Err(SecretError::Unset(name.clone())),
            Err(env::VarError::NotUnicode(_)) => Err(SecretError::NotText(reference.to_string())),
        },
        SecretRef::File(path) => {
            let (file, path) = (path.clone(), path.display().to_string());
            blocking::run(move || file::read(&file))
                .await
                .unwrap_or_else(|error| Err(SecretError::File { path, error }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, SecretRef) {
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
            let (_dir, reference) = file(content.as_bytes());
            assert_eq!(resolve(&reference).await.unwrap().expose(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_no_secret_is_named_and_never_shown() {
        let (_dir, empty) = file(b"\n");
        assert!(matches!(resolve(&empty).await, Err(SecretError::Empty(_))));
        let (_dir, longest) = file(&vec![b'x'; file::MAX_SECRET]);
        assert!(resolve(&longest).await.is_ok());
        let (_dir, long) = file(&vec![b'x'; file::MAX_SECRET + 1]);
        assert!(matches!(resolve(&long).await, Err(SecretError::TooLong(_))));
        let (dir, binary) = file(b"hunter2\xff");
        let error = resolve(&binary).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let folder = SecretRef::File(dir.path().into());
        assert!(matches!(
            resolve(&folder).await,
            Err(SecretError::NoFile(_))
        ));
        for (reference, name) in [
            (SecretRef::File("/nowhere/at/all".into()), "/nowhere/at/all"),
            (
                SecretRef::Env("NETWOLF_TEST_UNSET".into()),
                "NETWOLF_TEST_UNSET",
            ),
        ] {
            let error = resolve(&reference).await.unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
