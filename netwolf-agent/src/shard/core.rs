//! What a shard does about what it is told: leases become tasks, tasks' notices become statuses, counters
//! and polls. No IO and no clock; the driver is [`super`].
//!
//! ```text
//!   plans, assign, revoke, renew --> leases --> effects: start, order, stop, say
//!   notices of the tasks ----------> statuses, counters, series, buffer --> batches
//! ```
//!
//! Invariants: a device has at most one task, and a new one starts only after the old one has ended; a
//! lease is reported as revoked only after its session is closed; one device's trouble is noted with that device.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::HashMap;
use netwolf_wire::{
    DeviceName, Epoch,
    job::Job,
    message::{Hello, Plans as PlansMessage, Running, ToManager},
    series::{DeviceNo, SeriesNo},
    stats::ShardStats,
    status::{DeviceStatus, SessionState},
    target::Target,
};

use self::{permits::Permits, shows::Shows, steps::Steps};
use super::{buffer::Buffer, leases::Leases, plans::Plans, series::SeriesTable};
use crate::{
    clock::Clock,
    link::machine::Autonomy,
    plan::CompiledPlan,
    session::{Answer, Counted, Crowd, ShowOrder, StepTask, TaskId, Traffic, Verdict},
};

mod assigning;
mod endings;
mod logins;
mod permits;
mod polling;
mod shows;
mod statuses;
mod steps;

/// A task that was told to stop and has not ended after this is cut off.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// A device whose task panicked is left alone for so long.
const PANIC_DELAY: Duration = Duration::from_secs(5);
/// From one look for numbers that can be used again to the next.
const SWEEP: Duration = Duration::from_mins(1);

/// What the driver is to do.
#[derive(Debug)]
pub(super) enum Effect {
    /// Start a device's task, which waits for `delay` first.
    Start {
        id: TaskId,
        device: DeviceName,
        target: Box<Target>,
        plan: Arc<CompiledPlan>,
        /// Its credential may not be tried.
        held: bool,
        delay: Duration,
    },
    /// Tell a task what to run from now on.
    Replan(TaskId, Arc<CompiledPlan>),
    /// Tell a task to close its session and end.
    Stop(TaskId),
    /// End a task that did not end when it was told to.
    Abort(TaskId),
    /// Tell a task whether its credential may not be tried.
    Hold(TaskId, bool),
    /// Tell a task to try once although its credential is held.
    Probe(TaskId),
    /// Tell a login whether it may go on.
    Answer(Answer, Verdict),
    /// Tell a task which outputs are wanted, if any.
    Show(TaskId, Option<Arc<ShowOrder>>),
    /// Tell a task which step to carry out, if any; or that the one that it has is to look at its latch.
    Step(TaskId, Option<Arc<StepTask>>),
}

#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// The plan cannot be run.
    None,
    Running(TaskId),
    /// An earlier task of this device has to end first.
    Awaiting(TaskId),
}

/// Who waits for a verdict, counted as long as that takes.
#[derive(Debug)]
struct Waiting {
    answer: Answer,
    _counted: Counted,
}

/// A device that the shard holds a lease of.
#[derive(Debug)]
struct Device {
    no: DeviceNo,
    job: Arc<Job>,
    task: Task,
    status: DeviceStatus,
    /// Numbers of the series in the poll before, by command of the job's plan.
    guesses: Vec<Vec<SeriesNo>>,
    /// What its task was told: the credential may not be tried.
    held: bool,
    /// Its task has said that it waits for that reason.
    waits: bool,
    /// The credential that it may try although it is held, once: its own, or that of a jump host.
    probing: Option<String>,
}

impl Device {
    /// Name of the credential that it is logged in to with.
    fn credential(&self) -> &str {
        &self.job.target.login.credential
    }
}

/// A task that was told to stop.
#[derive(Debug)]
struct Closing {
    device: DeviceName,
    /// To be reported as revoked once it has ended.
    epochs: Vec<Epoch>,
    /// The last lease under which it ran, if that was given up: until the session is closed it is still run.
    given_up: Option<Running>,
    abort_at: Option<Instant>,
}

impl Closing {
    fn add(&mut self, epoch: Epoch) {
        if !self.epochs.contains(&epoch) {
            self.epochs.push(epoch);
        }
    }
}

/// One shard's state.
#[derive(Debug)]
pub(super) struct Core {
    clock: Clock,
    leases: Leases,
    plans: Plans,
    devices: HashMap<DeviceName, Device>,
    by_task: HashMap<TaskId, DeviceName>,
    closing: BTreeMap<TaskId, Closing>,
    next_task: u64,
    /// What the last hello said is run.
    claimed: Vec<(DeviceName, Epoch)>,
    /// Leases that are over and of which the manager was not told.
    revoked: Vec<(DeviceName, Epoch)>,
    /// The shard shuts down: nothing is started any more.
    stopping: bool,
    effects: VecDeque<Effect>,
    permits: Permits<Waiting>,
    crowd: Arc<Crowd>,
    shows: Shows,
    steps: Steps,
    stats: ShardStats,
    traffic: Arc<Traffic>,
    series: SeriesTable,
    buffer: Buffer,
    dirty: BTreeSet<DeviceName>,
    statuses_at: Option<Instant>,
    flush_at: Option<Instant>,
    sweep_at: Instant,
}

impl Core {
    /// A shard that holds nothing.
    pub(super) fn new(
        clock: Clock,
        traffic: Arc<Traffic>,
        crowd: Arc<Crowd>,
        now: Instant,
    ) -> Self {
        Self {
            clock,
            leases: Leases::default(),
            plans: Plans::default(),
            devices: HashMap::default(),
            by_task: HashMap::default(),
            closing: BTreeMap::new(),
            next_task: 0,
            claimed: Vec::new(),
            revoked: Vec::new(),
            stopping: false,
            effects: VecDeque::new(),
            permits: Permits::default(),
            crowd,
            shows: Shows::default(),
            steps: Steps::default(),
            stats: ShardStats::default(),
            traffic,
            series: SeriesTable::default(),
            buffer: Buffer::default(),
            dirty: BTreeSet::new(),
            statuses_at: None,
            flush_at: None,
            sweep_at: now + SWEEP,
        }
    }

    /// What to do next; call until there is nothing.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What the manager is to be told beside statuses and polls; call while the link has room.
    pub(super) fn poll_answer(&mut self) -> Option<ToManager> {
        // Which steps are held comes first on each link.
        let steps = self.poll_steps();
        // An end of a login before another ask of the same device.
        steps
            .or_else(|| self.permits.poll_ended().map(ToManager::from))
            .or_else(|| self.permits.poll_asks().map(ToManager::from))
            .or_else(|| self.poll_revoked().map(ToManager::from))
            .or_else(|| self.poll_shown().map(ToManager::from))
    }

    /// Adds what is run to a hello.
    pub(super) fn complete(&mut self, mut hello: Hello) -> Hello {
        hello.running = self.leases.running();
        // A device that has a new lease meanwhile is named by that one: its old session keeps nobody else away.
        let closing = self
            .closing
            .values()
            .filter(|closing| !self.devices.contains_key(&closing.device))
            .filter_map(|closing| closing.given_up.clone());
        hello.running.extend(closing);
        self.claimed = hello
            .running
            .iter()
            .map(|running| (running.device.clone(), running.epoch))
            .collect();
        hello
    }

    /// The link stands. Everything is told anew on it. Leases run from when the manager had been `heard` last
    /// before the hello, as it said: the manager counts from there until a heartbeat comes.
    pub(super) fn handle_welcome(&mut self, heard: Instant, autonomy: Autonomy, now: Instant) {
        self.leases.renew(heard, autonomy);
        self.plans.new_link(self.leases.plans());
        self.series.new_link();
        self.buffer.rewind();
        self.dirty = self.devices.keys().cloned().collect();
        self.statuses_at = Some(now);
        self.flush_at = (self.buffer.unsent() > 0).then_some(now);
        self.take_back_claims();
        self.forget_shows();
        self.steps.new_link();
        self.handle_link_up(now);
    }

    /// All leases hold on, from when the answered heartbeat was `sent`; polls before `acknowledged` have arrived.
    pub(super) fn handle_renew(&mut self, sent: Instant, autonomy: Autonomy, acknowledged: u64) {
        self.leases.renew(sent, autonomy);
        self.buffer.acknowledge(acknowledged);
    }

    /// Plans came.
    pub(super) fn handle_plans(&mut self, message: &PlansMessage) {
        for (digest, plan) in &message.plans {
            self.plans.insert(*digest, plan, &mut self.series);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Instant {
        let aborts = self.closing.values().filter_map(|closing| closing.abort_at);
        aborts
            .chain(self.leases.expiry())
            .chain(self.permits.poll_timeout())
            .chain(self.shows.poll_timeout())
            .chain(self.steps.poll_timeout())
            .chain([self.sweep_at])
            .min()
            .unwrap_or(self.sweep_at)
    }

    /// Time has passed. Harmless when nothing was due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for (id, closing) in &mut self.closing {
            if closing.abort_at.is_some_and(|at| now >= at) {
                closing.abort_at = None;
                self.effects.push_back(Effect::Abort(*id));
            }
        }
        self.expire_leases(now);
        if self.permits.handle_timeout(now) {
            self.hold_and_release();
        }
        self.expire_shows(now);
        self.expire_steps(now);
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP;
            self.series.sweep(now, self.buffer.oldest());
        }
    }

    fn expire_leases(&mut self, now: Instant) {
        let expired = self.leases.expire(now);
        if !expired.is_empty() {
            let n_leases = expired.len();
            tracing::warn!(
                n_leases,
                "the manager was away for too long: all leases are given up"
            );
            for (name, epoch) in expired {
                self.give_up(&name, epoch, now);
            }
        }
    }

    /// The counters, as they are now.
    pub(super) fn stats(&self) -> ShardStats {
        let up = self
            .devices
            .values()
            .filter(|device| device.status.state == SessionState::Up)
            .count();
        ShardStats {
            devices: self.leases.len() as u64,
            sessions: up as u64,
            general_client_sessions: self.traffic.general(),
            buffered_polls: self.buffer.unsent() as u64,
            dropped_polls: self.buffer.dropped(),
            steps_held: self.steps.len() as u64,
            received_bytes: self.traffic.received(),
            sent_bytes: self.traffic.sent(),
            ..self.stats.clone()
        }
    }
}

#[cfg(test)]
mod tests;
