//! A machine among agents and devices, of which each can fail, and what must hold of them at any time.
//!
//! The agents here are honest: they type an order once, never one that they did not get, and tell the truth, but late,
//! repeatedly, or not at all. What they have typed is counted on the devices.

use std::collections::{BTreeMap, HashMap, HashSet};

use netwolf_wire::{
    DeviceName, Incarnation,
    status::Reason,
    step::{Attempt, RunId, StepEnd, StepEvent, StepNews, StepOrder},
};

use super::world::{World, device, done, failure, shard};
use crate::{
    machine::{Effect, Machine, Settings},
    model::{RunState, StepState},
};

pub(super) const DEVICES: u32 = 8;
pub(super) const SHARDS: u16 = 2;

/// An order in the hands of an agent.
struct Held {
    order: StepOrder,
    typed: bool,
    ended: bool,
    /// All that it has to tell of it, until it is heard.
    events: Vec<StepEvent>,
}

/// One agent of one shard.
#[derive(Default)]
pub(super) struct Agent {
    life: u64,
    pub(super) link: u64,
    held: Vec<Held>,
}

pub(super) struct Play {
    pub(super) world: World,
    pub(super) agents: Vec<Agent>,
    links: u64,
    pub(super) runs: u64,
    /// Orders that the machine has sent and the driver not yet performed.
    on_the_way: Vec<(u16, u64, StepOrder)>,
    pub(super) lose_sends: bool,
    /// Each order that was ever sent.
    sent: HashSet<Attempt>,
    /// Steps whose guards were to be watched, and whether it was said of them since that they have held.
    watched: BTreeMap<(RunId, u32), bool>,
    /// How often each step's commands were typed.
    typed: BTreeMap<(RunId, u32), u32>,
}

impl Play {
    pub(super) fn new() -> Self {
        let mut play = Self {
            world: World::new(),
            agents: Vec::new(),
            links: 0,
            runs: 0,
            on_the_way: Vec::new(),
            lose_sends: false,
            sent: HashSet::new(),
            watched: BTreeMap::new(),
            typed: BTreeMap::new(),
        };
        play.world.places.clear();
        for _ in 0..SHARDS {
            play.links += 1;
            play.agents.push(Agent {
                life: 1,
                link: play.links,
                held: Vec::new(),
            });
        }
        for number in 0..DEVICES {
            play.place(number, u16::try_from(number).unwrap() % SHARDS);
        }
        play
    }

    pub(super) fn place(&mut self, number: u32, on: u16) {
        let agent = &self.agents[usize::from(on)];
        let (life, link) = (agent.life, agent.link);
        self.world.place(number, on, life, link);
    }

    /// All places of a shard are its present link's.
    fn replace(&mut self, on: u16) {
        for number in 0..DEVICES {
            let there = self.world.places.get(&device(number));
            if there.is_some_and(|place| place.shard == shard(on)) {
                self.place(number, on);
            }
        }
    }

    /// Advances and performs, as a driver does.
    pub(super) fn go(&mut self) {
        self.world.advance();
        loop {
            let effects = std::mem::take(&mut self.world.effects);
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.perform(effect);
            }
            self.world.advance();
        }
        self.check();
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send {
                shard, link, order, ..
            } => {
                assert!(self.sent.insert(order.id), "{:?} was sent twice", order.id);
                let kept = self.world.step(order.id.run, order.id.step);
                let status = &kept.status;
                assert_eq!(status.attempt, order.id.attempt, "it was journalled before");
                if order.commands.is_empty() {
                    assert_eq!(status.state, StepState::Unknown);
                    assert!(!order.changes);
                }
                let on = shard.agent.as_str().trim_start_matches("agent-");
                let on: u16 = on.parse().unwrap();
                let agent = &mut self.agents[usize::from(on)];
                if agent.link == link && !self.lose_sends {
                    agent.held.push(Held {
                        order: *order,
                        typed: false,
                        ended: false,
                        events: Vec::new(),
                    });
                } else if agent.link == link {
                    // Written to a link that breaks before it is read.
                    self.on_the_way.push((on, link, *order));
                } else {
                    let now = self.world.now;
                    self.world.machine.handle_not_sent(order.id, "moved", now);
                }
            }
            Effect::Cancel { shard, id } => {
                let now = self.world.now;
                for (on, agent) in (0..).zip(&mut self.agents) {
                    if shard != super::world::shard(on) {
                        continue;
                    }
                    for held in &mut agent.held {
                        if held.order.id == id && !held.typed && !held.ended {
                            held.ended = true;
                            held.events.push(ended(id, StepEnd::Cancelled, now));
                        }
                    }
                }
            }
            Effect::Heard { shard, id } => {
                for (on, agent) in (0..).zip(&mut self.agents) {
                    if shard == super::world::shard(on) {
                        agent.held.retain(|held| held.order.id != id);
                    }
                }
            }
            Effect::Watch {
                run,
                step,
                until_ms,
                ..
            } => {
                let kept = self.world.step(run, step);
                assert_eq!(kept.status.watch_until_ms, Some(until_ms));
                self.watched.insert((run, step), false);
            }
            Effect::GuardBroken { run, step, .. } => {
                let kept = &self.world.journal[&run].0.status;
                assert!(kept.stopped_by.is_some() || kept.overdue || kept.cancelled_by.is_some());
                assert!(self.world.step(run, step).status.watch_until_ms.is_none());
            }
        }
    }

    /// Whoever watches says that the guards of a step have held, if it was asked to watch them.
    pub(super) fn hold(&mut self, run: RunId, step: u32) {
        if let Some(has_held) = self.watched.get_mut(&(run, step)) {
            *has_held = true;
            let now = self.world.now;
            self.world.machine.handle_guard_held(run, step, now);
        }
    }

    fn all_held(&mut self) -> Vec<(u16, usize)> {
        let mut all = Vec::new();
        for (on, agent) in (0..).zip(&self.agents) {
            all.extend((0..agent.held.len()).map(|at| (on, at)));
        }
        all
    }

    fn pick(&mut self, at: usize) -> Option<(u16, usize)> {
        let all = self.all_held();
        (!all.is_empty()).then(|| all[at % all.len()])
    }

    pub(super) fn types(&mut self, at: usize) {
        let now = self.world.now;
        let Some((on, at)) = self.pick(at) else {
            return;
        };
        let held = &mut self.agents[usize::from(on)].held[at];
        if held.typed || held.ended {
            return;
        }
        held.typed = true;
        let id = held.order.id;
        held.events.push(event(id, StepNews::Started, now));
        if !held.order.commands.is_empty() {
            *self.typed.entry((id.run, id.step)).or_default() += 1;
        }
    }

    pub(super) fn ends(&mut self, at: usize, how: u8) {
        let now = self.world.now;
        let Some((on, at)) = self.pick(at) else {
            return;
        };
        let held = &mut self.agents[usize::from(on)].held[at];
        if held.ended {
            return;
        }
        held.ended = true;
        let id = held.order.id;
        let end = if held.typed {
            held.events.push(event(id, done(0), now));
            match how {
                0..=3 => StepEnd::Succeeded,
                4 => StepEnd::Failed(failure(Reason::UnexpectedOutput)),
                5 => StepEnd::Failed(failure(Reason::CommandRejected)),
                6 => StepEnd::TimedOut(failure(Reason::CommandTimeout)),
                _ => StepEnd::Unknown(failure(Reason::ConnectionLost)),
            }
        } else {
            match how {
                0..=4 => StepEnd::NotRun(failure(Reason::Fenced)),
                5 => StepEnd::NotRun(failure(Reason::NotAllowed)),
                _ => StepEnd::NotRun(failure(Reason::StepDeadline)),
            }
        };
        held.events.push(ended(id, end, now));
    }

    /// Tells everything of one order, which may have been told before.
    pub(super) fn tells(&mut self, at: usize) {
        let Some((on, at)) = self.pick(at) else {
            return;
        };
        let held = &self.agents[usize::from(on)].held[at];
        let (events, verifies) = (held.events.clone(), held.order.commands.is_empty());
        for event in events {
            let now = self.world.now;
            self.world
                .machine
                .handle_step_event(&shard(on), &event, now);
            let found = match &event.what {
                StepNews::Ended(StepEnd::Succeeded) => true,
                StepNews::Ended(StepEnd::Failed(why)) => why.reason == Reason::UnexpectedOutput,
                _ => false,
            };
            if verifies && found {
                let step = self.world.machine.step(event.id.run, event.id.step);
                assert!(
                    step.is_none_or(|step| step.status.state != StepState::Unknown),
                    "what verify found is left unknown: {step:?}"
                );
            }
        }
    }

    pub(super) fn relink(&mut self, on: u16, restarted: bool) {
        self.links += 1;
        let link = self.links;
        // What was on its way to the former link never arrives.
        self.on_the_way.retain(|(to, ..)| *to != on);
        self.lose_sends = false;
        let agent = &mut self.agents[usize::from(on)];
        agent.link = link;
        if restarted {
            agent.life += 1;
            agent.held.clear();
        }
        let life = Incarnation(agent.life);
        let held: Vec<_> = agent.held.iter().map(|held| held.order.id).collect();
        // A shard that has lost its link types nothing more of what it has not begun.
        for held in &mut agent.held {
            if !held.typed && !held.ended {
                held.ended = true;
                let end = StepEnd::NotRun(failure(Reason::Fenced));
                held.events.push(ended(held.order.id, end, self.world.now));
            }
        }
        self.replace(on);
        let now = self.world.now;
        // The board may be ahead: something is sent on the new link before what is held is told.
        self.go();
        self.world
            .machine
            .handle_held(&shard(on), life, link, &held, now);
    }

    /// The machine is made anew of what the journal has.
    pub(super) fn restart_manager(&mut self) {
        let live = |run: &crate::model::Run| !run.status.state.is_end();
        let runs: Vec<_> = self
            .world
            .journal
            .values()
            .filter(|(run, _)| live(run))
            .cloned()
            .collect();
        self.world.machine = Machine::restore(Settings::default(), runs, self.world.now);
        for on in 0..SHARDS {
            self.relink(on, false);
        }
    }

    fn check(&self) {
        for ((run, step), typed) in &self.typed {
            assert!(
                *typed <= 1,
                "step {step} of run {run} was typed {typed} times"
            );
        }
        for ((run, step), has_held) in &self.watched {
            let (run, step) = (&self.world.journal[run].0, self.world.step(*run, *step));
            let is_good = step.status.is_closed() && step.status.state == StepState::Succeeded;
            assert!(
                !is_good || *has_held || run.status.cancelled_by.is_some(),
                "nobody has watched the guards of step {} of run {}",
                step.step,
                run.id
            );
        }
        let mut devices: HashMap<DeviceName, u32> = HashMap::new();
        for run in self.world.machine.runs() {
            let rollout = run.spec.rollout;
            let (mut in_hand, mut sites) = (0, HashMap::<_, u32>::new());
            let mut seen = crate::model::Counts::default();
            for step in self.world.machine.steps(run.id) {
                let status = &step.status;
                *seen.get_mut(status.state) += 1;
                if status.in_hand() {
                    in_hand += 1;
                    *sites.entry(step.spec.site.clone()).or_default() += 1;
                    *devices.entry(step.spec.device.clone()).or_default() += 1;
                }
                if step.batch > run.status.batch {
                    let untouched =
                        matches!(status.state, StepState::Pending | StepState::Cancelled);
                    assert!(
                        untouched,
                        "a step of a batch that has not begun is {}",
                        status.state
                    );
                }
                if matches!(status.state, StepState::Leased | StepState::Running) {
                    assert_eq!(step.batch.max(run.status.batch), run.status.batch);
                }
                assert!(!run.status.state.is_end() || status.is_closed());
            }
            assert_eq!(seen, run.status.counts);
            assert!(
                in_hand <= rollout.in_flight,
                "{in_hand} in hand of run {}",
                run.id
            );
            if let Some(bound) = rollout.per_site {
                assert!(sites.values().all(|n| *n <= bound), "{sites:?}");
            }
        }
        assert!(devices.values().all(|n| *n <= 1), "{devices:?}");
        self.world.machine.check_indices();
    }

    /// Time passes and nothing else happens.
    pub(super) fn finish(&mut self) {
        let until = self.world.now + 48 * 3_600_000;
        let mut turns = 0;
        while let Some(next) = self
            .world
            .machine
            .poll_timeout()
            .filter(|next| *next <= until)
        {
            self.world.now = self.world.now.max(next);
            self.go();
            turns += 1;
            assert!(turns < 100_000, "time does not pass");
        }
        for (run, steps) in self.world.journal.values() {
            assert!(
                run.status.state.is_end(),
                "run {} is {}",
                run.id,
                run.status.state
            );
            assert!(steps.iter().all(|step| step.status.is_closed()));
            let succeeded = steps
                .iter()
                .all(|step| step.status.state == StepState::Succeeded);
            assert_eq!(run.status.state == RunState::Succeeded, succeeded);
        }
    }
}

fn event(id: Attempt, what: StepNews, unix_ms: u64) -> StepEvent {
    StepEvent { id, unix_ms, what }
}

fn ended(id: Attempt, end: StepEnd, unix_ms: u64) -> StepEvent {
    event(id, StepNews::Ended(end), unix_ms)
}
