//! What people do with runs: cancel, pause, resume, and decide what nobody else can.

use netwolf_wire::step::RunId;
use thiserror::Error;

use super::{Change, Machine, outcome::Why};
use crate::{
    audit::{Action, Outcome as Told, Record},
    model::{RunState, SettledBy, StepState},
};

/// Why a run does not do what somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It is not live, and maybe never was.
    #[error("run {0} is not under way")]
    NotLive(RunId),
    /// It has ended, or is about to.
    #[error(
        "run {run} is {state}\n  hint: start it anew with a retry, which takes the steps that did not succeed"
    )]
    Over {
        /// The run.
        run: RunId,
        /// Where it stands.
        state: RunState,
    },
    /// There is no such step.
    #[error("run {run} has no step {step}")]
    NoStep {
        /// The run.
        run: RunId,
        /// The step.
        step: u32,
    },
    /// What is known is not to be decided.
    #[error("the step on {device} {}\n  hint: only a step that is unknown can be settled", stands(*state))]
    Known {
        /// The device.
        device: String,
        /// Where the step stands.
        state: StepState,
    },
}

/// Where a step stands, said of it.
const fn stands(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "is pending",
        StepState::Leased => "is leased",
        StepState::Running => "is running",
        StepState::Succeeded => "has succeeded",
        StepState::Failed => "has failed",
        StepState::TimedOut => "has timed out",
        StepState::Cancelled => "was cancelled",
        StepState::Unknown => "is unknown",
    }
}

/// What a person decides about an unknown step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// It did what it was to do.
    pub succeeded: bool,
    /// Who says so.
    pub requester: String,
    /// How they know.
    pub comment: Option<String>,
}

impl Machine {
    /// Cancels a run: what has not been sent never is, and what is in hand types nothing more. A run that is being
    /// cancelled is left as it is.
    ///
    /// # Errors
    /// When it is not live or has ended.
    pub fn cancel(&mut self, run: RunId, requester: &str, now_ms: u64) -> Result<(), Refused> {
        let now_ms = self.clock(now_ms);
        match self.state(run)? {
            RunState::Cancelling => return Ok(()),
            state if state.is_end() => return Err(Refused::Over { run, state }),
            _ => {}
        }
        self.set_state(run, RunState::Cancelling);
        if let Some(live) = self.runs.get_mut(&run) {
            live.run.status.cancelled_by = Some(requester.to_owned());
            live.run.status.next_window_ms = None;
        }
        self.record_run(run, Action::Cancel, requester, None, now_ms);
        self.end_pending(run, now_ms);
        for key in self.keys(run) {
            // Only what changes is journalled: of ten thousand steps most have ended long before.
            let watched = self
                .live(key)
                .is_some_and(|(_, live)| live.step.status.watch_until_ms.is_some());
            if watched {
                self.update(key, |status| status.watch_until_ms = None);
            }
            self.call_back(key);
        }
        Ok(())
    }

    /// Pauses a run: nothing is begun, and what is in hand goes on.
    ///
    /// # Errors
    /// When it is not live, or nothing is begun any more.
    pub fn pause(&mut self, run: RunId, requester: &str, now_ms: u64) -> Result<(), Refused> {
        let now_ms = self.clock(now_ms);
        match self.state(run)? {
            RunState::Paused => return Ok(()),
            RunState::Running | RunState::Waiting => {}
            state => return Err(Refused::Over { run, state }),
        }
        self.set_state(run, RunState::Paused);
        if let Some(live) = self.runs.get_mut(&run) {
            live.run.status.next_window_ms = None;
        }
        self.record_run(run, Action::Pause, requester, None, now_ms);
        Ok(())
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// When it is not live, or nothing is begun any more.
    pub fn resume(&mut self, run: RunId, requester: &str, now_ms: u64) -> Result<(), Refused> {
        let now_ms = self.clock(now_ms);
        match self.state(run)? {
            RunState::Running | RunState::Waiting => return Ok(()),
            RunState::Paused => {}
            state => return Err(Refused::Over { run, state }),
        }
        self.set_state(run, RunState::Running);
        self.record_run(run, Action::Resume, requester, None, now_ms);
        self.look_at_window(run, now_ms);
        Ok(())
    }

    /// Decides what became of an unknown step. Also of a run that has ended, which is first to be given to
    /// [`Machine::adopt`] where it is not known any more.
    ///
    /// # Errors
    /// When there is no such step, or it is not unknown.
    pub fn settle(
        &mut self,
        run: RunId,
        step: u32,
        settlement: &Settlement,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let now_ms = self.clock(now_ms);
        self.state(run)?;
        let key = (run, step);
        let Some((_, live)) = self.live(key) else {
            return Err(Refused::NoStep { run, step });
        };
        let (device, state) = (live.step.spec.device.clone(), live.step.status.state);
        if state != StepState::Unknown {
            return Err(Refused::Known {
                device: device.to_string(),
                state,
            });
        }
        let (state, outcome) = if settlement.succeeded {
            (StepState::Succeeded, Told::Succeeded)
        } else {
            (StepState::Failed, Told::Failed)
        };
        let comment = settlement.comment.as_deref();
        let record = Record {
            step: Some(step),
            device: Some(device),
            detail: comment.map(str::to_owned),
            ..Record::new(
                now_ms,
                Action::Settle,
                run,
                settlement.requester.as_str(),
                outcome,
            )
        };
        self.told.push(Change::Audit(Box::new(record)));
        let reason = match comment {
            Some(comment) => format!("settled by {}: {comment}", settlement.requester),
            None => format!("settled by {}", settlement.requester),
        };
        self.settle_step(key, state, SettledBy::Person, Why::because(reason), now_ms);
        Ok(())
    }

    fn state(&self, run: RunId) -> Result<RunState, Refused> {
        self.run(run)
            .map(|run| run.status.state)
            .ok_or(Refused::NotLive(run))
    }

    fn record_run(
        &mut self,
        run: RunId,
        action: Action,
        requester: &str,
        detail: Option<String>,
        now_ms: u64,
    ) {
        let record = Record {
            detail,
            ..Record::new(now_ms, action, run, requester, Told::Accepted)
        };
        self.told.push(Change::Audit(Box::new(record)));
    }
}
