//! What new leases mean for their devices: a task, another plan for it, or another task after it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch,
    job::Job,
    message::{Assign, Lease, Revoke},
    status::{DeviceStatus, Failure, Reason, SessionState},
    target::Target,
};

use super::{Core, Device, Effect, Task};
use crate::{
    plan::{MAX_TIMEOUT, MIN_TIMEOUT},
    session::TaskId,
    shard::leases::Assigned,
};

impl Core {
    /// Leases came. Where nothing was renewed for too long they have lapsed on their way: a session that is begun
    /// then is closed when its device may be another shard's already, so none is begun.
    pub(in crate::shard) fn handle_assign(&mut self, message: Assign, now: Instant) {
        self.expire_leases(now);
        let leases = message.leases.into_iter();
        let (lapsed, good): (Vec<_>, Vec<_>) =
            leases.partition(|lease| self.leases.has_lapsed(&lease.job, now));
        if !lapsed.is_empty() {
            let lapsed = lapsed.into_iter();
            let leases = lapsed.map(|lease| (lease.job.device.clone(), lease.epoch));
            let leases = leases.collect();
            self.handle_revoke(Revoke { leases }, now);
        }
        for lease in good {
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
                failures: 0,
                next_attempt_ms: None,
                login_seconds: None,
                failing: Vec::new(),
            },
            guesses: Vec::new(),
            held: false,
            waits: false,
            probing: None,
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
        let same_session = is_same_session(&old.target, &job.target);
        if same_session {
            self.series.renew_device(device.no, epoch);
        } else {
            // What was read at the old address must not be told under the lease of the new one.
            self.series.retire_device(device.no, self.buffer.next_seq());
            device.no = self.series.add_device(name.clone(), epoch);
            device.guesses.clear();
        }
        device.status.epoch = epoch;
        if let Task::Running(id) = device.task {
            self.permits.handle_new_epoch(id, epoch);
        }
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
            (Task::Running(id), Ok(ready)) if same_session => {
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
        self.fence_older_steps(&name, epoch, now);
        self.mark(&name, now);
    }

    /// Starts the device's task, `delay` from now.
    pub(super) fn start(&mut self, name: &DeviceName, delay: Duration, now: Instant) {
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
                device.held = self.permits.held(device.credential()).is_some();
                device.waits = false;
                self.by_task.insert(id, name.clone());
                self.effects.push_back(Effect::Start {
                    id,
                    device: name.clone(),
                    target: Box::new(with_bounds(&device.job.target)),
                    plan: ready.plan.clone(),
                    held: device.held,
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
}

/// Whether a session to `old` is one to `new`. What steps may type on it is judged by the shard.
fn is_same_session(old: &Target, new: &Target) -> bool {
    if old.login.allow == new.login.allow {
        return old == new;
    }
    let mut new = new.clone();
    new.login.allow.clone_from(&old.login.allow);
    *old == new
}

/// `target` with a deadline that can be added to the time.
fn with_bounds(target: &Target) -> Target {
    let connect_timeout = target.connect_timeout.get().clamp(MIN_TIMEOUT, MAX_TIMEOUT);
    Target {
        connect_timeout: connect_timeout.into(),
        ..target.clone()
    }
}
