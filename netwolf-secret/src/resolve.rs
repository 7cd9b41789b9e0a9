//! From a reference to the value, on this machine.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use netwolf_wire::SecretRef;
use thiserror::Error;
use tokio::time::timeout;

use crate::{
    Secret, blocking, file,
    program::{self, ProgramError},
};

/// A file that cannot be read in so long is on a network that is gone; it must not hold up a login for ever.
const FILE_TIMEOUT: Duration = Duration::from_secs(5);

/// One run that somebody else has begun, and one of our own.
const PROGRAM_TIMEOUT: Duration = program::TIMEOUT
    .saturating_mul(2)
    .saturating_add(FILE_TIMEOUT);

/// Set by systemd for a service with credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why a secret could not be had. Names the reference, never the value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
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
        error: String,
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
    /// It did not come in time.
    #[error("\"{reference}\" could not be read within {} s", .within.as_secs())]
    Late {
        /// Which.
        reference: String,
        /// Our patience.
        within: Duration,
    },
    /// Nobody has handed over any.
    #[error(
        "\"credential:{0}\" is for a service of systemd with `LoadCredential={0}:...`, and this process has no credentials ($CREDENTIALS_DIRECTORY is not set)"
    )]
    NoCredentials(String),
    /// A program did not print it.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The configuration is for a later version.
    #[error(
        "secrets of the form \"{0}:\" are not known here: is this agent older than its manager?"
    )]
    Unknown(String),
}

/// Reads a secret from where it is kept on this machine, off the thread of the caller where that can block, and within a
/// deadline.
///
/// # Errors
/// [`SecretError`] when it is not there, not readable or empty.
pub async fn resolve(reference: &SecretRef) -> Result<Secret, SecretError> {
    let late = |within| SecretError::Late {
        reference: reference.to_string(),
        within,
    };
    match reference {
        SecretRef::Env(name) => match env::var(name) {
            Ok(value) if value.is_empty() => Err(SecretError::Empty(reference.to_string())),
            Ok(value) => Ok(Secret::new(value)),
            Err(env::VarError::NotPresent) => Err(SecretError::Unset(name.clone())),
            Err(env::VarError::NotUnicode(_)) => Err(SecretError::NotText(reference.to_string())),
        },
        SecretRef::File(path) => timeout(FILE_TIMEOUT, read(path.clone()))
            .await
            .unwrap_or_else(|_| Err(late(FILE_TIMEOUT))),
        SecretRef::Credential(name) => {
            let folder = env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty());
            let folder = folder.ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
            timeout(FILE_TIMEOUT, read(Path::new(&folder).join(name)))
                .await
                .unwrap_or_else(|_| Err(late(FILE_TIMEOUT)))
        }
        SecretRef::Exec(program) => timeout(PROGRAM_TIMEOUT, program::ask(program))
            .await
            .unwrap_or_else(|_| Err(late(PROGRAM_TIMEOUT))),
        // What is behind the colon may be long, and is nothing that we can judge.
        SecretRef::Unknown(text) => {
            let (form, _) = text.split_once(':').unwrap_or_default();
            Err(SecretError::Unknown(form.into()))
        }
    }
}

async fn read(path: PathBuf) -> Result<Secret, SecretError> {
    let shown = path.display().to_string();
    blocking::run(move || file::read(&path))
        .await
        .unwrap_or_else(|error| {
            Err(SecretError::File {
                path: shown,
                error: error.to_string(),
            })
        })
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
