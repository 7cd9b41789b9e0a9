//! A fleet in containers on two private networks, and what happens to its parts: killed, paused, cut off, restarted.
//!
//! ```text
//!   compose.yml --> compose --> fleet <-- image: a static program FROM scratch
//!                                 | engine: the Docker API
//!                  faults --------+--- watch: the manager's page, ten times a second
//!                    |            +--- consoles: what the devices saw
//!                    +--> verdict: measured against wanted, a line each
//! ```
//!
//! Invariants: nothing is pulled and nothing leaves the networks; whatever was made is removed; a fault is
//! judged only when the fleet was well before it. Where no engine answers that is said, and in CI it fails.

#![expect(
    clippy::float_cmp,
    reason = "counts are whole, and a value that moved differs"
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

#[path = "../../netwolf-filter/tests/library/yaml.rs"]
mod yaml;

mod compose;
mod engine;
mod faults;
mod fleet;
mod image;
mod verdict;
mod watch;

use engine::Engine;
use fleet::Fleet;
use watch::Watch;

#[test]
fn a_fleet_of_containers_outlives_what_happens_to_its_parts() {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(why) => {
            let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
            assert!(!ci, "{why}: apt-get install docker.io, and start dockerd");
            return lab::leave_out(&format!("{why} (apt-get install docker.io)"));
        }
    };
    let fleet = Fleet::start(engine);
    let watch = Watch::start(&fleet.web);
    let failed: Vec<String> = faults::ALL
        .iter()
        .filter_map(|fault| fault(&fleet, &watch).tell())
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
