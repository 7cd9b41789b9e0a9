//! Outputs that somebody wants to see: one request of a device at a time, a few of a shard.
//!
//! A request for a device whose session is not up, or for a command that it does not run, is answered with
//! nothing at once. One that is under way when the session ends is answered with nothing, too.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName,
    message::{Show, Shown, ShownOutput},
    status::{Failure, Reason, SessionState},
};

use super::{Core, Effect, Task};
use crate::session::ShowOrder;

/// Requests of a shard that are not answered. One more is answered at once, with words.
const MAX_SHOWS: usize = 16;
/// Nobody waits for longer; a device that is slower than that is asked in vain.
const SHOW_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Pending {
    device: DeviceName,
    order: Arc<ShowOrder>,
    /// Its task was told; no other one of the device was.
    running: bool,
    deadline: Instant,
}

/// Requests and answers.
#[derive(Debug, Default)]
pub(super) struct Shows {
    pending: VecDeque<Pending>,
    answers: VecDeque<Shown>,
}

impl Shows {
    /// When the oldest request is given up.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pending.front().map(|pending| pending.deadline)
    }

    fn answer(&mut self, request: u64, outputs: Vec<ShownOutput>) {
        self.answers.push_back(Shown { request, outputs });
    }
}

impl Core {
    /// Somebody wants to see what a device answers.
    pub(in crate::shard) fn handle_show(&mut self, message: Show, now: Instant) {
        let Show {
            request,
            device: name,
            command,
        } = message;
        let runs = self.devices.get(&name).is_some_and(|device| {
            let up = device.status.state == SessionState::Up;
            let ready = self.plans.get(device.job.plan).ok();
            // One whose task is awaited has the state of the session before.
            let running = matches!(device.task, Task::Running(_));
            up && running
                && ready.is_some_and(|ready| {
                    let mut commands = ready.plan.commands.iter();
                    command
                        .as_ref()
                        .is_none_or(|wanted| commands.any(|known| known.text == *wanted))
                })
        });
        if !runs {
            self.shows.answer(request, Vec::new());
            return;
        }
        if self.shows.pending.len() >= MAX_SHOWS {
            let busy = ShownOutput {
                command: command.unwrap_or_default(),
                unix_ms: self.clock.unix_ms(now),
                took: Duration::ZERO.into(),
                text: String::new(),
                truncated: false,
                failure: Some(Failure {
                    reason: Reason::Other,
                    message: format!("{MAX_SHOWS} other outputs are waited for on this shard"),
                    hint: Some("try again in a moment".into()),
                }),
            };
            self.shows.answer(request, vec![busy]);
            return;
        }
        self.shows.pending.push_back(Pending {
            device: name.clone(),
            order: Arc::new(ShowOrder { request, command }),
            running: false,
            deadline: now + SHOW_TIMEOUT,
        });
        self.show_next(&name);
    }

    /// Tells the device's task what to show next, if it shows nothing.
    fn show_next(&mut self, name: &DeviceName) {
        let Some(Task::Running(id)) = self.devices.get(name).map(|device| &device.task) else {
            return;
        };
        let mut of_device = self
            .shows
            .pending
            .iter_mut()
            .filter(|pending| pending.device == *name);
        let order = match of_device.next() {
            Some(next) if next.running => return,
            Some(next) => {
                next.running = true;
                Some(next.order.clone())
            }
            None => None,
        };
        self.effects.push_back(Effect::Show(*id, order));
    }

    /// A task tells what a request brought.
    pub(super) fn handle_shown(
        &mut self,
        name: &DeviceName,
        request: u64,
        outputs: Vec<ShownOutput>,
    ) {
        let at = self.shows.pending.iter().position(|pending| {
            pending.running && pending.device == *name && pending.order.request == request
        });
        if let Some(at) = at {
            self.shows.pending.remove(at);
            self.shows.answer(request, outputs);
            self.show_next(name);
        }
    }

    /// The device's session is over: nothing of it can be shown.
    pub(super) fn drop_shows(&mut self, name: &DeviceName) {
        let (dropped, kept): (VecDeque<_>, _) = std::mem::take(&mut self.shows.pending)
            .into_iter()
            .partition(|pending| pending.device == *name);
        self.shows.pending = kept;
        if dropped.is_empty() {
            return;
        }
        for pending in dropped {
            self.shows.answer(pending.order.request, Vec::new());
        }
        self.show_next(name);
    }

    /// Gives up requests that nobody waits for any more.
    pub(super) fn expire_shows(&mut self, now: Instant) {
        while let Some(pending) = self.shows.pending.front()
            && now >= pending.deadline
        {
            let name = pending.device.clone();
            let request = pending.order.request;
            self.shows.pending.pop_front();
            self.shows.answer(request, Vec::new());
            self.show_next(&name);
        }
    }

    /// The link is new: who asked on the old one is gone.
    pub(super) fn forget_shows(&mut self) {
        let names: Vec<_> = self
            .shows
            .pending
            .drain(..)
            .map(|pending| pending.device)
            .collect();
        self.shows.answers.clear();
        for name in names {
            self.show_next(&name);
        }
    }

    /// The next answer; call while the link has room.
    pub(super) fn poll_shown(&mut self) -> Option<Shown> {
        self.shows.answers.pop_front()
    }
}
