//! Why there is no certificate, or no invite, and what to do about it.

use thiserror::Error;

use super::TrustError;

/// Why there is no certificate for whoever asks.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The invite is none.
    #[error("the join token is not known here")]
    Unknown,
    /// It is too old.
    #[error("the join token has expired")]
    Expired,
    /// It was used.
    #[error("the join token has been used")]
    Used,
    /// It is for another agent.
    #[error("the join token is for the agent {0:?}")]
    Name(String),
    /// Another agent has the name.
    #[error("an agent named {0:?} has a certificate that still holds")]
    Taken(String),
    /// Whoever asks was wrong too often.
    #[error("too many join tokens were not good")]
    TooMany,
    /// The certificate is not good any more.
    #[error("the certificates of the agent {0:?} have been revoked")]
    Revoked(String),
    /// It could not be written down or signed.
    #[error("the manager cannot give out certificates now")]
    Internal(#[source] TrustError),
}

impl Refusal {
    /// The label of its metric.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Name(_) => "name",
            Self::Taken(_) => "taken",
            Self::TooMany => "too_many",
            Self::Revoked(_) => "revoked",
            Self::Internal(_) => "internal",
        }
    }

    /// All reasons.
    pub const REASONS: [&'static str; 8] = [
        "unknown", "expired", "used", "name", "taken", "too_many", "revoked", "internal",
    ];

    /// What an operator does about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown | Self::Expired | Self::Used => {
                "make a new one with `netwolf agents invite`; each is good once and for a short time".into()
            }
            Self::Name(name) => format!("start the agent with `--name {name}`, or make a token for its own name"),
            Self::Taken(name) => format!(
                "if it is to be replaced, make a token for it with `netwolf agents invite --name {name}`; \
                 else give this agent another `--name`"
            ),
            Self::TooMany => "wait a minute; the manager's log has the addresses".into(),
            Self::Revoked(name) => {
                format!("to let it in again, make a token with `netwolf agents invite --name {name}`")
            }
            Self::Internal(_) => "the manager's log has the reason".into(),
        }
    }

    /// Whether the same may be taken later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::TooMany | Self::Internal(_))
    }
}
