//! Statuses: kept for each device, told when they change, all of them on a new link.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName,
    message::Statuses,
    status::{FailingCommand, Failure, Reason, SessionState},
};

use super::{Core, Device};

/// Changes within this time go as one: a login that fails at once is one message and not two.
const STATUS_DELAY: Duration = Duration::from_millis(100);
/// Statuses in one message; each has at most some KiB.
const MAX_STATUSES: usize = 500;

/// The device's status is to be told.
pub(super) fn mark(
    dirty: &mut BTreeSet<DeviceName>,
    statuses_at: &mut Option<Instant>,
    name: &DeviceName,
    now: Instant,
) {
    dirty.insert(name.clone());
    statuses_at.get_or_insert(now + STATUS_DELAY);
}

impl Device {
    /// Notes whether a command does as it should; tells whether that changed.
    pub(super) fn note_command(&mut self, command: &str, failure: Option<Failure>) -> bool {
        let failing = &mut self.status.failing;
        let known = failing
            .iter()
            .position(|failing| failing.command == command);
        match (known, failure) {
            (None, None) => return false,
            (Some(at), None) => {
                failing.remove(at);
            }
            (Some(at), Some(failure)) => {
                if failing[at].failure == failure {
                    return false;
                }
                failing[at].failure = failure;
            }
            (None, Some(failure)) => failing.push(FailingCommand {
                command: command.to_owned(),
                failure,
            }),
        }
        true
    }
}

impl Core {
    pub(super) fn mark(&mut self, name: &DeviceName, now: Instant) {
        mark(&mut self.dirty, &mut self.statuses_at, name, now);
    }

    pub(super) fn change_state(
        &mut self,
        name: &DeviceName,
        state: SessionState,
        failure: Option<Failure>,
        now: Instant,
    ) {
        let Some(device) = self.devices.get_mut(name) else {
            return;
        };
        let status = &mut device.status;
        if let Some(failure) = &failure
            && status
                .failure
                .as_ref()
                .is_none_or(|known| known.reason != failure.reason)
        {
            let reason = failure.reason.as_str();
            let hint = failure.hint.as_deref();
            if failure.reason == Reason::CredentialHeld {
                // That was said once for the credential.
                tracing::debug!(device = %name, "the device waits for its credential");
            } else {
                tracing::warn!(device = %name, reason, error = %failure.message, hint, "the device is down");
            }
        }
        if status.state != state {
            status.state = state;
            status.since_ms = self.clock.unix_ms(now);
        }
        status.next_attempt_ms = None;
        device.waits &= state == SessionState::Backoff;
        match state {
            SessionState::Up | SessionState::Idle => status.failure = None,
            // What is being tried now does not undo why it failed before.
            SessionState::Connecting => {}
            SessionState::Backoff => status.failure = failure,
        }
        self.mark(name, now);
    }

    /// Notes when the next login is due.
    pub(super) fn note_next_attempt(
        &mut self,
        name: &DeviceName,
        at: Option<Instant>,
        now: Instant,
    ) {
        if let Some(device) = self.devices.get_mut(name) {
            device.status.next_attempt_ms = at.map(|at| self.clock.unix_ms(at));
            self.mark(name, now);
        }
    }

    /// Notes whether a command does as it should, and tells it if that changed.
    pub(super) fn note_command(
        &mut self,
        name: &DeviceName,
        command: &str,
        failure: Option<Failure>,
        now: Instant,
    ) {
        let device = self.devices.get_mut(name);
        if device.is_some_and(|device| device.note_command(command, failure)) {
            self.mark(name, now);
        }
    }

    /// When [`Self::poll_statuses`] has something, on a link that stands.
    pub(in crate::shard) const fn statuses_at(&self) -> Option<Instant> {
        self.statuses_at
    }

    /// Statuses to send, if they are due; call until there are none.
    pub(in crate::shard) fn poll_statuses(&mut self, now: Instant) -> Option<Statuses> {
        if self.statuses_at.is_none_or(|at| now < at) {
            return None;
        }
        let names: Vec<_> = self.dirty.iter().take(MAX_STATUSES).cloned().collect();
        let mut statuses = Vec::with_capacity(names.len());
        for name in names {
            self.dirty.remove(&name);
            statuses.extend(self.devices.get(&name).map(|device| device.status.clone()));
        }
        if self.dirty.is_empty() {
            self.statuses_at = None;
        }
        (!statuses.is_empty()).then_some(Statuses { statuses })
    }
}
