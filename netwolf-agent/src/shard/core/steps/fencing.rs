//! What stops steps: a lost link, a lease that is over, a session that ends, the time.
//!
//! Each of them finds out by the latch of a step whether anything was typed: what was not is told as not run, or waits for
//! the next session; what was types nothing more, and its task tells the end.

use std::time::Instant;

use netwolf_wire::{
    DeviceName, Epoch,
    status::{Failure, Reason, SessionState},
    step::{Attempt, StepEnd, StepOrder},
};

use super::{Core, State, fenced};
use crate::{
    session::{Stop, TaskId},
    shard::core::Effect,
};

impl Core {
    /// Withdraws a step that has not started, and ends it so; one that has types nothing more.
    pub(super) fn stop_step(&mut self, id: Attempt, stop: Stop, end: StepEnd, now: Instant) {
        let Some(held) = self.steps.held.get(&id) else {
            return;
        };
        match &held.state {
            State::Ended => {}
            State::Queued => self.end_step(id, end, now),
            State::Given(_, given) if given.withdraw() => self.end_step(id, end, now),
            State::Given(task, given) => {
                if given.stop(stop) {
                    let effect = Effect::Step(*task, Some(given.clone()));
                    self.effects.push_back(effect);
                }
            }
        }
    }

    fn fence_where(&mut self, why: &str, which: impl Fn(&StepOrder) -> bool, now: Instant) {
        let ids: Vec<Attempt> = self
            .steps
            .held
            .iter()
            .filter(|(_, held)| !matches!(held.state, State::Ended) && which(&held.order))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            let end = StepEnd::NotRun(fenced(why));
            self.stop_step(id, Stop::Fenced, end, now);
        }
    }

    /// The link is lost: nothing more of any step is typed.
    pub(in crate::shard::core) fn fence_steps(&mut self, why: &str, now: Instant) {
        if self.steps.held.is_empty() {
            return;
        }
        self.fence_where(why, |_| true, now);
    }

    /// The device has a lease of `epoch`: steps under any other are not begun, and one that was begun goes on where
    /// its session does.
    pub(in crate::shard::core) fn fence_older_steps(
        &mut self,
        name: &DeviceName,
        epoch: Epoch,
        now: Instant,
    ) {
        let started = self.steps.started(name).map(|step| step.order.id);
        self.fence_where(
            "the device's lease is another one",
            |order| order.device == *name && order.epoch != epoch && Some(order.id) != started,
            now,
        );
    }

    /// The shard is about to leave. What has started goes on to its end; everything else waits, and is told as not run
    /// when its lease is given up or the shard ends: told now, it would be sent here again.
    pub(in crate::shard) fn begin_leaving(&mut self) {
        self.steps.leaving = true;
        let given: Vec<_> = self.steps.given.iter().collect();
        let mut withdrawn = Vec::new();
        for (name, id) in given {
            if let Some(held) = self.steps.held.get_mut(id)
                && let State::Given(task, step) = &held.state
                && step.withdraw()
            {
                withdrawn.push((name.clone(), *id));
                self.effects.push_back(Effect::Step(*task, None));
                held.state = State::Queued;
            }
        }
        for (name, id) in withdrawn {
            self.steps.given.remove(&name);
            self.steps.queues.entry(name).or_default().push_front(id);
        }
    }

    /// Whether a step is under way.
    pub(in crate::shard) fn is_stepping(&self) -> bool {
        !self.steps.given.is_empty()
    }

    /// The device's lease is to be given up. Tells whether that has to wait for a step: what it has typed is awaited,
    /// and nothing more is typed, unless the shard gives its devices up by itself and has the time.
    pub(in crate::shard::core) fn fence_for_revocation(
        &mut self,
        name: &DeviceName,
        epoch: Epoch,
        now: Instant,
    ) -> bool {
        if self.steps.held.is_empty() {
            return false;
        }
        let started = self.steps.started(name).map(|step| step.order.id);
        let waits = started.is_some();
        if self.steps.leaving {
            let why = "the lease of the device was given up";
            let not_started =
                |order: &StepOrder| order.device == *name && Some(order.id) != started;
            self.fence_where(why, not_started, now);
        } else {
            self.fence_device(name, now);
        }
        if waits {
            self.steps.revoking.insert(name.clone(), epoch);
        }
        waits
    }

    /// The device's lease is over.
    pub(in crate::shard::core) fn fence_device(&mut self, name: &DeviceName, now: Instant) {
        if !self.steps.held.is_empty() {
            let why = "the lease of the device was given up";
            self.fence_where(why, |order| order.device == *name, now);
        }
    }

    /// A task was told to stop: what it has not begun waits for the next one of the device, if there is one.
    pub(in crate::shard::core) fn take_step_back(&mut self, task: TaskId, name: &DeviceName) {
        let Some(id) = self.steps.given.get(name).copied() else {
            return;
        };
        let Some(held) = self.steps.held.get_mut(&id) else {
            return;
        };
        match &held.state {
            State::Given(given, step) if *given == task => {
                if step.withdraw() {
                    held.state = State::Queued;
                    self.steps.given.remove(name);
                    let queue = self.steps.queues.entry(name.clone()).or_default();
                    queue.push_front(id);
                } else {
                    step.stop(Stop::Fenced);
                }
            }
            _ => {}
        }
    }

    /// A task has ended, and with it the session under a step that had begun.
    pub(in crate::shard::core) fn end_step_of(&mut self, task: TaskId, now: Instant) {
        let of_task = self.steps.given.iter().find_map(|(name, id)| {
            let held = self.steps.held.get(id)?;
            let is_of_task = matches!(&held.state, State::Given(given, _) if *given == task);
            is_of_task.then(|| (name.clone(), *id))
        });
        let Some((name, id)) = of_task else {
            return;
        };
        self.take_step_back(task, &name);
        if self.steps.given.contains_key(&name) {
            let failure = Failure {
                reason: Reason::ConnectionLost,
                message: "the device's session was closed under the step".into(),
                hint: None,
            };
            self.end_step(id, StepEnd::Unknown(failure), now);
        }
    }

    /// Steps whose deadline has passed do not begin any more.
    pub(in crate::shard::core) fn expire_steps(&mut self, now: Instant) {
        while let Some((at, id)) = self.steps.deadlines.first().copied()
            && now >= at
        {
            self.steps.deadlines.pop_first();
            let Some(held) = self.steps.held.get(&id) else {
                continue;
            };
            let is_over = match &held.state {
                State::Queued => true,
                State::Given(_, step) => step.withdraw(),
                State::Ended => false,
            };
            if is_over {
                let failure = self.why_late(&held.order);
                self.end_step(id, StepEnd::NotRun(failure), now);
            }
        }
    }

    fn why_late(&self, order: &StepOrder) -> Failure {
        let seconds = order.deadline.get().as_secs_f64();
        let status = self.devices.get(&order.device).map(|device| &device.status);
        let failure = status.and_then(|status| status.failure.as_ref());
        let what = match (status.map(|status| status.state), failure) {
            (Some(SessionState::Up | SessionState::Idle), _) => {
                "the device was busy all the time".to_owned()
            }
            (_, Some(failure)) => format!("the device's session was not up: {}", failure.message),
            _ => "the device's session was not up".to_owned(),
        };
        Failure {
            reason: Reason::StepDeadline,
            message: format!("the step did not begin within {seconds} s: {what}"),
            hint: None,
        }
    }
}
