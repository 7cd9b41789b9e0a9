//! Where a secret is to be found. The value itself never crosses the network: the machine that logs in
//! resolves the reference.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod older;
mod program;

pub use program::Program;

/// A reference to a secret.
///
/// ```
/// use netwolf_wire::SecretRef;
///
/// for reference in [
///     "env:NETWOLF_PASSWORD",
///     "file:/etc/netwolf/password",
///     "credential:password",
///     "exec:/usr/local/bin/vault-read 'kv/routers' password",
/// ] {
///     assert!(reference.parse::<SecretRef>().is_ok());
/// }
/// assert!("hunter2".parse::<SecretRef>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum SecretRef {
    /// An environment variable of the process.
    Env(String),
    /// A file; one trailing line end is not part of the secret.
    File(PathBuf),
    /// A file of this name in the folder that systemd has made for the service's credentials.
    Credential(String),
    /// What a program prints.
    Exec(Program),
    /// A form of a later version, which came over the wire: whoever needs it says so, and the rest goes on.
    Unknown(String),
}

/// Why a text is not a reference. It does not repeat the text, which may be a secret typed in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretRefError {
    /// It begins like none.
    #[error(
        "a secret is given by reference: `env:NAME`, `file:/absolute/path`, `credential:NAME` or `exec:/absolute/program ARGUMENT...`"
    )]
    Form,
    /// Not a name that systemd takes.
    #[error("`credential:` is followed by a credential's name, which has no slashes")]
    Credential,
    /// Which program is meant would depend on who asks.
    #[error("`exec:` is followed by the absolute path of a program, and its arguments")]
    Program,
    /// Where an argument ends is not known.
    #[error("`exec:` has a quotation mark that is not closed")]
    Quote,
}

/// The longest name that a file can have.
const MAX_NAME: usize = 255;

impl SecretRef {
    /// What a text in this version's words means; nothing where it begins as none of them does.
    fn known(text: &str) -> Option<Result<Self, SecretRefError>> {
        let (form, rest) = text.split_once(':')?;
        Some(match form {
            "env" if !rest.is_empty() && !rest.contains(['=', '\0']) => Ok(Self::Env(rest.into())),
            "file" if rest.starts_with('/') => Ok(Self::File(rest.into())),
            "env" | "file" => Err(SecretRefError::Form),
            "credential" if is_file_name(rest) => Ok(Self::Credential(rest.into())),
            "credential" => Err(SecretRefError::Credential),
            "exec" => rest.parse().map(Self::Exec),
            _ => return None,
        })
    }
}

/// Whether `name` is a file's and not a path.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && ![".", ".."].contains(&name)
        && !name.contains(|c: char| c == '/' || c.is_control())
}

/// Whether `text` begins as references do.
fn has_form(text: &str) -> bool {
    text.split_once(':').is_some_and(|(form, _)| {
        !form.is_empty() && form.len() <= 32 && form.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        Self::known(text).unwrap_or(Err(SecretRefError::Form))
    }
}

/// As it comes over the wire, from a side that knows what a reference is and may be of a later version.
impl TryFrom<String> for SecretRef {
    type Error = SecretRefError;

    fn try_from(text: String) -> Result<Self, SecretRefError> {
        match Self::known(&text) {
            Some(reference) => reference,
            None if has_form(&text) => Ok(Self::Unknown(text)),
            None => Err(SecretRefError::Form),
        }
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
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Exec(program) => write!(f, "exec:{program}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_written_as_they_are_read() {
        for text in [
            "env:A",
            "file:/a b",
            "credential:ssh-password",
            "exec:/bin/vault  read 'a b'",
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_says_what_would_be_one() {
        for (text, expected) in [
            ("hunter2", SecretRefError::Form),
            ("env:", SecretRefError::Form),
            ("file:relative", SecretRefError::Form),
            ("vault:kv/x", SecretRefError::Form),
            ("credential:", SecretRefError::Credential),
            ("credential:a/b", SecretRefError::Credential),
            ("credential:..", SecretRefError::Credential),
            ("exec:vault read", SecretRefError::Program),
            ("exec:", SecretRefError::Program),
            ("exec:/bin/vault 'kv", SecretRefError::Quote),
        ] {
            assert_eq!(text.parse::<SecretRef>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_form_of_a_later_version_is_kept_as_it_came() {
        let json = r#""vault:kv/x""#;
        let reference: SecretRef = serde_json::from_str(json).unwrap();
        assert_eq!(reference, SecretRef::Unknown("vault:kv/x".into()));
        assert_eq!(serde_json::to_string(&reference).unwrap(), json);
        for bad in [r#""hunter2""#, r#""credential:a/b""#] {
            assert!(serde_json::from_str::<SecretRef>(bad).is_err(), "{bad}");
        }
    }
}
