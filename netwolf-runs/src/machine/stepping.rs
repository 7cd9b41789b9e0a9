//! One step at a time: its status changes, and everything that is counted or queued by it follows.

use netwolf_wire::{
    DeviceName, ShardId,
    step::{Attempt, RunId},
};

use super::{
    Effect, Machine,
    live::{Key, LiveRun, LiveStep, Tally, Wait, in_hand},
    timers::Timer,
};
use crate::model::{Sent, StepState, StepStatus};

impl Machine {
    pub(super) fn live(&self, key: Key) -> Option<(&LiveRun, &LiveStep)> {
        let run = self.runs.get(&key.0)?;
        Some((run, run.steps.get(key.1 as usize)?))
    }

    fn live_mut(&mut self, key: Key) -> Option<&mut LiveStep> {
        self.runs.get_mut(&key.0)?.steps.get_mut(key.1 as usize)
    }

    pub(super) fn device(&self, key: Key) -> Option<DeviceName> {
        self.live(key)
            .map(|(_, live)| live.step.spec.device.clone())
    }

    /// Changes a step's status. The only place that does: counts, locks, deadlines and what is to be journalled follow.
    pub(super) fn update(&mut self, key: Key, change: impl FnOnce(&mut StepStatus)) {
        let Some(run) = self.runs.get_mut(&key.0) else {
            return;
        };
        let Some(live) = run.steps.get_mut(key.1 as usize) else {
            return;
        };
        let before = Tally::of(&live.step.status);
        change(&mut live.step.status);
        let after = Tally::of(&live.step.status);
        if !live.dirty {
            live.dirty = true;
            self.dirty.push(key);
        }
        if before == after {
            return;
        }
        run.count(key.1, &before, &after);
        self.live_steps -= usize::from(!before.closed);
        self.live_steps += usize::from(!after.closed);
        let until = |tally: &Tally| tally.hand.as_ref().map(|(_, until_ms)| *until_ms);
        self.timers
            .shift(until(&before), until(&after), Timer::Step(key));
        let [watched, watch] = [before.watch_ms, after.watch_ms]
            .map(|until_ms| until_ms.map(|until_ms| self.watched_by_ms(until_ms)));
        self.timers.shift(watched, watch, Timer::Watch(key));
        match (before.hand, after.hand) {
            (None, Some((shard, _))) => self.take_in_hand(key, shard),
            (Some((shard, _)), None) => self.leave_hand(key, &shard),
            _ => {}
        }
        self.touch(key.0);
    }

    /// Whoever decides about the run as a whole is to look at it, and its status is to be journalled.
    pub(super) fn touch(&mut self, run: RunId) {
        self.touched.insert(run);
        self.mark(run);
    }

    /// A run's status is to be journalled.
    pub(super) fn mark(&mut self, run: RunId) {
        if let Some(live) = self.runs.get_mut(&run)
            && !live.dirty
        {
            live.dirty = true;
            self.dirty_runs.push(run);
        }
    }

    pub(super) fn take_in_hand(&mut self, key: Key, shard: ShardId) {
        self.in_hand += 1;
        self.shards.entry(shard).or_default().insert(key);
        let Some(device) = self.device(key) else {
            return;
        };
        if self.devices.holder(&device).is_none() {
            self.devices.hold(&device, key);
        }
        if let Some(site) = self.site_mut(key) {
            site.in_hand += 1;
        }
    }

    fn leave_hand(&mut self, key: Key, shard: &ShardId) {
        self.in_hand -= 1;
        if let Some(steps) = self.shards.get_mut(shard) {
            steps.remove(&key);
            if steps.is_empty() {
                self.shards.remove(shard);
            }
        }
        let Some(device) = self.device(key) else {
            return;
        };
        for woken in self.devices.release(&device, key) {
            self.make_ready(woken);
        }
        if let Some(site) = self.site_mut(key) {
            site.in_hand -= 1;
        }
        self.wake_site(key);
        // A place of the run itself is free.
        self.line_up(key.0);
    }

    /// The step's site, where the run bounds sites.
    pub(super) fn site_mut(&mut self, key: Key) -> Option<&mut super::live::Site> {
        let run = self.runs.get_mut(&key.0)?;
        run.run.spec.rollout.per_site?;
        let site = run.steps.get(key.1 as usize)?.step.spec.site.clone()?;
        Some(run.sites.entry(site).or_default())
    }

    /// Lets the next step at the site of `key` try: one that does not leave its place to another one.
    pub(super) fn wake_site(&mut self, key: Key) {
        let next = self
            .site_mut(key)
            .and_then(|site| site.waiting.first().copied());
        if let Some(step) = next {
            self.make_ready((key.0, step));
        }
    }

    /// The step may be tried to be sent, by what it is: its commands, or its verify command.
    pub(super) fn make_ready(&mut self, key: Key) {
        self.leave_wait(key);
        let Some(run) = self.runs.get_mut(&key.0) else {
            return;
        };
        let Some(live) = run.steps.get_mut(key.1 as usize) else {
            return;
        };
        match live.step.status.state {
            StepState::Pending => run.ready.insert(key.1),
            StepState::Unknown => run.verifies.insert(key.1),
            _ => return,
        };
        live.wait = Wait::Ready;
        self.line_up(key.0);
    }

    /// Waits, in the one place that `wait` names.
    pub(super) fn wait(&mut self, key: Key, wait: Wait) {
        self.leave_wait(key);
        let Some(device) = self.device(key) else {
            return;
        };
        match wait {
            Wait::No | Wait::Ready => {}
            Wait::Site => {
                if let Some(site) = self.site_mut(key) {
                    site.waiting.insert(key.1);
                }
            }
            Wait::Device => self.devices.wait(&device, key),
            Wait::Until(until_ms) => self.timers.arm(until_ms, Timer::Wake(key)),
        }
        if let Some(live) = self.live_mut(key) {
            live.wait = wait;
        }
    }

    /// Waits no more.
    pub(super) fn leave_wait(&mut self, key: Key) {
        let Some(live) = self.live_mut(key) else {
            return;
        };
        let wait = std::mem::replace(&mut live.wait, Wait::No);
        let device = live.step.spec.device.clone();
        match wait {
            Wait::No => {}
            Wait::Ready => {
                if let Some(run) = self.runs.get_mut(&key.0) {
                    run.ready.remove(&key.1);
                    run.verifies.remove(&key.1);
                }
            }
            Wait::Site => {
                if let Some(site) = self.site_mut(key) {
                    site.waiting.remove(&key.1);
                }
            }
            Wait::Device => self.devices.leave(&device, key),
            Wait::Until(until_ms) => self.timers.disarm(until_ms, Timer::Wake(key)),
        }
    }

    /// Puts a run into the row of those that may send, where it has something to.
    pub(super) fn line_up(&mut self, run: RunId) {
        if let Some(live) = self.runs.get_mut(&run)
            && !live.queued
            && live.has_ready()
        {
            live.queued = true;
            self.turns.push_back(run);
        }
    }

    /// Tells the shard that has the step to leave it.
    pub(super) fn call_back(&mut self, key: Key) {
        let Some((_, live)) = self.live(key) else {
            return;
        };
        if let Some(sent) = in_hand(&live.step.status) {
            let effect = Effect::Cancel {
                shard: sent.shard.clone(),
                id: attempt(key, sent),
            };
            self.effects.push(effect);
        }
    }
}

/// The name of an attempt.
pub(super) const fn attempt(key: Key, sent: &Sent) -> Attempt {
    Attempt {
        run: key.0,
        step: key.1,
        attempt: sent.attempt,
    }
}
