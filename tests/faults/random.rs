//! Random faults, one after another: a wait of a device that the last fault does not explain is a fault of ours.
//!
//! `NETWOLF_FAULT_SEED` plays a run again, `NETWOLF_FAULT_MINUTES` says for how long; the first agent is spared what
//! ends a process, so that it shows what a life among faults leaves behind.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use crate::{
    lab::{self, PATIENCE, Process, eventually},
    proxy::{Mode, Proxy, Random},
    scene::{AGENTS, Scene, number, seconds},
    table,
};

/// What continuous integration has time for.
const MINUTES: u64 = 3;

/// Two polls missed are three intervals; the rest is what a busy machine adds.
const LONGEST: Duration = Duration::from_millis(3_500);

/// Open files of a process beside its devices' sessions.
const FILES: usize = 40;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    AgentKilled,
    AgentAsleep,
    AgentDrained,
    ManagerKilled,
    LinkReset,
    LinkSilent { up: bool, down: bool },
    LinkSlow,
    LinkNarrow,
    SessionsDropped,
    DevicesSlow,
}

impl Fault {
    fn draw(random: &mut Random) -> Self {
        match random.below(12) {
            0 => Self::AgentKilled,
            1 => Self::AgentAsleep,
            2 => Self::AgentDrained,
            3 => Self::ManagerKilled,
            4 => Self::LinkReset,
            5 => Self::LinkSilent {
                up: true,
                down: true,
            },
            6 => Self::LinkSilent {
                up: true,
                down: false,
            },
            7 => Self::LinkSilent {
                up: false,
                down: true,
            },
            8 => Self::LinkSlow,
            9 => Self::LinkNarrow,
            10 => Self::SessionsDropped,
            _ => Self::DevicesSlow,
        }
    }

    /// Whether the devices of the agent that it happens to may have to wait.
    fn stops_polls(self) -> bool {
        matches!(self, Self::AgentKilled | Self::AgentAsleep)
    }

    /// Whether a process ends.
    fn ends_an_agent(self) -> bool {
        matches!(self, Self::AgentKilled | Self::AgentDrained)
    }
}

/// A fleet whose agents have a way to the manager each.
struct World {
    scene: Scene,
    proxies: Vec<Proxy>,
    random: Random,
}

impl World {
    fn start(seed: u64) -> Self {
        let mut scene = Scene::start("");
        let manager = scene.manager.agents.parse().unwrap();
        let mut proxies = Vec::new();
        for (name, number) in AGENTS.into_iter().zip(1..) {
            let proxy = Proxy::start(manager, seed + number);
            scene.agent_by(name, &proxy.address().to_string());
            proxies.push(proxy);
        }
        scene.steady();
        Self {
            scene,
            proxies,
            random: Random(seed),
        }
    }

    /// Waits until nothing is left of a fault: a device that was polled three times since waits for nothing.
    fn recover(&self) {
        let before = self.scene.watch.counts();
        eventually(2 * PATIENCE, "a fleet that is well again", || {
            let counts = self.scene.watch.counts();
            let waiting = counts.iter().zip(&before);
            let waiting = waiting.filter(|(now, before)| **now < *before + 3).count();
            let settled = self.scene.is_settled();
            if waiting == 0 {
                settled
            } else {
                Err(format!("{waiting} devices wait, {settled:?}"))
            }
        });
    }

    /// Lets a fault happen and pass, and tells which devices may have had to wait.
    fn suffer(&mut self, fault: Fault, agent: usize) -> BTreeSet<String> {
        let length = Duration::from_millis(500 + self.random.below(7_500));
        let its = if fault.stops_polls() {
            self.scene.of(AGENTS[agent])
        } else {
            BTreeSet::new()
        };
        self.scene.begin();
        let (scene, proxy) = (&mut self.scene, &self.proxies[agent]);
        let lasts = || lab::holds(length, "a fault", || Ok(()));
        let devices = scene.devices.fleet().devices();
        match fault {
            Fault::AgentKilled => {
                scene.agents[agent].stop();
                lasts();
            }
            Fault::AgentAsleep => {
                scene.agents[agent].signal("STOP");
                lasts();
                scene.agents[agent].signal("CONT");
            }
            Fault::AgentDrained => {
                scene.agents[agent].signal("TERM");
                assert!(scene.agents[agent].wait(PATIENCE).success());
            }
            Fault::ManagerKilled => {
                scene.kill_manager(|_| lasts());
            }
            Fault::LinkReset => proxy.reset(),
            Fault::LinkSilent { up, down } => {
                let mode = |silent| if silent { Mode::Silence } else { Mode::Pass };
                proxy.up(mode(up));
                proxy.down(mode(down));
                lasts();
            }
            Fault::LinkSlow => {
                let (least, jitter) = (Duration::from_millis(300), Duration::from_millis(700));
                proxy.both(Mode::Delay { least, jitter });
                lasts();
            }
            Fault::LinkNarrow => {
                proxy.both(Mode::Bandwidth {
                    bytes_per_second: 20_000,
                });
                lasts();
            }
            Fault::SessionsDropped | Fault::DevicesSlow => {
                let mut hit = BTreeSet::new();
                for device in devices {
                    if self.random.below(20) == 0 {
                        hit.insert(device.name().to_owned());
                        match fault {
                            Fault::SessionsDropped => device.drop_session(),
                            _ => device.update_faults(|faults| faults.latency = length),
                        }
                    }
                }
                lasts();
                for device in devices {
                    device.update_faults(|faults| faults.latency = Duration::ZERO);
                }
                return hit;
            }
        }
        proxy.both(Mode::Pass);
        if fault.ends_an_agent() {
            let (name, manager) = (AGENTS[agent], proxy.address().to_string());
            let another = scene.spawn_agent_by(name, &manager);
            scene.agents[agent] = another;
        }
        its
    }
}

/// Resident memory in bytes, open files and threads.
fn footprint(process: &Process) -> (u64, usize, usize) {
    let folder = format!("/proc/{}", process.id());
    let status = fs::read_to_string(format!("{folder}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let count = |what: &str| fs::read_dir(format!("{folder}/{what}")).unwrap().count();
    (
        kilobytes.unwrap().parse::<u64>().unwrap() * 1024,
        count("fd"),
        count("task"),
    )
}

/// The median.
fn middle(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn random_faults_explain_every_missed_poll_and_leave_nothing_behind() {
    let seed = number("NETWOLF_FAULT_SEED").unwrap_or(1);
    let minutes = number("NETWOLF_FAULT_MINUTES").unwrap_or(MINUTES);
    let mut world = World::start(seed);
    let end = Instant::now() + Duration::from_mins(minutes);
    let (mut memory, mut faults, mut longest) = (Vec::new(), 0, Duration::ZERO);
    while Instant::now() < end {
        let fault = Fault::draw(&mut world.random);
        let mut agent = usize::try_from(world.random.below(3)).unwrap();
        if fault.ends_an_agent() {
            agent = agent.max(1);
        }
        lab::say(&format!(
            "fault {faults} of seed {seed}: {fault:?} at {}",
            AGENTS[agent]
        ));
        let hit = world.suffer(fault, agent);
        world.recover();
        let gaps = world.scene.watch.gaps().of(|device| !hit.contains(device));
        longest = longest.max(gaps.longest());
        assert!(
            gaps.longest() < LONGEST,
            "seed {seed}, fault {faults}, {fault:?} at {}: devices waited: {:?}",
            AGENTS[agent],
            gaps.over(LONGEST)
        );
        memory.push(footprint(&world.scene.agents[0]).0);
        faults += 1;
    }
    let held = world.scene.counts().unwrap();
    let mut leaks = Vec::new();
    for (name, process) in AGENTS.into_iter().zip(&world.scene.agents) {
        let (_, files, threads) = footprint(process);
        let tasks = world.scene.metric(&format!(
            "netwolf_agent_tasks{{agent=\"{name}\",shard=\"0\"}}"
        ));
        leaks.push((
            name,
            files.saturating_sub(held[name]),
            threads,
            tasks.unwrap(),
        ));
    }
    let manager = footprint(&world.scene.manager.process);
    let third = memory.len() / 3;
    let (first, last) = (
        middle(memory[third..2 * third].to_vec()),
        middle(memory[2 * third..].to_vec()),
    );
    table::row(
        &format!("{faults} random faults in {minutes} minutes, seed {seed}"),
        &format!(
            "longest gap that no fault explains {}; memory of a1 {:.1} MB in the middle third and {:.1} MB in the last; \
             (agent, files beside sessions, threads, tasks) {leaks:?}; files of the manager {}",
            seconds(longest),
            first as f64 / 1e6,
            last as f64 / 1e6,
            manager.1
        ),
        "no unexplained missed poll, memory slope about zero, no task or file leaks",
    );
    for (name, files, _, tasks) in leaks {
        assert!(
            files < FILES,
            "{name} has {files} files beside its sessions"
        );
        // A task a device and one or two a connection, and some of the shard itself.
        assert!(
            tasks < 4.0 * held[name] as f64 + 50.0,
            "{name}: {tasks} tasks"
        );
    }
    assert!(manager.1 < FILES, "the manager has {} files", manager.1);
    // A tenth is what a hundred sessions more or less make at the moment of a look.
    assert!(last < first + first / 10 + 1_000_000, "{memory:?}");
}
