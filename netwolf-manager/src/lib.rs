//! Holds the inventory, leases jobs to agents, stores series and serves Prometheus.
//!
//! ```text
//!   config, library -> inventory --+
//!                                  v
//!   agents <--> link <--> core (dispatch: fleet, placement, lease) --> board --+
//!                 |                                                            +--> telemetry --+
//!                 +----------------------------> series ------------------------> exposition <--+
//!                                                                                    |
//!   Prometheus, people <---------------------------------------- http <--------------+
//! ```
//!
//! Machines are pure and own no clock: [`placement`], [`lease`], [`fleet`], [`dispatch`]. Drivers are short:
//! [`core`] feeds the machines, [`link`] speaks with agents, [`http`] with everybody else, [`reload`] reads
//! files. What scrapes and the API show is read from the [`board`] and the [`series`] store, so that they
//! never wait for the core. [`manager`] starts and ends it all.

// It panics where nobody reads standard error any more, as when a pipe is closed.
#![warn(clippy::print_stderr)]

pub mod config;
pub mod inventory;
pub mod library;

pub mod access;
pub mod backup;
pub mod board;
pub mod bounded;
pub mod breaker;
pub mod cli;
pub mod clock;
pub mod core;
pub mod dispatch;
pub mod exposition;
pub mod fleet;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod http;
pub mod lease;
pub mod link;
pub mod logging;
pub mod manager;
pub mod placement;
pub mod reload;
pub mod remote_write;
pub mod runs;
pub mod series;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod state;
pub mod storage;
pub mod telemetry;
pub mod trust;

pub use manager::{Manager, ManagerConfig, Source, StartError};

#[cfg(test)]
mod testing;
