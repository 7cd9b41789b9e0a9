//! Where a secret is to be found. The value itself never crosses the network: the machine that logs in
//! resolves the reference.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A reference to a secret, written `env:NAME` or `file:PATH`.
///
/// ```
/// use netwolf_wire::SecretRef;
///
/// assert!("env:NETWOLF_PASSWORD".parse::<SecretRef>().is_ok());
/// assert!("hunter2".parse::<SecretRef>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum SecretRef {
    /// An environment variable of the agent's process.
    Env(String),
    /// A file on the agent's machine; one trailing line end is not part of the secret.
    File(PathBuf),
}

/// Why a text is not a reference. It does not repeat the text, which may be a secret typed in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a secret is given by reference: `env:NAME` or `file:/absolute/path`")]
pub struct SecretRefError;

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Env(name.into()))
            }
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.into())),
            _ => Err(SecretRefError),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = SecretRefError;

    fn try_from(text: String) -> Result<Self, SecretRefError> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}
