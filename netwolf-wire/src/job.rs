//! Jobs: a device, how to reach it, and its plan.
//!
//! Ten thousand devices of a platform share a plan, so a plan crosses a link once and is compiled once a
//! shard; a job names it by its digest.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    DeviceName, Span, hash::Digest, platform::Platform, rule::Rule, target::Target,
    version::Version,
};

/// The first protocol whose platforms say what steps may type.
const STEPS: Version = Version { major: 1, minor: 2 };

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

    /// The plan as whoever speaks `protocol` can read it, where that is another text: an older agent knows no steps, and
    /// takes a key of a platform that it does not know for a broken message.
    pub fn for_protocol(&self, protocol: Version) -> Option<Self> {
        if protocol >= STEPS {
            return None;
        }
        let Platform {
            reads,
            writes,
            modes,
            ..
        } = &*self.platform;
        if reads.is_empty() && writes.is_empty() && modes.is_empty() {
            return None;
        }
        let platform = Platform {
            reads: Vec::new(),
            writes: Vec::new(),
            modes: BTreeMap::new(),
            ..Platform::clone(&self.platform)
        };
        Some(Self {
            platform: Arc::new(platform),
            commands: self.commands.clone(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Transport;

    #[test]
    fn an_older_agent_is_told_of_no_key_that_it_does_not_know() {
        let mut platform = Platform::new("lab_os", Transport::Exec);
        let plan = |platform: &Platform| Plan {
            platform: Arc::new(platform.clone()),
            commands: Vec::new(),
        };
        let old = Version { major: 1, minor: 1 };
        assert_eq!(plan(&platform).for_protocol(old), None);
        let as_it_was = plan(&platform);
        platform.reads.push("show".into());
        platform.writes.push("tee".into());
        assert_eq!(plan(&platform).for_protocol(old), Some(as_it_was));
        assert_eq!(plan(&platform).for_protocol(STEPS), None);
    }
}
