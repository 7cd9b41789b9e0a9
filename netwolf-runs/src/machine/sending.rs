//! Which step is sent next, and where to.
//!
//! Runs take turns, one step each, so that a small run never waits for a large one. A step whose turn it is passes the
//! bound of its site, the lock of its device and the question where the device is; where one of them says no, it waits
//! there and only there.

use netwolf_wire::{
    Span,
    step::{Attempt, RunId, StepOrder},
};

use super::{
    Effect, Machine, Place, Places,
    live::{Key, Wait},
    outcome::Why,
};
use crate::model::{Program, Sent, StepState, millis};

/// What a verify command may take besides its own time: a session that comes up, a mode that is left.
const VERIFY_BESIDE_MS: u64 = 30_000;

impl Machine {
    /// Sends what may be sent.
    pub(super) fn send_ready(&mut self, places: &impl Places, now_ms: u64) {
        while self.in_hand < self.settings.in_flight {
            let Some(run) = self.turns.pop_front() else {
                break;
            };
            let Some(live) = self.runs.get_mut(&run) else {
                continue;
            };
            live.queued = false;
            if let Some(step) = live.next_ready() {
                self.try_send((run, step), places, now_ms);
            }
            self.line_up(run);
        }
    }

    fn try_send(&mut self, key: Key, places: &impl Places, now_ms: u64) {
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let device = live.step.spec.device.clone();
        let per_site = run.run.spec.rollout.per_site;
        if let Some(bound) = per_site
            && let Some(site) = self.site_mut(key)
            && site.in_hand >= bound
        {
            return self.wait(key, Wait::Site);
        }
        if self.devices.holder(&device).is_some() {
            self.wait(key, Wait::Device);
        } else if let Some(place) = places.place(&device) {
            self.wait(key, Wait::No);
            if let Some(why) = self.unfit(key, &place) {
                self.refuse(key, why, now_ms);
            } else {
                return self.send(key, place, now_ms);
            }
        } else {
            self.look_again(key, now_ms);
        }
        // It does not take the place at its site.
        self.wake_site(key);
    }

    /// Why a step is not to be typed on what its device has become since it was planned: its commands and what may be
    /// typed were judged for that platform and that credential.
    fn unfit(&self, key: Key, place: &Place) -> Option<Why> {
        let (run, live) = self.live(key)?;
        let spec = &live.step.spec;
        let program = run.run.spec.program(spec);
        // A login of its own is the step's, whatever the session's is.
        let on_session = program.login.is_none();
        // What only verifies enters no mode.
        let enters = live.step.status.state == StepState::Pending;
        let reason = if place.platform.name != *spec.platform {
            format!(
                "its platform is now {}, and the step was planned for {}",
                place.platform.name, spec.platform
            )
        } else if let Some(mode) = other_mode(program, place).filter(|_| enters) {
            format!(
                "the lines that enter or leave the mode {mode:?} of {} are no longer those that the step was planned for",
                spec.platform
            )
        } else if on_session && place.credential != *spec.credential {
            format!(
                "its credential is now {:?}, and the step was planned for {:?}",
                place.credential, spec.credential
            )
        } else {
            return None;
        };
        Some(Why {
            reason: Some(reason),
            hint: Some("submit a new run for it".to_owned()),
        })
    }

    /// A step that is not sent because it is `unfit`: nothing is typed. One that is unknown stays so, because what would
    /// verify it was not made for that device either.
    fn refuse(&mut self, key: Key, why: Why, now_ms: u64) {
        let pending = self
            .live(key)
            .is_some_and(|(_, live)| live.step.status.state == StepState::Pending);
        if pending {
            self.end_step(key, StepState::Failed, why, now_ms);
        } else {
            self.give_up(key);
        }
    }

    /// Nobody has the device of a step: it is looked for again, or the step has failed.
    fn look_again(&mut self, key: Key, now_ms: u64) {
        let least_ms = self.settings.unplaced_ms;
        let look_ms = self.settings.look_ms;
        let Some(run) = self.runs.get_mut(&key.0) else {
            return;
        };
        let live = &mut run.steps[key.1 as usize];
        let pause_ms = |looks: u32| look_ms << looks.min(3);
        live.unplaced_ms = match live.looks.checked_sub(1) {
            None => 0,
            Some(before) => {
                let since_ms = now_ms.saturating_sub(live.looked_ms);
                live.unplaced_ms + since_ms.min(pause_ms(before))
            }
        };
        let pause_ms = pause_ms(live.looks);
        live.looks += 1;
        live.looked_ms = now_ms;
        let own_ms = millis(run.run.spec.program(&live.step.spec).deadline);
        let left_ms = least_ms.max(own_ms).saturating_sub(live.unplaced_ms);
        // What is unknown is not made worse by waiting: its run's deadline bounds that.
        let pending = live.step.status.state == StepState::Pending;
        if pending && left_ms == 0 {
            let unplaced = Span::from_secs(live.unplaced_ms / 1_000);
            let why = Why {
                reason: Some(format!("no agent has had the device for {unplaced}")),
                hint: Some("`netwolf devices` tells why".to_owned()),
            };
            self.end_step(key, StepState::Failed, why, now_ms);
            return;
        }
        let pause_ms = if pending {
            pause_ms.min(left_ms)
        } else {
            pause_ms
        };
        self.wait(key, Wait::Until(now_ms.saturating_add(pause_ms)));
    }

    fn send(&mut self, key: Key, place: Place, now_ms: u64) {
        let grace_ms = self.settings.grace_ms;
        let Some(run) = self.runs.get_mut(&key.0) else {
            return;
        };
        let live = &mut run.steps[key.1 as usize];
        live.looks = 0;
        let step = &live.step;
        let spec = run.run.spec.clone();
        let program = spec.program(&step.spec);
        let verifies = step.status.state == StepState::Unknown;
        let deadline = if verifies {
            let own = program
                .verify
                .as_ref()
                .map_or(0, |verify| millis(verify.timeout));
            let beside = own.saturating_add(VERIFY_BESIDE_MS);
            Span::from_millis(beside.min(millis(program.deadline).max(own)))
        } else {
            program.deadline
        };
        let number = step.status.attempt + 1;
        let order = StepOrder {
            id: Attempt {
                run: key.0,
                step: key.1,
                attempt: number,
            },
            device: step.spec.device.clone(),
            epoch: place.epoch,
            mode: program.mode.clone().filter(|_| !verifies),
            commands: if verifies {
                Vec::new()
            } else {
                program.commands.clone()
            },
            verify: program.verify.clone(),
            changes: spec.changes && !verifies,
            login: program.login.clone(),
            deadline,
        };
        let sent = Sent {
            attempt: number,
            shard: place.shard.clone(),
            incarnation: place.incarnation,
            epoch: place.epoch,
            link: place.link,
            leased_ms: now_ms,
            deadline_ms: now_ms
                .saturating_add(millis(deadline))
                .saturating_add(grace_ms),
            started_ms: None,
            outputs: 0,
            mode_lines: 0,
            failed: false,
            in_doubt: false,
            doubted: Vec::new(),
        };
        run.run.status.started_ms.get_or_insert(now_ms);
        self.update(key, |status| {
            status.attempt = number;
            if verifies {
                status.verifies += 1;
                status.verify = Some(sent);
            } else {
                status.state = StepState::Leased;
                status.sent = Some(sent);
                status.reason = None;
                status.hint = None;
            }
        });
        self.effects.push(Effect::Send {
            shard: place.shard,
            incarnation: place.incarnation,
            link: place.link,
            order: Box::new(order),
        });
    }

    /// The steps of a batch, or of the rest of one, may be sent.
    pub(super) fn begin_batch(&mut self, run: RunId) {
        let Some(live) = self.runs.get(&run) else {
            return;
        };
        let steps = live.run.batch(live.run.status.batch);
        for step in steps {
            let pending = self.live((run, step)).is_some_and(|(_, live)| {
                live.step.status.state == StepState::Pending && live.wait == Wait::No
            });
            if pending {
                self.make_ready((run, step));
            }
        }
    }
}

/// The mode of a program, where the platform has other lines for it than when the run was submitted. The audit log tells
/// by the lines of the submission which one was typed, so no others may be. A journal of before has none.
fn other_mode<'a>(program: &'a Program, place: &Place) -> Option<&'a str> {
    let mode = program.mode.as_deref()?;
    let planned = &program.mode_lines;
    if planned.is_empty() {
        return None;
    }
    let now = place.platform.modes.get(mode);
    let same = now.is_some_and(|now| now.enter == planned.enter && now.leave == planned.leave);
    (!same).then_some(mode)
}
