//! The dispatcher against agents that behave, over links that do not: every order of messages, losses and
//! restarts that the generator finds. What must hold is said from the agents' side, by what they run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use netwolf_wire::{
    Incarnation, Span,
    hash::Digest,
    message::{Running, Timing},
    version,
};
use proptest::prelude::*;

use super::*;
use crate::{lease, testing};

mod logins;

const PATIENCE: Patience = Patience {
    heartbeat: Duration::from_secs(1),
    link_grace: Duration::from_secs(2),
    takeover: Duration::from_secs(6),
    autonomy: Duration::from_mins(1),
    settle: Duration::from_secs(10),
};

/// Epochs up to this one are believed.
const HIGHEST: Epoch = Epoch(1 << 50);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn welcome() -> Welcome {
    let timing = Timing {
        heartbeat: Span::from_secs(1),
        silence: Span::from_secs(6),
        autonomy: Span::from_secs(60),
        exclusive: Span::from_secs(4),
    };
    Welcome {
        protocol: version::CURRENT,
        software: "test".into(),
        timing,
    }
}

fn status(device: &DeviceName, epoch: Epoch) -> DeviceStatus {
    DeviceStatus {
        device: device.clone(),
        epoch,
        state: netwolf_wire::status::SessionState::Up,
        since_ms: 0,
        failure: None,
        failures: 0,
        next_attempt_ms: None,
        login_seconds: None,
        failing: Vec::new(),
    }
}

fn inventory(devices: u16, port: u16) -> Arc<Inventory> {
    let names: Vec<_> = (0..devices).map(|i| format!("sw-{i}")).collect();
    Arc::new(testing::inventory(
        names.iter().map(|name| (name.as_str(), port)),
    ))
}

#[derive(Default)]
struct Agent {
    life: u64,
    link: Option<LinkNo>,
    lost_at: Option<Instant>,
    inbox: VecDeque<ToAgent>,
    revoked: Vec<(DeviceName, Epoch)>,
    plans: BTreeSet<Digest>,
    runs: BTreeMap<DeviceName, Run>,
}

#[derive(Clone, Copy)]
struct Run {
    epoch: Epoch,
    job: Digest,
    /// The manager could not know better: the shard was out of reach for longer than the grace.
    excused: bool,
}

impl Agent {
    fn deliver(&mut self) -> bool {
        let Some(message) = self.inbox.pop_front() else {
            return false;
        };
        match message {
            ToAgent::Plans(plans) => self
                .plans
                .extend(plans.plans.iter().map(|(digest, _)| *digest)),
            ToAgent::Assign(assign) => {
                for lease in assign.leases {
                    assert!(
                        self.plans.contains(&lease.job.plan),
                        "a plan comes before its leases"
                    );
                    let run = Run {
                        epoch: lease.epoch,
                        job: lease.job.digest(),
                        excused: false,
                    };
                    let old = self.runs.insert(lease.job.device.clone(), run);
                    assert!(old.is_none_or(|old| old.epoch <= run.epoch), "epochs go up");
                }
            }
            ToAgent::Revoke(revoke) => {
                for (device, epoch) in revoke.leases {
                    if self.runs.get(&device).is_some_and(|run| run.epoch == epoch) {
                        self.runs.remove(&device);
                    }
                    self.revoked.push((device, epoch));
                }
            }
            _ => {}
        }
        true
    }
}

struct Stage {
    now: Instant,
    manager: Dispatcher,
    agents: Vec<Agent>,
    next_link: u64,
    remembered: Remembered,
    starts: u64,
}

impl Stage {
    fn new(agents: usize, inventory: Arc<Inventory>) -> Self {
        let now = Instant::now();
        let start = lease::first_epoch(1);
        Self {
            now,
            manager: Dispatcher::new(now, PATIENCE, Remembered::default(), start, inventory),
            agents: (0..agents).map(|_| Agent::default()).collect(),
            next_link: 0,
            remembered: Remembered::default(),
            starts: 1,
        }
    }

    fn shard(index: usize) -> ShardId {
        ShardId {
            agent: format!("a{index}").parse().unwrap(),
            index: 0,
        }
    }

    fn connect(&mut self, index: usize) {
        self.disconnect(index);
        self.next_link += 1;
        let link = LinkNo(self.next_link);
        let shard = Self::shard(index);
        let agent = &mut self.agents[index];
        let running = agent.runs.iter().map(|(device, run)| Running {
            device: device.clone(),
            epoch: run.epoch,
            job: run.job,
        });
        let hello = Hello {
            protocol: version::CURRENT,
            software: "test".into(),
            agent: shard.agent,
            shard: 0,
            shards: 1,
            incarnation: Incarnation(agent.life),
            site: None,
            size: 1,
            web: None,
            silent: Span::default(),
            running: running.collect(),
        };
        agent.link = Some(link);
        agent.lost_at = None;
        agent.plans.clear();
        agent.inbox.clear();
        self.manager
            .handle_hello(self.now, link, &hello, welcome(), HIGHEST)
            .expect("no duplicates here");
        self.settle();
    }

    fn disconnect(&mut self, index: usize) {
        let agent = &mut self.agents[index];
        if let Some(link) = agent.link.take() {
            agent.lost_at = Some(self.now);
            agent.revoked.clear();
            self.manager.handle_link_down(self.now, link);
            self.settle();
        }
    }

    fn restart_agent(&mut self, index: usize) {
        self.disconnect(index);
        self.agents[index].life += 1;
        self.agents[index].runs.clear();
    }

    fn restart_manager(&mut self) {
        let inventory = self.manager.inventory.clone();
        self.starts += 1_000_000;
        let start = lease::first_epoch(self.starts);
        let remembered = self.remembered.clone();
        self.manager = Dispatcher::new(self.now, PATIENCE, remembered, start, inventory);
        for agent in &mut self.agents {
            agent.link = None;
            agent.lost_at = Some(self.now);
            // A manager that was down knows of nobody; what both run now is settled when they come back.
            agent.runs.values_mut().for_each(|run| run.excused = true);
        }
    }

    /// Lets one agent read one message and the manager its answers.
    fn deliver(&mut self, index: usize) -> bool {
        let agent = &mut self.agents[index];
        let Some(link) = agent.link else { return false };
        let read = agent.deliver();
        let leases = std::mem::take(&mut agent.revoked);
        if !leases.is_empty() {
            self.manager
                .handle_revoked(self.now, link, &Revoked { leases });
        }
        self.settle();
        read
    }

    fn settle(&mut self) {
        self.manager.handle_timeout(self.now);
        while let Some(action) = self.manager.poll_action() {
            match action {
                Action::Send(link, message) => {
                    if let Some(agent) = self.agents.iter_mut().find(|a| a.link == Some(link)) {
                        agent.inbox.push_back(message);
                    }
                }
                Action::Close(link) => {
                    assert!(
                        self.agents.iter().all(|agent| agent.link != Some(link)),
                        "all are heard"
                    );
                }
                Action::Remember(remembered) => self.remembered = remembered,
                _ => {}
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += ms(100);
            for index in 0..self.agents.len() {
                let agent = &mut self.agents[index];
                if agent
                    .lost_at
                    .is_some_and(|at| self.now >= at + PATIENCE.link_grace)
                {
                    agent.runs.values_mut().for_each(|run| run.excused = true);
                }
                if let Some(link) = self.agents[index].link {
                    self.manager.heard(link, self.now);
                }
            }
            self.settle();
        }
    }

    fn check(&self) {
        let mut runs: BTreeMap<&DeviceName, usize> = BTreeMap::new();
        for agent in &self.agents {
            for (device, _) in agent.runs.iter().filter(|(_, run)| !run.excused) {
                *runs.entry(device).or_default() += 1;
            }
        }
        assert!(
            runs.values().all(|count| *count <= 1),
            "a device has at most one live lease: {runs:?}"
        );
    }

    fn quiesce(&mut self) {
        for _ in 0..200 {
            self.pass(ms(100));
            for index in 0..self.agents.len() {
                while self.deliver(index) {}
            }
        }
    }

    /// Everybody runs what the inventory says, once, and nothing else.
    fn check_converged(&self) {
        let wanted = &self.manager.inventory.devices;
        let mut seen = BTreeMap::new();
        for (index, agent) in self.agents.iter().enumerate() {
            for (device, run) in &agent.runs {
                assert_eq!(run.job, wanted[device].digest, "the job is up to date");
                assert!(
                    seen.insert(device.clone(), index).is_none(),
                    "{device} runs once"
                );
                let lease = self.manager.leases.get(device.as_str()).unwrap();
                assert_eq!((lease.epoch, lease.revoking), (run.epoch, false));
            }
        }
        assert_eq!(seen.len(), wanted.len(), "every device runs");
    }

    fn runs(&self) -> Vec<usize> {
        self.agents.iter().map(|agent| agent.runs.len()).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect(usize),
    Disconnect(usize),
    RestartAgent(usize),
    RestartManager,
    Deliver(usize, u8),
    Pass(u64),
    Inventory(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let agent = 0usize..3;
    prop_oneof![
        4 => agent.clone().prop_map(Step::Connect),
        2 => agent.clone().prop_map(Step::Disconnect),
        1 => agent.clone().prop_map(Step::RestartAgent),
        1 => Just(Step::RestartManager),
        8 => (agent, 1u8..4).prop_map(|(agent, n)| Step::Deliver(agent, n)),
        4 => (100u64..3_000).prop_map(Step::Pass),
        2 => (0u16..12, 22u16..24).prop_map(|(devices, port)| Step::Inventory(devices, port)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_device_has_at_most_one_live_lease_and_all_converges(steps in prop::collection::vec(step(), 1..60)) {
        let mut stage = Stage::new(3, inventory(8, 22));
        for step in steps {
            match step {
                Step::Connect(agent) => stage.connect(agent),
                Step::Disconnect(agent) => stage.disconnect(agent),
                Step::RestartAgent(agent) => stage.restart_agent(agent),
                Step::RestartManager => stage.restart_manager(),
                Step::Deliver(agent, n) => {
                    for _ in 0..n {
                        stage.deliver(agent);
                        stage.check();
                    }
                }
                Step::Pass(time) => stage.pass(ms(time)),
                Step::Inventory(devices, port) => {
                    stage.manager.handle_inventory(stage.now, inventory(devices, port));
                    stage.settle();
                }
            }
            stage.check();
        }
        for agent in 0..3 {
            if stage.agents[agent].link.is_none() {
                stage.connect(agent);
            }
        }
        stage.quiesce();
        stage.check_converged();
    }
}

#[test]
fn a_restarted_manager_adopts_what_runs_and_moves_nothing() {
    let mut stage = Stage::new(2, inventory(40, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    stage.check_converged();
    let before: Vec<_> = stage
        .agents
        .iter()
        .map(|a| a.runs.keys().cloned().collect::<Vec<_>>())
        .collect();
    stage.restart_manager();
    stage.connect(0);
    stage.pass(ms(3_000));
    assert!(
        stage.agents[0]
            .inbox
            .iter()
            .all(|m| matches!(m, ToAgent::Welcome(_) | ToAgent::Breakers(_))),
        "nothing to say"
    );
    stage.connect(1);
    stage.quiesce();
    stage.check_converged();
    let after: Vec<_> = stage
        .agents
        .iter()
        .map(|a| a.runs.keys().cloned().collect::<Vec<_>>())
        .collect();
    assert_eq!(before, after);
    assert_eq!(
        (
            stage.manager.totals().grants,
            stage.manager.totals().adoptions
        ),
        (0, 40)
    );
}

#[test]
fn a_restarted_manager_whose_clock_went_back_numbers_leases_above_its_past() {
    let mut stage = Stage::new(1, inventory(30, 22));
    stage.connect(0);
    stage.quiesce();
    let runs = stage.agents[0].runs.values();
    let highest = runs.map(|run| run.epoch).max().unwrap();
    // Nobody is there to tell which numbers were given.
    let (remembered, back) = (stage.remembered.clone(), lease::first_epoch(0));
    let inventory = stage.manager.inventory.clone();
    let mut manager = Dispatcher::new(stage.now, PATIENCE, remembered, back, inventory);
    let device = "sw-0".parse().unwrap();
    assert!(manager.leases.grant(&device, MemberNo(1)).unwrap() > highest);
}

#[test]
fn a_lost_shard_is_taken_over_after_the_grace_and_not_before() {
    let mut stage = Stage::new(2, inventory(40, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    stage.disconnect(0);
    stage.pass(ms(1_900));
    assert!(stage.agents[1].inbox.is_empty());
    stage.pass(ms(100));
    while stage.deliver(1) {}
    assert_eq!(stage.agents[1].runs.len(), 40);
    stage.connect(0);
    while stage.deliver(0) {}
    assert!(
        stage.agents[0].runs.is_empty(),
        "what it still ran is revoked"
    );
    assert!(stage.manager.totals().takeovers >= 16);
}

/// As many devices that are all exclusive.
fn exclusive(devices: u16) -> Arc<Inventory> {
    let mut inventory = Arc::unwrap_or_clone(inventory(devices, 22));
    for device in inventory.devices.values_mut() {
        Arc::make_mut(&mut device.job).exclusive = true;
    }
    Arc::new(inventory)
}

#[test]
fn an_exclusive_device_that_leaves_the_inventory_for_a_moment_is_fenced_all_the_same() {
    let mut stage = Stage::new(2, exclusive(40));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    let held = stage.agents[1].runs.len();
    stage.disconnect(0);
    stage.pass(ms(1_000));
    stage.manager.handle_inventory(stage.now, exclusive(1));
    stage.pass(ms(1_500));
    stage.manager.handle_inventory(stage.now, exclusive(40));
    stage.pass(ms(3_400));
    while stage.deliver(1) {}
    assert_eq!(
        stage.agents[1].runs.len(),
        held,
        "agent 0 may hold the others until 6 s have passed"
    );
    stage.pass(ms(200));
    while stage.deliver(1) {}
    assert_eq!(stage.agents[1].runs.len(), 40);
}

#[test]
fn an_exclusive_device_that_is_added_after_a_start_is_fenced_where_others_may_hold_it_from_before()
{
    let mut stage = Stage::new(1, exclusive(1));
    stage.connect(0);
    stage.quiesce();
    stage.restart_manager();
    stage.connect(0);
    stage.manager.handle_inventory(stage.now, exclusive(40));
    stage.pass(ms(5_900));
    while stage.deliver(0) {}
    assert_eq!(stage.agents[0].runs.len(), 1);
    stage.pass(ms(200));
    while stage.deliver(0) {}
    assert_eq!(stage.agents[0].runs.len(), 40);
}

#[test]
fn a_joining_shard_gets_its_share_and_no_device_is_without_a_lease_for_long() {
    let mut stage = Stage::new(3, inventory(60, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    let grants = stage.manager.totals().grants;
    stage.connect(2);
    stage.quiesce();
    stage.check_converged();
    assert_eq!(stage.runs()[2], 20);
    assert!(
        stage
            .runs()
            .iter()
            .all(|n| *n <= placement::capacity(60, 1, 3)),
        "load is bounded"
    );
    assert_eq!(
        stage.manager.totals().grants - grants,
        20,
        "only what moves is granted anew"
    );
}

/// Statuses of all that runs, as agents tell them.
fn tell_up(stage: &mut Stage) {
    for index in 0..stage.agents.len() {
        let agent = &stage.agents[index];
        let statuses = agent
            .runs
            .iter()
            .map(|(device, run)| status(device, run.epoch));
        let statuses = statuses.collect();
        if let Some(link) = agent.link {
            stage.manager.handle_statuses(stage.now, link, statuses);
            stage.settle();
        }
    }
}

#[test]
fn devices_move_some_at_a_time_and_each_that_is_up_makes_room() {
    let mut stage = Stage::new(3, inventory(400, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    tell_up(&mut stage);
    stage.connect(2);
    let mut most = 0;
    for _ in 0..20 {
        stage.pass(ms(200));
        let away = 400 - stage.runs().iter().sum::<usize>();
        let told: usize = stage.agents.iter().map(|agent| agent.inbox.len()).sum();
        assert!(
            away <= moves::AT_ONCE,
            "{away} have no session, {told} told"
        );
        (0..3).for_each(|index| {
            stage.deliver(index);
        });
        most = most.max(400 - stage.runs().iter().sum::<usize>());
        tell_up(&mut stage);
    }
    assert!(most > 1, "they move together");
    stage.quiesce();
    stage.check_converged();
    assert!(stage.runs()[2] >= 120, "{:?}", stage.runs());
    assert_eq!(stage.manager.moves_waiting(), 0);
}

#[test]
fn the_devices_of_a_shard_that_leaves_go_elsewhere_and_then_it_may_go() {
    let mut stage = Stage::new(3, inventory(60, 22));
    (0..3).for_each(|index| stage.connect(index));
    stage.quiesce();
    let moved = stage.runs()[0] as u64;
    let is_dismissed = |stage: &Stage| {
        let inbox = &stage.agents[0].inbox;
        inbox.iter().any(|m| matches!(m, ToAgent::Dismissed(_)))
    };
    let (now, link) = (stage.now, stage.agents[0].link.unwrap());
    stage.manager.handle_leaving(now, link);
    stage.settle();
    assert!(!is_dismissed(&stage), "it has devices");
    while stage.agents[0].runs.len() > 1 {
        stage.agents[0].deliver();
    }
    stage.deliver(0);
    assert!(is_dismissed(&stage));
    stage.quiesce();
    stage.check_converged();
    assert_eq!(stage.runs()[0], 0);
    assert_eq!(stage.manager.totals().moves, moved);
    assert_eq!(stage.manager.totals().takeovers, 0);
}

#[test]
fn a_shard_that_leaves_as_the_last_one_may_go_at_once() {
    let mut stage = Stage::new(1, inventory(5, 22));
    stage.connect(0);
    stage.quiesce();
    let (now, link) = (stage.now, stage.agents[0].link.unwrap());
    stage.manager.handle_leaving(now, link);
    stage.settle();
    let said: Vec<_> = stage.agents[0].inbox.iter().map(ToAgent::kind).collect();
    assert_eq!(said, ["dismissed"], "nobody could take its devices");
}

#[test]
fn only_changed_devices_get_new_leases() {
    let mut stage = Stage::new(2, inventory(10, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    let grants = stage.manager.totals().grants;
    let names: Vec<_> = (0..9).map(|i| format!("sw-{i}")).collect();
    let changed = names
        .iter()
        .map(|name| (name.as_str(), if name == "sw-3" { 2222 } else { 22 }));
    stage
        .manager
        .handle_inventory(stage.now, Arc::new(testing::inventory(changed)));
    stage.settle();
    stage.quiesce();
    stage.check_converged();
    assert_eq!(stage.manager.totals().grants - grants, 1);
}

#[test]
fn a_lease_given_up_unasked_is_granted_again_after_a_pause() {
    let mut stage = Stage::new(1, inventory(1, 22));
    stage.connect(0);
    stage.quiesce();
    let (device, run) = stage.agents[0].runs.pop_first().unwrap();
    stage.agents[0].revoked.push((device, run.epoch));
    stage.deliver(0);
    stage.pass(ms(900));
    assert!(stage.agents[0].inbox.is_empty());
    stage.pass(ms(100));
    assert!(!stage.agents[0].inbox.is_empty());
}

#[test]
fn a_revocation_that_was_lost_names_what_runs() {
    let mut stage = Stage::new(2, inventory(1, 22));
    stage.connect(0);
    stage.quiesce();
    let (device, run) = stage.agents[0].runs.first_key_value().unwrap();
    let (device, first) = (device.clone(), run.epoch);
    stage.manager.handle_inventory(stage.now, inventory(1, 23));
    stage.manager.handle_inventory(stage.now, Arc::default());
    stage.settle();
    assert!(stage.manager.leases.get(device.as_str()).unwrap().epoch > first);
    stage.connect(0);
    stage.quiesce();
    stage.check_converged();
}

#[test]
fn an_epoch_that_nobody_granted_is_given_up_and_all_converges() {
    for claimed in [Epoch(HIGHEST.0 + 1), Epoch(u64::MAX)] {
        let mut stage = Stage::new(2, inventory(4, 22));
        stage.connect(0);
        stage.quiesce();
        for run in stage.agents[0].runs.values_mut() {
            run.epoch = claimed;
        }
        stage.connect(0);
        stage.connect(1);
        stage.quiesce();
        stage.check_converged();
        assert!(
            stage
                .agents
                .iter()
                .flat_map(|agent| agent.runs.values())
                .all(|run| run.epoch < HIGHEST)
        );
    }
}

#[test]
fn a_second_agent_of_a_name_is_refused() {
    let mut stage = Stage::new(1, inventory(1, 22));
    stage.connect(0);
    let hello = Hello {
        protocol: version::CURRENT,
        software: "test".into(),
        agent: "a0".parse().unwrap(),
        shard: 0,
        shards: 1,
        incarnation: Incarnation(99),
        site: None,
        size: 1,
        web: None,
        silent: Span::default(),
        running: Vec::new(),
    };
    assert!(
        stage
            .manager
            .handle_hello(stage.now, LinkNo(77), &hello, welcome(), HIGHEST)
            .is_err()
    );
}

#[test]
fn statuses_of_leases_that_are_not_in_force_are_left_out() {
    let mut stage = Stage::new(1, inventory(1, 22));
    stage.connect(0);
    stage.quiesce();
    let (device, run) = stage.agents[0].runs.first_key_value().unwrap();
    let status = |epoch| status(device, epoch);
    let link = stage.agents[0].link.unwrap();
    let statuses = vec![status(run.epoch), status(Epoch(run.epoch.0 - 1))];
    stage.manager.handle_statuses(stage.now, link, statuses);
    assert_eq!(
        stage.manager.poll_action(),
        Some(Action::Status(status(run.epoch)))
    );
    assert_eq!(stage.manager.poll_action(), None);
}
