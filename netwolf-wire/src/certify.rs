//! How an agent gets a certificate: one question and one answer, on a connection of their own, instead of hello.
//!
//! ```text
//!   agent                                            manager
//!     | -- TLS; the manager's certificate is checked -> |
//!     | -- certify (name, key, proof, invite) --------> |   to join; without an invite to renew, then the
//!     | <------------- certified or refused ----------- |   connection has the present certificate
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AgentName, version::Version};

/// An agent wants a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certify {
    /// The protocol that the agent speaks.
    pub protocol: Version,
    /// The agent's name, which the certificate will bear.
    pub agent: AgentName,
    /// Its public key (`SubjectPublicKeyInfo`), base64.
    pub key: String,
    /// A signature by that key, base64: whoever asks has the private one.
    pub proof: String,
    /// Why it should get one. Left out, the connection's own certificate is to be renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Invite>,
}

/// What remains of a join token when its pin has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Which invite.
    pub id: String,
    /// Shows that it was given to whoever asks.
    pub secret: InviteSecret,
}

/// A secret that is written to the wire and shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InviteSecret(String);

impl InviteSecret {
    /// Hides `text`.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// An agent has a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certified {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authorities whose managers are to be believed from now on, PEM.
    pub authorities: Vec<String>,
}
