//! Where a device is and how to log in to it. References only: no secret value is ever here.

use serde::{Deserialize, Serialize};

use crate::{SecretRef, Span, legacy::Legacy};

/// Everything that a session needs to know of one device besides its platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port of the device's SSH server.
    pub port: u16,
    /// Who to log in as, and with what.
    pub login: Login,
    /// How the device proves who it is.
    pub host_key: HostKey,
    /// Bound on TCP connect, on key exchange and on login, each for itself.
    pub connect_timeout: Span,
    /// The machine that the connection goes through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Box<Jump>>,
    /// Algorithms that are off unless they are named: the platform's and the device's together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legacy: Vec<Legacy>,
    /// A session is closed and made anew at this age, between two commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
}

/// An SSH server that opens the way to devices behind it. Equal ones share one connection of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Jump {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port of its SSH server.
    pub port: u16,
    /// Who to log in as, and with what.
    pub login: Login,
    /// How it proves who it is.
    pub host_key: HostKey,
    /// Algorithms that are off unless they are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legacy: Vec<Legacy>,
}

/// A credential by reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Login {
    /// Name of the credential in the configuration; stands in logs and metrics.
    pub credential: String,
    /// The user name.
    pub username: String,
    /// Tried first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<SecretRef>,
    /// Opens an encrypted private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<SecretRef>,
    /// An ssh-agent on the agent's machine, tried after the private key. `env:NAME` names a variable that has
    /// the path of its socket, `file:PATH` is that path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_agent: Option<SecretRef>,
    /// For the `password` method, or `keyboard-interactive` where a device has only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// Answers the platform's `enable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_secret: Option<SecretRef>,
    /// How commands of runs may begin, word by word ([`crate::allow`]). Where nothing is said, only what the platform
    /// knows to read, unless a procedure names the credential for its changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
}

impl Login {
    /// A credential of which nothing else is said.
    pub fn named(credential: impl Into<String>) -> Self {
        Self {
            credential: credential.into(),
            username: String::new(),
            private_key: None,
            passphrase: None,
            ssh_agent: None,
            password: None,
            enable_secret: None,
            allow: Vec::new(),
        }
    }
}

/// Which host key is accepted. There is no way to accept any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKey {
    /// Exactly the key with this fingerprint, written `SHA256:...` as OpenSSH does.
    Pinned(String),
    /// A key that this file on the agent's machine lists for the device.
    KnownHosts(String),
    /// The first key seen, and then only that one for as long as the agent runs.
    AcceptNew,
}
