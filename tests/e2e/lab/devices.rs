//! Simulated devices inside the test's own process.

use std::fmt::Write as _;

use netwolf_simulator::{Fleet, FleetConfig, Scenario, scenario};

use super::PASSWORD;

/// Simulated devices inside the test's own process, so that it can count logins and break things.
pub(crate) struct Devices {
    runtime: tokio::runtime::Runtime,
    fleet: Option<Fleet>,
}

impl Devices {
    /// Starts `count` devices named `sim-...` on ports of 127.0.0.1.
    pub(crate) fn start(count: usize) -> Self {
        Self::of(FleetConfig::new(count, "netwolf", PASSWORD))
    }

    /// Starts what `config` says.
    pub(crate) fn of(config: FleetConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let fleet = runtime.block_on(Fleet::start(config)).unwrap();
        Self {
            runtime,
            fleet: Some(fleet),
        }
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        self.fleet
            .as_ref()
            .expect("the fleet runs until it is dropped")
    }

    /// Plays `scenario` to its end; what happened.
    pub(crate) fn play(&self, scenario: &Scenario) -> Vec<scenario::Event> {
        let mut events = Vec::new();
        self.runtime
            .block_on(scenario.play(self.fleet(), |event| events.push(event.clone())));
        events
    }

    /// The devices' entries for an inventory, with their host key pinned.
    pub(crate) fn inventory(&self) -> String {
        self.inventory_with("")
    }

    /// As [`Devices::inventory`], each with `more` settings, such as `, credential: other`.
    pub(crate) fn inventory_with(&self, more: &str) -> String {
        format!("devices:\n{}", self.entries(more))
    }

    /// The entries alone, each with `more` settings, such as `, credential: other`.
    pub(crate) fn entries(&self, more: &str) -> String {
        self.fleet()
            .devices()
            .iter()
            .fold(String::new(), |mut text, device| {
                writeln!(
                text,
                "  - {{ name: {}, address: {}, port: {}, platform: {}, host_key: \"{}\"{more} }}",
                device.name(),
                device.address().ip(),
                device.address().port(),
                device.platform(),
                self.fleet().host_key(),
            )
            .unwrap();
                text
            })
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        if let Some(fleet) = self.fleet.take() {
            self.runtime.block_on(fleet.shutdown());
        }
    }
}
