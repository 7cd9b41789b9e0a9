//! A shard without threads, sockets and devices, for the simulation in `tests/simulation`: the driver's place is
//! taken by whoever calls. Only behind the feature `simulation`, which no program has on.
//!
//! ```text
//!   link stands, messages, loss --> +-----------+ --> connect, send, disconnect
//!   what tasks tell --------------> | ShardNode | --> start, hold, stop, abort, verdict
//!   time -------------------------> +-----------+
//! ```
//!
//! Everything is decided by the shard's own [`Mind`]; tasks are the caller's to play.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use netwolf_filter::{Extraction, Sample};
use netwolf_wire::{
    DeviceName,
    login::LoginOutcome,
    message::{Hello, ToAgent, ToManager},
    status::{Failure, Reason},
};
use tokio::sync::oneshot;

use super::{
    core::{Core, Effect},
    mind::{Mind, OfLoop, Outlet},
};
use crate::{
    clock::Clock,
    link::{
        machine::{Action, Machine},
        wires::{Batch, Stuck},
    },
    plan::CompiledPlan,
    session::{Notice, Polled, TaskId, Verdict, gate::Ask},
};

/// Names a task of a shard; never used twice by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskNo(pub u64);

/// What the shard wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Begin to connect to the manager.
    Connect,
    /// Say this to the manager.
    Send(ToManager),
    /// Close the connection, or give up making one.
    Disconnect,
    /// Start a device's task.
    Start {
        /// Its name.
        task: TaskNo,
        /// For which device.
        device: DeviceName,
        /// Its credential may not be tried.
        held: bool,
        /// Wait so long first.
        delay: Duration,
    },
    /// Whether the task's credential may not be tried.
    Hold(TaskNo, bool),
    /// Close the session and end.
    Stop(TaskNo),
    /// End at once.
    Abort(TaskNo),
    /// Whether the login that asked may go on.
    Verdict(TaskNo, bool),
    /// The manager does not want this shard, for this reason.
    Refused(String),
}

/// What a task tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// It connects to its device.
    Connecting,
    /// It is about to offer the credential; [`Output::Verdict`] answers, sooner or later.
    Asking,
    /// It did not log in and tries again after so long.
    Failed(Duration),
    /// It is logged in, after so long.
    Up(Duration),
    /// Its only command has brought this value.
    Polled(f64),
    /// Its session broke; it logs in again after so long.
    Lost(Duration),
    /// It has ended. Only for a task that was told to.
    Ended,
}

/// What a task was given.
#[derive(Debug)]
struct Task {
    plan: Arc<CompiledPlan>,
    credential: String,
    /// Where its verdict arrives.
    asked: Option<oneshot::Receiver<Verdict>>,
}

/// A link that stands: what is said waits here for the caller.
#[derive(Debug)]
struct Way {
    said: RefCell<Vec<ToManager>>,
    written: Cell<u64>,
    has_room: bool,
}

impl Outlet for Way {
    fn control(&self, message: ToManager) -> Result<(), Stuck> {
        self.said.borrow_mut().push(message);
        Ok(())
    }

    fn has_control_room(&self) -> bool {
        true
    }

    fn has_room(&self) -> bool {
        self.has_room
    }

    fn samples(&self, batch: Batch) {
        self.said.borrow_mut().extend(batch.messages);
        self.written.set(batch.up_to);
    }

    fn written(&self) -> u64 {
        self.written.get()
    }
}

/// One life of a shard. After each call drain [`Self::poll_output`]; call [`Self::handle_timeout`] when
/// [`Self::poll_timeout`] is due, and more often at will.
pub struct ShardNode {
    mind: Mind<Way>,
    clock: Clock,
    /// What the wall clock showed when.
    wall: (Instant, Duration),
    tasks: BTreeMap<TaskId, Task>,
    outputs: VecDeque<Output>,
}

impl ShardNode {
    /// A shard that says `hello` of itself and holds nothing; `wall` is what its wall clock shows, `seed` decides
    /// its jitter.
    pub fn new(hello: Hello, seed: u64, now: Instant, wall: Duration) -> Self {
        let clock = Clock::of(now, wall);
        let core = Core::new(clock.clone(), Arc::default(), Arc::default(), now);
        let machine = Machine::new(seed, now);
        Self {
            mind: Mind::new(core, machine, hello, "the manager".to_owned()),
            clock,
            wall: (now, wall),
            tasks: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The wall clock was set.
    pub fn set_wall(&mut self, now: Instant, wall: Duration) {
        self.wall = (now, wall);
    }

    /// Whether the link takes samples.
    pub fn set_room(&mut self, has_room: bool) {
        if let Some(way) = self.mind.wires() {
            way.has_room = has_room;
        }
    }

    /// What [`Output::Connect`] asked for stands.
    pub fn handle_connected(&mut self, now: Instant) {
        let way = Way {
            said: RefCell::default(),
            written: Cell::new(0),
            has_room: true,
        };
        self.mind.handle_connected(way, now);
        self.act(now);
    }

    /// The link broke, or could not be made.
    pub fn handle_lost(&mut self, now: Instant) {
        self.mind.lose("it broke", now);
        self.act(now);
    }

    /// The manager says something.
    pub fn handle_frame(&mut self, now: Instant, message: ToAgent) {
        let had_link = self.mind.wires().is_some();
        if let Err(error) = self.mind.handle_message(message, now) {
            self.outputs.push_back(Output::Refused(error.to_string()));
        }
        if had_link && self.mind.wires().is_none() {
            self.outputs.push_back(Output::Disconnect);
        }
        self.act(now);
    }

    /// A task tells something.
    pub fn handle_told(&mut self, now: Instant, task: TaskNo, told: Told) {
        let id = TaskId(task.0);
        let Some(credential) = self.tasks.get(&id).map(|task| task.credential.clone()) else {
            return;
        };
        let mut tell = |notice| self.mind.core.handle_notice(id, notice, now);
        match told {
            Told::Connecting => tell(Notice::Connecting(Duration::ZERO)),
            Told::Asking => {
                let (ask, asked) = Ask::for_test(&credential, Arc::default());
                ask.offered.store(true, Ordering::Relaxed);
                tell(Notice::Ask(ask));
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.asked = Some(asked);
                }
            }
            Told::Failed(wait) => {
                tell(Notice::Ended(credential, LoginOutcome::Unused));
                tell(Notice::LoginFailed(failure(Reason::LoginTimeout), wait));
            }
            Told::Up(took) => {
                tell(Notice::Ended(credential, LoginOutcome::Accepted));
                tell(Notice::Up(took));
            }
            Told::Polled(value) => {
                if let Some(polled) = self.polled(id, value, now) {
                    self.mind.core.handle_notice(id, polled, now);
                }
            }
            Told::Lost(wait) => tell(Notice::Disconnected(failure(Reason::ClosedByDevice), wait)),
            Told::Ended => {
                self.tasks.remove(&id);
                self.mind.core.handle_ended(id, now);
            }
        }
        self.act(now);
    }

    fn polled(&self, id: TaskId, value: f64, now: Instant) -> Option<Notice> {
        let sample = Sample {
            family: 0,
            labels: Arc::new([]),
            value,
        };
        Some(Notice::Polled(Box::new(Polled {
            plan: self.tasks.get(&id)?.plan.clone(),
            command: 0,
            unix_ms: self.clock.unix_ms(now),
            took: Duration::ZERO,
            delay: Duration::ZERO,
            extraction: Extraction {
                samples: vec![sample],
                ..Extraction::default()
            },
            truncated: false,
        })))
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.mind.poll_timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.mind.handle_timeout(now);
        self.act(now);
    }

    /// What is to be done next; call until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The driver's part, as [`super::Shard`] does it.
    fn act(&mut self, now: Instant) {
        while let Some(action) = self.mind.poll_action(now) {
            match action {
                Action::Connect => self.outputs.push_back(Output::Connect),
                Action::Beat(beat) => {
                    let (at, wall) = self.wall;
                    self.clock.follow(now, wall + (now - at));
                    self.mind.beat(beat, OfLoop::default(), now);
                }
                Action::Close(why) => {
                    self.mind.close(why, now);
                    self.outputs.push_back(Output::Disconnect);
                }
            }
        }
        let mut effects: Vec<_> = std::iter::from_fn(|| self.mind.core.poll_effect()).collect();
        // The core tells tasks of held credentials in no order, and they keep none.
        effects.sort_by_key(|effect| match effect {
            Effect::Hold(id, _) => Some(*id),
            _ => None,
        });
        let mut is_answered = false;
        for effect in effects {
            is_answered |= matches!(effect, Effect::Answer(..));
            self.do_effect(effect);
        }
        if is_answered {
            self.tell_verdicts();
        }
        self.mind.send(now);
        if let Some(way) = self.mind.wires() {
            let said = way.said.take().into_iter();
            self.outputs.extend(said.map(Output::Send));
        }
    }

    fn do_effect(&mut self, effect: Effect) {
        let output = match effect {
            Effect::Start {
                id,
                device,
                target,
                plan,
                held,
                delay,
            } => {
                let task = Task {
                    plan,
                    credential: target.login.credential,
                    asked: None,
                };
                self.tasks.insert(id, task);
                Output::Start {
                    task: TaskNo(id.0),
                    device,
                    held,
                    delay,
                }
            }
            Effect::Replan(id, plan) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.plan = plan;
                }
                return;
            }
            Effect::Hold(id, held) => Output::Hold(TaskNo(id.0), held),
            Effect::Stop(id) => Output::Stop(TaskNo(id.0)),
            Effect::Abort(id) => Output::Abort(TaskNo(id.0)),
            Effect::Answer(answer, verdict) => return answer.give(verdict),
            // Nobody asks to see an output or runs a step, and no breaker opens.
            Effect::Probe(_) | Effect::Show(..) | Effect::Step(..) => return,
        };
        self.outputs.push_back(output);
    }

    fn tell_verdicts(&mut self) {
        for (id, task) in &mut self.tasks {
            let verdict = task.asked.as_mut().and_then(|asked| asked.try_recv().ok());
            if let Some(verdict) = verdict {
                task.asked = None;
                let is_granted = verdict == Verdict::Granted;
                self.outputs
                    .push_back(Output::Verdict(TaskNo(id.0), is_granted));
            }
        }
    }
}

fn failure(reason: Reason) -> Failure {
    Failure {
        reason,
        message: String::new(),
        hint: None,
    }
}
