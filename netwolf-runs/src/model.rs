//! What a run is, and how far it is: the types that the journal keeps.
//!
//! ```text
//!   Run { id, created, spec: Spec { programs, rollout, window, ... }, status: RunStatus }
//!   Step { step, batch, spec: StepSpec { device, program, ... }, status: StepStatus { sent: Sent, ... } }
//! ```
//!
//! A *spec* is settled when the run is submitted and never changes; a *status* is replaced as a whole, so that the
//! journal keeps the last one of each and a restart begins from it.
//! The states of steps and runs are in [`state`].
//!
//! Invariants: steps stand in the order of the rollout, so a batch is a stretch of them; a device has one step of a run.

use std::{ops::Range, sync::Arc};

use netwolf_wire::{
    DeviceName, Epoch, Incarnation, ShardId, Span,
    step::{Attempt, CommandDone, RunId, StepCommand},
    target::Login,
};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{Action, Outcome, Record},
    rollout::Rollout,
    window::Window,
};

pub mod guard;
pub mod state;

pub use guard::Guard;
pub use state::{Counts, RunState, SettledBy, StepState};

/// A procedure on devices, numbered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// When it was submitted, Unix time in milliseconds.
    pub created_ms: u64,
    /// What was asked for.
    pub spec: Arc<Spec>,
    /// How many steps it has.
    pub n_steps: u32,
    /// How far it is.
    pub status: RunStatus,
}

/// What was asked for: checked, and resolved for each platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// For people.
    pub name: String,
    /// The procedure of the configuration or the library; none where the commands were submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    /// Who asked.
    pub requester: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether its commands may change devices.
    pub changes: bool,
    /// What is typed: one for each platform that differs.
    pub programs: Vec<Program>,
    /// How many at a time, and when to stop.
    pub rollout: Rollout,
    /// From its first window on, or from its submission where it has none; what has not begun by then never will.
    pub run_deadline: Span,
    /// When steps may begin; always where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What is watched on a device after its step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// A second submission with the same key is this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of what was submitted, in hexadecimal digits: the same key with another body is a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// The run whose steps are tried anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
}

/// What is typed on the devices of one platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The platform.
    pub platform: String,
    /// The mode that the commands are typed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What enters and leaves it, as the platform said when the run was submitted.
    #[serde(default, skip_serializing_if = "ModeLines::is_empty")]
    pub mode_lines: ModeLines,
    /// One after the other.
    pub commands: Vec<StepCommand>,
    /// Decides whether they did what they should, also when nobody knows whether they were typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<StepCommand>,
    /// The credential to log in with; the session that is up where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// From when a step is sent until it has ended.
    pub deadline: Span,
}

/// The lines of a mode. Agents type those of the platform that they have; these are for the audit log, where an agent is
/// lost before it has told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeLines {
    /// Typed before the commands.
    pub enter: Vec<String>,
    /// Typed behind them, whatever has come of them.
    pub leave: Vec<String>,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// Where it stands.
    pub state: RunState,
    /// When the first step was sent, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// When its last step had ended, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Nothing is begun after this, Unix time in milliseconds.
    pub deadline_ms: u64,
    /// Whether that has passed before all steps had begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// The batch that is under way, from 1.
    pub batch: u32,
    /// How many batches there are.
    pub batches: u32,
    /// Steps by state.
    pub counts: Counts,
    /// The stop rule or guard that has stopped it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// Who has cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// When its window opens next, Unix time in milliseconds; only while it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_window_ms: Option<u64>,
}

/// A run's part on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its place in the run, from 0.
    pub step: u32,
    /// Its batch, from 1.
    pub batch: u32,
    /// On what.
    pub spec: StepSpec,
    /// How far it is.
    pub status: StepStatus,
}

/// What a step is to do, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// The device.
    pub device: DeviceName,
    /// Its platform.
    pub platform: Arc<str>,
    /// Its label `site`: bounds of sites count by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Arc<str>>,
    /// Which of [`Spec::programs`] it runs.
    pub program: u32,
    /// The name of the credential that is used, the session's own or the program's.
    pub credential: Arc<str>,
}

/// How far a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// Where it stands.
    pub state: StepState,
    /// Attempts that were made, those that only verify among them: the next one is numbered above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// How often an attempt came back with nothing typed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub returns: u32,
    /// How often what became of it was tried to be verified.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub verifies: u32,
    /// The last attempt that was to type its commands: in the hands of a shard while the step is leased or running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// An attempt in the hands of a shard that only verifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Sent>,
    /// Attempts that only verify and were taken for lost: what their shards tell late is still believed. As many as
    /// verifying is tried, at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_verifies: Vec<Sent>,
    /// Nothing can settle it any more but late evidence or a person; only where it is unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// When it had ended, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Its device's guards are to hold until then, Unix time in milliseconds; nothing once somebody has said what
    /// became of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_until_ms: Option<u64>,
    /// Why it stands where it does, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What decided, where it had been unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<SettledBy>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// One attempt, and in whose hands it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its number.
    pub attempt: u32,
    /// To which shard.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Under which lease of the device.
    pub epoch: Epoch,
    /// On which link: counted within one life of the manager, so a restart leaves it at 0, before all others.
    #[serde(skip)]
    pub link: u64,
    /// When it was decided, Unix time in milliseconds.
    pub leased_ms: u64,
    /// Nobody knows what became of it when it has not ended by then, Unix time in milliseconds.
    pub deadline_ms: u64,
    /// When the shard's word came that it types, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// How many outputs of its commands were taken in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outputs: u32,
    /// How far the lines were taken in that enter or leave its mode: the place behind the last one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mode_lines: u32,
    /// One of those lines or outputs has failed: of what is behind it, only what leaves the mode is typed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The last of them may or may not have been carried out, or has not left the mode: nothing was typed behind it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
    /// Lines that the audit log has as typed perhaps, by their numbers there, and of which it was not told more since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubted: Vec<u32>,
}

/// What one command of a step brought, and of which it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Of which attempt.
    pub id: Attempt,
    /// Whether it is the verify command.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verify: bool,
    /// What was typed.
    pub command: String,
    /// When its output was whole, by the agent's clock, Unix time in milliseconds.
    pub time_ms: u64,
    /// What its agent has told of it.
    #[serde(flatten)]
    pub done: CommandDone,
}

impl Run {
    /// Makes a run and its steps of what was asked for. Nothing has happened yet: they are to be journalled, and
    /// then given to [`crate::machine::Machine::adopt`].
    ///
    /// Steps stand in the order given; batches are stretches of it.
    #[must_use]
    pub fn plan(id: RunId, spec: Spec, steps: Vec<StepSpec>, now_ms: u64) -> (Self, Vec<Step>) {
        let n_steps = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        let opens_ms = spec
            .window
            .as_ref()
            .map_or(now_ms, |window| window.opens_ms(now_ms));
        let waits = opens_ms > now_ms;
        let status = RunStatus {
            state: if waits {
                RunState::Waiting
            } else {
                RunState::Running
            },
            started_ms: None,
            ended_ms: None,
            deadline_ms: opens_ms.saturating_add(millis(spec.run_deadline)),
            overdue: false,
            batch: 1,
            batches: spec.rollout.batches(n_steps),
            counts: Counts::pending(n_steps),
            stopped_by: None,
            cancelled_by: None,
            next_window_ms: waits.then_some(opens_ms),
        };
        let mut planned = Vec::with_capacity(steps.len());
        for (step, step_spec) in (0..).zip(steps) {
            planned.push(Step {
                step,
                batch: spec.rollout.batch_of(step, n_steps),
                spec: step_spec,
                status: StepStatus::default(),
            });
        }
        let run = Self {
            id,
            created_ms: now_ms,
            spec: Arc::new(spec),
            n_steps,
            status,
        };
        (run, planned)
    }

    /// The steps of a batch, from 1.
    pub fn batch(&self, batch: u32) -> Range<u32> {
        self.spec.rollout.steps_of(batch, self.n_steps)
    }

    /// The line of the audit log about its submission.
    pub fn submitted(&self) -> Record {
        let spec = &self.spec;
        let mut record = Record::new(
            self.created_ms,
            Action::Submit,
            self.id,
            spec.requester.as_str(),
            Outcome::Accepted,
        );
        let mut detail = format!("{:?} on {} devices", spec.name, self.n_steps);
        if let Some(comment) = &spec.comment {
            detail.push_str(": ");
            detail.push_str(comment);
        }
        record.detail = Some(detail);
        record
    }
}

impl Spec {
    /// What a step types.
    ///
    /// # Panics
    /// When `step` is not of this run.
    pub fn program(&self, step: &StepSpec) -> &Program {
        &self.programs[step.program as usize]
    }
}

impl ModeLines {
    pub(crate) const fn is_empty(&self) -> bool {
        self.enter.is_empty() && self.leave.is_empty()
    }
}

impl StepStatus {
    /// Whether a shard has it in hand.
    pub const fn in_hand(&self) -> bool {
        matches!(self.state, StepState::Leased | StepState::Running) || self.verify.is_some()
    }

    /// The attempt of that number, if its shard may still tell of it.
    pub fn attempt_mut(&mut self, attempt: u32) -> Option<&mut Sent> {
        let known = self.sent.iter_mut().chain(&mut self.verify);
        known
            .chain(&mut self.lost_verifies)
            .find(|sent| sent.attempt == attempt)
    }

    /// Whether nothing more is to be waited for: it has ended, nothing verifies it and nothing watches its device.
    pub const fn is_closed(&self) -> bool {
        let ended = match self.state {
            StepState::Unknown => self.given_up,
            state => state.is_end(),
        };
        ended && self.verify.is_none() && self.watch_until_ms.is_none()
    }
}

/// A span in whole milliseconds.
pub(crate) fn millis(span: Span) -> u64 {
    u64::try_from(span.get().as_millis()).unwrap_or(u64::MAX)
}
