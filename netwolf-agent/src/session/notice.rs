//! What a device's task is told, and what it tells.

use std::{sync::Arc, time::Duration};

use netwolf_filter::Extraction;
use netwolf_wire::{
    login::LoginOutcome,
    message::ShownOutput,
    status::Failure,
    step::{Attempt, StepNews},
};

use super::{gate::Ask, step_task::StepTask};
use crate::plan::CompiledPlan;

/// What a device's task is to do. The latest one counts.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// What to run.
    pub(crate) plan: Arc<CompiledPlan>,
    /// Close the session and end.
    pub(crate) stop: bool,
    /// The device's credential may not be tried: do not connect. A session that is up goes on.
    pub(crate) held: bool,
    /// Each step up is leave for one login although the credential is held.
    pub(crate) probes: u32,
    /// Outputs that somebody wants to see, until they are told.
    pub(crate) show: Option<Arc<ShowOrder>>,
    /// The step to be carried out, until its end was told.
    pub(crate) step: Option<Arc<StepTask>>,
}

impl Order {
    /// Runs `plan`; `held` is whether the credential may not be tried.
    pub(crate) const fn new(plan: Arc<CompiledPlan>, held: bool) -> Self {
        Self {
            plan,
            stop: false,
            held,
            probes: 0,
            show: None,
            step: None,
        }
    }
}

/// Outputs that somebody wants to see, out of schedule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ShowOrder {
    /// Names it in the answer.
    pub(crate) request: u64,
    /// One of the plan's commands, or all of them.
    pub(crate) command: Option<String>,
}

/// Names a task: a device that is stopped and started again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) u64);

/// What a device's task tells.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The credential is held: the device is not connected to.
    Held,
    /// The device refused the credential before, so a permit is asked for before anything is connected.
    Queued,
    /// The session is about to be set up, after so long in the queue of logins.
    Connecting(Duration),
    /// A credential is about to be offered.
    Ask(Ask),
    /// What became of it.
    Ended(String, LoginOutcome),
    /// It is up, after so long.
    Up(Duration),
    /// It could not be set up; it is tried again after so long.
    LoginFailed(Failure, Duration),
    /// It was up and ended; it is made anew after so long.
    Disconnected(Failure, Duration),
    /// It was up and the device ended it for want of commands; it is made anew after so long.
    Idle(Duration),
    /// It was up, had reached its greatest age, and is made anew at once.
    Aged,
    /// A command is done.
    Polled(Box<Polled>),
    /// A command is not done.
    PollFailed {
        /// By which plan.
        plan: Arc<CompiledPlan>,
        /// Which one of its commands.
        command: usize,
        /// Why.
        failure: Failure,
    },
    /// So many polls were left out.
    Skipped(u64),
    /// The prompt had changed and was learned again, so many times.
    Relearned(u64),
    /// What the [`ShowOrder`] of this number brought.
    Shown(u64, Vec<ShownOutput>),
    /// Something happened to this step.
    Step(Attempt, Box<StepNews>),
}

/// A command's result.
#[derive(Debug)]
pub(crate) struct Polled {
    /// By which plan.
    pub(crate) plan: Arc<CompiledPlan>,
    /// Which one of its commands.
    pub(crate) command: usize,
    /// Unix time in milliseconds of the moment the output was whole.
    pub(crate) unix_ms: u64,
    /// From the moment the command was typed.
    pub(crate) took: Duration,
    /// From the moment it was due.
    pub(crate) delay: Duration,
    /// What the rules made of it.
    pub(crate) extraction: Extraction,
    /// The output was too long; the samples are from what was kept.
    pub(crate) truncated: bool,
}
