//! Who may log in when: the manager counts the failures of each credential for all agents together.
//!
//! ```text
//!   agent's shard                                       manager
//!     | -- ask (device, credential) ----------------------> |  the device's key is verified, nothing was offered
//!     | <------------------------------ permits (device) -- |  now, or when others have shown that it is good
//!     | -- ended (device, outcome) ------------------------> |
//!     | <---------------------- breakers (credential open) - |  too many refusals: nobody is to try
//!     | <--------------------------------- probe (device) -- |  but this one, once
//! ```
//!
//! A permit that is not answered by an outcome lapses with its link or its time. A shard without a link keeps
//! its sessions; it logs in by its own lights then, with a credential that it has seen accepted.

use serde::{Deserialize, Serialize};

use crate::{DeviceName, Epoch, status::Failure};

/// A device that is about to be offered a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginAsk {
    /// The device.
    pub device: DeviceName,
    /// Its lease.
    pub epoch: Epoch,
    /// Name of the credential: the device's, or its jump host's.
    pub credential: String,
}

/// How a permitted login ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginEnd {
    /// The device.
    pub device: DeviceName,
    /// Its lease.
    pub epoch: Epoch,
    /// Name of the credential.
    pub credential: String,
    /// What the device said.
    pub outcome: LoginOutcome,
}

/// What a device said to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginOutcome {
    /// It took it.
    Accepted,
    /// It refused it, or the enable secret. It may follow `Accepted`, where the device let in and then wants a new
    /// password.
    Refused,
    /// It said neither: the connection broke, or time ran out.
    Unclear,
    /// It was not offered after all.
    Unused,
}

/// Whether a credential may be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Name of the credential.
    pub credential: String,
    /// Why it may not be tried; nothing when it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Failure>,
}
