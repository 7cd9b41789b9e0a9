//! Automation runs while manager and agents are killed: nothing is run twice, nothing that was accepted is lost, and
//! every run ends.
//!
//! Every command of every run is one of its own, and the devices count what they execute, so they are the judges.
//! `NETWOLF_RUN_KILLS` says how often something is killed, `NETWOLF_FAULT_SEED` when and what.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use netwolf_runs::journal::{Journal, Options};
use netwolf_simulator::{DeviceHandle, FleetConfig};
use serde_json::{Value, json};

use crate::{
    lab::{self, PASSWORD, PATIENCE, eventually},
    proxy::Random,
    scene::{AGENTS, Scene, number},
    table,
};

/// What continuous integration has time for.
const KILLS: u64 = 20;

/// Enough that every agent has some, few enough that runs are short.
const DEVICES: usize = 12;

/// Runs that are under way at a time.
const RUNS: usize = 3;

/// Commands of a step.
const COMMANDS: u64 = 3;

/// What is typed on every device in `run`, the last of which `verify` looks for.
fn commands(run: u64) -> Vec<String> {
    let host = |command: u64| format!("10.{}.{}.{command}", run / 250, run % 250);
    (1..=COMMANDS)
        .map(|command| format!("ntp server {}", host(command)))
        .collect()
}

struct Story {
    scene: Scene,
    random: Random,
    /// Runs that were accepted, by their number in the story.
    accepted: BTreeMap<u64, u64>,
    submitted: u64,
}

impl Story {
    fn start(seed: u64) -> Self {
        let fleet = FleetConfig {
            remembers: true,
            privileged: true,
            ..FleetConfig::new(DEVICES, "netwolf", PASSWORD)
        };
        let mut scene = Scene::start_of(fleet, |devices, folder| {
            let password = folder.join("password");
            // What is lost is known soon, so that runs end soon.
            format!(
                "  changer: {{ username: netwolf, password: \"file:{}\" }}\n{}timing: {{ settle: 3s }}\n",
                password.display(),
                devices.inventory(),
            )
        });
        scene.start_agents();
        Self {
            scene,
            random: Random(seed),
            accepted: BTreeMap::new(),
            submitted: 0,
        }
    }

    /// Submits a run until somebody says that it was accepted; the key keeps it from being two.
    fn submit(&mut self) {
        self.submitted += 1;
        let number = self.submitted;
        let commands = commands(number);
        let last = commands.last().unwrap().replace('.', r"\.");
        let mut body = json!({
            "name": format!("story {number}"),
            "commands": commands,
            "changes": true,
            "credential": "changer",
            "mode": "config",
            "where": ["name=*"],
            "step_deadline": "10s",
            "run_deadline": "40s",
            "idempotency_key": format!("story-{number}"),
        });
        // What a lost agent leaves unknown is settled for every other run, and stays unknown for the rest.
        if number.is_multiple_of(2) {
            body["verify"] = json!({
                "command": "show running-config | include ntp server",
                "expect": [last],
            });
        }
        let manager = &self.scene.manager;
        let id = eventually(PATIENCE, "an accepted run", || {
            match manager.post("/api/v1/runs", &body)? {
                (200 | 201, run) => Ok(run["id"].as_u64().unwrap()),
                (status, answer) => Err(format!("{status}: {answer}")),
            }
        });
        self.accepted.insert(number, id);
    }

    fn run(&self, id: u64) -> Result<Value, String> {
        self.scene.manager.json(&format!("/api/v1/runs/{id}"))
    }

    fn is_under_way(&self, id: u64) -> bool {
        self.run(id).is_ok_and(|run| run["ended"].is_null())
    }

    /// Kills one of them and starts it again at once.
    fn kill(&mut self) -> &'static str {
        let scene = &mut self.scene;
        let which = usize::try_from(self.random.below(5)).unwrap();
        if let Some(name) = AGENTS.get(which) {
            scene.agents[which].stop();
            scene.agents[which] = scene.spawn_agent_by(name, &scene.manager.agents.clone());
            "agent"
        } else {
            scene.kill_manager(|_| {});
            "manager"
        }
    }

    /// Holds what the API says of every step against what its device has executed.
    fn judge(&self) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for (number, id) in &self.accepted {
            let run = self.run(*id).unwrap();
            assert_eq!(run["name"], format!("story {number}"), "no run is lost");
            assert!(!run["ended"].is_null(), "every run ends: {run}");
            let steps = self
                .scene
                .manager
                .json(&format!("/api/v1/runs/{id}/steps?limit=1000"))
                .unwrap();
            let steps = steps["steps"].as_array().unwrap();
            assert_eq!(steps.len(), DEVICES, "no step is lost");
            for step in steps {
                let device = step["device"].as_str().unwrap();
                let ran = self.ran(device, *number);
                let what = || format!("run {number} on {device}: {ran:?} times, {step}");
                assert!(ran.iter().all(|times| *times <= 1), "{}", what());
                let (last, all) = (
                    *ran.last().unwrap() == 1,
                    ran.iter().all(|times| *times == 1),
                );
                let state = step["state"].as_str().unwrap();
                let by_verify = step["settled_by"] == "verify";
                match state {
                    "succeeded" if by_verify => assert!(last, "{}", what()),
                    "succeeded" => assert!(all, "{}", what()),
                    "failed" if by_verify => assert!(!last, "{}", what()),
                    "cancelled" => assert_eq!(ran.iter().sum::<u64>(), 0, "{}", what()),
                    "failed" | "timed_out" | "unknown" => {}
                    _ => panic!("no end: {}", what()),
                }
                *states.entry(state.to_owned()).or_default() += 1;
            }
        }
        states
    }

    /// How often a device has executed each command of a run.
    fn ran(&self, device: &str, number: u64) -> Vec<u64> {
        let devices = self.scene.devices.fleet().devices();
        let device = devices.iter().find(|it| it.name() == device).unwrap();
        let times = |command: &String| DeviceHandle::times_ran(device, command);
        commands(number).iter().map(times).collect()
    }
}

#[test]
fn what_runs_do_is_known_whoever_is_killed() {
    let seed = number("NETWOLF_FAULT_SEED").unwrap_or(1);
    let kills: u64 = number("NETWOLF_RUN_KILLS").unwrap_or(KILLS);
    let mut story = Story::start(seed);
    let mut killed: BTreeMap<&str, u64> = BTreeMap::new();
    let started = Instant::now();
    for _ in 0..kills {
        let live: Vec<u64> = story.accepted.values().copied().collect();
        let live = live.iter().rev().take(2 * RUNS);
        let n_live = live.filter(|id| story.is_under_way(**id)).count();
        for _ in n_live..RUNS {
            story.submit();
        }
        // Any moment of a run may be the one.
        let wait = Duration::from_millis(story.random.below(1_500));
        lab::holds(wait, "a moment", || Ok(()));
        *killed.entry(story.kill()).or_default() += 1;
    }
    eventually(2 * PATIENCE, "the end of all runs", || {
        let open = story.accepted.values();
        let open: Vec<_> = open.filter(|id| story.is_under_way(**id)).collect();
        if open.is_empty() {
            Ok(())
        } else {
            Err(format!("{open:?} go on"))
        }
    });
    let elapsed = started.elapsed();
    let states = story.judge();
    // The audit log and the journal are whole, by the word of those who read them.
    let data = story.scene.folder.path().join("data");
    story.scene.manager.process.stop();
    is_whole(&data, story.accepted.len());
    table::row(
        &format!("{kills} kills during runs, seed {seed}"),
        &format!(
            "{killed:?} in {:.0} s; {} runs of {DEVICES} devices; steps {states:?}; no command twice",
            elapsed.as_secs_f64(),
            story.accepted.len(),
        ),
        "no command twice, no accepted step lost, journal and audit log whole, every run ends",
    );
    assert!(states.contains_key("succeeded"), "{states:?}");
}

/// Checks the journal's integrity and the audit log's chain.
fn is_whole(data: &Path, n_runs: usize) {
    let runs = data.join("runs");
    let (code, out, err) = lab::netwolf(&["audit", "verify", runs.join("audit").to_str().unwrap()]);
    assert_eq!(code, 0, "{out}\n{err}");
    let (journal, found) = Journal::open(&runs, Options::default()).unwrap();
    assert!(!found.is_new);
    let reader = journal.reader().unwrap();
    reader.check().unwrap();
    let page = reader.runs(&[], None, n_runs + 1).unwrap();
    assert_eq!(page.items.len(), n_runs);
}
