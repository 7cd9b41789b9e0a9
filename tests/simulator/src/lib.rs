//! SSH devices that behave like the real ones, thousands in one process.
//!
//! A [`Fleet`] listens on one socket per device and answers as a router of the family asked for
//! would: banner, password and key login, echo, prompt, pager, `enable`, `show` commands whose
//! values move with time. It serves tests in-process, the demo, and people who want a router to
//! type at.
//!
//! ```text
//!   cli ──> fleet ──> ssh (driver: russh, sockets, delays) ──> dialogue (trait, no IO)
//!             │                                                   │
//!             ├── device (counters, faults, lines)                ├── ios (live Cisco IOS)
//!             └── scenario (faults by a timetable)                └── table (all other manners)
//! ```
//!
//! Vocabulary: a *device* is one listening address with its own name, values and faults; a
//! *manner* is how a family of devices talks ([`Manner`]); a *dialogue* is one login's state,
//! bytes in and bytes out; a *fault* is misbehaviour that a test switches on while the fleet runs.
//!
//! Invariants:
//! - all values are a pure function of (seed, device number, time): two runs with one seed agree;
//! - counters never go back while a device is up;
//! - a dialogue owns no socket, clock or random source, so it can be tested byte by byte;
//! - this crate stands alone: it knows nothing of the programs that poll it.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use netwolf_simulator::{Fleet, FleetConfig};
//!
//! let fleet = Fleet::start(FleetConfig::new(3, "netwolf", "secret")).await?;
//! assert_eq!(fleet.devices()[0].name(), "sim-0001");
//! assert!(fleet.host_key().starts_with("SHA256:"));
//! fleet.shutdown().await;
//! # Ok::<(), netwolf_simulator::FleetError>(())
//! # }).unwrap();
//! ```

pub mod cli;
pub mod clock;
mod configuring;
pub mod device;
pub mod dialogue;
pub mod fleet;
mod ios;
mod laws;
pub mod manner;
pub mod scenario;
mod ssh;
mod table;
pub mod transcript;

pub use clock::{Clock, ManualClock, SystemClock};
pub use device::{Allowance, DeviceHandle, Faults, HostKeyType, KeyExchange, Secret};
pub use fleet::{Bind, Fleet, FleetConfig, FleetError, FleetTotals, Gaps, Lockout};
pub use manner::Manner;
pub use scenario::Scenario;
pub use transcript::Transcript;
