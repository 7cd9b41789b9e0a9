//! What the machine decides: changes for the journal, and effects that follow them.
//!
//! Invariant: an effect rests on changes of the same [`Outcome`] or an earlier one, so a driver that commits before it
//! performs never sends what nobody would remember.

use std::sync::Arc;

use netwolf_wire::{
    DeviceName, Epoch, Incarnation, ShardId,
    platform::Platform,
    step::{Attempt, RunId, StepOrder},
};
use serde::{Deserialize, Serialize};

use crate::{
    audit::Record,
    model::{Output, Run, RunStatus, Step, StepStatus},
};

/// What the journal and the audit log keep, together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A run is there. Made by [`Run::plan`], not by the machine, which is given a run only once it is kept.
    Submitted {
        /// The run.
        run: Box<Run>,
        /// All its steps.
        steps: Vec<Step>,
    },
    /// A run's status is another one.
    Run {
        /// The run.
        run: RunId,
        /// Replaces the one before.
        status: Box<RunStatus>,
    },
    /// A step's status is another one.
    Step {
        /// The run.
        run: RunId,
        /// Which of its steps.
        step: u32,
        /// Replaces the one before.
        status: Box<StepStatus>,
    },
    /// A line of a transcript: one for each `(id, index)`.
    Output(Box<Output>),
    /// A line of the audit log.
    Audit(Box<Record>),
}

/// What is done once the changes before it are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Give a step to a shard, if this is still its link and the device's lease; answer
    /// [`handle_not_sent`](super::Machine::handle_not_sent) where it is not.
    Send {
        /// To which shard.
        shard: ShardId,
        /// Which life of it.
        incarnation: Incarnation,
        /// On which of its links.
        link: u64,
        /// What; the lease is in it.
        order: Box<StepOrder>,
    },
    /// Tell a shard that a step is wanted no more. Said again on the next link where it is lost.
    Cancel {
        /// Which shard.
        shard: ShardId,
        /// Which attempt.
        id: Attempt,
    },
    /// Tell a shard that it may forget an attempt.
    Heard {
        /// Which shard.
        shard: ShardId,
        /// Which attempt.
        id: Attempt,
    },
    /// Watch the guards of the run's spec on a device, each for as long as it says from when this is performed; answer
    /// [`handle_guard_broken`](super::Machine::handle_guard_broken), or
    /// [`handle_guard_held`](super::Machine::handle_guard_held) once all have been watched to their end. To say
    /// nothing is to say that nobody could watch them. Wanted anew after a restart.
    Watch {
        /// The run.
        run: RunId,
        /// Which of its steps.
        step: u32,
        /// The device.
        device: DeviceName,
        /// When the step had ended, Unix time in milliseconds.
        from_ms: u64,
        /// When they are to have held, Unix time in milliseconds. An answer counts for
        /// [`Settings::watch_grace_ms`](super::Settings::watch_grace_ms) longer.
        until_ms: u64,
    },
    /// Guards of a step are broken, and its run stops: said once for each such step, to whoever counts.
    GuardBroken {
        /// The run.
        run: RunId,
        /// Which of its steps.
        step: u32,
        /// The device.
        device: DeviceName,
        /// By what.
        by: BrokenBy,
        /// That in words.
        why: String,
    },
}

/// What a guard is broken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrokenBy {
    /// A value beyond its bound.
    Value,
    /// No value was seen in all its time.
    NoValue,
    /// Nobody has watched it to its end.
    Unwatched,
}

impl BrokenBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Value, Self::NoValue, Self::Unwatched];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::NoValue => "no_value",
            Self::Unwatched => "unwatched",
        }
    }
}

/// Changes, and the effects that rest on them.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "changes that are not journalled are lost at the next restart"]
pub struct Outcome {
    /// To be committed in one transaction.
    pub changes: Vec<Change>,
    /// To be performed in this order once they are.
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// Whether nothing has happened.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.effects.is_empty()
    }
}

/// Where a device can be reached now.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The shard that has its lease.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// The lease.
    pub epoch: Epoch,
    /// The link that stands: a number above 0 that the manager counts up with each link of any shard. It tells
    /// what was sent before a shard said what it holds from what was sent after.
    pub link: u64,
    /// The device's platform at present, which is what its shard types by: a step that was planned for another one, or
    /// for other lines of its mode, is not sent.
    pub platform: Arc<Platform>,
    /// The credential of the device's session at present: nor is a step that was to be typed on another one's.
    pub credential: String,
}

/// Who knows where devices are. Asked for each step that may be sent, so it is to be quick.
pub trait Places {
    /// Where a device can be reached; nowhere while it has no lease that its shard has, or that shard has no link. Its
    /// step fails when that lasts ([`Settings::unplaced_ms`](super::Settings::unplaced_ms)), so a driver that cannot
    /// send for a reason of its own calls [`advance_without_sending`](super::Machine::advance_without_sending).
    fn place(&self, device: &DeviceName) -> Option<Place>;
}

impl<F: Fn(&DeviceName) -> Option<Place>> Places for F {
    fn place(&self, device: &DeviceName) -> Option<Place> {
        self(device)
    }
}

/// What became of an event that a shard has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is news.
    News,
    /// It was told before, or changes nothing.
    Repeated,
    /// No attempt in anybody's hands has this name, or another shard has it. Where the run has ended, it may be in
    /// the journal: see [`Machine::knows`](super::Machine::knows).
    Stale,
}
