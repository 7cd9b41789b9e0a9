//! Logins as the manager paces them: asks, permits, breakers and probes, and what tasks are told of them.

use std::time::Instant;

use netwolf_wire::{
    DeviceName,
    login::{LoginAsk, LoginOutcome},
    message::{Breakers, Permits as PermitsMessage, Probe},
    status::{Failure, Reason, SessionState},
};

use super::{Core, Effect, Task, Waiting, permits::Answered};
use crate::session::{TaskId, gate::Ask};

impl Core {
    /// A task is about to offer a credential. One that was told to stop gets no answer.
    pub(super) fn handle_ask(&mut self, id: TaskId, name: &DeviceName, ask: Ask) {
        let Some(device) = self.devices.get(name) else {
            return;
        };
        let login = LoginAsk {
            device: name.clone(),
            epoch: device.status.epoch,
            credential: ask.credential,
        };
        let probe = device.probing.as_ref() == Some(&login.credential);
        let waiting = Waiting {
            answer: ask.answer,
            _counted: self.crowd.count(&login.credential),
        };
        let answered = self.permits.ask(id, login, waiting, ask.offered, probe);
        self.answer(answered);
    }

    /// A task tells what became of a credential, even one that was told to stop.
    pub(super) fn handle_login_ended(
        &mut self,
        id: TaskId,
        credential: &str,
        outcome: LoginOutcome,
    ) {
        let held = self.permits.held(credential).is_some();
        let is_after_all =
            outcome == LoginOutcome::Refused && !self.permits.is_asking(id, credential);
        self.permits.end(id, credential, outcome);
        if let Some(name) = self.by_task.get(&id)
            && let Some(device) = self.devices.get_mut(name)
        {
            // A probe that gives its permit back, as for a jump host's login first, is still the probe.
            device
                .probing
                .take_if(|probed| probed == credential && outcome != LoginOutcome::Unused);
            if is_after_all {
                self.permits.refuse_after_all(LoginAsk {
                    device: name.clone(),
                    epoch: device.status.epoch,
                    credential: credential.to_owned(),
                });
            }
        }
        // Without a link a refusal holds the credential for all others, and an acceptance lets them go.
        if self.permits.held(credential).is_some() != held {
            self.hold_and_release();
        }
    }

    fn answer(&mut self, answered: impl IntoIterator<Item = Answered<Waiting>>) {
        let effects = answered
            .into_iter()
            .map(|(waiting, verdict)| Effect::Answer(waiting.answer, verdict));
        self.effects.extend(effects);
    }

    /// The manager granted asks.
    pub(in crate::shard) fn handle_permits(&mut self, message: &PermitsMessage) {
        let Self {
            permits, devices, ..
        } = self;
        let task_of = |name: &DeviceName| match devices.get(name)?.task {
            Task::Running(id) => Some(id),
            Task::None | Task::Awaiting(_) => None,
        };
        let answered = permits.handle_permits(message, task_of);
        self.answer(answered);
    }

    /// Breakers opened and closed.
    pub(in crate::shard) fn handle_breakers(&mut self, message: Breakers, now: Instant) {
        // Tasks that are turned away must find the door closed when they look.
        let answered = self.permits.handle_breakers(message);
        self.hold_and_release();
        self.answer(answered);
        self.explain_waits(now);
    }

    /// One device is to try although its credential is held.
    pub(in crate::shard) fn handle_probe(&mut self, message: Probe) {
        let Probe {
            device: name,
            epoch,
            credential,
        } = message;
        let Some(device) = self.devices.get_mut(&name) else {
            tracing::debug!(device = %name, "a probe came for a device that is not here any more");
            return;
        };
        let is_free = device
            .probing
            .as_ref()
            .is_none_or(|other| *other == credential);
        let waits = device.status.epoch == epoch && device.status.state != SessionState::Up;
        match device.task {
            Task::Running(id) if waits && is_free => {
                device.probing = Some(credential);
                self.effects.push_back(Effect::Probe(id));
            }
            _ => self.permits.pass_on(name, epoch, credential),
        }
    }

    /// The login that was under way is over, and has asked for nothing if it was the probe: another one is to be it.
    pub(super) fn pass_probe_on(&mut self, id: TaskId, name: &DeviceName) {
        let Some(device) = self.devices.get_mut(name) else {
            return;
        };
        if let Some(credential) = device.probing.take()
            && !self.permits.is_asking(id, &credential)
        {
            let epoch = device.status.epoch;
            self.permits.pass_on(name.clone(), epoch, credential);
        }
    }

    /// The link is lost, if there was one.
    pub(in crate::shard) fn handle_link_down(&mut self, now: Instant) {
        self.fence_steps("the link to the manager was lost", now);
        let answered = self.permits.handle_link_down();
        for device in self.devices.values_mut() {
            device.probing = None;
        }
        self.hold_and_release();
        self.answer(answered);
        self.explain_waits(now);
    }

    pub(super) fn handle_link_up(&mut self, now: Instant) {
        self.permits.handle_link_up(now);
        self.hold_and_release();
        self.explain_waits(now);
    }

    /// Tells each task whether its credential may be tried, where that has changed.
    pub(super) fn hold_and_release(&mut self) {
        for device in self.devices.values_mut() {
            let Task::Running(id) = device.task else {
                continue;
            };
            let held = self.permits.held(device.credential()).is_some();
            if std::mem::replace(&mut device.held, held) != held {
                self.effects.push_back(Effect::Hold(id, held));
            }
        }
    }

    /// A device is not connected to because its credential is held.
    pub(super) fn note_held(&mut self, name: &DeviceName, now: Instant) {
        let Some(device) = self.devices.get_mut(name) else {
            return;
        };
        device.waits = true;
        device.status.next_attempt_ms = None;
        // That somebody may be in the middle is the worse news, and stays.
        let is_worse = says_host_key(device.status.failure.as_ref());
        let failure = self.permits.held(device.credential());
        if failure.is_some() && !is_worse {
            self.change_state(name, SessionState::Backoff, failure, now);
        }
    }

    /// The reason why devices wait may read otherwise now.
    fn explain_waits(&mut self, now: Instant) {
        let changed: Vec<(DeviceName, Failure)> = self
            .devices
            .iter()
            .filter(|(_, device)| device.waits && !says_host_key(device.status.failure.as_ref()))
            .filter_map(|(name, device)| {
                let failure = self.permits.held(device.credential())?;
                (device.status.failure.as_ref() != Some(&failure)).then(|| (name.clone(), failure))
            })
            .collect();
        for (name, failure) in changed {
            self.change_state(&name, SessionState::Backoff, Some(failure), now);
        }
    }
}

/// Whether a device was not logged in to for its host key.
fn says_host_key(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| {
        matches!(
            failure.reason,
            Reason::HostKeyMismatch | Reason::HostKeyUnknown
        )
    })
}
