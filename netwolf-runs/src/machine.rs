//! The machine of all live runs: which step goes to which shard when, and what became of it. No IO, no clock.
//!
//! ```text
//!   adopt, restore                            +--> Outcome.changes --> journal, audit (one transaction)
//!   handle_step_event, handle_not_sent   +---------+      |
//!   handle_held, handle_shard_lost  ---> | Machine |      v once committed
//!   cancel, pause, resume, settle        +---------+--> Outcome.effects --> links, guards
//!   handle_guard_broken, handle_guard_held    ^
//!                     advance(now, places) ---+--- poll_timeout
//! ```
//!
//! Call order: any inputs in any order, then [`Machine::advance`], which fires what is due, sends what may be sent and
//! hands out all that has happened. To call it more often than needed is harmless. Time never goes back; a `now` below
//! an earlier one counts as that.
//!
//! Invariants, held by `tests`: an attempt is sent once; a device has at most one step in hand; no bound of a rollout
//! is exceeded; a step that may have typed something is never sent its commands again; the changes, replayed, give the
//! machine's state; every run ends once enough time has passed.
//!
//! Which deadline ends which state, and who owns it, stands in `timers`.
//! Work for an event does not grow with the number of steps: what waits stands in a queue for what it waits for.

use std::collections::{BTreeSet, VecDeque};

use foldhash::HashMap;
use netwolf_wire::{ShardId, step::RunId};

mod change;
mod devices;
mod ending;
mod hearing;
mod live;
mod outcome;
mod people;
mod sending;
mod settings;
mod shards;
mod stepping;
mod timers;
mod untold;

pub use change::{BrokenBy, Change, Effect, Outcome, Place, Places, Taken};
pub use people::{Refused, Settlement};
pub use settings::Settings;

use devices::Devices;
use live::{Key, LiveRun, in_hand};
use timers::{Timer, Timers};

use crate::model::{Run, Step, StepState};

#[cfg(test)]
mod tests;

/// By less than this a wall clock may differ before windows are looked at anew, in milliseconds.
const WALL_STEP_MS: u64 = 1_000;

/// All live runs.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    settings: Settings,
    /// The latest time that was told.
    now_ms: u64,
    /// How far the wall clock is ahead of that, in milliseconds: windows open and close by it.
    wall_ahead_ms: i64,
    runs: HashMap<RunId, LiveRun>,
    devices: Devices,
    /// Steps in the hands of each shard.
    shards: HashMap<ShardId, BTreeSet<Key>>,
    timers: Timers,
    /// Runs that may send, in the order of their turns.
    turns: VecDeque<RunId>,
    /// Runs that something has happened to.
    touched: BTreeSet<RunId>,
    /// Steps that are in hand.
    in_hand: usize,
    /// Steps that are not closed.
    live_steps: usize,
    /// Steps that were in hand when the manager was started, until shards have had their time.
    restored: Vec<Key>,
    /// Ended runs with unknown steps, oldest first.
    lingering: VecDeque<RunId>,
    lingering_steps: usize,
    /// Runs that are not kept in memory any more, once what they became is handed out.
    gone: Vec<RunId>,
    dirty: Vec<Key>,
    dirty_runs: Vec<RunId>,
    /// Transcripts and lines of the audit log.
    told: Vec<Change>,
    effects: Vec<Effect>,
}

impl Machine {
    /// A machine without runs.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// A machine with the runs that the journal has not seen the end of. What was in the hands of shards stays what it
    /// was until they link, or [`Settings::settle_ms`] have passed.
    #[must_use]
    pub fn restore(settings: Settings, runs: Vec<(Run, Vec<Step>)>, now_ms: u64) -> Self {
        let mut machine = Self::new(settings);
        for (run, steps) in runs {
            machine.adopt(run, steps, now_ms);
        }
        if !machine.restored.is_empty() {
            let until_ms = now_ms.saturating_add(settings.settle_ms);
            machine.timers.arm(until_ms, Timer::Settle);
        }
        machine
    }

    /// Whether so many steps more may be live. Asked before a run is planned and journalled.
    pub const fn admits(&self, n_steps: usize) -> bool {
        self.live_steps.saturating_add(n_steps) <= self.settings.max_live
    }

    /// Steps that are live.
    pub const fn live_steps(&self) -> usize {
        self.live_steps
    }

    /// Takes in a run as the journal has it: one that was just submitted, or one that has ended with unknown steps
    /// that somebody tells of. One that is there already is left as it is.
    pub fn adopt(&mut self, run: Run, steps: Vec<Step>, now_ms: u64) {
        let now_ms = self.clock(now_ms);
        let id = run.id;
        debug_assert_eq!(
            run.n_steps as usize,
            steps.len(),
            "a run comes with all its steps"
        );
        if self.runs.contains_key(&id) {
            return;
        }
        let ended = run.status.state.is_end();
        let live = LiveRun::new(run, steps);
        self.live_steps += live.open as usize;
        if !ended && !live.run.status.overdue {
            self.timers
                .arm(live.run.status.deadline_ms, Timer::Deadline(id));
        }
        self.runs.insert(id, live);
        for key in self.keys(id) {
            self.adopt_step(key, now_ms);
        }
        if ended {
            self.linger(id, now_ms);
        } else {
            self.look_at_window(id, now_ms);
            self.begin_batch(id);
            self.touched.insert(id);
        }
    }

    fn adopt_step(&mut self, key: Key, now_ms: u64) {
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        let (state, watched, given_up) = (status.state, status.watch_until_ms, status.given_up);
        let behind = live.step.batch < run.run.status.batch;
        if let Some(sent) = in_hand(status) {
            let (shard, deadline_ms) = (sent.shard.clone(), sent.deadline_ms);
            if let Some(run) = self.runs.get_mut(&key.0) {
                run.in_hand += 1;
            }
            self.take_in_hand(key, shard);
            self.timers.arm(deadline_ms, Timer::Step(key));
            self.restored.push(key);
            // Whoever holds it is given the time to say so, however long the manager was away.
            let least_ms = now_ms.saturating_add(self.settings.settle_ms);
            if deadline_ms < least_ms {
                self.update(key, |status| {
                    let sent = match status.verify {
                        Some(_) => &mut status.verify,
                        None => &mut status.sent,
                    };
                    if let Some(sent) = sent {
                        sent.deadline_ms = least_ms;
                    }
                });
            }
        } else if state == StepState::Unknown && !given_up || state == StepState::Pending && behind
        {
            self.make_ready(key);
        }
        if let Some(until_ms) = watched {
            // Whatever was seen of them before is forgotten: they are watched anew, for as long as they are to hold.
            let by_ms = self.watched_by_ms(until_ms);
            self.timers.arm(by_ms, Timer::Watch(key));
            let anew_ms = self.guards_hold_until(key.0, now_ms);
            self.update(key, |status| status.watch_until_ms = anew_ms);
            self.watch(key);
        }
    }

    /// Whether a run is in memory: live, or ended with unknown steps not long ago.
    pub fn knows(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// A run in memory.
    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.runs.get(&run).map(|live| &live.run)
    }

    /// All runs in memory, in no order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|live| &live.run)
    }

    /// A step of a run in memory.
    pub fn step(&self, run: RunId, step: u32) -> Option<&Step> {
        self.live((run, step)).map(|(_, live)| &live.step)
    }

    /// The steps of a run in memory, in their order.
    pub fn steps(&self, run: RunId) -> impl Iterator<Item = &Step> {
        self.runs
            .get(&run)
            .into_iter()
            .flat_map(|live| live.steps.iter().map(|live| &live.step))
    }

    /// What the wall clock shows, which people set: only maintenance windows go by it, because they are people's times.
    /// All else goes by `now`, whatever becomes of that clock.
    pub fn handle_wall_clock(&mut self, wall_ms: u64, now_ms: u64) {
        let now_ms = self.clock(now_ms);
        let ahead_ms = wall_ms.cast_signed().saturating_sub(now_ms.cast_signed());
        if ahead_ms.abs_diff(self.wall_ahead_ms) < WALL_STEP_MS {
            return;
        }
        self.wall_ahead_ms = ahead_ms;
        let mut runs: Vec<_> = self
            .runs
            .iter()
            .filter(|(_, live)| live.window_ms.is_some())
            .map(|(id, _)| *id)
            .collect();
        runs.sort_unstable();
        for run in runs {
            self.look_at_window(run, now_ms);
        }
    }

    /// Fires what is due, decides about runs, sends what may be sent, and hands out all that has happened since.
    pub fn advance(&mut self, places: &impl Places, now_ms: u64) -> Outcome {
        let now_ms = self.clock(now_ms);
        self.fire_due(now_ms);
        self.review(now_ms);
        self.send_ready(places, now_ms);
        // A step whose device was not found may have failed by that, which may begin the next batch.
        while !self.touched.is_empty() {
            self.review(now_ms);
            self.send_ready(places, now_ms);
        }
        self.hand_out()
    }

    /// As [`Machine::advance`], but nothing is sent: for a driver that cannot journal, or is about to end. What waits
    /// to be sent goes on to wait, and no device is taken for one that nobody has.
    pub fn advance_without_sending(&mut self, now_ms: u64) -> Outcome {
        let now_ms = self.clock(now_ms);
        self.fire_due(now_ms);
        self.review(now_ms);
        self.hand_out()
    }

    /// When to call [`Machine::advance`] at the latest, Unix time in milliseconds; never where nothing is live.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.next_ms()
    }

    fn fire_due(&mut self, now_ms: u64) {
        while let Some(timer) = self.timers.pop(now_ms) {
            self.fire(timer, now_ms);
        }
    }

    fn fire(&mut self, timer: Timer, now_ms: u64) {
        match timer {
            Timer::Step(key) => {
                let why = outcome::Why::because("its agent has not told its end in time");
                self.lost_hold(key, why, now_ms);
            }
            Timer::Wake(key) => self.make_ready(key),
            Timer::Watch(key) => self.unwatched(key, now_ms),
            Timer::Deadline(run) => self.overdue(run, now_ms),
            Timer::Window(run) => self.look_at_window(run, now_ms),
            Timer::Settle => self.settle_restored(now_ms),
            Timer::Linger(run) => self.gone.push(run),
        }
    }

    /// Time, which never goes back.
    fn clock(&mut self, now_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(now_ms);
        self.now_ms
    }

    fn hand_out(&mut self) -> Outcome {
        let mut changes = std::mem::take(&mut self.told);
        for key in std::mem::take(&mut self.dirty) {
            if let Some(live) = self
                .runs
                .get_mut(&key.0)
                .and_then(|run| run.steps.get_mut(key.1 as usize))
            {
                live.dirty = false;
                changes.push(Change::Step {
                    run: key.0,
                    step: key.1,
                    status: Box::new(live.step.status.clone()),
                });
            }
        }
        for run in std::mem::take(&mut self.dirty_runs) {
            if let Some(live) = self.runs.get_mut(&run) {
                live.dirty = false;
                changes.push(Change::Run {
                    run,
                    status: Box::new(live.run.status.clone()),
                });
            }
        }
        for run in std::mem::take(&mut self.gone) {
            self.stop_lingering(run);
            self.runs.remove(&run);
        }
        Outcome {
            changes,
            effects: std::mem::take(&mut self.effects),
        }
    }
}

#[cfg(test)]
impl Machine {
    /// What is counted is what is there, and what may be sent waits somewhere from where it is woken.
    fn check_indices(&self) {
        let mut live_steps = 0;
        let mut in_hand = 0;
        for (id, run) in &self.runs {
            let mut ours = 0;
            for (step, live) in (0..).zip(&run.steps) {
                let status = &live.step.status;
                live_steps += usize::from(!status.is_closed());
                ours += u32::from(status.in_hand());
                let begun = live.step.batch <= run.run.status.batch;
                let sendable = match status.state {
                    StepState::Pending => begun && !run.is_over(),
                    StepState::Unknown => !status.given_up && status.verify.is_none(),
                    _ => false,
                };
                assert_eq!(
                    sendable,
                    live.wait != live::Wait::No,
                    "step {step} of {id}: {live:?}"
                );
                assert_eq!(
                    live.wait == live::Wait::Ready,
                    run.ready.contains(&step) || run.verifies.contains(&step)
                );
            }
            in_hand += ours as usize;
            assert_eq!(run.in_hand, ours);
            assert!(run.queued || !run.has_ready(), "run {id} is not in the row");
            let given_up = run.steps.iter().filter(|live| live.step.status.given_up);
            assert_eq!(run.given_up as usize, given_up.count());
            let open = run
                .steps
                .iter()
                .filter(|live| !live.step.status.is_closed());
            assert_eq!(run.open as usize, open.count());
        }
        assert_eq!(self.live_steps, live_steps);
        assert_eq!(self.in_hand, in_hand);
    }
}
