//! Steps of automation runs: taken in, given to their devices' tasks one at a time, told of until that is heard.
//!
//! ```text
//!   steps --> admitted? --> queue of the device --session up--> its task --started, commands, end--> told
//!               | no                | cancelled, late, fenced       | fenced: types nothing more      | heard
//!               +-> NotRun          +-> Cancelled, NotRun           +-> Failed, Unknown               +-> forgotten
//! ```
//!
//! | State | Ends by | At the latest |
//! |---|---|---|
//! | queued | the session is up and the device free | at the step's deadline |
//! | given | the task starts it | at the step's deadline, which withdraws it |
//! | started | the task tells its end, or ends itself | some seconds after the step's deadline, which the task keeps |
//! | ended | the manager has heard it | when the shard ends: nobody carries it out again |
//!
//! Invariants: an attempt is taken in once; a device has at most one step that is given or started; what ends as
//! `NotRun` or `Cancelled` has typed nothing ([`StepTask`]'s latch); a lost link or lease fences at once; everything of
//! an attempt is told anew on each link until its end is heard, behind the list of what is held.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use netwolf_wire::{
    DeviceName, Epoch,
    message::{
        CancelSteps, Revoke, StepEvents, Steps as StepsMessage, StepsHeard, StepsHeld, ToManager,
    },
    status::{Failure, Reason, SessionState},
    step::{Attempt, CommandDone, MAX_COMMANDS, MAX_HELD, StepEnd, StepEvent, StepNews, StepOrder},
};

use super::{Core, Effect, Task};
use crate::{
    plan::MAX_TIMEOUT,
    session::{StepTask, Stop, TaskId},
};

mod fencing;

/// Text of outputs that is kept for all steps of a shard until it is heard, in bytes; what comes beyond is left out.
const MAX_HELD_OUTPUT: usize = 64 << 20;
/// Text of outputs in one message, in bytes, about: escaped it is twice as long at most and fits a frame.
const MAX_EVENTS_TEXT: usize = 1 << 20;
/// Events in one message.
const MAX_EVENTS: usize = 500;

/// How far a step is.
#[derive(Debug)]
enum State {
    /// It waits for its device.
    Queued,
    /// Its device's task has it.
    Given(TaskId, Arc<StepTask>),
    /// Nothing more happens.
    Ended,
}

/// A step that is not forgotten.
#[derive(Debug)]
struct Held {
    order: StepOrder,
    deadline: Instant,
    state: State,
    events: Vec<StepEvent>,
    /// So many of them were sent on the link that stands.
    n_sent: usize,
}

/// All steps of a shard.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The agent was started so that it changes nothing.
    read_only: bool,
    held: BTreeMap<Attempt, Held>,
    /// By device, in the order in which they came; some may have ended since.
    queues: HashMap<DeviceName, VecDeque<Attempt>>,
    /// The one of each device that is given.
    given: HashMap<DeviceName, Attempt>,
    /// Of those that have not started.
    deadlines: BTreeSet<(Instant, Attempt)>,
    /// Those with events that were not sent; some may be forgotten since.
    unsent: VecDeque<Attempt>,
    /// Ends of those that there was no room to hold.
    turned_away: VecDeque<StepEvent>,
    /// The link is new: it is told what is held first of all.
    tell_held: bool,
    held_output: usize,
    /// The shard is about to leave: no step is begun any more, and what has started goes on to its end.
    leaving: bool,
    /// Leases that are given up when the step of their device has ended.
    revoking: BTreeMap<DeviceName, Epoch>,
}

impl Steps {
    /// When the first step is too late to start.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Steps that are not forgotten.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The link is new: everything is told again.
    pub(super) fn new_link(&mut self) {
        self.tell_held = true;
        self.turned_away.clear();
        self.unsent = self.held.keys().copied().collect();
        for held in self.held.values_mut() {
            held.n_sent = 0;
        }
    }

    fn note(&mut self, id: Attempt, unix_ms: u64, mut what: StepNews) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        if let StepNews::Command(done) = &mut what {
            if self.held_output + done.text.len() > MAX_HELD_OUTPUT {
                done.text = String::new();
                done.truncated = true;
            }
            self.held_output += done.text.len();
        }
        held.events.push(StepEvent { id, unix_ms, what });
        if self.unsent.back() != Some(&id) {
            self.unsent.push_back(id);
        }
    }

    fn forget(&mut self, id: Attempt) {
        if let Some(held) = self.held.remove(&id) {
            self.held_output -= held.events.iter().map(text_of).sum::<usize>();
        }
    }

    /// What of a device has started, if anything.
    fn started(&self, device: &DeviceName) -> Option<&Arc<StepTask>> {
        let id = self.given.get(device)?;
        match &self.held.get(id)?.state {
            State::Given(_, step) if step.has_started() => Some(step),
            _ => None,
        }
    }
}

/// Bytes of output in an event.
fn text_of(event: &StepEvent) -> usize {
    match &event.what {
        StepNews::Command(CommandDone { text, .. }) => text.len(),
        _ => 0,
    }
}

fn fenced(message: &str) -> Failure {
    Failure {
        reason: Reason::Fenced,
        message: message.into(),
        hint: None,
    }
}

fn not_allowed(message: impl Into<String>, hint: Option<&str>) -> Failure {
    Failure {
        reason: Reason::NotAllowed,
        message: message.into(),
        hint: hint.map(Into::into),
    }
}

impl Core {
    /// From now on no step changes a device.
    pub(in crate::shard) const fn read_only(mut self, read_only: bool) -> Self {
        self.steps.read_only = read_only;
        self
    }

    /// Steps came. One that is held already is left out: it is carried out once.
    pub(in crate::shard) fn handle_steps(&mut self, message: StepsMessage, now: Instant) {
        for order in message.steps {
            self.take_step(order, now);
        }
    }

    fn take_step(&mut self, order: StepOrder, now: Instant) {
        let id = order.id;
        if self.steps.held.contains_key(&id) {
            tracing::debug!(run = %id.run, step = id.step, "a step came twice");
            return;
        }
        if self.steps.held.len() >= MAX_HELD {
            if self.steps.turned_away.len() < MAX_HELD {
                let failure = Failure {
                    reason: Reason::TooManySteps,
                    message: format!("the shard holds {MAX_HELD} steps"),
                    hint: None,
                };
                self.steps.turned_away.push_back(StepEvent {
                    id,
                    unix_ms: self.clock.unix_ms(now),
                    what: StepNews::Ended(StepEnd::NotRun(failure)),
                });
            }
            return;
        }
        let admitted = self.admit(&order);
        let device = order.device.clone();
        let deadline = now + order.deadline.get().min(MAX_TIMEOUT);
        let held = Held {
            order,
            deadline,
            state: State::Queued,
            events: Vec::new(),
            n_sent: 0,
        };
        self.steps.held.insert(id, held);
        match admitted {
            Ok(()) => {
                self.note_step(id, StepNews::Accepted, now);
                self.steps.deadlines.insert((deadline, id));
                let queue = self.steps.queues.entry(device.clone()).or_default();
                queue.push_back(id);
                self.give_step(&device, now);
            }
            Err(failure) => self.end_step(id, StepEnd::NotRun(failure), now),
        }
    }

    /// Whether a step may be carried out here.
    fn admit(&self, order: &StepOrder) -> Result<(), Failure> {
        if self.stopping {
            return Err(fenced("the agent is shutting down"));
        }
        let revoking = self.steps.revoking.get(&order.device) == Some(&order.epoch);
        let device = self.devices.get(&order.device);
        let Some(device) =
            device.filter(|_| self.leases.holds(&order.device, order.epoch) && !revoking)
        else {
            return Err(fenced("the shard has no such lease of the device"));
        };
        if order.changes && self.steps.read_only {
            return Err(not_allowed(
                "the agent was started with --read-only, so it carries out no step that changes",
                Some("run the step on a device of another agent, or start this one without it"),
            ));
        }
        if order.commands.len() > MAX_COMMANDS {
            return Err(not_allowed(
                format!("a step has at most {MAX_COMMANDS} commands"),
                None,
            ));
        }
        if order.commands.is_empty() && order.verify.is_none() {
            return Err(not_allowed("the step has no command", None));
        }
        let ready = self.plans.get(device.job.plan).map_err(|fault| Failure {
            reason: Reason::Other,
            message: fault,
            hint: None,
        })?;
        ready
            .plan
            .for_steps()
            .judge
            .judge_step(&device.job.target.login, order)
            .map_err(|refused| refused.failure())
    }

    /// Gives the device's task its next step, if it can take one.
    pub(super) fn give_step(&mut self, name: &DeviceName, now: Instant) {
        while !self.steps.leaving
            && !self.steps.given.contains_key(name)
            && let Some(device) = self.devices.get(name)
            && let Task::Running(task) = device.task
            // One that ended for want of commands is made anew for a step.
            && matches!(device.status.state, SessionState::Up | SessionState::Idle)
            && let Some(queue) = self.steps.queues.get_mut(name)
        {
            let Some(id) = queue.pop_front() else {
                self.steps.queues.remove(name);
                return;
            };
            let Some(held) = self.steps.held.get_mut(&id) else {
                continue;
            };
            if !matches!(held.state, State::Queued) {
                continue;
            }
            let newline = match self.plans.get(device.job.plan) {
                Ok(ready) => ready.plan.platform.newline.clone(),
                Err(_) => String::new(),
            };
            let exclusive = device.job.exclusive;
            match StepTask::new(held.order.clone(), &newline, held.deadline, exclusive) {
                Ok(step) => {
                    let step = Arc::new(step);
                    held.state = State::Given(task, step.clone());
                    self.steps.given.insert(name.clone(), id);
                    self.effects.push_back(Effect::Step(task, Some(step)));
                }
                Err(failure) => self.end_step(id, StepEnd::NotRun(failure), now),
            }
        }
    }

    /// A task tells what happened to a step; one that was told to stop, too.
    pub(super) fn handle_step_news(&mut self, id: Attempt, news: StepNews, now: Instant) {
        match self.steps.held.get(&id).map(|held| &held.state) {
            None | Some(State::Ended) => {}
            Some(_) => match news {
                StepNews::Ended(end) => self.end_step(id, end, now),
                news => self.note_step(id, news, now),
            },
        }
    }

    fn note_step(&mut self, id: Attempt, what: StepNews, now: Instant) {
        let unix_ms = self.clock.unix_ms(now);
        self.steps.note(id, unix_ms, what);
    }

    /// Nothing more happens to the step.
    fn end_step(&mut self, id: Attempt, end: StepEnd, now: Instant) {
        let Some(held) = self.steps.held.get_mut(&id) else {
            return;
        };
        let device = held.order.device.clone();
        self.steps.deadlines.remove(&(held.deadline, id));
        match std::mem::replace(&mut held.state, State::Ended) {
            State::Ended => return,
            State::Queued => {}
            State::Given(task, step) => {
                if step.has_started() {
                    self.stats.steps += 1;
                    self.stats.step_failures += u64::from(end != StepEnd::Succeeded);
                }
                self.steps.given.remove(&device);
                self.effects.push_back(Effect::Step(task, None));
            }
        }
        self.note_step(id, StepNews::Ended(end), now);
        if self.steps.given.contains_key(&device) {
            return;
        }
        if let Some(epoch) = self.steps.revoking.remove(&device) {
            let leases = vec![(device, epoch)];
            self.handle_revoke(Revoke { leases }, now);
        } else {
            self.give_step(&device, now);
        }
    }

    /// Steps are wanted no more.
    pub(in crate::shard) fn handle_cancel_steps(&mut self, message: &CancelSteps, now: Instant) {
        for id in &message.steps {
            self.stop_step(*id, Stop::Cancelled, StepEnd::Cancelled, now);
        }
    }

    /// Ends of steps were written down: they are forgotten.
    pub(in crate::shard) fn handle_steps_heard(&mut self, message: &StepsHeard) {
        for id in &message.steps {
            let held = self.steps.held.get(id);
            if held.is_some_and(|held| matches!(held.state, State::Ended)) {
                self.steps.forget(*id);
            }
        }
    }

    /// What the manager is to be told of steps; call while the link has room.
    pub(super) fn poll_steps(&mut self) -> Option<ToManager> {
        if std::mem::take(&mut self.steps.tell_held) {
            let steps = self.steps.held.keys().copied().collect();
            return Some(StepsHeld { steps }.into());
        }
        let n = self.steps.turned_away.len().min(MAX_EVENTS);
        let mut events: Vec<StepEvent> = self.steps.turned_away.drain(..n).collect();
        let mut room = MAX_EVENTS_TEXT;
        while events.len() < MAX_EVENTS
            && let Some(id) = self.steps.unsent.front().copied()
        {
            let next = self.steps.held.get_mut(&id).and_then(|held| {
                let event = held.events.get(held.n_sent)?;
                Some((text_of(event), event.clone(), &mut held.n_sent))
            });
            let Some((text, event, n_sent)) = next else {
                self.steps.unsent.pop_front();
                continue;
            };
            if text > room && !events.is_empty() {
                break;
            }
            room = room.saturating_sub(text);
            *n_sent += 1;
            events.push(event);
        }
        (!events.is_empty()).then(|| StepEvents { events }.into())
    }
}
