//! A run in memory: its steps, and the numbers and queues that make each event cheap.
//!
//! ```text
//!   pending (or unknown and to be verified):
//!     not in its batch yet --> ready --> site full --> ready
//!                                |  +--> device busy --> ready
//!                                |  +--> until then: no place, or came back --> ready
//!                                +--> in hand
//! ```
//!
//! Invariant: a step that may be sent stands in exactly one of these places, which [`Wait`] names, so nothing is ever
//! looked for in all steps.

use std::{collections::BTreeSet, sync::Arc};

use foldhash::{HashMap, HashMapExt};
use netwolf_wire::{ShardId, step::RunId};

use crate::model::{Run, RunState, Sent, Step, StepState, StepStatus};

/// Names a step.
pub(super) type Key = (RunId, u32);

/// Where a step that is to be sent waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nowhere: it is in hand, has ended, or its batch has not begun.
    No,
    /// For its run's turn.
    Ready,
    /// For its site.
    Site,
    /// For its device.
    Device,
    /// Until then: its device has no place, or it came back.
    Until(u64),
}

/// A step in memory.
#[derive(Clone, Debug)]
pub(super) struct LiveStep {
    pub(super) step: Step,
    pub(super) wait: Wait,
    /// How often its device was looked for in vain.
    pub(super) looks: u32,
    /// When last.
    pub(super) looked_ms: u64,
    /// For how long altogether, without the time in which nobody looked because its run was paused.
    pub(super) unplaced_ms: u64,
    /// Its status is not what was handed out last.
    pub(super) dirty: bool,
}

/// Steps of one run at one site.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    pub(super) in_hand: u32,
    pub(super) waiting: BTreeSet<u32>,
}

/// A run in memory.
#[derive(Clone, Debug)]
pub(super) struct LiveRun {
    pub(super) run: Run,
    pub(super) steps: Vec<LiveStep>,
    /// Steps in the hands of shards.
    pub(super) in_hand: u32,
    /// Steps that are not closed.
    pub(super) open: u32,
    /// Of those, the ones of the present batch.
    pub(super) batch_open: u32,
    /// Unknown steps that nothing settles by itself.
    pub(super) given_up: u32,
    /// Failures of the canary.
    pub(super) canary_failures: u32,
    /// Steps to be sent.
    pub(super) ready: BTreeSet<u32>,
    /// Steps to be verified.
    pub(super) verifies: BTreeSet<u32>,
    /// Only where the rollout bounds them.
    pub(super) sites: HashMap<Arc<str>, Site>,
    /// It stands in the row of runs that may send.
    pub(super) queued: bool,
    /// Its status is not what was handed out last.
    pub(super) dirty: bool,
    /// When its window opens or closes next.
    pub(super) window_ms: Option<u64>,
    /// When it is forgotten.
    pub(super) linger_ms: Option<u64>,
}

/// What is counted of a step's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) state: StepState,
    pub(super) closed: bool,
    pub(super) given_up: bool,
    /// In whose hands it is, and until when.
    pub(super) hand: Option<(ShardId, u64)>,
    pub(super) watch_ms: Option<u64>,
}

/// The attempt in a shard's hands.
pub(super) fn in_hand(status: &StepStatus) -> Option<&Sent> {
    match status.state {
        StepState::Leased | StepState::Running => status.sent.as_ref(),
        _ => status.verify.as_ref(),
    }
}

impl Tally {
    pub(super) fn of(status: &StepStatus) -> Self {
        Self {
            state: status.state,
            closed: status.is_closed(),
            given_up: status.state == StepState::Unknown && status.given_up,
            hand: in_hand(status).map(|sent| (sent.shard.clone(), sent.deadline_ms)),
            watch_ms: status.watch_until_ms,
        }
    }

    /// Whether stop rules count it: an unknown step only once nothing settles it.
    const fn failed(&self) -> bool {
        matches!(self.state, StepState::Failed | StepState::TimedOut) || self.given_up
    }
}

impl LiveRun {
    /// A run whose steps are in nobody's hands yet and wait nowhere: who holds what is to be said of each.
    pub(super) fn new(run: Run, steps: Vec<Step>) -> Self {
        let steps: Vec<_> = steps
            .into_iter()
            .map(|step| LiveStep {
                step,
                wait: Wait::No,
                looks: 0,
                looked_ms: 0,
                unplaced_ms: 0,
                dirty: false,
            })
            .collect();
        let mut live = Self {
            open: 0,
            batch_open: 0,
            in_hand: 0,
            given_up: 0,
            canary_failures: 0,
            ready: BTreeSet::new(),
            verifies: BTreeSet::new(),
            sites: HashMap::new(),
            queued: false,
            dirty: false,
            window_ms: None,
            linger_ms: None,
            run,
            steps,
        };
        live.count_all();
        live
    }

    fn count_all(&mut self) {
        let rollout = self.run.spec.rollout;
        self.run.status.counts = self
            .steps
            .iter()
            .map(|live| live.step.status.state)
            .collect();
        for live in &self.steps {
            let tally = Tally::of(&live.step.status);
            self.open += u32::from(!tally.closed);
            self.given_up += u32::from(tally.given_up);
            self.canary_failures += u32::from(rollout.is_canary(live.step.batch) && tally.failed());
        }
        self.recount_batch();
    }

    /// Counts a step's status as another one.
    pub(super) fn count(&mut self, step: u32, before: &Tally, after: &Tally) {
        let batch = self.steps[step as usize].step.batch;
        let counts = &mut self.run.status.counts;
        *counts.get_mut(before.state) -= 1;
        *counts.get_mut(after.state) += 1;
        let shift = |number: &mut u32, before: bool, after: bool| match (before, after) {
            (true, false) => *number -= 1,
            (false, true) => *number += 1,
            _ => {}
        };
        shift(&mut self.open, !before.closed, !after.closed);
        if batch == self.run.status.batch {
            shift(&mut self.batch_open, !before.closed, !after.closed);
        }
        shift(&mut self.given_up, before.given_up, after.given_up);
        shift(
            &mut self.in_hand,
            before.hand.is_some(),
            after.hand.is_some(),
        );
        if self.run.spec.rollout.is_canary(batch) {
            shift(&mut self.canary_failures, before.failed(), after.failed());
        }
    }

    /// Begins to count the open steps of the present batch.
    pub(super) fn recount_batch(&mut self) {
        let batch = self.run.batch(self.run.status.batch);
        let steps = &self.steps[batch.start as usize..batch.end as usize];
        let open = steps.iter().filter(|live| !live.step.status.is_closed());
        self.batch_open = u32::try_from(open.count()).unwrap_or(u32::MAX);
    }

    /// Steps that have failed for good.
    pub(super) const fn failures(&self) -> u32 {
        let counts = &self.run.status.counts;
        counts.failed + counts.timed_out + self.given_up
    }

    /// Why it is to stop by its own rules.
    pub(super) fn stop_reason(&self) -> Option<String> {
        if self.canary_failures > 0 {
            return Some(format!(
                "{} of the canary's {} steps did not succeed",
                self.canary_failures,
                self.run.batch(1).len()
            ));
        }
        let stop_at = self.run.spec.rollout.stop_at(self.run.n_steps)?;
        let failures = self.failures();
        (failures >= stop_at).then(|| {
            format!(
                "{failures} of {} steps did not succeed, and it stops at {stop_at}",
                self.run.n_steps
            )
        })
    }

    /// Whether what is not settled would stop it: it waits and sees.
    fn holds(&self) -> bool {
        let unsettled = self.run.status.counts.unknown - self.given_up;
        unsettled > 0
            && self
                .run
                .spec
                .rollout
                .stop_at(self.run.n_steps)
                .is_some_and(|stop_at| self.failures() + unsettled >= stop_at)
    }

    /// Whether nothing is begun any more.
    pub(super) const fn is_over(&self) -> bool {
        self.run.status.overdue
            || !matches!(
                self.run.status.state,
                RunState::Waiting | RunState::Running | RunState::Paused
            )
    }

    /// Whether unknown steps are verified: also after a stop, because it tells what was done.
    pub(super) const fn verifies(&self) -> bool {
        let state = self.run.status.state;
        !self.run.status.overdue && !state.is_end() && !matches!(state, RunState::Cancelling)
    }

    /// The step whose turn it is.
    pub(super) fn next_ready(&mut self) -> Option<u32> {
        if self.in_hand >= self.run.spec.rollout.in_flight {
            return None;
        }
        if self.verifies()
            && self.run.status.state != RunState::Paused
            && let Some(step) = self.verifies.pop_first()
        {
            return Some(step);
        }
        if self.is_over() || self.run.status.state != RunState::Running || self.holds() {
            return None;
        }
        self.ready.pop_first()
    }

    /// Whether a step's turn may be now.
    pub(super) fn has_ready(&self) -> bool {
        self.in_hand < self.run.spec.rollout.in_flight
            && (!self.verifies.is_empty()
                && self.verifies()
                && self.run.status.state != RunState::Paused
                || !self.ready.is_empty()
                    && !self.is_over()
                    && self.run.status.state == RunState::Running
                    && !self.holds())
    }

    /// How it has ended.
    pub(super) const fn end_state(&self) -> RunState {
        let counts = &self.run.status.counts;
        if counts.unknown > 0 {
            RunState::Unknown
        } else if counts.succeeded == self.run.n_steps {
            RunState::Succeeded
        } else if self.run.status.cancelled_by.is_some() && counts.cancelled > 0 {
            RunState::Cancelled
        } else {
            RunState::Failed
        }
    }
}
