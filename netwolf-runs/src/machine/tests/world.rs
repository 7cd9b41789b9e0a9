//! A machine with a journal, agents that can be told what to say, and a clock that is set.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use netwolf_wire::{
    AgentName, DeviceName, Epoch, Incarnation, ShardId, Span,
    platform::{Mode, Platform, Transport},
    status::{Failure, Reason},
    step::{Attempt, CommandDone, RunId, StepCommand, StepEnd, StepEvent, StepNews, StepOrder},
};

use crate::{
    audit::Record,
    machine::{Change, Effect, Machine, Place, Settings, Taken},
    model::{ModeLines, Output, Program, Run, RunState, Spec, Step, StepSpec, StepState},
    rollout::Rollout,
};

pub(super) const START: u64 = 1_800_000_000_000;

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: u64,
    pub(super) journal: BTreeMap<RunId, (Run, Vec<Step>)>,
    pub(super) outputs: Vec<Output>,
    pub(super) audit: Vec<Record>,
    /// What the last [`World::advance`] wanted done.
    pub(super) effects: Vec<Effect>,
    pub(super) places: HashMap<DeviceName, Place>,
}

pub(super) fn shard(number: u16) -> ShardId {
    ShardId {
        agent: AgentName::new(&format!("agent-{number}")).unwrap(),
        index: 0,
    }
}

pub(super) fn device(number: u32) -> DeviceName {
    DeviceName::new(&format!("sw-{number}")).unwrap()
}

/// With a mode of [`with_mode_lines`].
pub(super) fn platform(name: &str) -> Arc<Platform> {
    let ModeLines { enter, leave } = mode_lines();
    let mode = Mode {
        enter,
        leave,
        prompt: None,
    };
    let mut platform = Platform::new(name, Transport::Shell);
    platform.modes.insert("config".into(), mode);
    Arc::new(platform)
}

fn mode_lines() -> ModeLines {
    ModeLines {
        enter: vec!["configure exclusive".into()],
        leave: vec!["rollback".into(), "exit".into()],
    }
}

pub(super) fn command(text: &str) -> StepCommand {
    StepCommand {
        text: text.to_owned(),
        timeout: Span::from_secs(10),
        expect: Vec::new(),
        reject: Vec::new(),
        answers: Vec::new(),
    }
}

pub(super) fn spec(rollout: Rollout) -> Spec {
    Spec {
        name: "ntp".into(),
        procedure: Some("ntp".into()),
        requester: "anna".into(),
        comment: None,
        changes: true,
        programs: vec![Program {
            platform: "cisco_ios".into(),
            mode: Some("config".into()),
            mode_lines: ModeLines::default(),
            commands: vec![command("ntp server 192.0.2.1"), command("ntp logging")],
            verify: None,
            login: None,
            deadline: Span::from_secs(60),
        }],
        rollout,
        run_deadline: Span::from_secs(3600),
        window: None,
        guards: Vec::new(),
        idempotency_key: None,
        body_sha256: None,
        retry_of: None,
    }
}

pub(super) fn with_verify(mut spec: Spec) -> Spec {
    spec.programs[0].verify = Some(command("show running-config | include ntp"));
    spec
}

/// As a platform that takes one line to enter the mode, and two to leave it.
pub(super) fn with_mode_lines(mut spec: Spec) -> Spec {
    spec.programs[0].mode_lines = mode_lines();
    spec
}

/// Devices `sw-0` and on, of which every other one is at another site.
pub(super) fn steps(n_steps: u32) -> Vec<StepSpec> {
    steps_from(0, n_steps)
}

pub(super) fn steps_from(first: u32, n_steps: u32) -> Vec<StepSpec> {
    (first..first + n_steps)
        .map(|number| StepSpec {
            device: device(number),
            platform: "cisco_ios".into(),
            site: Some(if number % 2 == 0 { "ams" } else { "lon" }.into()),
            program: 0,
            credential: "changer".into(),
        })
        .collect()
}

pub(super) fn failure(reason: Reason) -> Failure {
    Failure {
        reason,
        message: format!("because of {}", reason.as_str()),
        hint: None,
    }
}

pub(super) fn done(index: u32) -> StepNews {
    StepNews::Command(CommandDone {
        index,
        took: Span::from_millis(120),
        text: "ok".into(),
        truncated: false,
        sha256: "00".repeat(32),
        answered: Vec::new(),
        failure: None,
    })
}

impl World {
    /// A world in which `sw-0` to `sw-99` are with `agent-0`, life 1, on its link 1.
    pub(super) fn new() -> Self {
        let mut world = Self {
            machine: Machine::new(Settings::default()),
            now: START,
            journal: BTreeMap::new(),
            outputs: Vec::new(),
            audit: Vec::new(),
            effects: Vec::new(),
            places: HashMap::new(),
        };
        for number in 0..100 {
            world.place(number, 0, 1, 1);
        }
        world
    }

    pub(super) fn place(&mut self, number: u32, on: u16, incarnation: u64, link: u64) {
        let place = Place {
            shard: shard(on),
            incarnation: Incarnation(incarnation),
            epoch: Epoch(100 + link),
            link,
            platform: platform("cisco_ios"),
            credential: "changer".into(),
        };
        self.places.insert(device(number), place);
    }

    pub(super) fn unplace(&mut self, number: u32) {
        self.places.remove(&device(number));
    }

    pub(super) fn submit(&mut self, id: u64, spec: Spec, steps: Vec<StepSpec>) -> RunId {
        let id = RunId(id);
        let (run, steps) = Run::plan(id, spec, steps, self.now);
        self.audit.push(run.submitted());
        self.journal.insert(id, (run.clone(), steps.clone()));
        self.machine.adopt(run, steps, self.now);
        self.advance();
        id
    }

    /// What a driver does: commits, then performs.
    pub(super) fn advance(&mut self) {
        let places = &self.places;
        let outcome = self
            .machine
            .advance(&|device: &DeviceName| places.get(device).cloned(), self.now);
        for change in outcome.changes {
            self.commit(&change);
        }
        self.effects = outcome.effects;
        self.check_journal();
    }

    fn commit(&mut self, change: &Change) {
        // As it is kept, not as it is in memory.
        let kept = serde_json::to_string(change).unwrap();
        match serde_json::from_str(&kept).unwrap() {
            Change::Submitted { run, steps } => {
                self.journal.insert(run.id, (*run, steps));
            }
            Change::Run { run, status } => self.journal.get_mut(&run).unwrap().0.status = *status,
            Change::Step { run, step, status } => {
                self.journal.get_mut(&run).unwrap().1[step as usize].status = *status;
            }
            Change::Output(output) => self.outputs.push(*output),
            Change::Audit(record) => self.audit.push(*record),
        }
    }

    /// What was journalled is what the machine has, but for links, which end with a manager.
    pub(super) fn check_journal(&self) {
        for run in self.machine.runs() {
            let (kept, kept_steps) = &self.journal[&run.id];
            assert_eq!(&kept.status, &run.status, "run {}", run.id);
            for (step, kept) in self.machine.steps(run.id).zip(kept_steps) {
                let mut step = step.clone();
                let status = &mut step.status;
                for sent in (status.sent.iter_mut())
                    .chain(&mut status.verify)
                    .chain(&mut status.lost_verifies)
                {
                    sent.link = 0;
                }
                assert_eq!(&step, kept, "run {}", run.id);
            }
        }
    }

    pub(super) fn later(&mut self, ms: u64) {
        self.now += ms;
        self.advance();
    }

    /// Goes on from deadline to deadline for so long.
    pub(super) fn wait(&mut self, ms: u64) -> Vec<Effect> {
        let until = self.now + ms;
        let mut effects = Vec::new();
        while let Some(next) = self.machine.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.advance();
            effects.append(&mut self.effects);
        }
        self.now = until;
        self.advance();
        effects.append(&mut self.effects);
        effects
    }

    pub(super) fn tell(&mut self, on: u16, id: Attempt, what: StepNews) -> Taken {
        let event = StepEvent {
            id,
            unix_ms: self.now,
            what,
        };
        let taken = self.machine.handle_step_event(&shard(on), &event, self.now);
        self.advance();
        taken
    }

    pub(super) fn end(&mut self, on: u16, id: Attempt, end: StepEnd) -> Taken {
        self.tell(on, id, StepNews::Ended(end))
    }

    /// What the last effects send.
    pub(super) fn orders(&self) -> Vec<StepOrder> {
        orders(&self.effects)
    }

    pub(super) fn state(&self, run: RunId) -> RunState {
        self.journal[&run].0.status.state
    }

    pub(super) fn step(&self, run: RunId, step: u32) -> &Step {
        &self.journal[&run].1[step as usize]
    }

    pub(super) fn step_state(&self, run: RunId, step: u32) -> StepState {
        self.step(run, step).status.state
    }

    pub(super) fn reason(&self, run: RunId, step: u32) -> &str {
        self.step(run, step).status.reason.as_deref().unwrap_or("")
    }
}

pub(super) fn orders(effects: &[Effect]) -> Vec<StepOrder> {
    let orders = effects.iter().filter_map(|effect| match effect {
        Effect::Send { order, .. } => Some((**order).clone()),
        _ => None,
    });
    orders.collect()
}

pub(super) fn attempt(run: RunId, step: u32, attempt: u32) -> Attempt {
    Attempt { run, step, attempt }
}
