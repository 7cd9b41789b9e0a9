//! The processes of a measurement: simulators, a manager and an agent, each where it belongs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use netwolf_simulator::cli::Report;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use super::{
    Common,
    cores::{self, Cores},
    gaps::Merged,
    process::{Usage, usage},
};
use crate::{
    api,
    buckets::Buckets,
    manager,
    part::{Part, random_text, told, write_private},
};

/// Devices in one simulator: each is a descriptor, and each session another one.
const DEVICES_PER_SIMULATOR: usize = 4000;
/// Slowest rate at which devices log in before something is wrong, a second; and the least patience.
const SLOWEST_LOGINS: usize = 40;
const PATIENCE: Duration = Duration::from_mins(1);
/// Counters come to the manager with heartbeats, one a second.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(1100);
/// Logins with one credential are paced, so that a wrong password locks no account out. The devices here have several,
/// so that CPU is the bound.
const CREDENTIALS: usize = 16;
/// Until all have logged in each device is polled once, so that logins are measured and not polls.
const LOGIN_INTERVAL: Duration = Duration::from_hours(1);
/// All is over within this time.
const GRACE: Duration = Duration::from_secs(3);

/// The name of [`Fleet::well`].
pub(super) const WELL: &str = "s";

/// How the scene is set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Of the agent.
    pub(super) shards: u16,
    /// Of the agent.
    pub(super) logins_per_second: u32,
    /// Whether the agent joins and links by TLS, as one on another machine does.
    pub(super) tls: bool,
}

/// Devices of one kind.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    /// Begin of their names.
    pub(super) name: &'static str,
    pub(super) devices: usize,
    /// Between echo and output.
    pub(super) split: Duration,
    /// The one key exchange that they know, as `netwolf simulator --key-exchange` takes it.
    pub(super) key_exchange: &'static str,
    /// What happens to them, as `netwolf simulator --scenario` takes it.
    pub(super) scenario: Option<&'static str>,
}

impl Fleet {
    /// Devices that want to be polled and have no fault; they answer as real ones do.
    pub(super) fn well(devices: u32) -> Self {
        Self {
            name: WELL,
            devices: devices as usize,
            split: Duration::from_millis(2),
            key_exchange: "curve25519",
            scenario: None,
        }
    }
}

/// One simulator's process.
struct Simulator {
    fleet: &'static str,
    part: Part,
}

/// Everything that runs.
pub(super) struct Scene {
    folder: TempDir,
    cores: Cores,
    simulators: Vec<Simulator>,
    manager: Part,
    agent: Part,
    /// The manager's address.
    pub(super) web: String,
    devices: usize,
}

/// What we read of `/api/v1/status`; it tells more.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) devices: Devices,
    pub(super) polls_skipped_total: u64,
    pub(super) poll_delay_seconds: Buckets,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Devices {
    pub(super) up: usize,
}

/// Everything at one moment.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) at: Instant,
    pub(super) agent: Usage,
    pub(super) manager: Usage,
    /// All simulators together.
    pub(super) simulators: Usage,
    /// Commands that the devices have run, all fleets together.
    pub(super) commands: u64,
    pub(super) logins: u64,
    /// Gaps since the reading before, by fleet.
    gaps: BTreeMap<&'static str, Merged>,
}

impl Reading {
    /// The gaps of a fleet's devices.
    pub(super) fn gaps(&self, fleet: &str) -> Merged {
        self.gaps.get(fleet).cloned().unwrap_or_default()
    }
}

impl Scene {
    /// Starts a manager without devices and an agent.
    pub(super) async fn set(settings: &Settings) -> anyhow::Result<Self> {
        let cores = Cores::split(settings.shards.into())?;
        cores::pin(&cores.rest)?;
        let folder = tempfile::Builder::new()
            .prefix("netwolf-bench-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let path = folder.path();
        write_private(&path.join("password"), &random_text()?)?;
        let config = path.join("netwolf.yml");
        fs::write(&config, configuration(LOGIN_INTERVAL, path))?;

        let mut command = Part::command("manager", path)?;
        command.arg("manager").arg("--config.file").arg(&config);
        command.arg("--storage.path").arg(path.join("data"));
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        command.args(["--agent.listen-address", "127.0.0.1:0"]);
        let (manager, ready) = Part::start("manager", command, path).await?;
        let (web, agents) = (told(&ready, "web")?, told(&ready, "agents")?);

        let mut command = Part::command("agent", path)?;
        command.args(["agent", "--name", "bench", "--manager.address", &agents]);
        command.args(["--shards", &settings.shards.to_string()]);
        command.args([
            "--logins-per-second",
            &settings.logins_per_second.to_string(),
        ]);
        if settings.tls {
            let token = path.join("token");
            write_private(&token, &invite(&web).await?)?;
            command
                .arg("--join")
                .arg(format!("file:{}", token.display()));
            command.arg("--storage.path").arg(path.join("agent"));
        }
        // A line for each device that comes up would be measured, too.
        command.args(["--log.level", "warn"]);
        let (agent, _) = cores::on(&cores.measured, Part::start("agent", command, path)).await?;
        Ok(Self {
            folder,
            cores,
            simulators: Vec::new(),
            manager,
            agent,
            web,
            devices: 0,
        })
    }

    /// The manager's storage folder.
    pub(super) fn storage(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the agent runs, in words.
    pub(super) fn cores(&self) -> String {
        self.cores.shown()
    }

    /// Starts the simulators of a fleet; the manager does not know of them yet.
    pub(super) async fn add(&mut self, fleet: &Fleet) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let scenario = match fleet.scenario {
            Some(text) => {
                let path = folder.join(format!("{}-scenario.yml", fleet.name));
                fs::write(&path, text)?;
                Some(path)
            }
            None => None,
        };
        let mut left = fleet.devices;
        while left > 0 {
            let devices = left.min(DEVICES_PER_SIMULATOR);
            left -= devices;
            let number = self.simulators.len();
            let name = format!("simulator-{number}");
            let mut command = Part::command(&name, folder)?;
            command.args(["simulator", "--devices", &devices.to_string()]);
            command.args([
                "--addresses",
                &format!("127.{}.0.1", 32 + number),
                "--port",
                "0",
            ]);
            command.args(["--name-prefix", &format!("{}{number}-", fleet.name)]);
            command.args(["--username", "netwolf", "--password-file"]);
            command.arg(folder.join("password"));
            command.args([
                "--split",
                &humantime::format_duration(fleet.split).to_string(),
            ]);
            command.args(["--key-exchange", fleet.key_exchange]);
            if let Some(scenario) = &scenario {
                command.arg("--scenario").arg(scenario);
            }
            command
                .arg("--inventory")
                .arg(folder.join(format!("{}-{number}.new", fleet.name)));
            let (part, _) = Part::start(&name, command, folder).await?;
            self.simulators.push(Simulator {
                fleet: fleet.name,
                part,
            });
        }
        Ok(())
    }

    /// Tells the manager of a fleet's devices.
    pub(super) fn admit(&mut self, fleet: &Fleet) -> anyhow::Result<()> {
        let folder = self.folder.path();
        for (number, simulator) in self.simulators.iter().enumerate() {
            if simulator.fleet == fleet.name {
                let file = format!("{}-{number}", fleet.name);
                let inventory = fs::read_to_string(folder.join(format!("{file}.new")))?;
                fs::write(
                    folder.join(format!("fleet-{file}.yml")),
                    with_credentials(&inventory),
                )?;
            }
        }
        self.devices += fleet.devices;
        self.reload()
    }

    /// From now on devices are polled at their interval.
    pub(super) fn begin_polling(&mut self, interval: Duration) -> anyhow::Result<()> {
        let folder = self.folder.path();
        fs::write(folder.join("netwolf.yml"), configuration(interval, folder))?;
        self.reload()
    }

    fn reload(&self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.manager.pid()?)
            .ok()
            .and_then(Pid::from_raw);
        kill_process(pid.context("a process has a number")?, Signal::HUP)
            .context("cannot tell the manager to read its configuration again")
    }

    /// Waits until all devices but `missing` are up.
    pub(super) async fn until_up(&mut self, common: &Common, missing: usize) -> anyhow::Result<()> {
        let wanted = self.devices - missing;
        let rate = Duration::from_secs((wanted / SLOWEST_LOGINS) as u64);
        let deadline = Instant::now() + PATIENCE + rate;
        let mut shown = Instant::now();
        loop {
            self.check()?;
            let up = self.status().await?.devices.up;
            if up >= wanted {
                return Ok(());
            }
            if shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                common.progress(&format!("devices up {up}/{wanted}"));
            }
            if Instant::now() > deadline {
                bail!("only {up} of {wanted} devices are up; is the machine busy?");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the manager counts.
    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        api::get(&self.web, "/api/v1/status").await
    }

    /// Reads all books.
    pub(super) async fn read(&mut self) -> anyhow::Result<Reading> {
        let mut simulators = Usage::default();
        for simulator in &self.simulators {
            simulators.cpu += usage(simulator.part.pid()?)?.cpu;
        }
        let mut reading = Reading {
            at: Instant::now(),
            agent: usage(self.agent.pid()?)?,
            manager: usage(self.manager.pid()?)?,
            simulators,
            commands: 0,
            logins: 0,
            gaps: BTreeMap::new(),
        };
        for Simulator { fleet, part } in &mut self.simulators {
            let report: Report = serde_json::from_value(part.ask().await?)?;
            reading.commands += report.totals.commands;
            reading.logins += report.totals.logins;
            reading.gaps.entry(fleet).or_default().add(report.gaps);
        }
        Ok(reading)
    }

    /// Whether all still run.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.manager.check()?;
        self.agent.check()?;
        self.simulators
            .iter_mut()
            .try_for_each(|simulator| simulator.part.check())
    }

    /// Ends everything, the agent first.
    pub(super) async fn strike(mut self) {
        let deadline = tokio::time::Instant::now() + GRACE;
        self.agent.ask_to_end();
        self.agent.end_by(deadline).await;
        self.manager.ask_to_end();
        for simulator in &mut self.simulators {
            simulator.part.ask_to_end();
        }
        self.manager.end_by(deadline).await;
        for simulator in &mut self.simulators {
            simulator.part.end_by(deadline).await;
        }
    }
}

/// A token of the manager.
async fn invite(web: &str) -> anyhow::Result<String> {
    let url: manager::Url = web.parse().map_err(anyhow::Error::msg)?;
    let manager = manager::Args::from(url);
    let asking = tokio::task::spawn_blocking(move || manager.post("/api/v1/invites"));
    let answer = asking.await??;
    let token = answer["token"].as_str().context("an invite is a token")?;
    Ok(token.to_owned())
}

fn configuration(interval: Duration, folder: &Path) -> String {
    let password = folder.join("password");
    let credential = |n| {
        format!(
            "  bench-{n}: {{ username: netwolf, password: \"file:{}\" }}\n",
            password.display()
        )
    };
    format!(
        "# Written by `netwolf bench`.\n\
         defaults: {{ interval: {}, collectors: [cpu] }}\n\
         credentials:\n{}\
         inventories: [ {{ file: fleet-*.yml }} ]\n",
        humantime::format_duration(interval)
            .to_string()
            .replace(' ', ""),
        (0..CREDENTIALS).map(credential).collect::<String>(),
    )
}

/// An inventory with a credential for each device: its lines are those that our simulator writes.
fn with_credentials(inventory: &str) -> String {
    let lines = inventory.lines().zip(0..).map(|(line, n)| {
        let credential = format!("{{ credential: bench-{}, name: ", n % CREDENTIALS);
        format!("{}\n", line.replace("{ name: ", &credential))
    });
    lines.collect()
}
