//! A fleet for one fault: devices, a manager, agents, and the watch; one at a time in this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use netwolf_simulator::FleetConfig;
use tempfile::TempDir;

use crate::{
    lab::{self, Devices, Manager, PASSWORD, PATIENCE, Process, eventually},
    watch::Watch,
};

/// What a debug build on two busy cores carries.
const DEVICES: usize = 300;

/// Longer than `takeover` and `link_grace`, so that it shows what a longer time would.
const SECONDS: u64 = 12;

/// Who polls the devices.
pub(crate) const AGENTS: [&str; 3] = ["a1", "a2", "a3"];

/// Each scene wants the machine for itself.
static TURN: Mutex<()> = Mutex::new(());

/// How many devices a fleet has.
pub(crate) fn n_devices() -> usize {
    number("NETWOLF_FAULT_DEVICES").unwrap_or(DEVICES)
}

/// How long a fault lasts.
pub(crate) fn length() -> Duration {
    Duration::from_secs(number("NETWOLF_FAULT_SECONDS").unwrap_or(SECONDS))
}

pub(crate) fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse().ok();
    Some(number.unwrap_or_else(|| panic!("{variable}={text:?} is no number")))
}

/// A fleet. What is started later ends first.
pub(crate) struct Scene {
    pub(crate) agents: Vec<Process>,
    pub(crate) manager: Manager,
    pub(crate) watch: Watch,
    pub(crate) devices: Devices,
    pub(crate) config: PathBuf,
    pub(crate) folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// Devices and a manager with more `settings`, such as `timing: { ... }`; no agent yet.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_by(|devices| format!("{}{settings}\n", devices.inventory()))
    }

    /// As [`Self::start`], with what the test makes of the devices.
    pub(crate) fn start_by(configuration: impl FnOnce(&Devices) -> String) -> Self {
        let devices = FleetConfig::new(n_devices(), "netwolf", PASSWORD);
        Self::start_of(devices, |devices, _| configuration(devices))
    }

    /// As [`Self::start_by`], with other devices, and with the folder that the passwords are in.
    pub(crate) fn start_of(
        devices: FleetConfig,
        configuration: impl FnOnce(&Devices, &Path) -> String,
    ) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = lab::folder();
        let devices = Devices::of(devices);
        let text = configuration(&devices, folder.path());
        let config = lab::configuration(folder.path(), &text);
        Self {
            agents: Vec::new(),
            manager: Manager::start(&config, folder.path()),
            watch: Watch::start(&devices),
            devices,
            config,
            folder,
            _turn: turn,
        }
    }

    /// As [`Self::start`], with its agents, and steady.
    pub(crate) fn with_agents(settings: &str) -> Self {
        let mut scene = Self::start(settings);
        scene.start_agents();
        scene
    }

    /// Starts the [`AGENTS`] and waits until the fleet is steady.
    pub(crate) fn start_agents(&mut self) {
        for name in AGENTS {
            self.agent(name);
        }
        self.steady();
    }

    /// Starts an agent of one shard.
    pub(crate) fn agent(&mut self, name: &str) {
        let agent = self.manager.agent(name, 1, self.folder.path());
        self.agents.push(agent);
    }

    /// As [`Self::agent`], with a way to the manager of its own.
    pub(crate) fn agent_by(&mut self, name: &str, manager: &str) {
        let agent = self.spawn_agent_by(name, manager);
        self.agents.push(agent);
    }

    /// An agent that is not one of the scene's yet.
    pub(crate) fn spawn_agent_by(&self, name: &str, manager: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args(["agent", "--shards", "1", "--name", name])
            .args(["--manager.address", manager]);
        Process::ready(name, command, self.folder.path()).0
    }

    /// As [`Self::agent`], by a command of the test's own.
    pub(crate) fn agent_of(&mut self, name: &str, command: Command) {
        let (agent, _) = Process::ready(name, command, self.folder.path());
        self.agents.push(agent);
    }

    /// Kills the manager, and starts it again where it was once `meanwhile` is over.
    pub(crate) fn kill_manager(&mut self, meanwhile: impl FnOnce(&Self)) {
        let (web, agents) = (self.manager.web.clone(), self.manager.agents.clone());
        self.manager.process.stop();
        meanwhile(self);
        self.manager = Manager::start_on(&self.config, self.folder.path(), &web, &agents);
    }

    /// Waits until all devices are up and each agent has its share, and polls come regularly.
    pub(crate) fn steady(&self) {
        let devices = self.devices.fleet().devices().len();
        lab::wait_until_up(&self.manager.web, devices as f64);
        eventually(PATIENCE, "a fleet that is steady", || self.is_settled());
        self.watch.mark();
        eventually(PATIENCE, "three calm seconds", || {
            let gaps = self.watch.gaps();
            let (span, longest) = (gaps.span(), gaps.quantile(0.99));
            if longest > Duration::from_millis(1_500) {
                self.watch.mark();
            }
            if span > Duration::from_secs(3) {
                Ok(())
            } else {
                Err(format!("the p99 of the gaps is {longest:?}"))
            }
        });
        self.begin();
    }

    /// Whether each agent has its share and no device is to move.
    pub(crate) fn is_settled(&self) -> Result<(), String> {
        let (devices, agents) = (self.devices.fleet().devices().len(), self.agents.len());
        let held = self.counts()?;
        let page = self.manager.metrics()?;
        let waiting = page.value("netwolf_manager_lease_moves_waiting");
        let has_share = |count: &usize| *count >= devices / agents / 2;
        if held.len() == agents && held.values().all(has_share) && waiting == Some(0.0) {
            Ok(())
        } else {
            Err(format!("{held:?}, {waiting:?} wait"))
        }
    }

    /// The moment before a fault: gaps are counted from here.
    ///
    /// # Panics
    /// When the fleet was not polled as it should be: then nothing that follows tells anything.
    pub(crate) fn begin(&self) {
        let fresh = self.watch.fresh();
        assert!(fresh >= 0.95, "void: {fresh:.2} of the devices were polled");
        self.watch.mark();
    }

    /// The p99 of the gaps of `some` devices in the calmest of three windows of `time`, in which `look` has nothing to
    /// say, and the longest gap of all three. What else the machine does makes gaps longer and never shorter, and what a
    /// fault does is in each window.
    pub(crate) fn calmest(
        &self,
        time: Duration,
        some: impl Fn(&str) -> bool,
        mut look: impl FnMut() -> Result<(), String>,
    ) -> (Duration, Duration) {
        let (mut calmest, mut longest) = (Duration::MAX, Duration::ZERO);
        for _ in 0..3 {
            self.watch.mark();
            lab::holds(time, "a window", &mut look);
            let gaps = self.watch.gaps().of(&some);
            calmest = calmest.min(gaps.quantile(0.99));
            longest = longest.max(gaps.longest());
        }
        (calmest, longest)
    }

    /// Which agent holds each device, by the API.
    pub(crate) fn holders(&self) -> Result<BTreeMap<String, String>, String> {
        let devices = self.manager.json("/api/v1/devices")?;
        let devices = devices["devices"].as_array().ok_or("no list of devices")?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("none").to_owned();
        Ok(devices
            .iter()
            .map(|device| (text(&device["name"]), text(&device["agent"])))
            .collect())
    }

    /// How many devices each agent holds.
    pub(crate) fn counts(&self) -> Result<BTreeMap<String, usize>, String> {
        let mut counts = BTreeMap::new();
        for agent in self.holders()?.into_values() {
            *counts.entry(agent).or_default() += 1;
        }
        Ok(counts)
    }

    /// The devices of an agent.
    pub(crate) fn of(&self, agent: &str) -> BTreeSet<String> {
        let holders = self.holders().unwrap_or_else(|error| panic!("{error}"));
        let its = holders.into_iter().filter(|(_, holder)| holder == agent);
        its.map(|(device, _)| device).collect()
    }

    /// The value of a series of the page, or nothing where it is not there.
    pub(crate) fn metric(&self, series: &str) -> Result<f64, String> {
        let value = self.manager.metrics()?.value(series);
        value.ok_or_else(|| format!("no series {series}"))
    }
}

/// A time as the table shows it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
