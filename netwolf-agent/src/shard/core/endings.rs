//! How leases and tasks end: revoked, aged out, panicked, shut down.

use std::time::{Duration, Instant};

use netwolf_wire::{
    DeviceName, Epoch,
    message::{Revoke, Revoked, Running, ToManager},
    status::{Failure, Reason, SessionState},
};

use super::{Closing, Core, Effect, PANIC_DELAY, STOP_GRACE, Task};
use crate::session::TaskId;

/// Leases in one message: an answer to a manager that takes a whole shard's devices away is a few of them.
const MAX_REVOKED: usize = 1000;

impl Core {
    /// Stops a task. What `given_up` names is reported as revoked once the task has ended.
    pub(super) fn stop(&mut self, id: TaskId, given_up: Option<Running>, now: Instant) {
        let Some(device) = self.by_task.remove(&id) else {
            return;
        };
        self.effects.push_back(Effect::Stop(id));
        self.take_step_back(id, &device);
        self.pass_probe_on(id, &device);
        let abort_at = Some(now + STOP_GRACE);
        self.closing.insert(
            id,
            Closing {
                device,
                epochs: given_up.iter().map(|running| running.epoch).collect(),
                given_up,
                abort_at,
            },
        );
    }

    /// Leases are to be given up.
    pub(in crate::shard) fn handle_revoke(&mut self, message: Revoke, now: Instant) {
        for (name, epoch) in message.leases {
            if self.leases.holds(&name, epoch) && self.fence_for_revocation(&name, epoch, now) {
                tracing::debug!(device = %name, "the lease is given up when its step has ended");
            } else if self.leases.revoke(&name, epoch) {
                self.give_up(&name, epoch, now);
            } else if let Some(closing) = self
                .closing
                .values_mut()
                .find(|closing| closing.device == name)
            {
                // The session under an earlier lease is about to be closed; the answer waits for that.
                closing.add(epoch);
            } else {
                self.revoked.push((name, epoch));
            }
        }
    }

    pub(super) fn give_up(&mut self, name: &DeviceName, epoch: Epoch, now: Instant) {
        if let Some(Task::Running(id)) = self.devices.get(name).map(|device| &device.task) {
            let id = *id;
            self.pass_probe_on(id, name);
        }
        let Some(device) = self.devices.remove(name) else {
            return;
        };
        self.dirty.remove(name);
        self.drop_shows(name);
        self.fence_device(name, now);
        self.series.retire_device(device.no, self.buffer.next_seq());
        let running = || Running {
            device: name.clone(),
            epoch,
            job: device.job.digest(),
        };
        match device.task {
            Task::None => self.revoked.push((name.clone(), epoch)),
            Task::Running(id) => self.stop(id, Some(running()), now),
            Task::Awaiting(id) => {
                if let Some(closing) = self.closing.get_mut(&id) {
                    closing.add(epoch);
                    closing.given_up = Some(running());
                }
            }
        }
    }

    /// Says of leases that the hello named, and that ended before the manager answered it, that they are over.
    pub(super) fn take_back_claims(&mut self) {
        let mut ended = std::mem::take(&mut self.claimed);
        // Where a session is being closed still, the word comes when that is done.
        ended.retain(|(name, epoch)| {
            let closing =
                |closing: &Closing| closing.device == *name && closing.epochs.contains(epoch);
            !self.leases.holds(name, *epoch) && !self.closing.values().any(closing)
        });
        // What ended before the hello was told by its not being named there.
        self.revoked = ended;
    }

    /// Leases that are over, for the manager; call while the link has room. What ended since the last call
    /// goes as one, and waits where there is no room.
    pub(super) fn poll_revoked(&mut self) -> Option<Revoked> {
        let n = self.revoked.len().min(MAX_REVOKED);
        let leases: Vec<_> = self.revoked.drain(..n).collect();
        (!leases.is_empty()).then_some(Revoked { leases })
    }

    /// A task has ended, by itself only if it panicked or was aborted.
    pub(in crate::shard) fn handle_ended(&mut self, id: TaskId, now: Instant) {
        self.permits.handle_task_ended(id);
        // Nothing is begun after it under a lease that has lapsed.
        self.expire_leases(now);
        if let Some(closing) = self.closing.remove(&id) {
            let Closing {
                device: name,
                epochs,
                ..
            } = closing;
            self.revoked
                .extend(epochs.into_iter().map(|epoch| (name.clone(), epoch)));
            if self
                .devices
                .get(&name)
                .is_some_and(|device| device.task == Task::Awaiting(id))
            {
                self.start(&name, Duration::ZERO, now);
            }
        } else if let Some(name) = self.by_task.remove(&id) {
            tracing::error!(device = %name, "a session's task panicked and is started again");
            *self.stats.disconnects.entry(Reason::Other).or_default() += 1;
            let failure = Failure {
                reason: Reason::Other,
                message: "the session ended by a fault of this program; its log has the place"
                    .into(),
                hint: Some("please report it".into()),
            };
            self.change_state(&name, SessionState::Backoff, Some(failure), now);
            self.pass_probe_on(id, &name);
            self.drop_shows(&name);
            self.start(&name, PANIC_DELAY, now);
        }
        // The next step is for the task after it.
        self.end_step_of(id, now);
    }

    /// Gives up everything: the shard shuts down.
    pub(in crate::shard) fn stop_all(&mut self, now: Instant) {
        self.stopping = true;
        self.fence_steps("the agent is shutting down", now);
        let running: Vec<_> = self.by_task.keys().copied().collect();
        for id in running {
            self.stop(id, None, now);
        }
    }

    /// All tasks have ended, those too that did not end by themselves.
    pub(in crate::shard) fn handle_cut_off(&mut self, now: Instant) {
        let ids: Vec<_> = self
            .closing
            .keys()
            .chain(self.by_task.keys())
            .copied()
            .collect();
        for id in ids {
            self.permits.handle_task_ended(id);
            self.end_step_of(id, now);
        }
        self.fence_steps("the agent is shutting down", now);
    }

    /// What is to be said before the goodbye.
    pub(in crate::shard) fn poll_last_words(&mut self) -> Option<ToManager> {
        let ended = self.permits.poll_ended().map(ToManager::from);
        ended.or_else(|| self.poll_steps())
    }

    /// Whether no task is left.
    pub(in crate::shard) fn is_idle(&self) -> bool {
        self.by_task.is_empty() && self.closing.is_empty()
    }
}
