//! Jobs: a device, how to reach it, and its plan.
//!
//! Ten thousand devices of a platform share a plan, so a plan crosses a link once and is compiled once a
//! shard; a job names it by its digest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{DeviceName, Span, hash::Digest, platform::Platform, rule::Rule, target::Target};

/// What is run on a device and what its output means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How the device behaves.
    pub platform: Arc<Platform>,
    /// The distinct commands of the device's collectors: one that several share is run once.
    pub commands: Vec<Command>,
}

impl Plan {
    /// The plan's name on the wire.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}

/// A command with its own interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// What is typed.
    pub text: String,
    /// The collectors that asked for it, sorted; the first one names it in metrics.
    pub collectors: Vec<String>,
    /// From one start to the next.
    pub interval: Span,
    /// From the moment it is typed until its output must be whole.
    pub timeout: Span,
    /// Turn the output into samples.
    pub rules: Vec<Rule>,
}

/// One device to poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which device.
    pub device: DeviceName,
    /// Where it is and how to log in.
    pub target: Target,
    /// Its plan, sent before.
    pub plan: Digest,
    /// No two sessions of it may ever stand at a time: without the manager its lease ends early, and nobody else gets
    /// one before that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
}

impl Job {
    /// Equal for equal jobs: tells whether what an agent runs is what the inventory says.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}
