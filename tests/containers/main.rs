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

use std::sync::{Mutex, MutexGuard, PoisonError};

use compose::Compose;
use engine::Engine;
use fleet::Fleet;
use lab::Page;
use watch::Watch;

/// One fleet at a time: they share the machine.
static TURN: Mutex<()> = Mutex::new(());

/// The engine and the turn to use it, where there is one.
fn engine() -> Option<(Engine, MutexGuard<'static, ()>)> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match Engine::find() {
        Ok(engine) => Some((engine, turn)),
        Err(why) => {
            let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
            assert!(!ci, "{why}: apt-get install docker.io, and start dockerd");
            lab::leave_out(&format!("{why} (apt-get install docker.io)"));
            None
        }
    }
}

#[test]
fn a_fleet_of_containers_outlives_what_happens_to_its_parts() {
    let Some((engine, _turn)) = engine() else {
        return;
    };
    let fleet = Fleet::start(engine, Compose::read());
    let watch = Watch::start(&fleet.web);
    let failed: Vec<String> = faults::ALL
        .iter()
        .filter_map(|fault| fault(&fleet, &watch).tell())
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_lab_polls_all_its_devices_and_keeps_what_prometheus_is_to_have() {
    let Some((engine, _turn)) = engine() else {
        return;
    };
    let fleet = Fleet::start(engine, Compose::lab());
    let n_devices = f64::from(u32::try_from(fleet.devices).unwrap());
    lab::eventually(lab::PATIENCE * 2, "every device is up", || {
        lab::are_up(&fleet.web, n_devices)
    });
    // Its Prometheus is not here: samples wait for it, and agents are where it would look for them.
    lab::eventually(lab::PATIENCE, "samples wait", || {
        let waiting = fleet.metrics()?.sum("netwolf_remote_write_pending_samples");
        if waiting > 0.0 {
            Ok(())
        } else {
            Err(format!("{waiting} samples"))
        }
    });
    let listed = fleet.json("/sd/agents").unwrap();
    let pages: Vec<&str> = listed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group["targets"][0].as_str())
        .collect();
    assert_eq!(pages.len(), fleet.agents().len(), "{listed}");
    for page in pages {
        let page = Page::parse(&lab::get(page, "/metrics", "").unwrap());
        assert_eq!(page.sum("netwolf_agent_link_up"), 1.0);
    }
}
