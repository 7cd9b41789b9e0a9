//! What a device's task is told, and what it tells.

use std::{sync::Arc, time::Duration};

use netwolf_filter::Extraction;
use netwolf_wire::status::Failure;

use crate::plan::CompiledPlan;

/// What a device's task is to do. The latest one counts.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// What to run.
    pub(crate) plan: Arc<CompiledPlan>,
    /// Close the session and end.
    pub(crate) stop: bool,
}

/// Names a task: a device that is stopped and started again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TaskId(pub(crate) u64);

/// What a device's task tells.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The session is about to be set up.
    Connecting,
    /// It is up, after so long.
    Up(Duration),
    /// It could not be set up.
    LoginFailed(Failure),
    /// It was up and ended.
    Disconnected(Failure),
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
    /// What the rules made of it.
    pub(crate) extraction: Extraction,
    /// The output was too long; the samples are from what was kept.
    pub(crate) truncated: bool,
}
