//! Who may do what at the web port: roles, and the tokens that have them. Pure.
//!
//! What a path needs stands beside it in [`crate::http::PATHS`]; the decision is [`verdict::decide`], and
//! [`cross_site`] keeps out what a browser asks on behalf of another site.

pub mod cross_site;
pub mod tokens;
pub mod verdict;

use std::{fmt, str::FromStr};

use serde::Serialize;

pub use tokens::{Digest, Token, Tokens};

/// What somebody may do; each role may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything.
    View,
    /// Run what is prepared, and commands that only read; drain agents.
    Operate,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::View, Self::Operate, Self::Admin];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role {0:?}; there are view, operate, admin")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}
