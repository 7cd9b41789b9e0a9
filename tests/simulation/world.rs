//! One world: a manager, agents and their devices, and the events that happen to them in virtual time.
//!
//! ```text
//!   [events by time] --> step --> node of the manager, node of a shard, session, fault
//!         ^                            | outputs
//!         +------- packets, timers <---+----> what is checked
//! ```
//!
//! Invariants: whatever happens follows from the seed; time goes by from event to event and nothing waits for it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Arguments,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_agent::simulation::{Output as ShardOutput, ShardNode, TaskNo, Told};
use netwolf_manager::{
    inventory::Inventory,
    simulation::{LinkNo, ManagerNode, Output as ManagerOutput, Remembered},
};
use netwolf_wire::{
    AgentName, DeviceName, Epoch, Incarnation, ShardId, Span,
    message::{Hello, Revoked, ToAgent, ToManager},
    version,
};

use crate::{
    network::{Connection, Packet},
    random::Random,
    session::{self, PERMIT_DEADLINE, Session, State},
    settings::{self, INTERVAL, Settings},
};

mod checks;
mod faults;
mod links;
mod manager;
mod shards;
mod story;
mod tampering;

/// Events that are told of a failure, unless `NETWOLF_STORY` says how many.
const STORY: usize = 60;

/// What the wall clocks show at the start.
const EPOCH: Duration = Duration::from_hours(500_000);

/// A fault that is put into what the nodes say, to see that it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Shards answer a revocation at once and go on.
    RevokesAreIgnored,
    /// Whatever a shard declares passes for the lease in force.
    OldEpochsPass,
    /// Shards go on without a manager for an hour.
    NothingAges,
    /// Shards go on with exclusive devices for as long as with others.
    NothingIsExclusive,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up = 0,
    Down = 1,
}

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// The manager's core runs.
    Core,
    /// A shard's timer, in one of its lives.
    Timer(usize, u64),
    /// A shard's attempt to connect goes on.
    Connect(usize, u64),
    /// A packet has come to the manager.
    Up(u64),
    /// A packet has come to a shard.
    Down(u64),
    /// A task goes on: shard, life, task, turn.
    Session(usize, u64, TaskNo, u64),
    /// The shard's end of a connection that was stopped so often has waited for long enough.
    UserTimeout(u64, u64),
    /// Something goes wrong.
    Fault,
    /// A partition is over.
    Flow(usize),
    /// A stopped connection flows again.
    FlowOne(u64, Way),
    ResumeAgent(usize),
    ResumeManager,
    StartAgent(usize),
    StartManager,
    Heal,
    /// Is all well again?
    Look,
}

#[derive(Debug)]
struct Agent {
    name: AgentName,
    n_shards: u16,
    is_up: bool,
    incarnation: u64,
    paused_until: Instant,
    resumed_at: Instant,
    /// Bytes come through from then on, by [`Way`].
    stopped_until: [Instant; 2],
    slow_until: Instant,
    slow_ms: u64,
    /// Its wall clock is wrong by so much.
    wall_step: i64,
    deferred: Vec<Event>,
}

struct Shard {
    agent: usize,
    id: ShardId,
    node: Option<ShardNode>,
    /// Counts the processes that it has been.
    life: u64,
    connection: Option<u64>,
    attempt: u64,
    timer_at: Option<Instant>,
    sessions: BTreeMap<TaskNo, Session>,
    assigned: BTreeMap<DeviceName, Epoch>,
    /// When it said what was answered last.
    contact: Option<Instant>,
    /// Until then the manager may not take this life for gone: it was heard of, or is waited for after a start.
    keeps_until: Option<Instant>,
}

struct Manager {
    node: Option<ManagerNode>,
    /// What its storage holds.
    remembered: Remembered,
    paused_until: Instant,
    wall_step: i64,
    core_at: Option<Instant>,
    deferred: Vec<Event>,
}

/// A sample that a session has brought; its value is its index.
#[derive(Debug)]
struct Sample {
    at: Instant,
    shard: usize,
    life: u64,
    task: TaskNo,
    has_arrived: bool,
}

/// What has come of a seed that went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) steps: u64,
    pub(crate) faults: u64,
    pub(crate) grants: u64,
    pub(crate) adoptions: u64,
    pub(crate) gone: u64,
    pub(crate) samples: u64,
    /// Times that a device had a second session, where it may.
    pub(crate) doubles: u64,
    /// From the heal until all was well, in milliseconds.
    pub(crate) healed_ms: u64,
    /// Follows from everything that was said and done.
    pub(crate) digest: u64,
}

/// What is wrong, and what happened before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) seed: u64,
    pub(crate) step: u64,
    pub(crate) what: String,
    pub(crate) story: Vec<String>,
}

impl Summary {
    /// Both together.
    pub(crate) const fn with(self, other: &Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            faults: self.faults + other.faults,
            grants: self.grants + other.grants,
            adoptions: self.adoptions + other.adoptions,
            gone: self.gone + other.gone,
            samples: self.samples + other.samples,
            doubles: self.doubles + other.doubles,
            healed_ms: self.healed_ms + other.healed_ms,
            digest: self.digest ^ other.digest,
        }
    }
}

/// A world.
pub(crate) struct World {
    seed: u64,
    settings: Settings,
    random: Random,
    start: Instant,
    now: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    n_events: u64,
    agents: Vec<Agent>,
    shards: Vec<Shard>,
    manager: Manager,
    connections: BTreeMap<u64, Connection>,
    n_connections: u64,
    inventory: Arc<Inventory>,
    samples: Vec<Sample>,
    /// The leases in force, as the manager has it.
    leases: BTreeMap<DeviceName, (ShardId, Epoch)>,
    /// Who had the last lease of each device, be it over or not.
    holders: BTreeMap<DeviceName, ShardId>,
    /// Every lease that ever was.
    granted: BTreeSet<(DeviceName, Epoch)>,
    /// The highest epoch that this life of the manager has granted.
    last_epoch: Epoch,
    healed_at: Option<Instant>,
    /// When a sample of each device was exposed last that was polled after the heal.
    exposed: BTreeSet<DeviceName>,
    is_over: bool,
    mutation: Option<Mutation>,
    wrong: Option<String>,
    /// Words are costly, so they are only kept when a seed is played for them.
    story: Option<VecDeque<String>>,
    n_told: usize,
    summary: Summary,
}

/// Plays a seed to its end.
pub(crate) fn play(seed: u64, mutation: Option<Mutation>) -> Result<Summary, Violation> {
    World::new(seed, mutation, false).run().map_err(|silent| {
        let told = World::new(seed, mutation, true).run();
        // The same again, if the seed decides all.
        told.err().unwrap_or(silent)
    })
}

impl World {
    fn new(seed: u64, mutation: Option<Mutation>, is_told: bool) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let settings = Settings::draw(&mut random);
        let now = Instant::now();
        let inventory = settings::inventory(settings.devices, |_| Some(22));
        let mut world = Self {
            seed,
            random,
            start: now,
            now,
            events: BTreeMap::new(),
            n_events: 0,
            agents: Vec::new(),
            shards: Vec::new(),
            manager: Manager {
                node: None,
                remembered: Remembered::default(),
                paused_until: now,
                wall_step: 0,
                core_at: None,
                deferred: Vec::new(),
            },
            connections: BTreeMap::new(),
            n_connections: 0,
            inventory,
            samples: Vec::new(),
            leases: BTreeMap::new(),
            holders: BTreeMap::new(),
            granted: BTreeSet::new(),
            last_epoch: Epoch(0),
            healed_at: None,
            exposed: BTreeSet::new(),
            is_over: false,
            mutation,
            wrong: None,
            story: is_told.then(VecDeque::new),
            n_told: crate::number("NETWOLF_STORY")
                .map_or(STORY, |n| usize::try_from(n).unwrap_or(STORY)),
            summary: Summary::default(),
            settings,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        let settings = self.settings.clone();
        self.tell(format_args!("the world: {settings:?}"));
        for (index, n_shards) in settings.agents.iter().enumerate() {
            let name: AgentName = format!("a{index}").parse().expect("it is a good name");
            for shard in 0..*n_shards {
                self.shards.push(Shard {
                    agent: index,
                    id: ShardId {
                        agent: name.clone(),
                        index: shard,
                    },
                    node: None,
                    life: 0,
                    connection: None,
                    attempt: 0,
                    timer_at: None,
                    sessions: BTreeMap::new(),
                    assigned: BTreeMap::new(),
                    contact: None,
                    keeps_until: None,
                });
            }
            self.agents.push(Agent {
                name,
                n_shards: *n_shards,
                is_up: false,
                incarnation: 0,
                paused_until: self.now,
                resumed_at: self.now,
                stopped_until: [self.now; 2],
                slow_until: self.now,
                slow_ms: 0,
                wall_step: 0,
                deferred: Vec::new(),
            });
            let after = self.random.ms(0, 500);
            self.after(after, Event::StartAgent(index));
        }
        self.after(Duration::ZERO, Event::StartManager);
        let first = self.random.ms(2_000, 8_000);
        self.after(first, Event::Fault);
        self.after(first + settings.troubled, Event::Heal);
    }

    fn run(mut self) -> Result<Summary, Violation> {
        while !self.is_over && self.wrong.is_none() {
            let Some(((at, _), event)) = self.events.pop_first() else {
                self.wrong = Some("nothing happens any more".into());
                break;
            };
            self.now = at;
            self.summary.steps += 1;
            self.step(event);
            self.check();
        }
        match self.wrong.take() {
            None => Ok(self.summary),
            Some(what) => Err(Violation {
                seed: self.seed,
                step: self.summary.steps,
                what,
                story: self.story.unwrap_or_default().into(),
            }),
        }
    }

    /// Notes something, for people; what is noted makes the digest, too, without its words.
    fn tell(&mut self, what: Arguments<'_>) {
        let at = self.now - self.start;
        if let Some(story) = &mut self.story {
            if story.len() == self.n_told {
                story.pop_front();
            }
            story.push_back(format!(
                "{:>10.4} s  #{}  {what}",
                at.as_secs_f64(),
                self.summary.steps
            ));
        }
    }

    fn mix(&mut self, number: u64) {
        let at = u64::try_from((self.now - self.start).as_nanos()).unwrap_or(u64::MAX);
        let digest = self.summary.digest ^ number.wrapping_add(at.rotate_left(32));
        self.summary.digest = Random::new(digest).next();
    }

    fn after(&mut self, time: Duration, event: Event) {
        self.n_events += 1;
        self.events.insert((self.now + time, self.n_events), event);
    }

    fn wall(&self, step: i64) -> Duration {
        let shown = EPOCH + (self.now - self.start);
        let step_by = Duration::from_secs(step.unsigned_abs());
        if step < 0 {
            shown.saturating_sub(step_by)
        } else {
            shown + step_by
        }
    }

    fn step(&mut self, event: Event) {
        if let Some(agent) = self.agent_of(&event) {
            if self.now < self.agents[agent].paused_until {
                return self.agents[agent].deferred.push(event);
            }
        } else if matches!(event, Event::Core | Event::Up(_))
            && self.now < self.manager.paused_until
        {
            return self.manager.deferred.push(event);
        }
        match event {
            Event::Core => self.run_core(),
            Event::Timer(shard, life) => self.run_timer(shard, life),
            Event::Connect(shard, attempt) => self.connect(shard, attempt),
            Event::Up(no) => self.arrive_up(no),
            Event::Down(no) => self.arrive_down(no),
            Event::Session(shard, life, task, turn) => self.go_on(shard, life, task, turn),
            Event::UserTimeout(no, n_stops) => self.give_up_waiting(no, n_stops),
            Event::Fault => self.fault(),
            Event::Flow(agent) => self.flow(agent),
            Event::FlowOne(no, way) => self.flow_one(no, way),
            Event::ResumeAgent(agent) => self.resume_agent(agent),
            Event::ResumeManager => self.resume_manager(),
            Event::StartAgent(agent) => self.start_agent(agent),
            Event::StartManager => self.start_manager(),
            Event::Heal => self.heal(),
            Event::Look => self.look(),
        }
    }

    /// Whose process an event is handled by, if it is an agent's.
    fn agent_of(&self, event: &Event) -> Option<usize> {
        let shard = match event {
            Event::Timer(shard, _) | Event::Connect(shard, _) | Event::Session(shard, ..) => *shard,
            Event::Down(no) => self.connections.get(no)?.shard,
            _ => return None,
        };
        Some(self.shards[shard].agent)
    }
}
