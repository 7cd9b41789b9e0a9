//! The messages of a link, each a JSON object with one key: its kind.
//!
//! ```text
//!   agent's shard                                   manager
//!     | -- hello (who, versions, what it runs) -----> |
//!     | <------------- welcome (timing) or refused -- |
//!     | <------------------------ plans, then assign -|   leases, each with an epoch
//!     | -- heartbeat n -----------------------------> |   once a second, with counters
//!     | <---------------------------------- renew n --|   all leases of this shard, from when n was sent
//!     | -- declare, then polls ---------------------> |   series by number
//!     | -- status ----------------------------------> |   when a session's state changes
//!     | <------------------------------------ revoke -|
//!     | -- revoked ---------------------------------> |   the sessions are closed
//!     | <-------------------- steps, their events --> |   automation, see [`crate::step`]
//!     | <------------------------------------- drain -|   an operator wants the agent gone
//!     | -- leaving ---------------------------------> |   for that, or for SIGTERM
//!     | <---------- revoke ..., at last dismissed ----|   its devices have gone elsewhere
//!     | -- goodbye ---------------------------------> |
//! ```
//!
//! Invariants: nothing comes before hello and welcome, and what [`crate::certify`] says comes instead of them; a number is declared before it is used; a lease is
//! granted elsewhere only after `revoked`, or when its shard has been silent for the takeover time.

use std::{fmt, net::SocketAddr, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{
    AgentName, DeviceName, Epoch, Incarnation, Span,
    certify::{Certified, Certify},
    hash::Digest,
    job::{Job, Plan},
    login::{Breaker, LoginAsk, LoginEnd},
    series::{DeviceDecl, FamilyDecl, Poll, SeriesDecl},
    stats::ShardStats,
    status::{DeviceStatus, Failure},
    step::{Attempt, StepEvent, StepOrder},
    version::Version,
};

/// Defines a message enum that is written `{"kind": {...}}` and skips kinds that it does not know.
///
/// Serde's own tagged forms either buffer the whole content or refuse unknown kinds that carry content.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident($content:ty) = $kind:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant($content),)+
            /// A kind of a later minor version; to be skipped.
            Unknown(String),
        }

        impl $name {
            /// The kind as it is written.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)+
                    Self::Unknown(kind) => kind,
                }
            }
        }

        $(impl From<$content> for $name {
            fn from(content: $content) -> Self {
                Self::$variant(content)
            }
        })+

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(1))?;
                match self {
                    $(Self::$variant(content) => map.serialize_entry($kind, content)?,)+
                    Self::Unknown(kind) => map.serialize_entry(kind, &())?,
                }
                map.end()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct MessageVisitor;

                impl<'de> Visitor<'de> for MessageVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object with one key, the kind of message")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let kind: String = map.next_key()?.ok_or_else(|| de::Error::custom("a message without a kind"))?;
                        let message = match kind.as_str() {
                            $($kind => $name::$variant(map.next_value()?),)+
                            _ => {
                                map.next_value::<IgnoredAny>()?;
                                $name::Unknown(kind)
                            }
                        };
                        match map.next_key::<IgnoredAny>()? {
                            None => Ok(message),
                            Some(_) => Err(de::Error::custom("a message has one kind")),
                        }
                    }
                }

                deserializer.deserialize_map(MessageVisitor)
            }
        }
    };
}

messages! {
    /// What an agent's shard says.
    ToManager {
        /// First of all.
        Hello(Hello) = "hello",
        /// Instead of hello, on a connection of its own; see [`crate::certify`].
        Certify(Certify) = "certify",
        /// Once a heartbeat interval.
        Heartbeat(Heartbeat) = "heartbeat",
        /// Before the first poll that uses a number.
        Declare(Declare) = "declare",
        /// Samples.
        Polls(Polls) = "polls",
        /// States of sessions that changed.
        Statuses(Statuses) = "statuses",
        /// Answers [`ToAgent::Revoke`], and tells of leases given up unasked: their sessions are closed.
        Revoked(Revoked) = "revoked",
        /// Devices that are about to be offered a credential; see [`crate::login`].
        Asks(Asks) = "asks",
        /// Logins that were permitted and have ended.
        Ended(Ended) = "ended",
        /// Answers [`ToAgent::Show`].
        Shown(Shown) = "shown",
        /// Steps of runs that the shard has not forgotten, first on each link; their events follow.
        StepsHeld(StepsHeld) = "steps_held",
        /// What happened to steps.
        StepEvents(StepEvents) = "step_events",
        /// The shard wants to end and still runs what it was leased: its devices are to go elsewhere first.
        Leaving(Leaving) = "leaving",
        /// The shard is shutting down and has closed its sessions: no grace is to be waited for.
        Goodbye(Goodbye) = "goodbye",
    }
}

messages! {
    /// What the manager says.
    ToAgent {
        /// Answers hello; the link stands.
        Welcome(Welcome) = "welcome",
        /// Answers [`ToManager::Certify`].
        Certified(Certified) = "certified",
        /// Answers hello and certify; the link is closed after it.
        Refused(Refused) = "refused",
        /// Plans that later assignments name.
        Plans(Plans) = "plans",
        /// New leases.
        Assign(Assign) = "assign",
        /// Leases to be given up.
        Revoke(Revoke) = "revoke",
        /// Answers a heartbeat: every lease of this shard is renewed.
        Renew(Renew) = "renew",
        /// Credentials that may not be tried, or may again. All that may not come right after welcome.
        Breakers(Breakers) = "breakers",
        /// Devices that may be offered their credential now.
        Permits(Permits) = "permits",
        /// A device that may try although the breaker of its credential is open.
        Probe(Probe) = "probe",
        /// Somebody wants to see what a device answers.
        Show(Show) = "show",
        /// Steps of runs to be carried out.
        Steps(Steps) = "steps",
        /// Steps that are wanted no more.
        CancelSteps(CancelSteps) = "cancel_steps",
        /// Ends of steps that were written down: they may be forgotten.
        StepsHeard(StepsHeard) = "steps_heard",
        /// An operator wants the whole agent to leave.
        Drain(Drain) = "drain",
        /// Answers [`ToManager::Leaving`]: nothing is left here, or there is nobody to take it.
        Dismissed(Dismissed) = "dismissed",
    }
}

/// Who calls, what it speaks and what it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol that the agent speaks.
    pub protocol: Version,
    /// The program's version, for people.
    pub software: String,
    /// The agent's name.
    pub agent: AgentName,
    /// Which of its shards.
    pub shard: u16,
    /// How many shards it has: the manager may wait for the others before it places devices.
    pub shards: u16,
    /// Tells a restart from a lost link.
    pub incarnation: Incarnation,
    /// Where it is: devices of this site are placed on it before others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// How many devices it takes beside a shard of size 1.
    #[serde(default = "usual_size")]
    pub size: u16,
    /// Where its agent's own page listens, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<SocketAddr>,
    /// For how long it has heard nothing: a hello tells that it can be heard, not that it hears.
    #[serde(default, skip_serializing_if = "Span::is_zero")]
    pub silent: Span,
    /// Leases that it still runs, with the digests of their jobs.
    #[serde(default)]
    pub running: Vec<Running>,
}

const fn usual_size() -> u16 {
    1
}

/// A lease that a shard runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The device.
    pub device: DeviceName,
    /// The lease.
    pub epoch: Epoch,
    /// What it was told to do.
    pub job: Digest,
}

/// The manager takes the shard in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol that both speak from now on.
    pub protocol: Version,
    /// The program's version, for people.
    pub software: String,
    /// When things are due.
    pub timing: Timing,
}

/// The times that both sides of a link keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From one heartbeat to the next.
    pub heartbeat: Span,
    /// A link that is silent for so long is dead.
    pub silence: Span,
    /// A shard without a manager goes on polling for so long, and then closes its sessions.
    pub autonomy: Span,
    /// The same for exclusive jobs: they are over when others may begin them.
    #[serde(default)]
    pub exclusive: Span,
}

/// The manager does not take the shard in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The protocol that the manager speaks.
    pub protocol: Version,
    /// Why, in words, with what to do.
    pub message: String,
    /// Whether trying again can help.
    pub retry: bool,
}

/// A sign of life, with the shard's counters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Counts up on each link; the renewal names it.
    pub beat: u64,
    /// The shard's own counters.
    pub stats: Box<ShardStats>,
}

/// Numbers that the following polls use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declare {
    /// Devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceDecl>,
    /// Metric families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<FamilyDecl>,
    /// Series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<SeriesDecl>,
}

/// Results, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polls {
    /// The polls.
    pub polls: Vec<Poll>,
}

/// Session states that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statuses {
    /// One for each device.
    pub statuses: Vec<DeviceStatus>,
}

/// Plans by digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plans {
    /// The plans.
    pub plans: Vec<(Digest, Arc<Plan>)>,
}

/// New leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assign {
    /// One for each device. A device that the shard already runs gets the new job under the new epoch;
    /// its session stays where the target has not changed.
    pub leases: Vec<Lease>,
}

/// The right to run a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// In force until a higher one is.
    pub epoch: Epoch,
    /// What to do.
    pub job: Arc<Job>,
}

/// Leases that end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// Devices with the epochs that end; another epoch is not touched.
    pub leases: Vec<(DeviceName, Epoch)>,
}

/// Leases that have ended: no command of theirs runs any more, their sessions are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Devices with the epochs that ended.
    pub leases: Vec<(DeviceName, Epoch)>,
}

/// Every lease of the shard holds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// The heartbeat that this answers: the lease runs from the moment that one was sent.
    pub beat: u64,
}

/// Requests for permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// One for each login.
    pub asks: Vec<LoginAsk>,
}

/// Ends of permitted logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// One for each permit.
    pub logins: Vec<LoginEnd>,
}

/// Breakers that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakers {
    /// One for each credential.
    pub breakers: Vec<Breaker>,
}

/// Answers to [`Asks`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permits {
    /// The asks that are granted, as they came.
    pub permits: Vec<LoginAsk>,
}

/// One try with a credential whose breaker is open. The device asks for its permit as always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The device.
    pub device: DeviceName,
    /// Its lease.
    pub epoch: Epoch,
    /// The name of the credential: the device's own, or that of a jump host on the way to it.
    pub credential: String,
}

/// A request for what a device answers, run on its live session as soon as it is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    /// Names the request in the answer.
    pub request: u64,
    /// The device.
    pub device: DeviceName,
    /// One of the plan's commands; all of them where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The request.
    pub request: u64,
    /// One for each command; empty when there is no session or no such command.
    pub outputs: Vec<ShownOutput>,
}

/// One command's output, with passwords and keys taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownOutput {
    /// The command.
    pub command: String,
    /// When the output was whole, Unix time in milliseconds.
    pub unix_ms: u64,
    /// How long it took.
    pub took: Span,
    /// What the device said, cut at [`ShownOutput::MAX_TEXT`]; or nothing.
    pub text: String,
    /// It was cut.
    #[serde(default)]
    pub truncated: bool,
    /// Why there is none, or none that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl ShownOutput {
    /// The longest text, in bytes.
    pub const MAX_TEXT: usize = 256 * 1024;
}

/// Steps to be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<StepOrder>,
}

/// Steps that are wanted no more: what has not started never will, what has started types nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelSteps {
    /// The steps.
    pub steps: Vec<Attempt>,
}

/// Steps whose ends were written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsHeard {
    /// The steps.
    pub steps: Vec<Attempt>,
}

/// Steps that a shard has not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsHeld {
    /// The steps, ended or not.
    pub steps: Vec<Attempt>,
}

/// What happened to steps, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEvents {
    /// The events.
    pub events: Vec<StepEvent>,
}

/// A shard that is about to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {}

/// An agent that is wanted to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {}

/// Leave to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissed {}

/// A shard that leaves of its own will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {}

#[cfg(test)]
mod tests;
