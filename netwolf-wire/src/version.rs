//! Which protocol two programs speak: settled in the first message each way, before anything else is read.
//!
//! Within a major version everything is additive (unknown fields and kinds are skipped), so the lower minor
//! version of the two is spoken. Another major version is refused, and the refusal names both.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What this build speaks. Since 1.1 a form of [`SecretRef`] that is not known is no broken message, and there are
/// `credential:` and `exec:`; since 1.2 there are steps.
///
/// [`SecretRef`]: crate::SecretRef
pub const CURRENT: Version = Version { major: 1, minor: 2 };

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Changes when old and new cannot talk.
    pub major: u16,
    /// Changes when something is added.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Two programs that cannot talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "protocol {theirs} of the other side does not go with {ours} of this one: run the same major version on both"
)]
pub struct Incompatible {
    /// What this side speaks.
    pub ours: Version,
    /// What the other side said.
    pub theirs: Version,
}

/// The version that both speak.
///
/// # Errors
/// [`Incompatible`] when the major versions differ.
///
/// ```
/// use netwolf_wire::version::{Version, settle};
///
/// let (old, new) = (Version { major: 1, minor: 0 }, Version { major: 1, minor: 3 });
/// assert_eq!(settle(old, new), Ok(old));
/// assert!(settle(old, Version { major: 2, minor: 0 }).is_err());
/// ```
pub fn settle(ours: Version, theirs: Version) -> Result<Version, Incompatible> {
    if ours.major == theirs.major {
        Ok(ours.min(theirs))
    } else {
        Err(Incompatible { ours, theirs })
    }
}
