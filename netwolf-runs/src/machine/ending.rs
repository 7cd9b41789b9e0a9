//! A run as a whole: its window, its batches, what stops it, and its end.
//!
//! Invariant: a run ends exactly when none of its steps is open, and every step is closed at the latest when the run's
//! deadline, and its own, are over.

use netwolf_wire::step::RunId;

use super::{BrokenBy, Effect, Machine, live::Key, outcome::Why, timers::Timer};
use crate::model::{RunState, StepState, millis};

impl Machine {
    /// Decides about each run that something has happened to.
    pub(super) fn review(&mut self, now_ms: u64) {
        while let Some(run) = self.touched.pop_first() {
            let Some(live) = self.runs.get(&run) else {
                continue;
            };
            if live.run.status.state.is_end() {
                self.review_ended(run);
                continue;
            }
            let stoppable = !live.is_over();
            if let Some(why) = live.stop_reason().filter(|_| stoppable) {
                self.stop(run, &why, now_ms);
            }
            self.next_batch(run);
            if self.runs.get(&run).is_some_and(|live| live.open == 0) {
                self.end_run(run, now_ms);
            } else {
                self.line_up(run);
            }
        }
    }

    fn next_batch(&mut self, run: RunId) {
        while let Some(live) = self.runs.get_mut(&run) {
            let status = &mut live.run.status;
            // Where nothing is left to be begun, the batch that was under way is the last one.
            if live.batch_open > 0 || live.open == 0 || status.batch >= status.batches {
                break;
            }
            status.batch += 1;
            live.recount_batch();
            self.mark(run);
            self.begin_batch(run);
        }
    }

    fn end_run(&mut self, run: RunId, now_ms: u64) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        let status = &mut live.run.status;
        status.ended_ms = Some(now_ms);
        status.next_window_ms = None;
        let deadline_ms = status.deadline_ms;
        let window_ms = live.window_ms.take();
        self.mark(run);
        self.timers.disarm(deadline_ms, Timer::Deadline(run));
        self.timers.shift(window_ms, None, Timer::Window(run));
        self.review_ended(run);
        self.linger(run, now_ms);
    }

    /// Says how a run has ended; one of whose steps all is known is kept by the journal alone.
    fn review_ended(&mut self, run: RunId) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        let state = live.end_state();
        if live.run.status.state != state {
            live.run.status.state = state;
            self.mark(run);
        }
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        if live.run.status.counts.unknown == 0 {
            self.gone.push(run);
        }
    }

    /// Keeps an ended run with unknown steps for a while: its agents may still tell.
    pub(super) fn linger(&mut self, run: RunId, now_ms: u64) {
        let until_ms = now_ms.saturating_add(self.settings.linger_ms);
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        self.timers
            .shift(live.linger_ms, Some(until_ms), Timer::Linger(run));
        if live.linger_ms.replace(until_ms).is_none() {
            self.lingering_steps += live.steps.len();
            self.lingering.push_back(run);
        }
        while self.lingering_steps > self.settings.max_live {
            let Some(oldest) = self.lingering.front().copied() else {
                break;
            };
            self.gone.push(oldest);
            self.stop_lingering(oldest);
        }
    }

    /// Takes an ended run out of those that are kept.
    pub(super) fn stop_lingering(&mut self, run: RunId) {
        if let Some(live) = self.runs.get_mut(&run)
            && let Some(until_ms) = live.linger_ms.take()
        {
            self.timers.disarm(until_ms, Timer::Linger(run));
            self.lingering_steps -= live.steps.len();
            self.lingering.retain(|lingering| *lingering != run);
        }
    }

    /// Begins nothing more of a run, for `why`; what is in hand goes on.
    pub(super) fn stop(&mut self, run: RunId, why: &str, now_ms: u64) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        if live.is_over() {
            return;
        }
        live.run.status.stopped_by = Some(why.to_owned());
        live.run.status.next_window_ms = None;
        self.set_state(run, RunState::Stopped);
        self.end_pending(run, now_ms);
    }

    /// A run has had its time.
    pub(super) fn overdue(&mut self, run: RunId, now_ms: u64) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        live.run.status.overdue = true;
        self.touch(run);
        self.end_pending(run, now_ms);
        let last_ms = now_ms.saturating_add(self.settings.grace_ms);
        for key in self.keys(run) {
            let in_hand = self
                .live(key)
                .is_some_and(|(_, live)| live.step.status.in_hand());
            if !in_hand {
                continue;
            }
            self.update(key, |status| {
                let sent = match status.verify {
                    Some(_) => &mut status.verify,
                    None => &mut status.sent,
                };
                if let Some(sent) = sent {
                    sent.deadline_ms = sent.deadline_ms.min(last_ms);
                }
            });
            self.call_back(key);
        }
    }

    /// Cancels what has not been sent of a run that begins nothing more, and gives up what it would verify unless it
    /// still does.
    pub(super) fn end_pending(&mut self, run: RunId, now_ms: u64) {
        let verifies = self
            .runs
            .get(&run)
            .is_some_and(super::live::LiveRun::verifies);
        for key in self.keys(run) {
            let Some((_, live)) = self.live(key) else {
                continue;
            };
            let status = &live.step.status;
            match status.state {
                StepState::Pending => {
                    let unplaced = live.looks > 0;
                    let mut why = self.why_over(key, Why::default());
                    if unplaced && let Some(reason) = &mut why.reason {
                        reason.push_str(", and no agent had the device");
                    }
                    self.end_step(key, StepState::Cancelled, why, now_ms);
                }
                StepState::Unknown if !verifies && status.verify.is_none() && !status.given_up => {
                    self.give_up(key);
                }
                _ => {}
            }
        }
    }

    /// Settles whether a run waits for its window, and when to look again.
    pub(super) fn look_at_window(&mut self, run: RunId, now_ms: u64) {
        let Some(live) = self.runs.get_mut(&run) else {
            return;
        };
        let Some(window) = &live.run.spec.window else {
            return;
        };
        let ahead_ms = self.wall_ahead_ms;
        let wall_ms = now_ms.saturating_add_signed(ahead_ms);
        let closes_ms = window.closes_ms(wall_ms);
        let opens_ms = window.opens_ms(wall_ms);
        let wall_next_ms = closes_ms.unwrap_or(opens_ms);
        let next_ms = wall_next_ms.saturating_add_signed(ahead_ms.saturating_neg());
        self.timers
            .shift(live.window_ms, Some(next_ms), Timer::Window(run));
        live.window_ms = Some(next_ms);
        let (state, next_window_ms) = match (live.run.status.state, closes_ms) {
            (RunState::Running | RunState::Waiting, Some(_)) => (RunState::Running, None),
            (RunState::Running | RunState::Waiting, None) => (RunState::Waiting, Some(opens_ms)),
            (state, _) => (state, None),
        };
        live.run.status.next_window_ms = next_window_ms;
        self.set_state(run, state);
    }

    pub(super) fn set_state(&mut self, run: RunId, state: RunState) {
        if let Some(live) = self.runs.get_mut(&run) {
            live.run.status.state = state;
        }
        self.touch(run);
        self.line_up(run);
    }

    pub(super) fn keys(&self, run: RunId) -> impl Iterator<Item = Key> + use<> {
        let n_steps = self.runs.get(&run).map_or(0, |live| live.run.n_steps);
        (0..n_steps).map(move |step| (run, step))
    }

    /// Asks for the guards of a step to be watched, where they are to be.
    pub(super) fn watch(&mut self, key: Key) {
        let Some((_, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        if let (Some(from_ms), Some(until_ms)) = (status.ended_ms, status.watch_until_ms) {
            let effect = Effect::Watch {
                run: key.0,
                step: key.1,
                device: live.step.spec.device.clone(),
                from_ms,
                until_ms,
            };
            self.effects.push(effect);
        }
    }

    /// Until when the guards of a run are to hold that are watched from now on; `None` where it has none.
    pub(super) fn guards_hold_until(&self, run: RunId, now_ms: u64) -> Option<u64> {
        let guards = &self.runs.get(&run)?.run.spec.guards;
        let longest_ms = guards.iter().map(|guard| millis(guard.hold)).max()?;
        Some(now_ms.saturating_add(longest_ms))
    }

    /// By when somebody is to have said that guards have held that are to hold until then.
    pub(super) const fn watched_by_ms(&self, until_ms: u64) -> u64 {
        until_ms.saturating_add(self.settings.watch_grace_ms)
    }

    /// All guards of a step's device were watched to their end and have held.
    pub fn handle_guard_held(&mut self, run: RunId, step: u32, now_ms: u64) {
        self.clock(now_ms);
        let key = (run, step);
        if self
            .live(key)
            .is_some_and(|(_, live)| live.step.status.watch_until_ms.is_some())
        {
            self.update(key, |status| status.watch_until_ms = None);
        }
    }

    /// Nobody has said in time that the guards of a step have held. What nobody has looked at may be broken.
    pub(super) fn unwatched(&mut self, key: Key, now_ms: u64) {
        let why = "its guards could not be watched to their end";
        let hint = "look at the device; a manager that is away, or cannot write its journal, watches no guards";
        self.break_guard(key, BrokenBy::Unwatched, why, Some(hint), now_ms);
    }

    /// A guard of a step's device is broken: the step has failed, and the run stops. `why` says what was seen, and not
    /// of which device, which both of them say already.
    pub fn handle_guard_broken(
        &mut self,
        run: RunId,
        step: u32,
        by: BrokenBy,
        why: &str,
        now_ms: u64,
    ) {
        let now_ms = self.clock(now_ms);
        self.break_guard((run, step), by, why, None, now_ms);
    }

    fn break_guard(&mut self, key: Key, by: BrokenBy, why: &str, hint: Option<&str>, now_ms: u64) {
        let Some((_, live)) = self.live(key) else {
            return;
        };
        if live.step.status.watch_until_ms.is_none() {
            return;
        }
        let device = live.step.spec.device.clone();
        let reason = match by {
            BrokenBy::Unwatched => why.to_owned(),
            BrokenBy::Value | BrokenBy::NoValue => format!("a guard is broken: {why}"),
        };
        self.update(key, |status| {
            status.watch_until_ms = None;
            if status.state == StepState::Succeeded {
                status.state = StepState::Failed;
                status.reason = Some(reason);
                status.hint = hint.map(str::to_owned);
            }
        });
        let (run, step) = key;
        self.effects.push(Effect::GuardBroken {
            run,
            step,
            device: device.clone(),
            by,
            why: why.to_owned(),
        });
        self.stop(
            key.0,
            &format!("a guard is broken on {device}: {why}"),
            now_ms,
        );
    }
}
