//! Whole-system faults: what a fleet does when agents, links, the manager, devices or descriptors fail.
//!
//! ```text
//!   devices (this process) <-- SSH -- agents a1 a2 a3 -- links --> manager <-- HTTP -- the test
//!      | commands, logins, sessions                  [proxy]                              |
//!      +--> watch: gaps of each device ----------------------> table: measured | wanted <-+
//! ```
//!
//! Each test brings up a manager, three agents of one shard and simulated devices polled once a second, waits
//! until the fleet is steady (else the run is void), makes one fault, and judges by what the *devices* saw, by
//! the API and by `/metrics`. It says one line, `fault | measured | wanted`, which is kept in `faults.md` in the
//! folder for temporary files of the build, too.
//!
//! The tests take turns, because each wants the machine for itself. How much they do is asked of the environment:
//!
//! | Variable | Default | Means |
//! |---|---|---|
//! | `NETWOLF_FAULT_DEVICES` | 300 | how many devices; what a debug build on two busy cores carries |
//! | `NETWOLF_FAULT_SECONDS` | 12 | how long an agent sleeps, and a link is cut |
//! | `NETWOLF_FAULT_MINUTES` | 3 | for how long random faults follow each other |
//! | `NETWOLF_FAULT_SEED` | 1 | which ones |
//! | `NETWOLF_RUN_KILLS` | 20 | how often something is killed during automation runs |
//!
//! In full: `NETWOLF_FAULT_DEVICES=1000 NETWOLF_FAULT_SECONDS=30 NETWOLF_FAULT_MINUTES=30 cargo test --release --test faults`.
//!
//! [`proxy`] makes the faults of the network.

#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "counts are whole and small"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, helpers included"
)]

#[allow(
    dead_code,
    unused_imports,
    clippy::float_cmp,
    reason = "the scenes of the whole-system tests, of which these need a part"
)]
#[path = "../e2e"]
mod e2e {
    pub(crate) mod lab;
}
use e2e::lab;

mod proxy;
mod scene;
mod table;
mod watch;

mod agents;
mod descriptors;
mod devices;
mod manager;
mod network;
mod random;
mod runs;
