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
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch,
    job::Job,
    message::{Assign, Hello, Lease, Plans as PlansMessage, Running},
    series::{DeviceNo, SeriesNo},
    stats::ShardStats,
    status::{DeviceStatus, Failure, Reason, SessionState},
    target::Target,
};

use super::{
    buffer::Buffer,
    leases::{Assigned, Leases},
    plans::Plans,
    series::SeriesTable,
};
use crate::{
    clock::Clock,
    plan::{CompiledPlan, MAX_TIMEOUT, MIN_TIMEOUT},
    session::TaskId,
};

mod endings;
mod polling;
mod statuses;

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
        delay: Duration,
    },
    /// Tell a task what to run from now on.
    Replan(TaskId, Arc<CompiledPlan>),
    /// Tell a task to close its session and end.
    Stop(TaskId),
    /// End a task that did not end when it was told to.
    Abort(TaskId),
}

#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// The plan cannot be run.
    None,
    Running(TaskId),
    /// An earlier task of this device has to end first.
    Awaiting(TaskId),
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
    closing: HashMap<TaskId, Closing>,
    next_task: u64,
    /// What the last hello said is run.
    claimed: Vec<(DeviceName, Epoch)>,
    /// Leases that are over and of which the manager was not told.
    revoked: Vec<(DeviceName, Epoch)>,
    /// The shard shuts down: nothing is started any more.
    stopping: bool,
    effects: VecDeque<Effect>,
    stats: ShardStats,
    series: SeriesTable,
    buffer: Buffer,
    dirty: HashSet<DeviceName>,
    statuses_at: Option<Instant>,
    flush_at: Option<Instant>,
    sweep_at: Instant,
}

impl Core {
    /// A shard that holds nothing.
    pub(super) fn new(clock: Clock, now: Instant) -> Self {
        Self {
            clock,
            leases: Leases::default(),
            plans: Plans::default(),
            devices: HashMap::new(),
            by_task: HashMap::new(),
            closing: HashMap::new(),
            next_task: 0,
            claimed: Vec::new(),
            revoked: Vec::new(),
            stopping: false,
            effects: VecDeque::new(),
            stats: ShardStats::default(),
            series: SeriesTable::default(),
            buffer: Buffer::default(),
            dirty: HashSet::new(),
            statuses_at: None,
            flush_at: None,
            sweep_at: now + SWEEP,
        }
    }

    /// What to do next; call until there is nothing.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
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

    /// The link stands. Everything is told anew on it.
    pub(super) fn handle_welcome(&mut self, autonomy: Duration, now: Instant) {
        self.leases.renew(now, autonomy);
        self.plans.new_link(self.leases.plans());
        self.series.new_link();
        self.buffer.rewind();
        self.dirty = self.devices.keys().cloned().collect();
        self.statuses_at = Some(now);
        self.flush_at = (self.buffer.unsent() > 0).then_some(now);
        self.take_back_claims();
    }

    /// All leases hold on, from when the answered heartbeat was `sent`; polls before `acknowledged` have arrived.
    pub(super) fn handle_renew(&mut self, sent: Instant, autonomy: Duration, acknowledged: u64) {
        self.leases.renew(sent, autonomy);
        self.buffer.acknowledge(acknowledged);
    }

    /// Plans came.
    pub(super) fn handle_plans(&mut self, message: &PlansMessage) {
        for (digest, plan) in &message.plans {
            self.plans.insert(*digest, plan, &mut self.series);
        }
    }

    /// Leases came.
    pub(super) fn handle_assign(&mut self, message: Assign, now: Instant) {
        for lease in message.leases {
            let Lease { epoch, job } = lease.clone();
            match self.leases.assign(lease) {
                Assigned::Stale => {
                    tracing::debug!(device = %job.device, %epoch, "an old lease was left out");
                }
                Assigned::New => self.take_on(&job, epoch, now),
                Assigned::Replaced(old) => self.go_over(&old, &job, epoch, now),
            }
        }
    }

    fn take_on(&mut self, job: &Arc<Job>, epoch: Epoch, now: Instant) {
        let name = job.device.clone();
        let awaited = self
            .closing
            .iter()
            .find(|(_, closing)| closing.device == name)
            .map(|(id, _)| *id);
        let device = Device {
            no: self.series.add_device(name.clone(), epoch),
            job: job.clone(),
            task: awaited.map_or(Task::None, Task::Awaiting),
            status: DeviceStatus {
                device: name.clone(),
                epoch,
                state: SessionState::Connecting,
                since_ms: self.clock.unix_ms(now),
                failure: None,
                login_seconds: None,
                failing: Vec::new(),
            },
            guesses: Vec::new(),
        };
        self.devices.insert(name.clone(), device);
        self.mark(&name, now);
        if awaited.is_none() {
            self.start(&name, Duration::ZERO, now);
        }
    }

    fn go_over(&mut self, old: &Job, job: &Arc<Job>, epoch: Epoch, now: Instant) {
        let name = job.device.clone();
        let Some(device) = self.devices.get_mut(&name) else {
            return;
        };
        if old.target == job.target {
            self.series.renew_device(device.no, epoch);
        } else {
            // What was read at the old address must not be told under the lease of the new one.
            self.series.retire_device(device.no, self.buffer.next_seq());
            device.no = self.series.add_device(name.clone(), epoch);
            device.guesses.clear();
        }
        device.status.epoch = epoch;
        device.job = job.clone();
        let ready = self.plans.get(job.plan);
        if let Ok(ready) = &ready {
            let commands = &ready.plan.commands;
            device.status.failing.retain(|failing| {
                commands
                    .iter()
                    .any(|command| command.text == failing.command)
            });
        }
        if old.plan != job.plan {
            device.guesses.clear();
        }
        match (&device.task, ready) {
            (Task::Running(id), Ok(ready)) if old.target == job.target => {
                if old.plan != job.plan {
                    self.effects
                        .push_back(Effect::Replan(*id, ready.plan.clone()));
                }
            }
            (Task::Running(id), _) => {
                let id = *id;
                device.task = Task::Awaiting(id);
                self.stop(id, None, now);
            }
            (Task::None, _) => self.start(&name, Duration::ZERO, now),
            // The task that is awaited ends anyway, and what starts then is the new job.
            (Task::Awaiting(_), _) => {}
        }
        self.mark(&name, now);
    }

    /// Starts the device's task, `delay` from now.
    fn start(&mut self, name: &DeviceName, delay: Duration, now: Instant) {
        if self.stopping {
            return;
        }
        let Some(device) = self.devices.get_mut(name) else {
            return;
        };
        match self.plans.get(device.job.plan) {
            Ok(ready) => {
                self.next_task += 1;
                let id = TaskId(self.next_task);
                device.task = Task::Running(id);
                self.by_task.insert(id, name.clone());
                self.effects.push_back(Effect::Start {
                    id,
                    device: name.clone(),
                    target: Box::new(with_bounds(&device.job.target)),
                    plan: ready.plan.clone(),
                    delay,
                });
            }
            Err(fault) => {
                device.task = Task::None;
                tracing::error!(device = %name, error = %fault, "the plan cannot be run");
                let failure = Failure {
                    reason: Reason::Other,
                    message: fault,
                    hint: Some("do manager and agent run the same version?".into()),
                };
                self.change_state(name, SessionState::Backoff, Some(failure), now);
            }
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Instant {
        let aborts = self.closing.values().filter_map(|closing| closing.abort_at);
        aborts
            .chain(self.leases.expiry())
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
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP;
            self.series.sweep(now, self.buffer.oldest());
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
            buffered_polls: self.buffer.unsent() as u64,
            dropped_polls: self.buffer.dropped(),
            ..self.stats.clone()
        }
    }
}

/// `target` with a deadline that can be added to the time.
fn with_bounds(target: &Target) -> Target {
    let connect_timeout = target.connect_timeout.get().clamp(MIN_TIMEOUT, MAX_TIMEOUT);
    Target {
        connect_timeout: connect_timeout.into(),
        ..target.clone()
    }
}

#[cfg(test)]
mod tests;
