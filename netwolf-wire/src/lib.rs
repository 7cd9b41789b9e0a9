//! The vocabulary that crosses the network between NetWolf's manager and its agents.
//!
//! | Word | Means here |
//! |---|---|
//! | device | a machine that we log in to |
//! | platform | a device family as data: prompts, pager, failure marks ([`platform::Platform`]) |
//! | plan | what is run on a device and how its output becomes samples ([`job::Plan`]) |
//! | job | one device, how to reach it, and its plan ([`job::Job`]) |
//! | permit | the manager's word that a device may be offered its credential now ([`login`]) |
//! | lease | the right of one shard to run a job, numbered by an [`Epoch`] |
//! | shard | one core's event loop in an agent; it holds its own link ([`ShardId`]) |
//! | series | a metric name with a label set, declared once a link and then sent as a number |
//! | poll | the samples of one command at one time ([`series::Poll`]) |
//! | step | a run's part on one device, sent to its shard at most once ([`step`]) |
//!
//! There is no policy here and, without the `framing` feature, no runtime: who gets which job is the
//! manager's matter, how a session is kept is the agent's. With `framing`, [`frame`] carries the
//! messages over any byte stream; with `tls`, [`tls`] has what both ends need to know each other.
//!
//! Compatibility: unknown fields and unknown message kinds are skipped by whoever reads them, so a
//! minor protocol version may add both; see [`version`].

pub mod allow;
pub mod certify;
pub mod hash;
pub mod job;
pub mod legacy;
pub mod login;
pub mod message;
pub mod name;
pub mod platform;
pub mod rule;
pub mod secret;
pub mod series;
pub mod span;
pub mod stats;
pub mod status;
pub mod step;
pub mod target;
pub mod unseen;
pub mod version;

#[cfg(feature = "framing")]
pub mod frame;

#[cfg(feature = "tls")]
pub mod tls;

pub use name::{AgentName, DeviceName, Epoch, Incarnation, NameError, ShardId};
pub use secret::SecretRef;
pub use span::Span;
